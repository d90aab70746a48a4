#!/usr/bin/env bash
# Wrong guess: torch.load's restricted loader, the default, takes what is made of torch's own types alone.
#
# It takes sparse and quantized tensors, and a collections.Counter; it refuses
# torch's nested tensors and what torch's own max(dim) returns, which torch.save
# writes without a word.
exec "$(dirname "$0")/in-venv" torch==2.15.0 numpy==2.4.6 <<'PYTHON'
import collections, io, pickle, torch

def loaded(value, **options):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    try:
        torch.load(file, **options)
        return "loaded"
    except pickle.UnpicklingError:
        return "refused"

x = torch.tensor([[0, 1.5], [2, 0]])
print("torch", torch.__version__)
for name, value, want in (
    ("sparse tensor", x.to_sparse(), "loaded"), ("quantized tensor", torch.quantize_per_tensor(x, 0.1, 3, torch.qint8), "loaded"),
    ("Counter", collections.Counter("abca"), "loaded"),
    ("nested tensor", torch.nested.nested_tensor([x[0], x[1, :1]]), "refused"), ("x.max(dim=0)", x.max(dim=0), "refused"),
):
    got = loaded(value)
    print(name + ":", got)
    assert got == want and loaded(value, weights_only=False) == "loaded"
PYTHON
