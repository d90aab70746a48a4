#!/usr/bin/env bash
# Wrong guess: torch.save takes any tensors that share memory, and they share it again when loaded.
#
# Slices do. But a complex tensor and its own .imag in one dict cannot be saved,
# nor can a tensor and its view as another type: one storage may be named by one
# type only. Each alone can be saved.
exec "$(dirname "$0")/in-venv" torch==2.15.0 numpy==2.4.6 <<'PYTHON'
import io, torch

def saved(value):
    try:
        file = io.BytesIO()
        torch.save(value, file)
        file.seek(0)
        torch.load(file)
        return "saved"
    except RuntimeError as e:
        return str(e)

z, x = torch.tensor([1 + 2j, 3 - 1j]), torch.ones(2)
refused = "Cannot save multiple tensors or storages that view the same data as different types"
print("torch", torch.__version__)
for name, value, want in (
    ("z and a slice of it", [z, z[:1]], "saved"), ("z", [z], "saved"), ("its imaginary part", [z.imag], "saved"),
    ("both", [z, z.imag], refused),
    ("x and its bits as integers", [x, x.view(torch.int32)], refused),
):
    got = saved(value)
    print(name + ":", got)
    assert got == want
PYTHON
