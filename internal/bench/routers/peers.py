"""Trains the routers of llmrouter-lib, the Python project's package, and ours on the same splits, by turns.

  .ci/install-peers heavy
  .peers/heavy/bin/python internal/bench/routers/peers.py [--data DIR] [--results FILE] [--splits 10] [--timed 3] [--routers knn,svm,mlp,mf,elo]

DIR is as for the Go program beside this file, by default ../shared/data from the repository's root; it writes the splits' data sets with the published order of the candidates.
Each router is trained by the package's own trainer, with the settings that its documentation gives, in a process of its own,
and chooses for the test queries, whose vectors and answers are looked up. Ours is what cross-validation chooses. In the first
--timed splits our fits of all six kinds are measured beside each of its routers: processor time of reading the data apart, and
the highest resident memory of the whole process. Every result is added to FILE as it comes, and what stands there is not done
again. Prints tables in Markdown, of the splits that are whole.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

root = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
SETTINGS = {
    'knn': dict(n_neighbors=5, weights='uniform', algorithm='auto', leaf_size=30, p=2, metric='minkowski', n_jobs=-1),
    'svm': dict(kernel='rbf', C=1.0, gamma='scale', degree=3, coef0=0.0, tol=0.001, probability=False),
    'mlp': dict(hidden_layer_sizes=[128, 64], activation='relu', lr=0.001, epochs=100, batch_size=32, alpha=0.0001),
    'mf': dict(latent_dim=128, text_dim=768, lr=0.001, epochs=5, batch_size=64, noise_alpha=0.0),
    'elo': dict(),
}


def child(a):
    """Trains one router of the package on one data set and prints what it reaches."""
    import contextlib
    import io
    import random
    import resource
    import time
    import numpy as np
    import torch
    import yaml
    with open(a.config) as f:
        config = yaml.safe_load(f)
    paths = config['data_path']
    model = os.path.join(a.work, a.child + ('.pkl' if a.child in ('knn', 'svm', 'elo') else '.pt'))
    config['hparam'] = SETTINGS[a.child]
    config['model_path'] = {'ini_model_path': '', 'save_model_path': model, 'load_model_path': model}
    config['metric'] = {'weights': {'performance': 1, 'cost': 0, 'llm_judge': 0}}
    name = os.path.join(a.work, 'config.yaml')
    with open(name, 'w') as f:
        yaml.safe_dump(config, f)
    torch.set_num_threads(a.threads)
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        from llmrouter.cli import router_train
        random.seed(0), np.random.seed(0), torch.manual_seed(0)
        router, trainer = router_train.load_router_and_trainer(a.child + 'router', name, 'cpu')
        clock, processor = time.perf_counter(), time.process_time()
        trainer.train()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    rows = {}
    with open(paths['routing_data_test']) as f:
        for row in map(json.loads, f):
            rows.setdefault(row['query'], {})[row['model_name']] = row
    queries = list(rows)
    vectors = torch.load(paths['query_embedding_data'])
    vector = {q: vectors[next(iter(rows[q].values()))['embedding_id']] for q in queries}
    if a.child in ('knn', 'svm'):  # route_batch predicts one by one what this does at once
        choices = trainer.model.predict(np.stack([vector[q].numpy() for q in queries]))
    else:
        module = sys.modules[type(router).__module__]
        module.get_longformer_embedding = vector.get
        module.call_api = lambda *_, **__: {'response': '', 'prompt_tokens': 0, 'completion_tokens': 0}
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            choices = [r['model_name'] for r in router.route_batch([{'query': q} for q in queries])]
    with open(paths['llm_data']) as f:
        prices = json.load(f)
    chosen = [rows[q][m] for q, m in zip(queries, choices, strict=True)]
    usd = [(r['input_tokens'] * prices[r['model_name']]['input_price'] + r['output_tokens'] * prices[r['model_name']]['output_price']) / 1e3 for r in chosen]
    print(json.dumps({
        'performance': statistics.fmean(r['performance'] for r in chosen), 'usd': statistics.fmean(usd), 'clock': clock, 'processor': processor,
        'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }))


def upstream(a, router, config):
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads), HF_HUB_OFFLINE='1', LITELLM_LOCAL_MODEL_COST_MAP='True', API_KEYS='none', PYTHONWARNINGS='ignore')
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, __file__, '--child', router, '--config', config, '--work', work, '--threads', str(a.threads)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment).stdout.splitlines()[-1])


def ours(a, program, what, config):
    environment = dict(os.environ, GOMAXPROCS=str(a.threads))
    return json.loads(subprocess.run([program, what, config], check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


class Results:
    """What was reached and taken so far, one JSON object a line in a file, so that a run goes on where one before it stopped."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        if os.path.exists(name):
            with open(name) as f:
                self.lines = [json.loads(line) for line in f]

    def of(self, kind, name, split=None):
        return [line for line in self.lines if line['kind'] == kind and line['name'] == name and split in (None, line['split'])]

    def add(self, kind, name, split, result):
        self.lines.append({**result, 'kind': kind, 'name': name, 'split': split})
        with open(self.name, 'a') as f:
            f.write(json.dumps(self.lines[-1]) + '\n')


