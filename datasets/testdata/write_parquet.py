"""Writes rows as parquet files with the libraries that write them for people:
pyarrow, polars, duckdb, pandas, datasets, in the variants that each offers.

    write_parquet.py folder < rows.json

rows.json is a list of {"path": ..., "rows": [...]}. Each variant is a folder of
files at these paths. One line of JSON a variant tells what a reader is to make
of it: {"variant": ..., "refused": ...}; refused is empty where the rows must
read equal, else it names the kind of error."""

import decimal
import json
import os
import sys

import datasets
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe

datasets.disable_progress_bars()
ROOT = sys.argv[1]
FILES = json.load(sys.stdin)
VARIANTS = {}


def variant(name, refused="", when=None, blank=False):
    """Registers a function (rows, file name) -> None. when chooses the files
    that the variant is written for, by a row."""

    def register(write):
        assert name not in VARIANTS, name
        VARIANTS[name] = (write, refused, when or (lambda row: True), blank)
        return write

    return register


def has_choices(row):
    return isinstance(row.get("choices"), dict)


def has_int(row):
    return any(isinstance(v, int) for v in row.values())


def has_list(row):
    return any(isinstance(v, (list, dict)) for v in row.values())


def arrow_type(v, text=pa.string(), number=pa.int64(), listed=pa.list_, nullable=True, turn=False):
    again = lambda x: arrow_type(x, text, number, listed, nullable, turn)
    if isinstance(v, dict):
        items = list(v.items())
        return pa.struct([pa.field(k, again(x), nullable) for k, x in (reversed(items) if turn else items)])
    if isinstance(v, list):
        return listed(pa.field("element", text, nullable))
    return number if isinstance(v, int) else text


def arrow_table(rows, **kw):
    turn, nullable = kw.get("turn", False), kw.get("nullable", True)
    names = list(rows[0])
    if turn:
        names.reverse()
    schema = pa.schema([pa.field(n, arrow_type(rows[0][n], **kw), nullable) for n in names])
    return pa.Table.from_pylist(rows, schema)


def encodings(table, text, number):
    """Encodings by the paths of the leaves."""
    out = {}

    def walk(path, t):
        if pa.types.is_struct(t):
            for f in t:
                walk(path + "." + f.name, f.type)
        elif pa.types.is_list(t):
            walk(path + ".list.element", t.value_type)
        elif pa.types.is_integer(t) and number:
            out[path] = number
        elif pa.types.is_string(t) and text:
            out[path] = text

    for f in table.schema:
        walk(f.name, f.type)
    return out


# --- pyarrow

for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
    for page in ("1.0", "2.0"):

        @variant(f"pyarrow-{codec}-v{page[0]}")
        def _(rows, name, codec=codec, page=page):
            pq.write_table(arrow_table(rows), name, compression=codec, data_page_version=page)

        @variant(f"pyarrow-{codec}-v{page[0]}-small-pages")
        def _(rows, name, codec=codec, page=page):
            pq.write_table(
                arrow_table(rows), name, compression=codec, data_page_version=page, use_dictionary=False, data_page_size=1500,
                write_batch_size=16, row_group_size=250, write_page_index=page == "2.0", write_page_checksum=page == "1.0")


