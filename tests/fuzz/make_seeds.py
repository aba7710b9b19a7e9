#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the small ONNX and TFLite models that fuzzing the importers begins with: seeds/onnx, seeds/tflite.

Only needed to change them; they are committed. Needs onnx, numpy, flatbuffers, ai-edge-litert (its schema classes).
"""

import pathlib

import flatbuffers
import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto as T
from onnx import helper as h

HERE = pathlib.Path(__file__).resolve().parent / "seeds"
RANDOM = np.random.default_rng(7)


# ---------------------------------------------------------------- ONNX
def const(name, array):
    return onnx.numpy_helper.from_array(np.asarray(array), name)


def values(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def info(name, shape, kind=T.FLOAT):
    return h.make_tensor_value_info(name, kind, shape)


def onnx_model(name, nodes, inputs, outputs, constants=(), opset=18, functions=()):
    graph = h.make_graph(nodes, name, inputs, outputs, list(constants))
    imports = [h.make_opsetid("", opset)] + [h.make_opsetid("local", 1)] * bool(functions)
    model = h.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=9)
    (HERE / "onnx" / f"{name}.onnx").write_bytes(model.SerializeToString())


def onnx_models():
    x4 = info("x", ["n", 2, 6, 6])
    n = h.make_node
    onnx_model(
        "conv",
        [
            n("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2]),
            n("BatchNormalization", ["c", "s", "t", "m", "v"], ["d"]),
            n("Relu", ["d"], ["e"]),
            n("MaxPool", ["e"], ["f"], kernel_shape=[2, 2]),
            n("GlobalAveragePool", ["f"], ["g"]),
            n("Flatten", ["g"], ["i"]),
            n("Gemm", ["i", "k"], ["j"], transB=1),
            n("Softmax", ["j"], ["y"]),
        ],
        [x4],
        [info("y", ["n", 3])],
        [const("w", values(4, 2, 3, 3)), const("b", values(4)), const("k", values(3, 4))]
        + [const(k, np.abs(values(4)) + 0.1) for k in "stmv"],
    )
    onnx_model(
        "deconv",
        [
            n("ConvTranspose", ["x", "w"], ["c"], strides=[2, 2], group=2, output_padding=[1, 1]),
            n("InstanceNormalization", ["c", "s", "t"], ["y"]),
        ],
        [x4],
        [info("y", None)],
        [const("w", values(2, 1, 2, 2)), const("s", values(2)), const("t", values(2))],
    )
    scale, zero = const("s", np.float32(0.05)), const("z", np.int8(3))
    onnx_model(
        "qdq",
        [
            n("QuantizeLinear", ["x", "s", "z"], ["a"]),
            n("DequantizeLinear", ["a", "s", "z"], ["b"]),
            n("DequantizeLinear", ["w", "ws"], ["c"], axis=0),
            n("DequantizeLinear", ["bi", "bs"], ["d"], axis=0),
            n("Conv", ["b", "c", "d"], ["e"]),
            n("QuantizeLinear", ["e", "s", "z"], ["f"]),
            n("DequantizeLinear", ["f", "s", "z"], ["y"]),
        ],
        [x4],
        [info("y", None)],
        [
            scale,
            zero,
            const("w", RANDOM.integers(-127, 127, (3, 2, 3, 3)).astype(np.int8)),
            const("ws", np.float32([0.1, 0.2, 0.3])),
            const("bi", np.int32([1, 2, 3])),
            const("bs", np.float32([0.005, 0.01, 0.015])),
        ],
    )
    onnx_model(
        "shapes",
        [
            n("Shape", ["x"], ["a"]),
            n("Slice", ["a", "i0", "i1"], ["b"]),
            n("Concat", ["b", "m"], ["c"], axis=0),
            n("Reshape", ["x", "c"], ["d"]),
            n("Transpose", ["d"], ["e"], perm=[1, 0]),
            n("Gather", ["e", "g"], ["f"], axis=0),
            n("Unsqueeze", ["f", "i0"], ["h"]),
            n("Expand", ["h", "ex"], ["i"]),
            n("Split", ["i"], ["j", "k"], axis=1, num_outputs=2),
            n("Pad", ["j", "pads"], ["y"], mode="reflect"),
            n("ReduceMean", ["k", "i0"], ["z"], keepdims=0),
        ],
        [x4],
        [info("y", None), info("z", None)],
        [
            const(k, np.int64(v))
            for k, v in (
                ("i0", [0]),
                ("i1", [1]),
                ("m", [-1]),
                ("g", [0, 1]),
                ("ex", [2, 1, 1]),
                ("pads", [0, 0, 0, 0, 0, 0]),
            )
        ],
    )
    body = h.make_graph(
        [n("Add", ["acc", "one"], ["acc2"]), n("Less", ["i", "lim"], ["go2"]), n("Identity", ["acc2"], ["scan"])],
        "body",
        [info("i", [], T.INT64), info("go", [], T.BOOL), info("acc", [2])],
        [info("go2", [], T.BOOL), info("acc2", [2]), info("scan", [2])],
        [const("lim", np.int64(5)), const("one", np.float32([1, 1]))],
    )
    yes = h.make_graph([n("Mul", ["x", "x"], ["r"])], "yes", [], [info("r", [2])])
    no = h.make_graph([n("Neg", ["x"], ["q"])], "no", [], [info("q", [2])])
    onnx_model(
        "control",
        [
            n("Loop", ["trip", "go", "x"], ["a", "b"], body=body),
            n("If", ["go"], ["c"], then_branch=yes, else_branch=no),
            n("Add", ["a", "c"], ["y"]),
        ],
        [info("x", [2]), info("go", [], T.BOOL)],
        [info("y", [2]), info("b", None)],
        [const("trip", np.int64(3))],
    )
    step = h.make_graph(
        [n("Add", ["s", "e"], ["s2"]), n("Identity", ["s2"], ["o"])],
        "step",
        [info("s", [2]), info("e", [2])],
        [info("s2", [2]), info("o", [2])],
    )
    onnx_model(
        "scan",
        [n("Scan", ["x", "seq"], ["y", "z"], body=step, num_scan_inputs=1)],
        [info("x", [2]), info("seq", [4, 2])],
        [info("y", [2]), info("z", [4, 2])],
    )
    onnx_model(
        "rnn",
        [
            n("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=3),
            n("Squeeze", ["y", "ax"], ["q"]),
            n("GRU", ["q", "gw", "gr"], ["z"], hidden_size=2, direction="bidirectional", linear_before_reset=1),
        ],
        [info("x", [4, 1, 2])],
        [info("z", None), info("h", None)],
        [
            const("w", values(1, 12, 2)),
            const("r", values(1, 12, 3)),
            const("b", values(1, 24)),
            const("ax", np.int64([1])),
            const("gw", values(2, 6, 3)),
            const("gr", values(2, 6, 2)),
        ],
    )
    onnx_model(
        "attention",
        [
            n("MatMul", ["x", "q"], ["a"]),
            n("Transpose", ["a"], ["t"], perm=[0, 2, 1]),
            n("MatMul", ["a", "t"], ["b"]),
            n("Div", ["b", "d"], ["c"]),
            n("Softmax", ["c"], ["e"], axis=-1),
            n("MatMul", ["e", "a"], ["f"]),
            n("LayerNormalization", ["f", "g", "o"], ["i"]),
            n("Erf", ["i"], ["j"]),
            n("Where", ["m", "j", "i"], ["y"]),
        ],
        [info("x", ["b", "t", 4])],
        [info("y", None)],
        [
            const("q", values(4, 4)),
            const("d", np.float32(2)),
            const("g", values(4)),
            const("o", values(4)),
            const("m", np.array([True, False, True, True])),
        ],
    )
    onnx_model(
        "select",
        [
            n("TopK", ["x", "k"], ["v", "i"]),
            n("NonZero", ["x"], ["z"]),
            n("ArgMax", ["x"], ["a"], axis=1),
            n("CumSum", ["x", "ax"], ["c"]),
            n("OneHot", ["a", "depth", "onoff"], ["o"]),
            n("ScatterElements", ["x", "i", "v"], ["s"], axis=1),
            n("GatherND", ["x", "nd"], ["g"]),
        ],
        [info("x", [3, 5])],
        [info(k, None, t) for k, t in (("v", 1), ("i", 7), ("z", 7), ("c", 1), ("o", 1), ("s", 1), ("g", 1))],
        [
            const("k", np.int64([2])),
            const("ax", np.int64(1)),
            const("depth", np.int64(5)),
            const("onoff", np.float32([0, 1])),
            const("nd", np.int64([[0, 1]])),
        ],
    )
    onnx_model(
        "resize",
        [
            n("Resize", ["x", "", "sc"], ["a"], mode="linear"),
            n("Resize", ["x", "", "", "sz"], ["b"], mode="nearest"),
            n("DepthToSpace", ["a"], ["c"], blocksize=1),
            n("LpPool", ["b"], ["y"], kernel_shape=[2, 2]),
            n("Range", ["r0", "r1", "r2"], ["r"]),
        ],
        [info("x", [1, 2, 4, 4])],
        [info("c", None), info("y", None), info("r", None, 7)],
        [const("sc", np.float32([1, 1, 2, 2])), const("sz", np.int64([1, 2, 3, 3]))]
        + [const(f"r{i}", np.int64(v)) for i, v in enumerate((0, 6, 2))],
    )
    onnx_model(
        "boxes",
        [n("NonMaxSuppression", ["b", "s", "m", "t"], ["y"]), n("Unique", ["f"], ["u", "i"], sorted=1)],
        [info("b", [1, 4, 4]), info("s", [1, 1, 4]), info("f", [5])],
        [info("y", None, 7), info("u", None), info("i", None, 7)],
        [const("m", np.int64([2])), const("t", np.float32([0.5]))],
    )
    onnx_model(
        "integers",
        [
            n("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
            n("MatMulInteger", ["q", "w", "z"], ["m"]),
            n("Cast", ["m"], ["f"], to=1),
            n("QLinearMatMul", ["q", "s", "z", "w", "s", "z", "s", "z"], ["y"]),
            n("Mod", ["w", "w2"], ["o"]),
            n("BitShift", ["w", "w2"], ["p"], direction="LEFT"),
        ],
        [info("x", [2, 3])],
        [info("f", None), info("y", None, 2), info("o", None, 2), info("p", None, 2)],
        [const("w", RANDOM.integers(1, 200, (3, 2)).astype(np.uint8)), const("w2", np.uint8([1, 2]))],
    )
    function = h.make_function(
        "local", "Twice", ["a"], ["b"], [n("Add", ["a", "a"], ["b"])], [h.make_opsetid("", 18)]
    )
    half = const("h", np.float16([1, 2]))
    outside = onnx.TensorProto(name="o", data_type=T.FLOAT, dims=[2], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "8")):
        outside.external_data.add(key=key, value=value)
    sparse = h.make_node(
        "Constant",
        [],
        ["k"],
        sparse_value=h.make_sparse_tensor(const("v", np.float32([3.0])), const("i", np.int64([1])), [4]),
    )
    onnx_model(
        "function",
        [n("Twice", ["x"], ["a"], domain="local"), n("Cast", ["h"], ["f"], to=1), n("Add", ["a", "f"], ["y"])],
        [info("x", [2])],
        [info("y", [2])],
        [half],
        functions=[function],
    )
    onnx_model("external", [n("Add", ["x", "o"], ["y"])], [info("x", [2])], [info("y", [2])], [outside])
    onnx_model(
        "sparse", [sparse, n("Einsum", ["x", "k"], ["y"], equation="ij,j->i")], [info("x", [2, 4])], [info("y", [2])]
    )
    onnx_model(
        "old",
        [
            n("Upsample", ["x"], ["a"], scales=[1.0, 1.0, 2.0, 2.0]),
            n("Dropout", ["a"], ["b"], ratio=0.5),
            n("Clip", ["b"], ["c"], min=0.0, max=6.0),
            n("Reshape", ["c", "s"], ["y"]),
        ],
        [info("x", [1, 1, 2, 2])],
        [info("y", None)],
        [const("s", np.int64([0, -1]))],
        opset=7,
    )


# ---------------------------------------------------------------- TFLite
class Lite:
    """A TFLite model with one subgraph after another."""

    def __init__(self):
        self.m = schema.ModelT()
        self.m.version, self.m.description = 3, "seed"
        self.m.operatorCodes, self.m.subgraphs, self.m.buffers = [], [], [schema.BufferT()]
        self.codes = {}
        self.subgraph()

    def subgraph(self):
        g = schema.SubGraphT()
        g.tensors, g.operators, g.inputs, g.outputs = [], [], [], []
        self.m.subgraphs.append(g)
        self.g = g

    def t(self, kind, shape, data=None, scale=None, zero=None, axis=0, variable=False, signature=None):
        x = schema.TensorT()
        x.name, x.type, x.shape, x.isVariable = (
            f"t{len(self.g.tensors)}",
            getattr(schema.TensorType, kind),
            list(shape),
            variable,
        )
        if data is not None:
            b = schema.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.m.buffers.append(b)
            x.buffer = len(self.m.buffers) - 1
        if signature:
            x.shapeSignature = list(signature)
        if scale is not None:
            q = schema.QuantizationParametersT()
            q.scale = [float(v) for v in np.atleast_1d(scale)]
            q.zeroPoint, q.quantizedDimension = [int(zero or 0)] * len(q.scale), axis
            x.quantization = q
        self.g.tensors.append(x)
        return len(self.g.tensors) - 1

    def op(self, name, inputs, outputs, options=None, custom=None, **fields):
        key = custom or name
        if key not in self.codes:
            c = schema.OperatorCodeT()
            c.builtinCode = getattr(schema.BuiltinOperator, name)
            c.deprecatedBuiltinCode, c.version = min(c.builtinCode, 127), 1
            if custom:
                c.customCode = custom
            self.codes[key] = len(self.m.operatorCodes)
            self.m.operatorCodes.append(c)
        o = schema.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = self.codes[key], list(inputs), list(outputs)
        if options:
            table = getattr(schema, options + "T")()
            for k, v in fields.items():
                setattr(table, k, v)
            o.builtinOptionsType, o.builtinOptions = getattr(schema.BuiltinOptions, options), table
        self.g.operators.append(o)

    def io(self, inputs, outputs):
        self.g.inputs, self.g.outputs = list(inputs), list(outputs)

    def save(self, name):
        b = flatbuffers.Builder(1024)
        b.Finish(self.m.Pack(b), b"TFL3")
        (HERE / "tflite" / f"{name}.tflite").write_bytes(bytes(b.Output()))


def bytes8(*shape):
    return RANDOM.integers(-127, 128, shape).astype(np.int8)


def tflite_models():
    m = Lite()
    x, w = m.t("INT8", [1, 6, 6, 2], scale=0.1, zero=3), m.t(
        "INT8", [4, 3, 3, 2], bytes8(4, 3, 3, 2), scale=[0.1, 0.2, 0.3, 0.4]
    )
    b, c = m.t("INT32", [4], np.int32([1, 2, 3, 4]), scale=[0.01, 0.02, 0.03, 0.04]), m.t(
        "INT8", [1, 3, 3, 4], scale=0.2
    )
    d, dw = m.t("INT8", [1, 3, 3, 4], scale=0.2), m.t(
        "INT8", [1, 3, 3, 4], bytes8(1, 3, 3, 4), scale=[0.1] * 4, axis=3
    )
    p, r, s, f = (
        m.t("INT8", [1, 1, 1, 4], scale=0.2),
        m.t("INT8", [1, 4], scale=0.2),
        m.t("INT32", [2], np.int32([1, -1])),
        m.t("INT8", [1, 3], scale=0.5),
    )
    fw, y = m.t("INT8", [3, 4], bytes8(3, 4), scale=0.1), m.t("INT8", [1, 3], scale=1 / 256, zero=-128)
    m.op("CONV_2D", [x, w, b], [c], "Conv2DOptions", strideW=2, strideH=2, fusedActivationFunction=1)
    m.op("DEPTHWISE_CONV_2D", [c, dw, b], [d], "DepthwiseConv2DOptions", strideW=1, strideH=1, depthMultiplier=1)
    m.op("AVERAGE_POOL_2D", [d], [p], "Pool2DOptions", filterWidth=3, filterHeight=3, strideW=1, strideH=1, padding=1)
    m.op("RESHAPE", [p, s], [r], "ReshapeOptions", newShape=[1, -1])
    m.op("FULLY_CONNECTED", [r, fw, -1], [f], "FullyConnectedOptions")
    m.op("SOFTMAX", [f], [y], "SoftmaxOptions", beta=1.0)
    m.io([x], [y])
    m.save("conv_int8")

    m = Lite()
    x = m.t("FLOAT32", [1, 4, 4, 2], signature=[-1, 4, 4, 2])
    a, b = m.t("FLOAT32", [1, 4, 4, 2]), m.t("FLOAT32", [1, 4, 4, 4])
    one, st = m.t("FLOAT32", [2], np.float32([1, 2])), [
        m.t("INT32", [4], np.int32(v)) for v in ([0, 1, 1, 0], [1, 3, 3, 4], [1, 1, 1, 1])
    ]
    c, d, e, z = (
        m.t("FLOAT32", [1, 2, 2, 4]),
        m.t("FLOAT32", [1, 4, 4, 4]),
        m.t("FLOAT32", [1, 6, 6, 4]),
        m.t("FLOAT32", [1, 4]),
    )
    size, pad, ax = (
        m.t("INT32", [2], np.int32([4, 4])),
        m.t("INT32", [4, 2], np.int32([[0, 0], [1, 1], [1, 1], [0, 0]])),
        m.t("INT32", [2], np.int32([1, 2])),
    )
    m.op("ADD", [x, one], [a], "AddOptions", fusedActivationFunction=3)
    m.op("CONCATENATION", [a, x], [b], "ConcatenationOptions", axis=3)
    m.op("STRIDED_SLICE", [b] + st, [c], "StridedSliceOptions", beginMask=1)
    m.op("RESIZE_BILINEAR", [c, size], [d], "ResizeBilinearOptions", halfPixelCenters=True)
    m.op("PAD", [d, pad], [e], "PadOptions")
    m.op("MEAN", [e, ax], [z], "ReducerOptions", keepDims=False)
    m.io([x], [z])
    m.save("float")

    m = Lite()
    x, w1, w2, b = (
        m.t("FLOAT32", [1, 3]),
        m.t("FLOAT32", [4, 3], values(4, 3)),
        m.t("FLOAT32", [4, 2], values(4, 2)),
        m.t("FLOAT32", [4], values(4)),
    )
    s, y = m.t("FLOAT32", [1, 8], variable=True), m.t("FLOAT32", [1, 4])
    m.op("SVDF", [x, w1, w2, b, s], [y], "SVDFOptions", rank=1, fusedActivationFunction=1)
    m.io([x], [y])
    m.save("svdf")

    m = Lite()
    x = m.t("FLOAT32", [1, 4, 2])
    ws = [m.t("FLOAT32", [3, 2], values(3, 2)) for _ in range(4)] + [
        m.t("FLOAT32", [3, 3], values(3, 3)) for _ in range(4)
    ]
    bs = [m.t("FLOAT32", [3], values(3)) for _ in range(4)]
    st, y = [m.t("FLOAT32", [1, 3], variable=True) for _ in range(2)], m.t("FLOAT32", [1, 4, 3])
    m.op(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        [x] + ws + [-1, -1, -1] + bs + [-1, -1] + st + [-1] * 4,
        [y],
        "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction=4,
    )
    m.io([x], [y])
    m.save("lstm")

    m = Lite()
    x, flag, y, z = m.t("FLOAT32", [2]), m.t("BOOL", []), m.t("FLOAT32", [2]), m.t("FLOAT32", [2])
    m.op("IF", [flag, x], [y], "IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2)
    m.op("WHILE", [y], [z], "WhileOptions", condSubgraphIndex=3, bodySubgraphIndex=1)
    m.io([flag, x], [z])
    for name in ("EXP", "NEG"):
        m.subgraph()
        a, b = m.t("FLOAT32", [2]), m.t("FLOAT32", [2])
        m.op(name, [a], [b])
        m.io([a], [b])
    m.subgraph()
    a, ax, s, k, c = (
        m.t("FLOAT32", [2]),
        m.t("INT32", [1], np.int32([0])),
        m.t("FLOAT32", []),
        m.t("FLOAT32", [], np.float32(9)),
        m.t("BOOL", []),
    )
    m.op("SUM", [a, ax], [s], "ReducerOptions")
    m.op("LESS", [s, k], [c], "LessOptions")
    m.io([a], [c])
    m.save("control")

    m = Lite()
    h1, h2, x, y = m.t("RESOURCE", []), m.t("RESOURCE", []), m.t("FLOAT32", [2]), m.t("FLOAT32", [2])
    m.op("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
    m.op("VAR_HANDLE", [], [h1], "VarHandleOptions", sharedName="v")
    m.op("READ_VARIABLE", [h1], [y], "ReadVariableOptions")
    m.op("ASSIGN_VARIABLE", [h1, x], [], "AssignVariableOptions")
    m.io([x], [y])
    m.subgraph()
    h2, k = m.t("RESOURCE", []), m.t("FLOAT32", [2], np.float32([1, 2]))
    m.op("VAR_HANDLE", [], [h2], "VarHandleOptions", sharedName="v")
    m.op("ASSIGN_VARIABLE", [h2, k], [], "AssignVariableOptions")
    m.save("variables")

    m = Lite()
    x, i, g = m.t("FLOAT32", [3, 4]), m.t("INT32", [2], np.int32([0, 2])), m.t("FLOAT32", [2, 4])
    k, v, ix, t = m.t("INT32", [], np.int32(2)), m.t("FLOAT32", [2, 2]), m.t("INT32", [2, 2]), m.t("FLOAT32", [4, 2])
    perm, sp, ax = (
        m.t("INT32", [2], np.int32([1, 0])),
        [m.t("FLOAT32", [2, 2]) for _ in range(2)],
        m.t("INT32", [], np.int32(0)),
    )
    q, qq, hf = (
        m.t("INT8", [2, 4], scale=0.5),
        m.t("UINT8", [2, 4], scale=0.25, zero=128),
        m.t("FLOAT16", [2], np.float16([1, 2])),
    )
    hd, tr = m.t("FLOAT32", [2]), m.t("FLOAT32", [1, 5, 5, 1])
    shape, tw, tx = (
        m.t("INT32", [4], np.int32([1, 5, 5, 1])),
        m.t("FLOAT32", [1, 3, 3, 2], values(1, 3, 3, 2)),
        m.t("FLOAT32", [1, 2, 2, 2]),
    )
    m.op("GATHER", [x, i], [g], "GatherOptions", axis=0)
    m.op("TOPK_V2", [g, k], [v, ix], "TopKV2Options")
    m.op("TRANSPOSE", [g, perm], [t], "TransposeOptions")
    m.op("SPLIT", [ax, t], sp, "SplitOptions", numSplits=2)
    m.op("QUANTIZE", [g], [q], "QuantizeOptions")
    m.op("QUANTIZE", [q], [qq], "QuantizeOptions")
    m.op("DEQUANTIZE", [hf], [hd], "DequantizeOptions")
    m.op("TRANSPOSE_CONV", [shape, tw, tx], [tr], "TransposeConvOptions", strideW=2, strideH=2)
    m.io([x, tx], [v, ix] + sp + [qq, hd, tr])
    m.save("mixed")

    m = Lite()
    x, y = m.t("FLOAT32", [2]), m.t("FLOAT32", [2])
    m.op("CUSTOM", [x], [y], custom="MyOperator")
    m.io([x], [y])
    m.save("custom")


if __name__ == "__main__":
    for kind in ("onnx", "tflite"):
        (HERE / kind).mkdir(parents=True, exist_ok=True)
    onnx_models()
    tflite_models()
    for path in sorted(HERE.glob("*/*")):
        print(path.relative_to(HERE), path.stat().st_size)
