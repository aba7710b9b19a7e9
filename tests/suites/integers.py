#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Quantized convolutions and products over the whole range of 8 bits, beside exact integers.

    integers.py EDGERT

Scales are powers of two, so the requantization of an exact sum is exact too, whatever arithmetic does it: an output is
right when it lies within half a step of the real value (a tie may fall either way), and a step off when it does not.
Every ISA that this CPU has must give no element off, and all of them the same bits.
"""
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper
except ImportError as missing:
    print(f"skipped: Python package {missing.name} is not here")
    sys.exit(77)
import batch

ISAS = ("scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16")
TYPES = {"u8": np.uint8, "s8": np.int8}
SEEDS = 4


@dataclasses.dataclass
class Case:
    name: str
    family: str
    model: pathlib.Path
    inputs: list           # .npy files
    real: np.ndarray       # exact outputs before rounding: float64, or int64 for products that stay integers
    kind: str              # "u8", "s8" or "s32"
    rtol: float = 0.0
    atol: float = 0.0
    expected: list = dataclasses.field(default_factory=list)


def steps(case, got):
    """Whole steps between each element and the nearest right answer."""
    if got.shape != case.real.shape:
        raise ValueError(f"shape {got.shape}, not {case.real.shape}")
    if case.kind == "s32":
        return np.abs(got.astype(np.int64) - case.real)
    limits = np.iinfo(TYPES[case.kind])
    return np.ceil(np.maximum(np.abs(got - np.clip(case.real, limits.min, limits.max)) - 0.5, 0)).astype(np.int64)


def conv_sums(x, w, group, pad):
    """int64 [N, O, H, W] of zero-free x [N, C, H, W] and w [O, C / group, k, k]"""
    x, outs = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad))), w.shape[0]
    k, per = w.shape[2], w.shape[1]
    height, width = x.shape[2] - k + 1, x.shape[3] - k + 1
    y = np.zeros((x.shape[0], outs, height, width), np.int64)
    for o in range(outs):
        first = o // (outs // group) * per
        for i in range(k):
            for j in range(k):
                y[:, o] += np.einsum("nchw,c->nhw", x[:, first:first + per, i:i + height, j:j + width], w[o, :, i, j])
    return y


class Numbers:
    """One case's random numbers."""

    def __init__(self, seed, a, b):
        self.rng, self.a, self.b = np.random.default_rng(seed), a, b
        self.zero = int(self.rng.integers(90, 166)) - (128 if a == "s8" else 0)

    def activation(self, *shape):
        return self.rng.integers(*((0, 256) if self.a == "u8" else (-128, 128)), shape).astype(TYPES[self.a])

    def weight(self, *shape):
        """s8: symmetric; u8: about 128"""
        return self.rng.integers(*((0, 256) if self.b == "u8" else (-127, 128)), shape).astype(TYPES[self.b])

    def weight_zero(self):
        return 128 if self.b == "u8" else 0

    def scales(self, count):
        return 2.0 ** -self.rng.integers(7, 9, count) if self.b == "s8" else np.full(1, 2.0 ** -7)


X_SCALE = 2.0 ** -6


def output_scale(real):
    return 2.0 ** np.ceil(np.log2(real.std() / 50))


def save(folder, name, model, inputs):
    path = folder / f"{name}{'.tflite' if isinstance(model, bytes) else '.onnx'}"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    files = [folder / f"{name}.{i}.npy" for i in range(len(inputs))]
    for file, value in zip(files, inputs):
        np.save(file, value)
    return path, files


