#!/usr/bin/env bash
# Wrong guess: a value that does not fit the type which DuckDB guessed is an error, or widens the column.
#
# DuckDB's read_json guesses types from the first 20,480 rows. What comes after
# them and does not fit: a text in a column of dates is an error, as guessed; but
# 2.5 in a column of integers is read as 2, and a text in a column of nulls
# is read as NULL. Neither says so.
exec "$(dirname "$0")/in-venv" duckdb==2.0.1 <<'PYTHON'
import duckdb, json

def last(first, value):
    with open("x.jsonl", "w") as f:
        for v in [first] * 20480 + [value]:
            f.write(json.dumps({"x": v}) + "\n")
    table = duckdb.sql("select * from read_json('x.jsonl')")
    return str(table.types[0]), table.fetchall()[-1][0]

print("duckdb", duckdb.__version__)
number, null = last(1, 2.5), last(None, "text")
print("2.5 after 20,480 times 1:", *number)
print('"text" after 20,480 nulls:', *null)
assert number == ("BIGINT", 2)
assert null[1] is None
try:
    print('"text" after 20,480 dates:', *last("2012-05-01", "text"))
    raise SystemExit("no error any more")
except duckdb.InvalidInputException as e:
    print('"text" after 20,480 dates:', type(e).__name__, str(e)[:80])
PYTHON
