"""Files of every kind of value that torch 2.15 writes, for the tests of torchio.

    torch_kinds.py make DIR              writes KIND.pt, all.pt, all-legacy.pt and expected.json
    torch_kinds.py load FILE...          JSON line for each file: what eight ways of torch.load give

Each KIND.pt is {"before": tensor, "value": a value of the kind, "after": tensor}.
expected.json says of each file what torch makes of it ("torch": the type that
torch.load gives, with weights_only true and false), and for values that
package torchio reads their types, sizes, bytes and numbers. testdata/kinds
was made by torch 2.15.0.
"""
import collections
import hashlib
import io
import json
import os
import sys
import warnings

import numpy
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.serialization import config as serialization_config

warnings.simplefilter("ignore")
torch.set_num_threads(1)
if not torch.__version__.startswith("2.15."):
    sys.exit("torch 2.15 is wanted, this is " + torch.__version__)

FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")
ELEMENTS = ("float4_e2m1fn_x2", "bits8", "bits1x8", "bits2x4", "bits4x2", "bits16", "bcomplex32")


def hooked():
    t = torch.tensor([1.0, 2.0], requires_grad=True)
    t.register_hook(print)
    return t


def kinds():
    """The values by the name of their kind; a few have several."""
    codes = torch.arange(256, dtype=torch.uint8)
    matrix = torch.tensor([[0, 1.5, 0], [2, 0, 0]])
    square = torch.tensor([[1.0, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]])
    scales, zeros = torch.tensor([0.1, 0.2]), torch.tensor([0, 1])
    both = torch.tensor([1 + 2j, 3 - 1j])
    values = {}
    for name in FLOAT8:
        values[name] = codes.clone().view(getattr(torch, name))
    values["float8-view"] = values["float8_e4m3fn"].view(16, 16).t()[1::2, 3:9:2]
    values["float8-parameter"] = torch.nn.Parameter(values["float8_e5m2"][60:68].clone(), requires_grad=False)
    for name in ("uint16", "uint32", "uint64", "complex32"):
        values[name] = codes[:32].clone().view(getattr(torch, name))
    for name in ELEMENTS:
        values[name] = codes[:12].clone().view(getattr(torch, name))
    values.update({
        "dtype": torch.float8_e5m2, "dtype-unread": torch.bits8,
        "sparse_coo": matrix.to_sparse(), "sparse_coo-hybrid": torch.sparse_coo_tensor(torch.tensor([[0, 1, 1]]), matrix.new_ones(3, 2)),
        "sparse_csr": matrix.to_sparse_csr(), "sparse_csc": matrix.to_sparse_csc(),
        "sparse_bsr": square.to_sparse_bsr((2, 2)), "sparse_bsc": square.to_sparse_bsc((2, 2)),
        "meta": torch.empty(1 << 40, 768, device="meta"), "meta-parameter": torch.nn.Parameter(torch.empty(3, 4, device="meta")),
        "qint8": torch.quantize_per_tensor(matrix, 0.1, 3, torch.qint8), "quint8": torch.quantize_per_tensor(matrix, 0.1, 3, torch.quint8),
        "qint32": torch.quantize_per_tensor(matrix, 0.1, 3, torch.qint32), "qint8-channels": torch.quantize_per_channel(matrix, scales, zeros, 0, torch.qint8),
        "quint4x2": torch.quantize_per_channel(square[:2], scales, zeros.float(), 0, torch.quint4x2),
        "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested-jagged": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
        "conjugate": both.conj(), "negative": both.clone().conj().imag, "conjugate-resolved": both.conj().resolve_conj(),
        "layout": torch.strided, "layouts": {torch.strided, torch.sparse_coo}, "layout-key": {torch.strided: 1, torch.sparse_csr: 2},
        "qscheme": torch.per_tensor_affine, "counter": collections.Counter("abca"),
        "storage": matrix.storage(), "storage-untyped": torch.ones(2).untyped_storage(), "type": torch.FloatTensor, "class": torch.Size,
        "tensor-key": {matrix: 1, square: 2}, "buffer": torch.nn.Buffer(matrix), "hooks": hooked(),
        "numpy": matrix.numpy(), "numpy-scalar": numpy.float32(1.5), "generator": torch.Generator(), "module": torch.nn.Linear(2, 1),
        "uninitialized": torch.nn.UninitializedParameter(), "defaultdict": collections.defaultdict(list, a=[1]),
    })
    return values


