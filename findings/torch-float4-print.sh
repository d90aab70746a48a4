#!/usr/bin/env bash
# Wrong guess: a float4 tensor prints the numbers that it holds, and widens to float32 as float8 does.
#
# float4_e2m1fn_x2 has two numbers a byte, none above 6. print() shows each byte
# as a number, up to 255; no operation gives the numbers: to(float32) is not
# implemented. torch.save and torch.load take the tensor.
exec "$(dirname "$0")/in-venv" torch==2.15.0 numpy==2.4.6 <<'PYTHON'
import io, torch

packed = torch.tensor([0x21, 0xF7], dtype=torch.uint8).view(torch.float4_e2m1fn_x2)  # 0.5, 1; 6, -6
print("torch", torch.__version__, "prints", packed)
assert "33., 247." in " ".join(repr(packed).split())
try:
    print(packed.to(torch.float32))
    raise SystemExit("it widens now")
except NotImplementedError as e:
    print("to(float32):", e)
file = io.BytesIO()
torch.save(packed, file)
file.seek(0)
assert torch.load(file).view(torch.uint8).tolist() == [0x21, 0xF7]
PYTHON