def onnx_model(nodes, constants, inputs, output):
    def info(name, value):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
    graph = helper.make_graph(nodes, "integers", [info(n, v) for n, v in inputs.items()], [info("y", output)],
                              [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def quantized(folder, name, family, n, sums, x, w, attributes, qdq, op):
    """Case of one Conv or MatMul between 8-bit x and constant w; sums: of the values less their zero points."""
    channels = w.shape[0] if op == "Conv" else w.shape[1]
    ws = n.scales(channels)
    along = (-1, 1, 1) if op == "Conv" else (-1,)
    real = sums * (X_SCALE * ws).reshape(along)
    ys, yz = output_scale(real), n.zero
    axis = 0 if op == "Conv" else 1
    wz = np.full(len(ws), n.weight_zero(), w.dtype)
    ws32, wz = (ws.astype(np.float32), wz) if len(ws) > 1 else (np.float32(ws[0]), wz[0])
    kind = TYPES[n.a]
    constants = {"w": w, "xs": np.float32(X_SCALE), "xz": kind(n.zero), "ws": ws32, "wz": wz, "ys": np.float32(ys), "yz": kind(yz)}
    if qdq:
        per = {"axis": axis} if len(ws) > 1 else {}
        nodes = [helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xf"]),
                 helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], **per),
                 helper.make_node(op, ["xf", "wf"], ["yf"], **attributes),
                 helper.make_node("QuantizeLinear", ["yf", "ys", "yz"], ["y"])]
    else:
        nodes = [helper.make_node("QLinear" + op, ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"], **attributes)]
    real = real / ys + yz
    model = onnx_model(nodes, constants, {"x": x}, np.empty(real.shape, kind))
    return Case(name, family, *save(folder, name, model, [x]), real, n.a)


def convolutions(folder):
    for label, channels, outs, k, group in (("conv 3x3", 48, 40, 3, 1), ("conv 1x1", 96, 40, 1, 1), ("depthwise 3x3", 48, 48, 3, 48)):
        for a, b in (("u8", "s8"), ("s8", "s8"), ("u8", "u8")):
            for seed in range(SEEDS):
                n = Numbers(seed, a, b)
                x, w = n.activation(1, channels, 9, 9), n.weight(outs, channels // group, k, k)
                sums = conv_sums(x.astype(np.int64) - n.zero, w.astype(np.int64) - n.weight_zero(), group, k // 2)
                attributes = {"pads": [k // 2] * 4, "group": group, "kernel_shape": [k, k]}
                yield quantized(folder, f"{label.replace(' ', '_')}_{a}{b}_{seed}", f"{label} {a} × {b}", n, sums, x, w, attributes,
                                (seed & 1) == 0, "Conv")


def products(folder):
    for a, b in (("u8", "s8"), ("s8", "s8"), ("u8", "u8")):
        for seed in range(SEEDS):
            n = Numbers(seed, a, b)
            x, w = n.activation(17, 300), n.weight(300, 40)
            sums = (x.astype(np.int64) - n.zero) @ (w.astype(np.int64) - n.weight_zero())
            yield quantized(folder, f"matmul_{a}{b}_{seed}", f"matrix product {a} × {b}", n, sums, x, w, {}, (seed & 1) == 0, "MatMul")


def integer_products(folder):
    """MatMulInteger and ConvInteger: the sums themselves"""
    for a, b in (("u8", "s8"), ("u8", "u8")):
        for seed in range(SEEDS):
            n = Numbers(seed, a, b)
            x, w = n.activation(17, 300), n.weight(300, 40)
            constants = {"w": w, "xz": TYPES[a](n.zero), "wz": TYPES[b](n.weight_zero())}
            sums = (x.astype(np.int64) - n.zero) @ (w.astype(np.int64) - n.weight_zero())
            model = onnx_model([helper.make_node("MatMulInteger", ["x", "w", "xz", "wz"], ["y"])], constants, {"x": x}, sums.astype(np.int32))
            name = f"matmulinteger_{a}{b}_{seed}"
            yield Case(name, f"MatMulInteger {a} × {b}", *save(folder, name, model, [x]), sums, "s32")
            x, w = n.activation(1, 48, 9, 9), n.weight(40, 48, 3, 3)
            if b == "s8":
                continue  # ONNX Runtime has no ConvInteger of mixed types
            sums = conv_sums(x.astype(np.int64) - n.zero, w.astype(np.int64) - n.weight_zero(), 1, 0)
            model = onnx_model([helper.make_node("ConvInteger", ["x", "w", "xz", "wz"], ["y"])], {**constants, "w": w}, {"x": x},
                               sums.astype(np.int32))
            name = f"convinteger_{a}{b}_{seed}"
            yield Case(name, f"ConvInteger {a} × {b}", *save(folder, name, model, [x]), sums, "s32")


def tflite_model(schema, flatbuffers, code, tensors, options, version):
    """One operator; tensors: (type, shape, data, scales, zero, axis), the last is the output, the first the input."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers, graph.tensors = 3, [schema.BufferT()], []
    for i, (kind, shape, data, scales, zero, axis) in enumerate(tensors):
        t, q = schema.TensorT(), schema.QuantizationParametersT()
        t.name, t.type, t.shape, t.buffer = f"t{i}", getattr(schema.TensorType, kind), list(shape), 0
        if data is not None:
            b = schema.BufferT()
            b.data, t.buffer = np.frombuffer(data.tobytes(), np.uint8), len(model.buffers)
            model.buffers.append(b)
        q.scale, q.zeroPoint, q.quantizedDimension = [float(s) for s in scales], [int(zero)] * len(scales), axis
        t.quantization = q
        graph.tensors.append(t)
    last = len(tensors) - 1
    oc, op = schema.OperatorCodeT(), schema.OperatorT()
    oc.builtinCode = oc.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, code)
    oc.version = version
    op.inputs, op.outputs = list(range(last)), [last]
    name, fields = options
    op.builtinOptionsType, op.builtinOptions = getattr(schema.BuiltinOptions, name), getattr(schema, name + "T")()
    for key, value in fields.items():
        setattr(op.builtinOptions, key, value)
    graph.inputs, graph.outputs, graph.operators = [0], [last], [op]
    model.operatorCodes, model.subgraphs = [oc], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def tflite(folder):
    """CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED of s8; nothing without LiteRT's schema classes"""
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        return
    for seed in range(SEEDS):
        for code, family in (("CONV_2D", "conv 3x3"), ("DEPTHWISE_CONV_2D", "depthwise 3x3"), ("FULLY_CONNECTED", "matrix product")):
            n = Numbers(seed, "s8", "s8")
            ws = n.scales(40)
            if code == "FULLY_CONNECTED":
                x, w, options = n.activation(17, 300), n.weight(40, 300), ("FullyConnectedOptions", {})
                sums, axis, stored = (x.astype(np.int64) - n.zero) @ w.astype(np.int64).T, 0, w
            else:
                deep = code == "CONV_2D"
                x, w = n.activation(1, 9, 9, 48 if deep else 40), n.weight(40, 48 if deep else 1, 3, 3)
                sums = conv_sums(x.astype(np.int64).transpose(0, 3, 1, 2) - n.zero, w.astype(np.int64), 1 if deep else 40, 0)
                sums, axis = sums.transpose(0, 2, 3, 1), 0 if deep else 3
                stored = w.transpose((0, 2, 3, 1) if deep else (1, 2, 3, 0))
                options = ("Conv2DOptions" if deep else "DepthwiseConv2DOptions", {"padding": 1, "strideW": 1, "strideH": 1, "dilationWFactor": 1,
                           "dilationHFactor": 1} | ({} if deep else {"depthMultiplier": 1}))
            ys = output_scale(sums * X_SCALE * ws)
            bias = n.rng.integers(-5000, 5000, 40).astype(np.int32)
            real = (sums + bias) * (X_SCALE * ws) / ys + n.zero
            stored = np.ascontiguousarray(stored)
            model = tflite_model(schema, flatbuffers, code,
                                 [("INT8", x.shape, None, [X_SCALE], n.zero, 0), ("INT8", stored.shape, stored, ws, 0, axis),
                                  ("INT32", bias.shape, bias, X_SCALE * ws, 0, 0), ("INT8", real.shape, None, [ys], n.zero, 0)], options, 5)
            name = f"tflite_{code.lower()}_{seed}"
            yield Case(name, f"TFLite {family} s8 × s8", *save(folder, name, model, [x]), real, "s8")


def cases(folder):
    for make in (convolutions, products, integer_products, tflite):
        yield from make(folder)


def ours(edgert, given, folder, options):
    """Outputs by case name, or the text of the error."""
    answers = batch.run(edgert, given, folder, options)
    return {c.name: answers[c.name].outputs[0][0] if answers[c.name].code == 0 else answers[c.name].error for c in given}


def main():
    edgert = sys.argv[1]
    failed, seen = 0, {}
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        given = list(cases(work))
        have = [isa for isa in ISAS if subprocess.run([edgert, "run", str(given[0].model), "--isa", isa], check=False,
                                                      capture_output=True).returncode == 0]
        for way in [["--isa", isa] for isa in have] + [["--threads", "2"], ["--backend", "xnnpack,cpu", "--prefer"], ["--reproducible"]]:
            for name, got in ours(edgert, given, work, way).items():
                case = next(c for c in given if c.name == name)
                wrong = got if isinstance(got, str) else None
                if wrong is None:
                    off = steps(case, got)
                    if off.max():
                        wrong = f"{np.count_nonzero(off)} of {off.size} are off, by {off.max()} at most"
                    elif way[0] != "--backend" and not np.array_equal(seen.setdefault(name, got), got):
                        wrong = "other bits than before"
                if wrong:
                    failed += 1
                    print(f"{name} {' '.join(way)}: {wrong}")
    print(f"{len(given)} cases, {len(have)} ISAs ({' '.join(have)}), {failed} fail")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
