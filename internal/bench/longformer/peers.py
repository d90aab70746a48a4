"""Runs our Longformer and those of today's Python libraries by turns, on the same weights and token ids.

  .ci/install-peers heavy
  .peers/heavy/bin/python internal/bench/longformer/peers.py [--ids FILE.json] [--rounds N] [--modes a,b] [--threads N]

FILE.json is a list of lists of token ids, one list a text, by default ../shared/bench/ids40.json from the repository's root.
A round runs each mode once, in a process of its own that loads, warms up and measures. Seconds are given by the clock and
of the processor; the processor's hold on a machine that does other work too. The ratio is the peer's to ours within a
round, its median and its range over the rounds: above 1 means that we are ahead. Prints a table in Markdown.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

root = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
OURS = 'ours, f32, packed'
MODES = {
    'ours': OURS,
    'torch_f32': 'torch f32, packed',
    'torch_bf16': 'torch bf16, packed',
    'transformers': 'transformers f32, one text at a time, padded to 512',
    'openvino_bf16': 'openvino bf16, one text at a time',
}


# --- The modes of the peers, each in a process of its own.

def longformer(torch, folder, dtype):
    """A Longformer without global tokens in plain torch: every text's tokens packed below each other."""
    from safetensors.torch import load_file
    functional = torch.nn.functional
    weights = load_file(os.path.join(folder, 'model.safetensors'))
    with open(os.path.join(folder, 'config.json')) as f:
        config = json.load(f)
    heads, pad, eps = config['num_attention_heads'], config['pad_token_id'], config['layer_norm_eps']
    reach = config['attention_window'][0] // 2
    prefix = next(name for name in weights if name.endswith('embeddings.word_embeddings.weight'))
    prefix = prefix[:-len('embeddings.word_embeddings.weight')]

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = {name.removeprefix(prefix): tensor.to(dtype) for name, tensor in weights.items()}

        def linear(self, x, name):
            return functional.linear(x, self.p[name + '.weight'], self.p[name + '.bias'])

        def norm(self, x, name):
            return functional.layer_norm(x, (x.shape[-1],), self.p[name + '.weight'], self.p[name + '.bias'], eps)

        def attend(self, q, k, v):
            """[n, heads, d] each, of one text; a query sees `reach` tokens on either side."""
            n = q.shape[0]
            i = torch.arange(n)
            far = (i[:, None] - i[None]).abs() > reach
            mask = torch.zeros(n, n, dtype=dtype).masked_fill(far, -1e9)
            out = functional.scaled_dot_product_attention(q.transpose(0, 1)[None], k.transpose(0, 1)[None], v.transpose(0, 1)[None], mask)
            return out[0].transpose(0, 1).reshape(n, -1)

        def hidden(self, ids, positions, spans):
            e = self.p['embeddings.word_embeddings.weight'][ids] + self.p['embeddings.position_embeddings.weight'][positions]
            e = self.norm(e + self.p['embeddings.token_type_embeddings.weight'][0], 'embeddings.LayerNorm')
            for layer in range(config['num_hidden_layers']):
                w = f'encoder.layer.{layer}.'
                q, k, v = (self.linear(e, w + 'attention.self.' + n).view(-1, heads, e.shape[-1] // heads) for n in ('query', 'key', 'value'))
                if spans is None:
                    o = self.attend(q, k, v)
                else:
                    o = torch.cat([self.attend(q[a:b], k[a:b], v[a:b]) for a, b in spans])
                e = self.norm(self.linear(o, w + 'attention.output.dense') + e, w + 'attention.output.LayerNorm')
                inner = functional.gelu(self.linear(e, w + 'intermediate.dense'))
                e = self.norm(self.linear(inner, w + 'output.dense') + e, w + 'output.LayerNorm')
            return e

        def forward(self, ids):
            """The mean vector of one text."""
            return self.hidden(ids, torch.arange(ids.shape[0]) + pad + 1, None).float().mean(0)

        def packed(self, texts):
            spans, start = [], 0
            for text in texts:
                spans.append((start, start + len(text)))
                start += len(text)
            positions = torch.cat([torch.arange(len(text)) + pad + 1 for text in texts])
            e = self.hidden(torch.tensor(sum(texts, [])), positions, spans).float()
            return torch.stack([e[a:b].mean(0) for a, b in spans])

    return Model().eval()


def open_torch(dtype):
    def start(folder, threads):
        import torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        model = longformer(torch, folder, getattr(torch, dtype))
        return lambda texts: model.packed(texts).tolist()
    return start


def open_transformers(folder, threads):
    import torch
    import transformers
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    model = transformers.LongformerModel.from_pretrained(folder, attn_implementation='eager').eval()

    def encode(texts):  # the model pads to its window itself, and cuts the padding off again
        return [model(torch.tensor([text])).last_hidden_state[0].mean(0).tolist() for text in texts]
    return encode


def open_openvino(folder, threads):
    import openvino
    import torch
    torch.set_grad_enabled(False)
    core = openvino.Core()
    model = openvino.convert_model(longformer(torch, folder, torch.float32), example_input=torch.arange(5, 25), input=[openvino.PartialShape([-1])])
    compiled = core.compile_model(model, 'CPU', {'INFERENCE_PRECISION_HINT': 'bf16', 'INFERENCE_NUM_THREADS': threads, 'PERFORMANCE_HINT': 'LATENCY'})

    def encode(texts):
        import numpy
        return [compiled([numpy.array(text, dtype=numpy.int64)])[0].tolist() for text in texts]
    return encode


OPEN = {
    'torch_f32': open_torch('float32'),
    'torch_bf16': open_torch('bfloat16'),
    'transformers': open_transformers,
    'openvino_bf16': open_openvino,
}


def child(a):
    with open(a.ids) as f:
        texts = json.load(f)
    encode = OPEN[a.child](a.model, a.threads)
    # Code is prepared for each new length by some; transformers prepares none and takes long.
    encode(texts[:3] if a.child == 'transformers' else texts)
    clock, processor = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(json.dumps({'clock': clock / len(texts), 'processor': processor / len(texts), 'vectors': vectors}))


# --- The turns.

def run_ours(program, a, work):
    out = os.path.join(work, 'vectors')
    text = subprocess.run([program, '-model', a.model, '-ids', a.ids, '-out', out, '-workers', str(a.threads)], check=True, stdout=subprocess.PIPE, text=True).stdout
    clock = float(re.search(r'([\d.]+) s/query, ', text).group(1))
    processor = float(re.search(r'([\d.]+) s/query of processor time', text).group(1))
    with open(out, 'rb') as f:
        numbers = memoryview(f.read()).cast('f')
    return {'clock': clock, 'processor': processor, 'numbers': numbers.tolist()}


def run_peer(mode, a):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads), OMP_WAIT_POLICY='PASSIVE', HF_HUB_OFFLINE='1')
    command = [sys.executable, '-W', 'ignore', __file__, '--child', mode, '--ids', a.ids, '--model', a.model, '--threads', str(a.threads)]
    out = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout.splitlines()[-1])
    out['numbers'] = [x for vector in out.pop('vectors') for x in vector]
    return out


