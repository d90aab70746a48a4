"""Reads an exported folder and a wide parquet file with a reader, and prints what
it holds as one line of JSON for each row.

    read_exported.py READER FOLDER WIDE
"""
import json
import os
import sys

reader, folder, wide = sys.argv[1:]


def file(name):
    if reader == "pandas":
        import pandas
        return pandas.read_parquet(name).to_dict("records")
    if reader == "polars":
        import polars
        return polars.read_parquet(name).to_dicts()
    if reader == "duckdb":
        import duckdb
        table = duckdb.read_parquet(name)
        return [dict(zip(table.columns, row)) for row in table.fetchall()]
    import pyarrow.parquet
    return pyarrow.parquet.read_table(name).to_pylist()


def config(name):
    if reader != "datasets":
        return [r for split in ("train", "test") for r in file(f"{folder}/{name}/{split}-00000-of-00001.parquet")]
    import datasets
    opened = datasets.load_dataset(folder, name)
    if name == "queries":
        kind = opened["train"].features["embedding"]
        assert getattr(kind, "length", None) == 768, kind
        assert datasets.load_dataset(folder)["train"].features == opened["train"].features, "queries is not the default"
    return [r for split in ("train", "test") for r in opened[split]]


def value(v):
    if hasattr(v, "tolist"):
        v = v.tolist()
    if isinstance(v, float) and v != v:
        return None
    return v


if reader == "datasets":
    import datasets
    table = datasets.load_dataset("parquet", data_files=wide, split="train").to_list()
else:
    table = file(wide)
for rows in (config("queries"), config("routing"), table):
    for row in rows:
        row = {k: value(v) for k, v in row.items()}
        if "embedding" in row:
            row["embedding"] = sum(row["embedding"])
        print(json.dumps(row))
    print(json.dumps(None))
