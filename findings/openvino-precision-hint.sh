#!/usr/bin/env bash
# Wrong guess: OpenVINO refuses a precision that the processor has no units for, or says that it computes in another.
#
# INFERENCE_PRECISION_HINT takes bf16 and f16 on any processor. Where
# OPTIMIZATION_CAPABILITIES lacks BF16, products are computed in float32, to the
# last bit as with the hint f32, without a warning; the same property, read back
# from the compiled model, then says float32. A measurement "in bf16" on such a
# machine is one of float32. The same holds for f16.
exec "$(dirname "$0")/in-venv" openvino==2026.4.1 numpy==2.4.6 <<'PYTHON'
import numpy as np, openvino as ov, openvino.opset13 as ops

core = ov.Core()
print("openvino", ov.__version__)
able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
print("capabilities:", " ".join(able))
random = np.random.default_rng(0)
weights = random.standard_normal((256, 256), np.float32)
given = random.standard_normal((64, 256), np.float32)
x = ops.parameter([64, 256], np.float32)
model = ov.Model([ops.matmul(x, ops.constant(weights), False, False)], [x])
results = {}
for hint in ("f32", "bf16", "f16"):
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": hint})
    told = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    results[hint] = compiled([given])[0]
    same = np.array_equal(results[hint], results["f32"])
    print(f"asked for {hint}: computes in {told}; equal to f32: {same}")
    unit = {"f32": "FP32", "bf16": "BF16", "f16": "FP16"}[hint]
    assert (told == hint) == (unit in able) and same == (told == "f32"), (hint, told)
PYTHON