for page in ("1.0", "2.0"):
    for text in ("DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):

        @variant(f"pyarrow-{text.lower()}-v{page[0]}")
        def _(rows, name, page=page, text=text):
            t = arrow_table(rows)
            pq.write_table(t, name, use_dictionary=False, data_page_version=page, data_page_size=3000, column_encoding=encodings(t, text, "DELTA_BINARY_PACKED"))

    for width in (pa.int32(), pa.int64()):

        @variant(f"pyarrow-byte_stream_split-{width}-v{page[0]}", when=has_int)
        def _(rows, name, page=page, width=width):
            t = arrow_table(rows, number=width)
            pq.write_table(t, name, use_dictionary=False, data_page_version=page, column_encoding=encodings(t, None, "BYTE_STREAM_SPLIT"))
            group = pq.ParquetFile(name).metadata.row_group(0)
            assert any("BYTE_STREAM_SPLIT" in group.column(i).encodings for i in range(group.num_columns)), "written otherwise"


for number in (pa.int16(), pa.int32(), pa.uint16(), pa.uint32(), pa.uint64()):

    @variant(f"pyarrow-{number}", when=has_int)
    def _(rows, name, number=number):
        pq.write_table(arrow_table(rows, number=number), name)


for version in ("1.0", "2.4", "2.6"):

    @variant(f"pyarrow-format-{version}")
    def _(rows, name, version=version):
        pq.write_table(arrow_table(rows), name, version=version, store_schema=version != "1.0", write_statistics=version == "1.0")


@variant("pyarrow-large-types")
def _(rows, name):
    pq.write_table(arrow_table(rows, text=pa.large_string(), listed=pa.large_list), name)


@variant("pyarrow-string-view")
def _(rows, name):
    pq.write_table(arrow_table(rows, text=pa.string_view()), name)


@variant("pyarrow-list-view", when=has_list)
def _(rows, name):
    pq.write_table(arrow_table(rows, listed=pa.list_view), name)


@variant("pyarrow-dictionary-type")
def _(rows, name):
    t = arrow_table(rows)
    columns = [c.dictionary_encode() if pa.types.is_string(c.type) else c for c in t.columns]
    pq.write_table(pa.table(columns, names=t.column_names), name)


@variant("pyarrow-required")
def _(rows, name):
    pq.write_table(arrow_table(rows, nullable=False), name)


@variant("pyarrow-item")
def _(rows, name):
    pq.write_table(arrow_table(rows), name, use_compliant_nested_type=False)


@variant("pyarrow-other-order")
def _(rows, name):
    pq.write_table(arrow_table(rows, turn=True), name)


@variant("pyarrow-company")
def _(rows, name):
    """Columns that nobody asked for, of types that are not read."""
    t, n = arrow_table(rows), len(rows)
    more = {
        "a null": pa.nulls(n),
        "a.dot": pa.array(["x"] * n),
        "when": pa.array([0] * n, pa.timestamp("ns", "UTC")),
        "money": pa.array([decimal.Decimal("1.5")] * n, pa.decimal128(20, 2)),
        "half": pa.array([1.5] * n, pa.float16()),
        "blob": pa.array([b"\x00\xff"] * n),
        "fixed": pa.array([b"abcd"] * n, pa.binary(4)),
        "map": pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int32())),
        "deep": pa.array([[[1], []]] * n, pa.list_(pa.list_(pa.int8()))),
        "records": pa.array([[{"x": 1}]] * n, pa.list_(pa.struct([("x", pa.int8())]))),
    }
    names = list(more)
    pq.write_table(pa.table(
        [more[k] for k in names[:5]] + t.columns + [more[k] for k in names[5:]], names=names[:5] + t.column_names + names[5:]), name)


@variant("pyarrow-binary", blank=True)
def _(rows, name):
    """Text in columns that nothing marks as text."""
    pq.write_table(arrow_table(rows, text=pa.binary()), name)


def without_nul(v):
    if isinstance(v, list):
        return [without_nul(x) for x in v]
    if isinstance(v, dict):
        return {k: without_nul(x) for k, x in v.items()}
    return v.replace("\0", " ") if isinstance(v, str) else v


@variant("pyarrow-binary-with-nul", refused="binary")
def _(rows, name):
    pq.write_table(arrow_table(rows, text=pa.binary()), name)


@variant("pyarrow-not-utf8", refused="utf8")
def _(rows, name):
    t = arrow_table(rows, text=pa.binary())
    bad = arrow_table(rows[:1], text=pa.binary())
    for i, c in enumerate(bad.columns):
        if pa.types.is_binary(c.type):
            bad = bad.set_column(i, bad.column_names[i], pa.array([b"\xff\xfe"]))
    pq.write_table(pa.concat_tables([t.slice(0, t.num_rows - 1), bad]), name)


@variant("pyarrow-null", refused="null")
def _(rows, name):
    pq.write_table(arrow_table(rows[:-1] + [{}], number=pa.int32()), name)


@variant("pyarrow-null-type", refused="column")
def _(rows, name):
    t = arrow_table(rows)
    pq.write_table(pa.table([pa.nulls(len(rows))] * t.num_columns, names=t.column_names), name)


@variant("pyarrow-float", refused="column", when=has_int)
def _(rows, name):
    pq.write_table(arrow_table(rows, number=pa.float64()), name)


