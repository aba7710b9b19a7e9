# SPDX-License-Identifier: Apache-2.0
"""Random small graphs of the kinds that real models are made of: convolution blocks in float and in QDQ form, attention,
shuffles of the layout, recurrent layers, and mixed arithmetic. One seed always gives one graph."""
import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Values are names; .shape and .step (of a value on a quantization grid) are known for each."""

    def __init__(self, seed, opset):
        self.dice = random.Random(seed)
        self.numbers = np.random.default_rng(seed)
        self.nodes, self.constants, self.inputs, self.feeds = [], [], [], []
        self.shape, self.count, self.opset = {}, 0, opset
        self.step = 0.0  # largest quantization step used: answers may differ by some of it

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def constant(self, array):
        name = self.name("c")
        self.constants.append(numpy_helper.from_array(np.array(array, order="C"), name))
        self.shape[name] = tuple(array.shape)
        return name

    def floats(self, *shape, scale=1.0):
        return (self.numbers.standard_normal(shape) * scale).astype(np.float32)

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def feed(self, *shape):
        """An input, sometimes with an open first dimension."""
        name = self.name("x")
        dims = [("batch" if i == 0 and self.dice.random() < 0.3 else n) for i, n in enumerate(shape)]
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
        self.feeds.append(self.floats(*shape))
        self.shape[name] = tuple(shape)
        return name

    def add(self, op, inputs, shape, outputs=1, domain="", **attributes):
        names = [self.name(op.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        for n, s in zip(names, shape if outputs > 1 else [shape]):
            self.shape[n] = tuple(s)
        return names if outputs > 1 else names[0]

    def model(self, outputs):
        values = [helper.make_tensor_value_info(n, kind, [None] * len(self.shape[n])) for n, kind in outputs]
        graph = helper.make_graph(self.nodes, "g", self.inputs, values, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = min(model.ir_version, 10)
        return model


# ---- convolution blocks

def activation(g, x):
    kind = g.dice.choice(["none", "relu", "relu6", "swish", "sigmoid", "hardswish", "leaky", "elu", "prelu", "tanh", "gelu"])
    s = g.shape[x]
    if kind == "relu":
        return g.add("Relu", [x], s)
    if kind == "relu6":
        return g.add("Clip", [x, g.constant(np.float32(0)), g.constant(np.float32(6))], s)
    if kind == "swish":
        return g.add("Mul", [x, g.add("Sigmoid", [x], s)], s)
    if kind in ("sigmoid", "tanh", "elu"):
        return g.add(kind.capitalize(), [x], s)
    if kind == "hardswish":
        if g.dice.random() < 0.5:
            return g.add("HardSwish", [x], s)
        six = g.add("Clip", [g.add("Add", [x, g.constant(np.float32(3))], s), g.constant(np.float32(0)), g.constant(np.float32(6))], s)
        return g.add("Div", [g.add("Mul", [x, six], s), g.constant(np.float32(6))], s)
    if kind == "leaky":
        return g.add("LeakyRelu", [x], s, alpha=0.1)
    if kind == "prelu":
        return g.add("PRelu", [x, g.constant(g.floats(s[1], *[1] * (len(s) - 2)))], s)
    if kind == "gelu":
        half = g.add("Mul", [x, g.constant(np.float32(0.5))], s)
        erf = g.add("Erf", [g.add("Div", [x, g.constant(np.float32(2 ** 0.5))], s)], s)
        return g.add("Mul", [half, g.add("Add", [erf, g.constant(np.float32(1))], s)], s)
    return x


def quantize(g, x, low=None):
    """x on an 8-bit grid: QuantizeLinear, DequantizeLinear."""
    kind = g.dice.choice([np.uint8, np.int8])
    scale = np.float32(g.dice.uniform(0.02, 0.06))
    zero = kind(g.dice.randint(96, 160) if kind == np.uint8 else g.dice.randint(-32, 31))
    g.step = max(g.step, float(scale))
    s, z = g.constant(scale), g.constant(np.array(zero, kind))
    return g.add("DequantizeLinear", [g.add("QuantizeLinear", [x, s, z], g.shape[x]), s, z], g.shape[x])


def weights(g, array, quantized, axis=0):
    if not quantized:
        return g.constant(array)
    if g.dice.random() < 0.7:  # per channel
        other = tuple(i for i in range(array.ndim) if i != axis)
        scale = np.maximum(np.abs(array).max(other), 1e-3).astype(np.float32) / 127
        shaped = scale.reshape([-1 if i == axis else 1 for i in range(array.ndim)])
        inputs = [np.clip(np.rint(array / shaped), -128, 127).astype(np.int8), scale, np.zeros(len(scale), np.int8)]
        return g.add("DequantizeLinear", [g.constant(a) for a in inputs], array.shape, axis=axis)
    scale = np.float32(np.abs(array).max() / 127)
    inputs = [np.clip(np.rint(array / scale), -128, 127).astype(np.int8), scale, np.array(0, np.int8)]
    return g.add("DequantizeLinear", [g.constant(np.asarray(a)) for a in inputs], array.shape)


def bias(g, x, w, n, quantized):
    return g.constant(g.floats(n, scale=0.1))


def convolution(g, x, quantized, keep=False):
    n, c, h, w = g.shape[x]
    depthwise = g.dice.random() < 0.3
    group = c if depthwise else g.dice.choice([1, 1, 1, 2]) if c % 2 == 0 else 1
    out = c if depthwise or keep else g.dice.choice([4, 8, 12, 16, 24])
    if out % group:
        out = c
    k = g.dice.choice([1, 1, 3, 3, 5]) if min(h, w) >= 5 else 1
    stride = 1 if keep or min(h, w) < 4 else g.dice.choice([1, 1, 2])
    dilation = 2 if k == 3 and stride == 1 and min(h, w) >= 5 and g.dice.random() < 0.15 else 1
    pad = dilation * (k - 1) // 2
    filters = g.floats(out, c // group, k, k, scale=(c // group * k * k) ** -0.5)
    inputs = [x, weights(g, filters, quantized)]
    if g.dice.random() < 0.7:
        inputs.append(bias(g, x, inputs[1], out, quantized))
    shape = (n, out, (h + 2 * pad - dilation * (k - 1) - 1) // stride + 1, (w + 2 * pad - dilation * (k - 1) - 1) // stride + 1)
    y = g.add("Conv", inputs, shape, kernel_shape=[k, k], strides=[stride] * 2, dilations=[dilation] * 2, pads=[pad] * 4, group=group)
    if not quantized and g.dice.random() < 0.3:
        parts = [g.floats(out, scale=0.3) + 1, g.floats(out, scale=0.2), g.floats(out, scale=0.2), np.abs(g.floats(out)) + 0.5]
        y = g.add("BatchNormalization", [y] + [g.constant(p.astype(np.float32)) for p in parts], shape)
    return y


def convolutions(g, quantized=False):
    grid = (lambda v: quantize(g, v)) if quantized else (lambda v: v)
    x = grid(g.feed(g.dice.choice([1, 1, 2]), g.dice.choice([1, 3, 4, 8]), g.dice.randint(5, 20), g.dice.randint(5, 20)))
    for _ in range(g.dice.randint(2, 4)):
        n, c, h, w = g.shape[x]
        kind = g.dice.choice(["conv", "conv", "residual", "pool", "squeeze", "concat", "resize", "pad", "transposed"])
        if kind == "residual":
            y = grid(activation(g, convolution(g, x, quantized, keep=True)))
            x = grid(g.add("Add", [x, y] if g.dice.random() < 0.5 else [y, x], g.shape[x]))
        elif kind == "pool" and min(h, w) >= 4:
            shape = (n, c, (h - 2) // 2 + 1, (w - 2) // 2 + 1)
            x = grid(g.add(g.dice.choice(["MaxPool", "AveragePool"]), [x], shape, kernel_shape=[2, 2], strides=[2, 2]))
        elif kind == "squeeze":
            small = grid(g.add("GlobalAveragePool", [x], (n, c, 1, 1)))
            inner = g.add("Conv", [small, weights(g, g.floats(c, c, 1, 1, scale=c ** -0.5), quantized)], (n, c, 1, 1), kernel_shape=[1, 1])
            x = grid(g.add("Mul", [x, grid(g.add(g.dice.choice(["Sigmoid", "HardSigmoid"]), [inner], (n, c, 1, 1)))], g.shape[x]))
        elif kind == "concat":
            y = grid(convolution(g, x, quantized, keep=True))
            x = grid(g.add("Concat", [x, y], (n, c + g.shape[y][1], h, w), axis=1))
        elif kind == "resize" and h * w < 150:
            mode = g.dice.choice(["nearest", "linear"])
            place = "asymmetric" if mode == "nearest" else g.dice.choice(["half_pixel", "align_corners", "asymmetric"])
            extra = {"nearest_mode": "floor"} if mode == "nearest" else {}
            x = grid(g.add("Resize", [x, "", g.constant(np.array([1, 1, 2, 2], np.float32))], (n, c, 2 * h, 2 * w), mode=mode,
                           coordinate_transformation_mode=place, **extra))
        elif kind == "pad":
            p = [0, 0, g.dice.randint(0, 2), g.dice.randint(0, 2), 0, 0, g.dice.randint(0, 2), g.dice.randint(0, 2)]
            mode = g.dice.choice(["constant", "reflect", "edge"])
            x = grid(g.add("Pad", [x, g.ints(*p)], (n, c, h + p[2] + p[6], w + p[3] + p[7]), mode=mode))
        elif kind == "transposed" and not quantized and h * w < 200:
            f = g.constant(g.floats(c, 6, 2, 2, scale=c ** -0.5))
            x = g.add("ConvTranspose", [x, f], (n, 6, 2 * h, 2 * w), kernel_shape=[2, 2], strides=[2, 2])
        else:
            x = grid(activation(g, convolution(g, x, quantized)))
    if g.dice.random() < 0.5:
        n, c = g.shape[x][:2]
        flat = g.add("Flatten", [grid(g.add("GlobalAveragePool", [x], (n, c, 1, 1)))], (n, c))
        f = weights(g, g.floats(10, c, scale=c ** -0.5), quantized)
        x = grid(g.add("Gemm", [flat, f, g.constant(g.floats(10))], (n, 10), transB=1))
        if g.dice.random() < 0.5:
            x = g.add("Softmax", [x], (n, 10), axis=-1)
    return [(x, TensorProto.FLOAT)]


def quantized_convolutions(g):
    return convolutions(g, quantized=True)


# ---- attention

def linear(g, x, n):
    s = g.shape[x]
    y = g.add("MatMul", [x, g.constant(g.floats(s[-1], n, scale=s[-1] ** -0.5))], (*s[:-1], n))
    if g.dice.random() < 0.7:
        pair = [y, g.constant(g.floats(n, scale=0.1))]
        y = g.add("Add", pair if g.dice.random() < 0.5 else pair[::-1], g.shape[y])
    return y


def norm(g, x):
    s = g.shape[x]
    scale, shift = g.constant(g.floats(s[-1], scale=0.2) + np.float32(1)), g.constant(g.floats(s[-1], scale=0.2))
    if g.opset >= 17 and g.dice.random() < 0.5:
        return g.add("LayerNormalization", [x, scale, shift], s, axis=-1, epsilon=1e-5)
    one = (*s[:-1], 1)
    axes = [g.ints(-1)] if g.opset >= 18 else []
    by = {} if axes else {"axes": [-1]}
    d = g.add("Sub", [x, g.add("ReduceMean", [x, *axes], one, keepdims=1, **by)], s)
    square = g.add("Pow", [d, g.constant(np.float32(2))], s) if g.dice.random() < 0.5 else g.add("Mul", [d, d], s)
    v = g.add("Add", [g.add("ReduceMean", [square, *axes], one, keepdims=1, **by), g.constant(np.float32(1e-5))], one)
    y = g.add("Div", [d, g.add("Sqrt", [v], one)], s)
    return g.add("Add", [g.add("Mul", [y, scale], s), shift], s)


def attention(g):
    b, t, heads, size = g.dice.choice([1, 2]), g.dice.randint(2, 17), g.dice.choice([1, 2, 4]), g.dice.choice([4, 8, 16])
    d = heads * size
    x = g.feed(b, t, d)
    for _ in range(g.dice.randint(1, 2)):
        h = norm(g, x) if g.dice.random() < 0.7 else x
        parts = []
        for which in range(3):
            y = g.add("Reshape", [linear(g, h, d), g.ints(b if g.dice.random() < 0.5 else 0, -1, heads, size)], (b, t, heads, size))
            key = which == 1
            parts.append(g.add("Transpose", [y], (b, heads, size, t) if key else (b, heads, t, size), perm=[0, 2, 3, 1] if key else [0, 2, 1, 3]))
        square = (b, heads, t, t)
        if g.dice.random() < 0.5:
            s = g.add("Div", [g.add("MatMul", parts[:2], square), g.constant(np.float32(size ** 0.5))], square)
        else:
            s = g.add("MatMul", [g.add("Mul", [parts[0], g.constant(np.float32(size ** -0.5))], (b, heads, t, size)), parts[1]], square)
        if g.dice.random() < 0.5:
            mask = np.triu(np.full((t, t), -1e4, np.float32), 1)
            s = g.add("Add", [s, g.constant(mask)], square)
        y = g.add("MatMul", [g.add("Softmax", [s], square, axis=-1), parts[2]], (b, heads, t, size))
        y = g.add("Reshape", [g.add("Transpose", [y], (b, t, heads, size), perm=[0, 2, 1, 3]), g.ints(0, 0, d)], (b, t, d))
        x = g.add("Add", [x, linear(g, y, d)], g.shape[x])
        h = activation(g, linear(g, norm(g, x), 2 * d)) if g.dice.random() < 0.7 else linear(g, x, 2 * d)
        x = g.add("Add", [linear(g, h, d), x], g.shape[x])
    return [(x, TensorProto.FLOAT)]


# ---- layout shuffles

def shuffles(g):
    rank = g.dice.randint(2, 4)
    x = g.feed(*[g.dice.randint(2, 7) for _ in range(rank)])
    for _ in range(g.dice.randint(3, 8)):
        s = g.shape[x]
        kind = g.dice.choice(["transpose", "reshape", "slice", "concat", "split", "pad", "gather", "unsqueeze", "relu", "add", "tile", "flip"])
        axis = g.dice.randrange(len(s))
        if kind == "transpose":
            perm = g.dice.sample(range(len(s)), len(s))
            x = g.add("Transpose", [x], [s[p] for p in perm], perm=perm)
        elif kind == "reshape" and len(s) >= 2:
            i = g.dice.randrange(len(s) - 1)
            shape = [*s[:i], s[i] * s[i + 1], *s[i + 2:]]
            said = list(shape)
            said[g.dice.randrange(len(said))] = -1
            x = g.add("Reshape", [x, g.ints(*said)], shape)
        elif kind == "slice" and s[axis] >= 2:
            step = g.dice.choice([1, 1, 2])
            a, e = g.dice.randint(0, s[axis] // 2), s[axis] - g.dice.randint(0, s[axis] // 2 - 1)
            x = g.add("Slice", [x, g.ints(a), g.ints(e), g.ints(axis), g.ints(step)], [-(-(e - a) // step) if i == axis else n for i, n in enumerate(s)])
        elif kind == "flip":
            x = g.add("Slice", [x, g.ints(-1), g.ints(-1000), g.ints(axis), g.ints(-1)], s)
        elif kind == "concat" and np.prod(s) < 2000:
            x = g.add("Concat", [x, g.add("Neg", [x], s)], [2 * n if i == axis else n for i, n in enumerate(s)], axis=axis)
        elif kind == "split" and s[axis] >= 2:
            a = g.dice.randint(1, s[axis] - 1)
            parts = [[p if i == axis else n for i, n in enumerate(s)] for p in (a, s[axis] - a)]
            first, second = g.add("Split", [x, g.ints(a, s[axis] - a)], parts, outputs=2, axis=axis)
            x = g.add("Concat", [second, first], s, axis=axis)
        elif kind == "pad":
            before, after = [g.dice.randint(0, 1) for _ in s], [g.dice.randint(0, 2) for _ in s]
            x = g.add("Pad", [x, g.ints(*before, *after), g.constant(np.float32(0.5))], [n + b + a for n, b, a in zip(s, before, after)])
        elif kind == "gather":
            at = [g.dice.randint(-s[axis], s[axis] - 1) for _ in range(g.dice.randint(1, 4))]
            x = g.add("Gather", [x, g.ints(*at)], [len(at) if i == axis else n for i, n in enumerate(s)], axis=axis)
        elif kind == "unsqueeze" and len(s) < 5:
            x = g.add("Unsqueeze", [x, g.ints(axis)], [*s[:axis], 1, *s[axis:]])
        elif kind == "relu":
            x = g.add("Relu", [x], s)
        elif kind == "add":
            x = g.add("Add", [x, g.constant(g.floats(s[-1]))], s)
        elif kind == "tile" and np.prod(s) < 1000:
            times = [g.dice.choice([1, 1, 2]) for _ in s]
            x = g.add("Tile", [x, g.ints(*times)], [n * t for n, t in zip(s, times)])
    return [(x, TensorProto.FLOAT)]


# ---- recurrent layers

def recurrent(g):
    t, b, width = g.dice.randint(1, 9), g.dice.choice([1, 1, 2, 3]), g.dice.choice([3, 8, 16])
    x = g.feed(t, b, width)
    for _ in range(g.dice.randint(1, 2)):
        width, hidden = g.shape[x][-1], g.dice.choice([4, 5, 8, 16])
        op, gates = g.dice.choice([("LSTM", 4), ("GRU", 3), ("RNN", 1)])
        way = g.dice.choice(["forward", "reverse", "bidirectional"])
        ways = 2 if way == "bidirectional" else 1
        inputs = [x, g.constant(g.floats(ways, gates * hidden, width, scale=width ** -0.5)),
                  g.constant(g.floats(ways, gates * hidden, hidden, scale=hidden ** -0.5))]
        if g.dice.random() < 0.7:
            inputs.append(g.constant(g.floats(ways, 2 * gates * hidden, scale=0.2)))
        more = {"linear_before_reset": g.dice.randint(0, 1)} if op == "GRU" else {}
        y = g.add(op, inputs, (t, ways, b, hidden), hidden_size=hidden, direction=way, **more)
        y = g.add("Transpose", [y], (t, b, ways, hidden), perm=[0, 2, 1, 3])
        x = g.add("Reshape", [y, g.ints(t, b, ways * hidden)], (t, b, ways * hidden))
    return [(linear(g, x, 5), TensorProto.FLOAT)]


# ---- mixed arithmetic

def arithmetic(g):
    s = tuple(g.dice.randint(1, 7) for _ in range(g.dice.randint(1, 4)))
    x, outputs = g.feed(*s), []
    for _ in range(g.dice.randint(3, 8)):
        s = g.shape[x]
        kind = g.dice.choice(["unary", "binary", "binary", "broadcast", "reduce", "where", "cast", "arg", "minmax", "cumsum", "top"])
        if kind == "unary":
            x = g.add(g.dice.choice(["Neg", "Abs", "Exp", "Tanh", "Sin", "Cos", "Floor", "Ceil", "Softplus", "Softsign", "Sigmoid", "Atan", "Erf"]),
                      [g.add("Clip", [x, g.constant(np.float32(-3)), g.constant(np.float32(3))], s)], s)
        elif kind == "binary":
            x = g.add(g.dice.choice(["Add", "Sub", "Mul"]), [x, g.constant(g.floats(*s))], s)
        elif kind == "broadcast":
            other = tuple(n if g.dice.random() < 0.5 else 1 for n in s)[g.dice.randint(0, len(s) - 1) if s else 0:]
            c = g.floats(*other)
            op = g.dice.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"])
            x = g.add(op, [x, g.constant(np.where(np.abs(c) < 0.3, np.float32(0.5), c).astype(np.float32))], s)
        elif kind == "reduce" and len(s) >= 2:
            axis = g.dice.randrange(len(s))
            op = g.dice.choice(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceSumSquare"])
            keep = g.dice.randint(0, 1)
            shape = [1 if i == axis else n for i, n in enumerate(s) if keep or i != axis]
            inputs, by = ([x, g.ints(axis)], {}) if op == "ReduceSum" or g.opset >= 18 else ([x], {"axes": [axis]})
            x = g.add(op, inputs, shape, keepdims=keep, **by)
        elif kind == "where":
            c = g.add(g.dice.choice(["Greater", "Less"]), [x, g.constant(np.float32(0.1234567))], s)
            x = g.add("Where", [c, g.add("Neg", [x], s), x], s)
        elif kind == "cast":
            whole = g.add("Cast", [g.add("Mul", [x, g.constant(np.float32(3.7))], s)], s, to=g.dice.choice([TensorProto.INT32, TensorProto.INT64]))
            x = g.add("Add", [g.add("Cast", [whole], s, to=TensorProto.FLOAT), x], s)
        elif kind == "arg" and s:
            axis = g.dice.randrange(len(s))
            outputs.append((g.add(g.dice.choice(["ArgMax", "ArgMin"]), [x], [1 if i == axis else n for i, n in enumerate(s)], axis=axis), TensorProto.INT64))
        elif kind == "minmax":
            x = g.add(g.dice.choice(["Max", "Min"]), [x, g.constant(g.floats(*s)), g.constant(np.float32(0.2))], s)
        elif kind == "cumsum" and s:
            x = g.add("CumSum", [x, g.constant(np.array(g.dice.randrange(len(s)), np.int64))], s)
        elif kind == "top" and s and s[-1] >= 2:
            k = g.dice.randint(1, s[-1])
            x, at = g.add("TopK", [x, g.ints(k)], [(*s[:-1], k)] * 2, outputs=2)
            outputs.append((at, TensorProto.INT64))
    return [(x, TensorProto.FLOAT)] + outputs[:2]


KINDS = {"conv": convolutions, "qdq": quantized_convolutions, "attention": attention, "shuffle": shuffles,
         "recurrent": recurrent, "arithmetic": arithmetic}


def make(seed):
    """(name, model, feeds, quantization step or 0)"""
    kinds = list(KINDS)
    kind = kinds[seed % len(kinds)]
    g = Graph(seed, random.Random(seed).choice([14, 17, 18, 21]))
    outputs = KINDS[kind](g)
    return f"{kind}_{seed}", g.model(outputs), g.feeds, g.step
