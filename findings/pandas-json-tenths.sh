#!/usr/bin/env bash
# Wrong guess: pandas.read_json gives the floats that json.loads gives.
#
# It gives 0.3 as 0.30000000000000004, and another float for 4 of the 90 numbers
# 0.1, 0.2 ... 9.9 that are no integers. Its option precise_float=True gives the
# right ones, but refuses a file with a float below 2.2e-308, which is as valid.
exec "$(dirname "$0")/in-venv" pandas==3.1.1 <<'PYTHON'
import io, json, pandas

def read(numbers, **options):
    text = "\n".join(json.dumps({"x": x}) for x in numbers)
    return pandas.read_json(io.StringIO(text), lines=True, **options)["x"].tolist()

tenths = [n / 10 for n in range(1, 100) if n % 10]
wrong = sum(a != b for a, b in zip(tenths, read(tenths)))
print("pandas", pandas.__version__, "reads 0.3 as", read([0.3, 0.1])[0], "and", wrong, "of", len(tenths), "tenths as others")
assert read([0.3, 0.1])[0] == 0.30000000000000004
assert wrong == 4
assert read(tenths, precise_float=True) == tenths
try:
    print("5e-324 with precise_float=True:", read([5e-324], precise_float=True))
    raise SystemExit("no error any more")
except ValueError as e:
    print("5e-324 with precise_float=True:", e)
PYTHON
