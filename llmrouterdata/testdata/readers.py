"""Reads query_data.jsonl and routing_data.jsonl of each FOLDER with a reader,
and writes what was read as json.dumps writes it: as docs/READERS.md says, to
FOLDER/right, and without any option, to FOLDER/plain. An error of a way is in
the file error of its folder.

    readers.py READER FOLDER... < the code of docs/READERS.md

Rows are rebuilt from what the reader holds: a number stays of the type that it
has there, so that an integer read as a float is seen.
"""
import json
import os
import sys

QUERY = ["task_name", "query", "ground_truth", "metric", "choices", "task_id"]
ROUTING = QUERY + ["model_name", "response", "token_num", "input_tokens", "output_tokens", "response_time",
                   "api_key_used", "performance", "embedding_id", "user_id", "fig_id"]
FILES = {"queries": ("query_data.jsonl", QUERY), "routing": ("routing_data.jsonl", ROUTING)}


def plain(reader):
    def read(name):
        if reader == "pandas":
            import pandas
            return pandas.read_json(name, lines=True)
        if reader == "polars":
            import polars
            return polars.read_ndjson(name)
        if reader == "duckdb":
            import duckdb
            return duckdb.read_json(name)
        if reader == "pyarrow":
            import pyarrow.json
            return pyarrow.json.read_json(name)
        import datasets
        return datasets.load_dataset("json", data_files=name, split="train")
    return {table: read(name) for table, (name, _) in FILES.items()}


def rows(table):
    """Dicts of Python's own values."""
    kind = type(table).__module__.split(".")[0]
    if kind == "pandas":
        yield from table.to_dict("records")
    elif kind == "polars":
        yield from table.iter_rows(named=True)
    elif kind in ("duckdb", "_duckdb"):
        names = table.columns
        for row in table.fetchall():
            yield dict(zip(names, row))
    elif kind == "pyarrow":
        for batch in table.to_batches():
            yield from batch.to_pylist()
    else:
        for batch in table.iter(1000):
            for row in zip(*batch.values()):
                yield dict(zip(batch, row))


def value(v):
    if v is None or v != v:  # pandas has NaN for null
        return None
    if hasattr(v, "item"):
        v = v.item()
    return v if isinstance(v, (str, int, float)) else "not JSON: %r" % v


def write(tables, folder):
    for table, (name, fields) in FILES.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8", newline="") as f:
            for row in rows(tables[table]):
                f.write(json.dumps({field: value(row[field]) for field in fields}, ensure_ascii=False) + "\n")


def right():
    names = {}
    exec(code, names)
    return names


def main(reader, folders):
    for folder in folders:
        os.chdir(folder)
        for way, read in (("right", right), ("plain", lambda: plain(reader))):
            os.makedirs(way)
            try:
                write(read(), way)
            except Exception as e:
                with open(os.path.join(way, "error"), "w", encoding="utf-8") as f:
                    f.write("%s: %s" % (type(e).__name__, str(e).replace("\n", " ")[:300]))


os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = os.path.join(sys.argv[2], "home")
code = compile(sys.stdin.read(), "READERS.md", "exec")
main(sys.argv[1], sys.argv[2:])
