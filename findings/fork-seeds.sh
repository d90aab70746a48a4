#!/usr/bin/env bash
# Wrong guess: a forked process goes on with the random numbers of its parent, from the seed that the parent set.
#
# It does with numpy: every child draws the same numbers. CPython's own random
# module draws a new seed in every child, so that a seed set before the fork is
# lost: a program that is judged in a fresh process for each run, as the checkers
# of generated code do, gives other numbers in each, though its parent was seeded.
exec "$(dirname "$0")/in-venv" numpy==2.4.6 <<'PYTHON'
import os, random, sys, numpy

print("python", sys.version.split()[0], "numpy", numpy.__version__)


def in_child(draw):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, repr(draw()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as f:
        return f.read()


drawn = {}
for name, seed, draw in (("random", random.seed, random.random), ("numpy", numpy.random.seed, lambda: float(numpy.random.random()))):
    seed(1)
    drawn[name] = [in_child(draw) for _ in range(3)] + [repr(draw())]
    print(name, "in three children and the parent:", *drawn[name])
assert len(set(drawn["numpy"])) == 1
assert len(set(drawn["random"])) == 4
PYTHON
