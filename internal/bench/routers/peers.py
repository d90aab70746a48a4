"""Trains the routers of llmrouter-lib, the Python project's package, and ours on the same splits, by turns.

  .ci/install-peers heavy
  .peers/heavy/bin/python internal/bench/routers/peers.py [--data DIR] [--splits 10] [--timed 3] [--routers knn,svm,mlp,mf,elo]

DIR is as for the Go program beside this file, by default ../shared/data from the repository's root; it writes the splits' data sets with the published order of the candidates.
Each router is trained by the package's own trainer, with the settings that its documentation gives, in a process of its own,
and chooses for the test queries, whose vectors and answers are looked up. Ours is what cross-validation chooses. In the first
--timed splits our fits of all six kinds are measured beside each of its routers: processor time of reading the data apart, and
the highest resident memory of the whole process. Prints tables in Markdown.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--data', default=os.path.join(root, '..', 'shared', 'data'))
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
    reached = {name: [] for name in [*routers, 'ours', 'single']}
    usd = {name: [] for name in reached}
    times = {name: [] for name in [*routers, 'ours']}
    with tempfile.TemporaryDirectory() as work:
        program = os.path.join(work, 'routers')
        subprocess.run(['go', '-C', os.path.join(root, 'internal', 'bench'), 'build', '-o', program, './routers'], check=True)
        subprocess.run([program, '--data', a.data, '--splits', str(a.splits), '--write', work], check=True)
        for split in range(a.splits):
            config = os.path.join(work, f'split-{split}', 'config.yaml')
            for name in routers:
                result = upstream(a, name, config)
                reached[name].append(result['performance'])
                usd[name].append(result['usd'])
                times[name].append(result)
                if split < a.timed:
                    times['ours'].append(ours(a, program, '--fit', config))
            chosen = ours(a, program, '--choose', config)
            for name in ('ours', 'single'):
                reached[name].append(chosen[name]['performance'])
                usd[name].append(chosen[name]['usd'])
            print(f'split {split}: ' + ', '.join(f'{n} {v[-1]:.4f}' for n, v in reached.items()), file=sys.stderr, flush=True)
    print('| router | mean performance | USD for 1,000 | ours is above it in |\n|---|---|---|---|')
    for name, values in reached.items():
        above = '' if name == 'ours' else f'{sum(o > v for o, v in zip(reached["ours"], values))} of {a.splits} splits'
        print(f'| {name} | {statistics.fmean(values):.4f} | {statistics.fmean(usd[name]):.4f} | {above} |')
    print('\n| trained | processor seconds, median (range) | seconds, median | peak memory, MB |\n|---|---|---|---|')
    for name, runs in times.items():
        processor = [r['processor'] for r in runs]
        label = 'ours, all six kinds' if name == 'ours' else name
        print(f'| {label} | {statistics.median(processor):.2f} ({min(processor):.2f} to {max(processor):.2f}) | {statistics.median(r["clock"] for r in runs):.2f} | {max(r["peak"] for r in runs):.0f} |')


if __name__ == '__main__':
    main()
