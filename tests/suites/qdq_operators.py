#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One operator between DequantizeLinear and QuantizeLinear, on different grids: one rounding, beside ONNX Runtime as written.

    qdq_operators.py EDGERT
"""
import pathlib
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper
except ImportError as missing:
    print(f"skipped: Python package {missing.name} is not here")
    sys.exit(77)
import batch

SHAPE = (2, 4, 6, 6)
PLAIN = """Relu LeakyRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Tanh Mish Softplus Softsign ThresholdedRelu Exp Erf Sin
Neg Abs Floor Ceil Round Sign GlobalAveragePool GlobalMaxPool ReduceL2 Softmax LogSoftmax LpNormalization""".split()


class Model:
    def __init__(self, kind):
        self.kind, self.nodes, self.constants = kind, [], []
        self.numbers = np.random.default_rng(1)

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def floats(self, *shape):
        return self.numbers.standard_normal(shape).astype(np.float32)

    def grid(self, name, scale, zero, out):
        pair = [self.constant(np.float32(scale)), self.constant(self.kind(zero))]
        self.nodes.append(helper.make_node("QuantizeLinear", [name, *pair], [out + "_q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [out + "_q", *pair], [out]))
        return out


def rows(m):
    """operator, inputs after the first, attributes"""
    def ints(*v):
        return m.constant(np.array(v, np.int64))

    def second(values=None):
        return m.grid(m.constant(m.floats(*SHAPE) if values is None else values), 0.02, 100 if m.kind == np.uint8 else -28, "second")
    twice = ["", m.constant(np.array([1, 1, 2, 2], np.float32))]
    yield from ((op, [], {}) for op in PLAIN)
    for op in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"):
        yield op, [ints(1, 2)], {}
    for op in ("Add", "Sub", "Mul", "Min", "Max", "Sum"):
        yield op, [second], {}
    yield "Div", [lambda: second(np.abs(m.floats(*SHAPE)) + np.float32(0.5))], {}
    yield "Concat", [second], {"axis": 1}
    yield "AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}
    yield "MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}
    yield "Resize", twice, {"mode": "linear"}
    yield "Resize", twice, {"mode": "nearest"}
    for lo, hi in ((-1, 1.5), (0, 6), (-100, 0.01), (3, 100), (-9, -8)):
        yield "Clip", [m.constant(np.float32(lo)), m.constant(np.float32(hi))], {}
    yield "PRelu", [m.constant(m.floats(4, 1, 1))], {}
    yield "Transpose", [], {"perm": [0, 2, 3, 1]}
    yield "Slice", [ints(1), ints(3), ints(2)], {}
    yield "Tile", [ints(1, 2, 1, 1)], {}
    yield "Pad", [ints(0, 0, 1, 1, 0, 0, 1, 2)], {}
    yield "Gather", [ints(1, 0, 3)], {"axis": 1}
    yield "DepthToSpace", [], {"blocksize": 2}
    yield "Expand", [ints(2, 4, 6, 6)], {}
    yield "CumSum", [m.constant(np.array(1, np.int64))], {}
    yield "InstanceNormalization", [m.constant(np.ones(4, np.float32)), m.constant(np.zeros(4, np.float32))], {}
    yield "LayerNormalization", [m.constant(np.ones(6, np.float32))], {}


def build(kind, which, relu):
    m = Model(kind)
    op, more, attributes = list(rows(m))[which]
    first = m.grid("x", 0.037, 120 if kind == np.uint8 else -7, "first")
    m.nodes.append(helper.make_node(op, [first, *(i() if callable(i) else i for i in more)], ["result"], **attributes))
    if relu:
        m.nodes.append(helper.make_node("Relu", ["result"], ["clipped"]))
    m.grid("clipped" if relu else "result", 0.051, 60 if kind == np.uint8 else -60, "y")
    graph = helper.make_graph(m.nodes, "g", [helper.make_tensor_value_info("x", 1, SHAPE)],
                              [helper.make_tensor_value_info("y", 1, [None] * 4)], m.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 10
    return f"{op}_{which}_{np.dtype(kind).name}{'_relu' if relu else ''}", model


def main():
    x = np.random.default_rng(7).standard_normal(SHAPE).astype(np.float32) * 2
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        np.save(work / "x.npy", x)
        cases = []
        for kind in (np.uint8, np.int8):
            for which in range(len(list(rows(Model(kind))))):
                for relu in (False, True):
                    name, model = build(kind, which, relu)
                    onnx.save(model, work / f"{name}.onnx")
                    cases.append(batch.Case(name, work / f"{name}.onnx", [work / "x.npy"], []))
        failed = 0
        answers = batch.run(sys.argv[1], cases, work)
        for case in cases:
            answer = answers[case.name]
            if answer.code != 0:
                failed += 1
                print(f"{case.name}: {answer.error}")
                continue
            session = onnxruntime.InferenceSession(str(case.model), options, providers=["CPUExecutionProvider"])
            off = np.abs(answer.outputs[0][0] - session.run(None, {"x": x})[0]) / 0.051
            if off.max() > 1.01 or (off > 0.5).mean() > 0.02:  # ties of float arithmetic may fall the other way
                failed += 1
                print(f"{case.name}: up to {off.max():.1f} steps, {np.mean(off > 0.5):.1%} of the elements")
    print(f"{len(cases)} operators between grids, {failed} wrong")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
