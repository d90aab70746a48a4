#!/usr/bin/python3
"""Runs our Longformer and torch alternately, and our products and OpenBLAS, and prints the ratios.

  apt-get install -y python3-torch libopenblas0-openmp
  python3 internal/bench/longformer/compare.py [--ids FILE.json] [--torch SCRIPT.py] [--rounds N] [--modes packed,single,padded] [--no-gemm] [--kernel TIER]

Both compute with the seeded base weights on the same token ids, with two threads (--threads). The peer is the script
given, by default ../shared/bench/torch_longformer.py from the repository's root. Figures are medians over the rounds; a ratio above 1
means that we are ahead. With "padded" our side is the packed run: we have no padding to compute.
"""
import argparse, array, ctypes, os, re, statistics, subprocess, sys, tempfile, time

root = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
shared = os.path.join(root, '..', 'shared', 'bench')
p = argparse.ArgumentParser()
p.add_argument('--ids', default=os.path.join(shared, 'ids40.json'))
p.add_argument('--torch', default=os.path.join(shared, 'torch_longformer.py'))
p.add_argument('--rounds', type=int, default=3)
p.add_argument('--modes', default='packed,single,padded')
p.add_argument('--threads', type=int, default=2)
p.add_argument('--kernel', default='')
p.add_argument('--openblas', default='/usr/lib/x86_64-linux-gnu/openblas-openmp')
p.add_argument('--no-gemm', action='store_true')
p.add_argument('--gemm-child', action='store_true', help=argparse.SUPPRESS)
a = p.parse_args()
products = [(512, 768, 3072), (512, 3072, 768), (40, 768, 3072), (40, 3072, 768)]


def openblas_products():
    """GFLOP/s of y = x W^T by the library, W [out, in] as torch stores it."""
    lib = ctypes.CDLL(os.path.join(a.openblas, 'libopenblas.so.0'))
    lib.openblas_set_num_threads(a.threads)
    for rows, inputs, outputs in products:
        values = lambda n: (ctypes.c_float * n)(*[(i % 17) / 16 - .5 for i in range(n)])
        x, w, y = values(rows * inputs), values(outputs * inputs), (ctypes.c_float * (rows * outputs))()
        one, zero = ctypes.c_float(1), ctypes.c_float(0)
        flops = 2. * rows * inputs * outputs
        calls = max(1, int(5e9 / flops))
        rates = []
        for _ in range(7):
            t = time.perf_counter()
            for _ in range(calls):
                lib.cblas_sgemm(101, 111, 112, rows, outputs, inputs, one, x, inputs, w, inputs, zero, y, outputs)
            rates.append(flops * calls / (time.perf_counter() - t) / 1e9)
        print(f'gemm {rows}x{inputs}x{outputs} openblas: {statistics.median(rates):.1f} GFLOP/s', flush=True)


if a.gemm_child:
    openblas_products()
    sys.exit()

work = tempfile.TemporaryDirectory()
ours = os.path.join(work.name, 'longformer')
subprocess.run(['go', '-C', 'internal/bench', 'build', '-o', ours, './longformer'], cwd=root, check=True)
environment = dict(os.environ, GOMAXPROCS=str(a.threads), OMP_NUM_THREADS=str(a.threads), LD_LIBRARY_PATH=a.openblas)
tier = ['-kernel', a.kernel] if a.kernel else []


def run(command):
    out = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    print(''.join('  ' + line + '\n' for line in out.splitlines()), end='', flush=True)
    return out


def report(title, mine, theirs, better_is_less):
    m, t = statistics.median(mine), statistics.median(theirs)
    print(f'{title}: {m:.4g} against {t:.4g}, ratio {t / m if better_is_less else m / t:.2f}', flush=True)


if not a.no_gemm:
    mine, theirs = {}, {}
    for _ in range(a.rounds):
        for key, value in re.findall(r'gemm (\S+) .*?: ([\d.]+) GFLOP/s', run([ours, '-gemm', '-repeat', '7', *tier])):
            mine.setdefault(key, []).append(float(value))
        for key, value in re.findall(r'gemm (\S+) .*?: ([\d.]+) GFLOP/s', run([sys.executable, __file__, '--gemm-child', '--openblas', a.openblas, '--threads', str(a.threads)])):
            theirs.setdefault(key, []).append(float(value))
    for key in mine:
        report(f'product {key}, GFLOP/s, ours and OpenBLAS', mine[key], theirs[key], False)

modes = [m for m in a.modes.split(',') if m]
mine, theirs, share = {}, {}, []
files = {side: os.path.join(work.name, side) for side in ('ours', 'torch')}
seconds = lambda text: float(re.search(r'([\d.]+) s/query', text).group(1))
for _ in range(a.rounds if modes else 0):
    for m in modes:
        if m != 'padded':
            text = run([ours, '-ids', a.ids, '-mode', m, '-out', files['ours'], *tier])
            mine.setdefault(m, []).append(seconds(text))
            if m == 'packed':
                share += [float(v) for v in re.findall(r'([\d.]+) of the multiply-add peak', text)]
        text = run([sys.executable, a.torch, a.ids, '--out', files['torch'], m])
        theirs.setdefault(m, []).append(seconds(text))
for m in modes:
    if m in mine or 'packed' in mine:
        report(f'{m}, s/query, ours and torch', mine.get(m) or mine['packed'], theirs[m], True)
if share:
    print(f'share of the multiply-add peak, linear layers only: {statistics.median(share):.3f}')
if modes:
    load = lambda name: array.array('f', open(name, 'rb').read())
    x, y = load(files['ours']), load(files['torch'])
    assert len(x) == len(y), 'the embeddings differ in shape'
    print(f'largest difference of the embeddings: {max(abs(v - w) for v, w in zip(x, y)):.2g}')
