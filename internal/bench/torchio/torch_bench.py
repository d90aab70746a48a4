"""One measured operation of torch, in a process of its own.

    torch_bench.py OPERATION FILE N DIM

OPERATION is save-separate, save-views, save-stacked, load, or load-sum.
Prints the seconds that the operation took, without start-up and without
making the data. Saved files are fsynced within the time.
"""
import os
import sys
import time

import torch

operation, name, n, dim = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


def save(value):
    begin = time.perf_counter()
    with open(name, "wb") as f:
        torch.save(value, f)
        f.flush()
        os.fsync(f.fileno())
    return time.perf_counter() - begin


if operation.startswith("save"):
    stacked = torch.randn(n, dim)
    if operation == "save-separate":
        value = {i: stacked[i].clone() for i in range(n)}
    elif operation == "save-views":
        value = {i: stacked[i] for i in range(n)}
    else:
        value = stacked
    print(save(value))
else:
    begin = time.perf_counter()
    value = torch.load(name)
    if operation == "load-sum":
        if isinstance(value, dict):
            total = sum(float(v.sum()) for v in value.values())
        else:
            total = float(value.sum())
    print(time.perf_counter() - begin)