def measure(a, routers, program, results, split, config):
    """Trains and measures what is not among the results yet."""
    for i, name in enumerate(routers):
        if not results.of('reached', name, split):
            results.add('reached', name, split, upstream(a, name, config))
        if split < a.timed and len(results.of('fit', 'ours', split)) <= i:
            results.add('fit', 'ours', split, ours(a, program, '--fit', config))
    if not results.of('reached', 'ours', split):
        chosen = ours(a, program, '--choose', config)
        for name in ('single', 'ours'):
            results.add('reached', name, split, chosen[name])
    print(f'split {split}: ' + ', '.join(f'{n} {results.of("reached", n, split)[0]["performance"]:.4f}' for n in [*routers, 'single', 'ours']), file=sys.stderr, flush=True)


def show(routers, results, splits):
    """Prints the tables of the splits that are whole."""
    whole = [s for s in range(splits) if all(results.of('reached', n, s) for n in [*routers, 'single', 'ours'])]
    reached = {n: [results.of('reached', n, s)[0] for s in whole] for n in [*routers, 'single', 'ours']}
    print('| router | mean performance | USD for 1,000 | ours is above it in |\n|---|---|---|---|')
    for name, lines in reached.items():
        above = sum(o['performance'] > v['performance'] for o, v in zip(reached['ours'], lines))
        above = '' if name == 'ours' else f'{above} of {len(whole)} splits'
        print(f'| {name} | {statistics.fmean(v["performance"] for v in lines):.4f} | {statistics.fmean(v["usd"] for v in lines):.4f} | {above} |')
    print('\n| split | ' + ' | '.join(reached) + ' |\n|' + '---|' * (len(reached) + 1))
    for i, split in enumerate(whole):
        print(f'| {split} | ' + ' | '.join(f'{lines[i]["performance"]:.4f}' for lines in reached.values()) + ' |')
    print('\n| trained | processor seconds, median (range) | seconds, median | peak memory, MB |\n|---|---|---|---|')
    for label, runs in [(n, reached[n]) for n in routers] + [('ours, all six kinds', results.of('fit', 'ours'))]:
        processor = [r['processor'] for r in runs]
        print(f'| {label} | {statistics.median(processor):.2f} ({min(processor):.2f} to {max(processor):.2f}) | {statistics.median(r["clock"] for r in runs):.2f} | {max(r["peak"] for r in runs):.0f} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', default=os.path.join(root, '..', 'shared', 'data'))
    parser.add_argument('--results', default='routers-peers.jsonl')
    parser.add_argument('--splits', type=int, default=10)
    parser.add_argument('--timed', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--routers', default=','.join(SETTINGS))
    parser.add_argument('--child', help=argparse.SUPPRESS)
    parser.add_argument('--config', help=argparse.SUPPRESS)
    parser.add_argument('--work', help=argparse.SUPPRESS)
    a = parser.parse_args()
    if a.child:
        return child(a)
    routers = a.routers.split(',')
    results = Results(a.results)
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(work, 'routers')
        subprocess.run(['go', '-C', os.path.join(root, 'internal', 'bench'), 'build', '-o', program, './routers'], check=True)
        subprocess.run([program, '--data', a.data, '--splits', str(a.splits), '--write', work], check=True)
        for split in range(a.splits):
            measure(a, routers, program, results, split, os.path.join(work, f'split-{split}', 'config.yaml'))
    show(routers, results, a.splits)


if __name__ == '__main__':
    main()
