#!/usr/bin/env bash
# Wrong guess: the float8 types of torch treat what they cannot hold alike: too large saturates, a sign that is not there gives NaN.
#
# Of 1000.0, float8_e4m3fn makes its largest number, 448, and the same of
# infinity; its twin float8_e4m3fnuz makes NaN; float8_e5m2 makes infinity of 1e6.
# float8_e8m0fnu, which has no sign, makes 1.0 of -1.0.
exec "$(dirname "$0")/in-venv" torch==2.15.0 numpy==2.4.6 <<'PYTHON'
import math, torch

print("torch", torch.__version__)
for name, value, want in (
    ("float8_e4m3fn", 1000.0, 448.0), ("float8_e4m3fn", math.inf, 448.0), ("float8_e4m3fnuz", 1000.0, math.nan),
    ("float8_e5m2", 1e6, math.inf), ("float8_e8m0fnu", -1.0, 1.0),
):
    got = torch.tensor(value).to(getattr(torch, name)).to(torch.float32).item()
    print(value, "as", name, "is", got)
    assert got == want or math.isnan(got) and math.isnan(want)
PYTHON
