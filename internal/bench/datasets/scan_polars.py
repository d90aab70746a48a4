"""Reads columns of a parquet file with polars, once for each line on standard
input, and answers each with {"seconds": n, "cpu": n, "peak": bytes}.

    scan_polars.py file column...

A column is a dotted path; a dot leads into a struct. POLARS_MAX_THREADS bounds
the threads."""

import json
import resource
import sys
import time

import polars as pl


def column(path, number):
    first, *rest = path.split(".")
    e = pl.col(first)
    for name in rest:
        e = e.struct.field(name)
    return e.alias(f"c{number}")


name, *paths = sys.argv[1:]
columns = [column(p, i) for i, p in enumerate(paths)]
for _ in sys.stdin:
    used = time.process_time()
    start = time.perf_counter()
    rows = pl.scan_parquet(name).select(columns).collect()
    seconds = time.perf_counter() - start
    used = time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "cpu": used, "peak": peak, "rows": rows.height}), flush=True)
    del rows