@variant("pyarrow-fixed-binary", refused="column", when=lambda row: not has_list(row))
def _(rows, name):
    pq.write_table(pa.table({k: pa.array([b"abcd"] * len(rows), pa.binary(4)) for k in rows[0]}), name)


@variant("pyarrow-lists-of-lists", refused="column", when=has_list)
def _(rows, name):
    pq.write_table(arrow_table([deeper(r) for r in rows], listed=lambda f: pa.list_(pa.list_(pa.string()))), name)


def deeper(v, inside=False):
    if isinstance(v, dict):
        return {k: deeper(x, inside) for k, x in v.items()}
    if isinstance(v, list):
        return [v]
    return v


def as_json(rows, whole=("choices", "answer", "golden_answers", "test_list")):
    return [{k: json.dumps(v) if k in whole and isinstance(v, (list, dict)) else v for k, v in r.items()} for r in rows]


@variant("pyarrow-json", when=has_list)
def _(rows, name):
    t = arrow_table(as_json(rows))
    columns = [pa.ExtensionArray.from_storage(pa.json_(), c.combine_chunks()) if isinstance(rows[0][k], (list, dict)) else c for k, c in zip(t.column_names, t.columns)]
    pq.write_table(pa.table(columns, names=t.column_names), name)


@variant("pyarrow-json-as-text", refused="column", when=has_list)
def _(rows, name):
    pq.write_table(arrow_table(as_json(rows)), name)


class Keys(pe.KmsClient):
    def __init__(self, _):
        super().__init__()

    def wrap_key(self, key, name):
        return key.hex()

    def unwrap_key(self, key, name):
        return bytes.fromhex(key)


for plain in (True, False):

    @variant(f"pyarrow-encrypted-{'plain' if plain else 'hidden'}-footer", refused="unsupported", when=lambda row: not has_list(row))
    def _(rows, name, plain=plain):
        how = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": list(rows[0])}, plaintext_footer=plain)
        crypto = pe.CryptoFactory(Keys)
        with pq.ParquetWriter(name, arrow_table(rows).schema, encryption_properties=crypto.file_encryption_properties(pe.KmsConnectionConfig(), how)) as w:
            w.write_table(arrow_table(rows))


# --- polars

for codec in ("uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4"):

    @variant(f"polars-{codec}")
    def _(rows, name, codec=codec):
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(name, compression=codec)


@variant("polars-small")
def _(rows, name):
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(name, row_group_size=300, data_page_size=1500, statistics="full")


@variant("polars-categorical")
def _(rows, name):
    f = pl.DataFrame(rows, infer_schema_length=None)
    f.with_columns(pl.col(k).cast(pl.Categorical) for k, t in f.schema.items() if t == pl.String).write_parquet(name)


@variant("polars-int32", when=has_int)
def _(rows, name):
    f = pl.DataFrame(rows, infer_schema_length=None)
    f.with_columns(pl.col(k).cast(pl.Int32) for k, t in f.schema.items() if t == pl.Int64).write_parquet(name)


@variant("polars-sink")
def _(rows, name):
    pl.DataFrame(rows, infer_schema_length=None).lazy().sink_parquet(name)


@variant("polars-by-pyarrow")
def _(rows, name):
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(name, use_pyarrow=True)


@variant("polars-text-for-number", refused="column", when=has_int)
def _(rows, name):
    f = pl.DataFrame(rows, infer_schema_length=None)
    f.with_columns(pl.col(k).cast(pl.String) for k, t in f.schema.items() if t == pl.Int64).write_parquet(name)


# --- duckdb

def duck(rows, name, how, select="*"):
    t = arrow_table(rows)
    duckdb.sql(f"COPY (SELECT {select} FROM t) TO '{name}' (FORMAT parquet, {how})")


for codec in ("uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"):
    for version in ("V1", "V2"):

        @variant(f"duckdb-{codec}-{version.lower()}")
        def _(rows, name, codec=codec, version=version):
            duck(rows, name, f"COMPRESSION {codec}, PARQUET_VERSION {version}")


@variant("duckdb-no-dictionary-v2")
def _(rows, name):
    duck(rows, name, "PARQUET_VERSION V2, DICTIONARY_SIZE_LIMIT 1, ROW_GROUP_SIZE 2048")


