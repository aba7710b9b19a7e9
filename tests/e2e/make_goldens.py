#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the expected outputs of the shared TFLite models, computed by LiteRT's reference kernels.

    pip install numpy ai-edge-litert
    python3 tests/e2e/make_goldens.py ../shared/models

Inputs are those of `edgert run --seed 1`: SplitMix64 from the seed plus the input's position, so that nothing but the outputs
is stored. Each file: all outputs of the model, as raw little-endian bytes, one after the other. Beside them the steps by which
LiteRT's own default kernels (its XNNPACK delegate) differ from its reference (counts.txt), which is the yardstick for whole integer models.
"""
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

OUT = pathlib.Path(__file__).parent / "goldens"


def splitmix(state, count):
    with np.errstate(over="ignore"):
        z = np.uint64(state) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def fill(shape, dtype, seed):
    z = splitmix(seed, int(np.prod(shape)))
    if dtype == np.float32:
        return ((z >> np.uint64(40)).astype(np.float64) / 2 ** 23 - 1).astype(np.float32).reshape(shape)
    return (z >> np.uint64(56)).astype(np.uint8).view(dtype).reshape(shape)


def repaired(path):
    """person_detect: biases of one dimension that claim quantized dimension 3."""
    data = path.read_bytes()
    if path.name != "person_detect.tflite":
        return data
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for tensor in model.subgraphs[0].tensors:
        if tensor.quantization is not None and len(tensor.shape) <= tensor.quantization.quantizedDimension:
            tensor.quantization.quantizedDimension = 0
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(data, resolver):
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for i, detail in enumerate(interpreter.get_input_details()):
        interpreter.set_tensor(detail["index"], fill(detail["shape"], detail["dtype"], 1 + i))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def main():
    OUT.mkdir(exist_ok=True)
    lines = []
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*/*.tflite")):
        data = repaired(path)
        reference = run(data, OpResolverType.BUILTIN_REF)
        fast = run(data, OpResolverType.AUTO)
        (OUT / f"{path.stem}.bin").write_bytes(b"".join(np.ascontiguousarray(o).tobytes() for o in reference))
        steps = max(np.abs(a.astype(np.float64) - b.astype(np.float64)).max() for a, b in zip(reference, fast))
        differ = sum(int((a != b).sum()) for a, b in zip(reference, fast))
        lines.append(f"{path.stem} {steps:g} {differ}\n")
    (OUT / "counts.txt").write_text("".join(lines))
    print("".join(lines), end="")


if __name__ == "__main__":
    main()