def raw(t):
    return bytes(t.detach().contiguous().clone().untyped_storage().tolist()[:t.numel() * t.element_size()])


def describe(v):
    """A plain tensor with its bytes and, where numbers are real, as float32."""
    if not isinstance(v, torch.Tensor) or isinstance(v, torch.nn.UninitializedParameter) or v.layout is not torch.strided or v.is_nested or v.is_quantized or v.is_meta or v.is_conj() or v.is_neg():
        return None
    name = str(v.dtype)[6:]
    if name in ELEMENTS:
        return None
    d = {"dtype": name, "shape": list(v.shape), "parameter": isinstance(v, torch.nn.Parameter), "raw": raw(v).hex()}
    if not v.is_complex():
        d["float32"] = raw(v.detach().to(torch.float32)).hex()
    return d


def save(value, folder, name, **options):
    path = os.path.join(folder, name)
    file = io.BytesIO()  # the folder in the archive is then the same for every name
    torch.save(value, file, **options)
    with open(path, "wb") as f:
        f.write(file.getvalue())
    loads = []
    for weights_only in (True, False):
        try:
            loads.append(type(torch.load(path, weights_only=weights_only)["value"]).__name__)
        except Exception as e:
            loads.append("error: " + type(e).__name__)
    return loads


def make(folder):
    torch.manual_seed(7)
    before, after = torch.tensor([1.5, -2.0]), torch.tensor([3, 4])
    expected, together = {}, {}
    for name, value in kinds().items():
        loads = save({"before": before, "value": value, "after": after}, folder, name + ".pt")
        expected[name + ".pt"] = {"torch": loads, "value": describe(value)}
        if "error" not in loads[0]:
            together[name] = value
    together["value"] = after
    for file, options in (("all.pt", {}), ("all-legacy.pt", {"_use_new_zipfile_serialization": False})):
        loads = save(dict(together), folder, file, **options)
        expected[file] = {"torch": loads, "values": {k: describe(v) for k, v in together.items()}}
    with open(os.path.join(folder, "expected.json"), "w") as f:
        json.dump(expected, f, indent=0, sort_keys=True)
        f.write("\n")


def digest(v):
    """Keys, types, sizes and bytes of a tensor or a dict of tensors."""
    h = hashlib.sha256()
    for key, t in v.items() if isinstance(v, dict) else [("", v)]:
        h.update(("%s %s %s %s:" % (key, str(t.dtype)[6:], list(t.shape), t.requires_grad)).encode())
        if t.device.type == "cpu" and type(t) is torch.Tensor:
            h.update(t.detach().contiguous().view(torch.uint8).numpy().tobytes() if t.dim() else raw(t))
    return {"type": type(v).__name__, "len": len(v) if isinstance(v, dict) else 1, "sha256": h.hexdigest()}


def load(path):
    with open(path, "rb") as f:
        content = f.read()
    def fake():
        with FakeTensorMode():
            return torch.load(path)
    def known():
        with torch.serialization.safe_globals([collections.OrderedDict]):
            return torch.load(path)
    def calculated():
        with serialization_config.patch("load.calculate_storage_offsets", True):
            return torch.load(path, mmap=True)
    ways = {
        "default": lambda: torch.load(path),
        "weights_only=False": lambda: torch.load(path, weights_only=False),
        "mmap": lambda: torch.load(path, mmap=True),
        "map_location": lambda: torch.load(path, map_location=lambda storage, location: storage),
        "file object": lambda: torch.load(io.BytesIO(content)),
        "safe_globals": known,
        "fake": fake,
        "calculated places": calculated,
    }
    out = {}
    for way, call in ways.items():
        try:
            out[way] = digest(call())
        except Exception as e:
            out[way] = {"type": "error: %s: %s" % (type(e).__name__, str(e)[:300])}
    return out


if sys.argv[1] == "make":
    make(sys.argv[2])
elif sys.argv[1] == "load":
    for path in sys.argv[2:]:
        print(json.dumps({"file": os.path.basename(path), "torch": torch.__version__, "ways": load(path)}))
