"""Encodes texts with our MiniLM, sentence-transformers' and cybertron's by turns.

  .ci/install-peers heavy minilm
  .peers/heavy/bin/python internal/bench/sentences/peers.py --model DIR [--texts FILE.jsonl] [--rounds N] [--threads N] [--count N]

DIR is a folder of sentence-transformers; FILE.jsonl has a "query" a line, by default the published queries beside the
repository, every n-th of them, --count in all (500). A round runs each once, in a process of its own that loads, warms up and measures;
sentence-transformers with each of several batch sizes, of which the best of the round counts. The ratio is the peer's time to
ours within a round, its median and range over the rounds: above 1 means that we are ahead. Prints a table in Markdown.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

root = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
BATCHES = (8, 16, 32, 64)


def child(a):
    import torch
    import sentence_transformers
    torch.set_num_threads(a.threads)
    model = sentence_transformers.SentenceTransformer(a.model, device='cpu')
    with open(a.texts) as f:
        texts = json.load(f)
    best, vectors = None, None
    for size in BATCHES:
        encode = lambda: model.encode(texts, batch_size=size, show_progress_bar=False)
        vectors = encode()
        clock, processor = time.perf_counter(), time.process_time()
        encode()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        if best is None or clock < best[0]:
            best = clock, processor, size
    print(json.dumps({'clock': best[0] / len(texts), 'processor': best[1] / len(texts), 'size': best[2], 'vectors': vectors.tolist()}))


def run_go(program, a, work, *more):
    out = os.path.join(work, 'vectors')
    text = subprocess.run([program, '-texts', a.texts, '-out', out, '-workers', str(a.threads), *more], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    clock, processor = map(float, re.search(r'([\d.]+) s/text, ([\d.]+) s/text of processor', text).groups())
    with open(out, 'rb') as f:
        numbers = memoryview(f.read()).cast('f').tolist()
    with open(a.texts) as f:
        n = len(json.load(f))
    dim = len(numbers) // n
    return {'clock': clock, 'processor': processor, 'vectors': [numbers[i * dim:][:dim] for i in range(n)]}


def run_python(a):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OMP_WAIT_POLICY='PASSIVE', HF_HUB_OFFLINE='1')
    command = [sys.executable, '-W', 'ignore', __file__, '--child', '--texts', a.texts, '--model', a.model, '--threads', str(a.threads)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment).stdout.splitlines()[-1])


def cybertrons(a, work):
    """A copy of the folder with the weights in the one form that cybertron converts."""
    import torch
    from safetensors.torch import load_file
    folder = os.path.join(work, 'cybertron')
    shutil.copytree(a.model, folder, ignore=shutil.ignore_patterns('*.safetensors'))
    torch.save({'bert.' + n if not n.startswith('bert.') else n: t for n, t in load_file(os.path.join(a.model, 'model.safetensors')).items()}, os.path.join(folder, 'pytorch_model.bin'))
    return folder


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    lengths = sum(x * x for x in a) * sum(y * y for y in b)
    return dot / lengths ** 0.5 if lengths else 0


def spread(values, form='.2f'):
    return f'{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})'


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--model', required=True)
    p.add_argument('--texts', default=os.path.join(root, '..', 'shared', 'data', 'query_data', 'default_query_train.jsonl'))
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--count', type=int, default=500)
    p.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        return child(a)
    with open(a.texts) as f:
        queries = [json.loads(line)['query'] for line in f]
    step = max(1, len(queries) // a.count)
    with tempfile.TemporaryDirectory() as work:
        a.texts = os.path.join(work, 'texts.json')
        with open(a.texts, 'w') as f:
            json.dump(queries[:a.count * step:step], f)
        program = os.path.join(work, 'sentences')
        subprocess.run(['go', '-C', 'internal/bench', 'build', '-o', program, './sentences'], cwd=root, check=True)
        folder = cybertrons(a, work)
        turns = {
            'ours, f32': lambda: run_go(program, a, work, '-model', a.model),
            'sentence-transformers f32, best batch size': lambda: run_python(a),
            'cybertron': lambda: run_go(program, a, work, '-model', folder, '-peer', 'cybertron', '-repeat', '1'),
        }
        results = {name: [] for name in turns}
        for turn in range(a.rounds):
            for name, run in turns.items():
                r = run()
                results[name].append(r)
                print(f'  round {turn + 1}, {name}: {r["clock"]:.5f} s/text, {r["processor"]:.5f} of the processor', file=sys.stderr, flush=True)
    ours, right = results['ours, f32'], results['sentence-transformers f32, best batch size'][0]['vectors']
    print(f'{len(right)} texts, {a.threads} threads, {a.rounds} rounds; medians and ranges.\n')
    print('| | s/text by the clock | of the processor | ratio by the clock | ratio of the processor | lowest cosine to sentence-transformers |')
    print('|---|---:|---:|---:|---:|---:|')
    for name, theirs in results.items():
        cells = [name, spread([r['clock'] for r in theirs], '.5f'), spread([r['processor'] for r in theirs], '.5f')]
        cells += [spread([t[kind] / o[kind] for t, o in zip(theirs, ours)]) if theirs is not ours else '1' for kind in ('clock', 'processor')]
        cells.append(f'{min(cosine(x, y) for x, y in zip(theirs[0]["vectors"], right)):.7f}')
        print('| ' + ' | '.join(cells) + ' |')


main()