@variant("duckdb-json", when=has_list)
def _(rows, name):
    listed = [k for k, v in rows[0].items() if isinstance(v, (list, dict))]
    duck(rows, name, "COMPRESSION zstd", "* REPLACE (" + ", ".join(f'to_json("{k}") AS "{k}"' for k in listed) + ")")


@variant("duckdb-blob", blank=True)
def _(rows, name):
    duck(rows, name, "PARQUET_VERSION V2", "* REPLACE (" + ", ".join(f'encode("{k}") AS "{k}"' for k, v in rows[0].items() if isinstance(v, str)) + ")")


@variant("duckdb-enum")
def _(rows, name):
    keys = [k for k in ("answerKey", "entry_point") if k in rows[0]]
    duck(rows, name, "PARQUET_VERSION V1", "*" + "".join(f""" REPLACE ("{k}"::ENUM ('A', 'B', 'C', 'D', 'E') AS "{k}")""" for k in keys))


def first_text(rows):
    return next(k for k, v in rows[0].items() if isinstance(v, str))


for version in ("V1", "V2"):

    @variant(f"duckdb-geometry-{version.lower()}", refused="column")
    def _(rows, name, version=version):
        duck(rows, name, f"PARQUET_VERSION {version}", f"""* REPLACE ('POINT(1 2)'::GEOMETRY AS "{first_text(rows)}")""")


# --- pandas

for codec in (None, "snappy", "gzip", "zstd", "brotli"):

    @variant(f"pandas-{codec}")
    def _(rows, name, codec=codec):
        pd.DataFrame(rows).to_parquet(name, compression=codec)


@variant("pandas-index")
def _(rows, name):
    f = pd.DataFrame(rows)
    f.index = f.index[::-1]
    f.to_parquet(name, index=True)


@variant("pandas-categories")
def _(rows, name):
    f = pd.DataFrame(rows)
    for k in f.columns:
        if isinstance(rows[0][k], str):
            f[k] = f[k].astype("category")
    f.to_parquet(name)


@variant("pandas-arrow-types")
def _(rows, name):
    pd.DataFrame(rows).convert_dtypes(dtype_backend="pyarrow").to_parquet(name)


# --- datasets

@variant("datasets")
def _(rows, name):
    datasets.Dataset.from_list(rows).to_parquet(name)


@variant("datasets-small-batches")
def _(rows, name):
    datasets.Dataset.from_list(rows).to_parquet(name, batch_size=300)


@variant("datasets-large")
def _(rows, name):
    def feature(v):
        if isinstance(v, dict):
            return {k: feature(x) for k, x in v.items()}
        if isinstance(v, list):
            return datasets.LargeList(datasets.Value("large_string"))
        return datasets.Value("int32" if isinstance(v, int) else "large_string")

    datasets.Dataset.from_list(rows, features=datasets.Features({k: feature(v) for k, v in rows[0].items()})).to_parquet(name)


@variant("datasets-class-label", when=lambda row: isinstance(row.get("answer"), int))
def _(rows, name):
    d = datasets.Dataset.from_list(rows)
    d.cast_column("answer", datasets.ClassLabel(names=["A", "B", "C", "D"])).to_parquet(name)


@variant("datasets-json", when=has_choices)
def _(rows, name):
    """A key more in one row makes the column one of JSON."""
    features = datasets.Features({k: datasets.Json() if isinstance(v, dict) else datasets.Value("string") for k, v in rows[0].items()})
    more = [dict(r, choices=dict(r["choices"], note=i)) if i % 3 == 0 else r for i, r in enumerate(rows)]
    datasets.Dataset.from_list(more, features=features).to_parquet(name)


@variant("datasets-records", when=has_choices)
def _(rows, name):
    """Options as a list of records instead of a record of lists."""
    turned = [dict(r, choices=[dict(zip(r["choices"], x)) for x in zip(*r["choices"].values())]) for r in rows]
    datasets.Dataset.from_list(turned).to_parquet(name)


for name, (write, refused, when, blank) in VARIANTS.items():
    written = 0
    for f in FILES:
        if when(f["rows"][0]):
            path = os.path.join(ROOT, name, f["path"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write(without_nul(f["rows"]) if blank else f["rows"], path)
            written += 1
    print(json.dumps({"variant": name, "refused": refused, "blank": blank, "files": written}), flush=True)