def spread(values, form='.2f'):
    return f'{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})'


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--ids', default=os.path.join(root, '..', 'shared', 'bench', 'ids40.json'))
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--modes', default=','.join(m for m in MODES if m != 'ours'))
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--model', help=argparse.SUPPRESS)
    p.add_argument('--child', help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        return child(a)
    modes = ['ours'] + a.modes.split(',')
    with tempfile.TemporaryDirectory() as work:
        program, a.model = os.path.join(work, 'longformer'), os.path.join(work, 'model')
        subprocess.run(['go', '-C', 'internal/bench', 'build', '-o', program, './longformer'], cwd=root, check=True)
        subprocess.run([program, '-save', a.model], check=True)
        results = {mode: [] for mode in modes}
        for turn in range(a.rounds):
            for mode in modes:
                r = run_ours(program, a, work) if mode == 'ours' else run_peer(mode, a)
                results[mode].append(r)
                print(f'  round {turn + 1}, {mode}: {r["clock"]:.4f} s/query, {r["processor"]:.4f} of the processor', file=sys.stderr, flush=True)
    with open(a.ids) as f:
        texts = json.load(f)
    print(f'{len(texts)} texts, {sum(map(len, texts))} tokens, {a.threads} threads, {a.rounds} rounds; medians and ranges.\n')
    print('| | s/text by the clock | of the processor | ratio by the clock | ratio of the processor | largest difference from ours |')
    print('|---|---:|---:|---:|---:|---:|')
    ours = results['ours']
    for mode in modes:
        theirs = results[mode]
        cells = [MODES[mode], spread([r['clock'] for r in theirs], '.4f'), spread([r['processor'] for r in theirs], '.4f')]
        if mode == 'ours':
            cells += ['1', '1', '']
        else:
            assert len(theirs[0]['numbers']) == len(ours[0]['numbers']), 'the vectors differ in shape'
            cells += [spread([t[kind] / o[kind] for t, o in zip(theirs, ours)]) for kind in ('clock', 'processor')]
            cells.append(f"{max(abs(x - y) for x, y in zip(theirs[0]['numbers'], ours[0]['numbers'])):.1e}")
        print('| ' + ' | '.join(cells) + ' |')


main()
