"""What torch makes of torch files, for the tests of package torchio.

    torch_check.py describe FILE...   JSON line for each file: what torch.load gives
    torch_check.py make DIR           writes files and expected.json
    torch_check.py half FILE          float32 bits in, FILE.f16 and FILE.bf16 out
"""
import collections
import hashlib
import json
import os
import sys

import torch

torch.set_num_threads(1)


def raw(t):
    """The bytes of a tensor's elements in row-major order."""
    c = t.detach().contiguous().clone()
    if c.numel() == 0:
        return b""
    size = c.element_size() * c.numel()
    return bytes(c.storage()._storage.tolist())[:size] if hasattr(c.storage(), "_storage") else bytes(c.untyped_storage().tolist())[:size]


def tensor(t):
    data = raw(t) if t.numel() < 4096 else t.detach().contiguous().numpy().tobytes()
    return {
        "t": "parameter" if isinstance(t, torch.nn.Parameter) else "tensor",
        "type": t.type(),
        "dtype": str(t.dtype)[6:],
        "shape": list(t.shape),
        "stride": list(t.stride()),
        "grad": t.requires_grad,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def describe(v):
    if isinstance(v, torch.Tensor):
        return tensor(v)
    if isinstance(v, dict):
        d = {"t": type(v).__name__, "len": len(v), "keys": collections.Counter(type(k).__name__ for k in v)}
        d["storages"] = len({x.storage().data_ptr() for x in v.values() if isinstance(x, torch.Tensor) and x.numel()})
        if len(v) <= 64:
            d["items"] = [[str(k), describe(x)] for k, x in v.items()]
        else:
            h = hashlib.sha256()
            for k, x in v.items():
                h.update(b"%d:" % k)
                h.update(x.numpy().tobytes())
            d["sha256"] = h.hexdigest()
        return d
    return {"t": type(v).__name__, "v": repr(v)}


def load(name, weights_only):
    try:
        return describe(torch.load(name, weights_only=weights_only))
    except Exception as e:
        return {"t": "error", "v": "%s: %s" % (type(e).__name__, str(e)[:300])}


def make(folder):
    """Files with every kind of view and type, by their tensors' bytes."""
    torch.manual_seed(7)
    base = torch.randn(6, 10)
    state = torch.nn.Sequential(torch.nn.Linear(5, 3), torch.nn.BatchNorm1d(3)).state_dict()
    tensors = {
        "whole": base, "row": base[2], "column": base[:, 3], "block": base[1:4, 2:9:3], "transposed": base.t(),
        "last": base[5, 9], "none": base[0:0], "expanded": base[0:1].expand(4, 10), "permuted": base.view(2, 3, 10).permute(2, 0, 1),
        "diagonal": base.diagonal(), "window": base.view(-1).unfold(0, 7, 3), "flipped": base.flip(0), "channels": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
    }
    for dtype in (torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool, torch.complex64, torch.complex128):
        t = (base * 3).to(torch.complex64 if dtype.is_complex else torch.float32).to(dtype)
        tensors[str(dtype)] = t
        tensors[str(dtype) + " view"] = t.t()[1:, ::2]
    tensors["parameter"] = torch.nn.Parameter(base[:2].clone())
    tensors["frozen parameter"] = torch.nn.Parameter(base[2:3].clone(), requires_grad=False)
    marked = base[:1].clone()
    marked.note = "an attribute"
    tensors["with attribute"] = marked
    tensors["grad"] = torch.zeros(3, requires_grad=True)
    expected = {}
    for name, value in (("tensors", tensors), ("state", state), ("ids", {i * 37 - 5: base[i] for i in range(6)}), ("one", base)):
        for kind, options in (("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False}), ("proto4", {"pickle_protocol": 4}), ("proto1", {"pickle_protocol": 1, "_use_new_zipfile_serialization": False})):
            file = "%s-%s.pt" % (name, kind)
            torch.save(value, os.path.join(folder, file), **options)
            items = value.items() if isinstance(value, dict) else [("", value)]
            expected[file] = [[str(k), dict(tensor(v), raw=raw(v).hex())] for k, v in items]
    with open(os.path.join(folder, "expected.json"), "w") as f:
        json.dump(expected, f)


def half(name):
    with open(name, "rb") as f:
        t = torch.frombuffer(bytearray(f.read()), dtype=torch.float32)
    for suffix, dtype in ((".f16", torch.float16), (".bf16", torch.bfloat16)):
        with open(name + suffix, "wb") as f:
            f.write(t.to(dtype).view(torch.int16).numpy().tobytes())


if sys.argv[1] == "describe":
    for name in sys.argv[2:]:
        modes = (True, False) if "large" not in os.path.basename(name) else (False,)
        print(json.dumps({"file": os.path.basename(name), "torch": torch.__version__, "loads": [load(name, m) for m in modes]}))
elif sys.argv[1] == "make":
    make(sys.argv[2])
elif sys.argv[1] == "half":
    half(sys.argv[2])
