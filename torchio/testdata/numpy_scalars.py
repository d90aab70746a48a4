"""Writes files with NumPy scalars as keys and as values, and what they equal.

    python numpy_scalars.py FOLDER

expected.json lists, for each file, the value of each name as [type, text] of
the Python value that it equals, null where it has no equal here, and the ids
of the dict "ids".
"""
import io
import json
import os
import sys

import numpy as np
import torch

values = {
    "bool": np.bool_(True), "false": np.bool_(False),
    "int8": np.int8(-5), "int16": np.int16(-300), "int32": np.int32(-70000), "int64": np.int64(-1 << 63),
    "uint8": np.uint8(200), "uint16": np.uint16(65535), "uint32": np.uint32(1 << 31), "uint64": np.uint64((1 << 64) - 1), "uint64-small": np.uint64(7),
    "float16": np.float16(-1.5), "float32": np.float32(0.1), "float64": np.float64(0.1), "inf": np.float64("-inf"), "subnormal": np.float16(6e-8),
    "complex64": np.complex64(1 - 2j), "complex128": np.complex128(0.1 + 0.2j),
    "text": np.str_("grüße 😀"), "text-empty": np.str_(""), "bytes": np.bytes_(b"a\xff"),
    "date": np.datetime64("2020-01-02"), "difference": np.timedelta64(5, "s"), "long": np.longdouble(1), "void": np.void(b"ab"),
    "dtype": np.dtype("int64"), "big-endian": np.array([3], ">i4")[0], "again": np.int64(9),
}
values["same"] = values["again"]
ids = [np.int64(0), np.int32(1), np.uint8(2), np.uint64(3), np.float64(4), np.float32(5), 6.0, 7, np.int64(1 << 40), np.float64(-8)]


def equal(v):
    if isinstance(v, (np.dtype, np.longdouble, np.datetime64, np.timedelta64, np.void)):
        return None
    v = v.item()
    if isinstance(v, complex):
        return ["complex", repr(v.real) + " " + repr(v.imag)]
    if isinstance(v, bytes):
        return ["bytes", v.hex()]
    return [type(v).__name__, v if isinstance(v, str) else repr(v)]


expected = {}
for protocol in (2, 3, 4, 5):
    name = "protocol%d.pt" % protocol
    file = io.BytesIO()
    content = {"values": values, "ids": {k: torch.tensor([float(k)]) for k in ids}, "names": {np.str_("a"): torch.zeros(1), np.str_("b"): torch.ones(1)}}
    torch.save(content, file, pickle_protocol=protocol)
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(file.getvalue())
    expected[name] = {"values": {k: equal(v) for k, v in values.items()}, "ids": [int(k) for k in ids]}
with open(os.path.join(sys.argv[1], "expected.json"), "w") as f:
    json.dump(expected, f, indent=0)
    f.write("\n")
