# SPDX-License-Identifier: Apache-2.0
"""Models made by hand to be a trap: endless, deep, wide or huge, and constants that lie where they must not.

Each yields (name, folder-relative path, bytes that must not come out or None); files are written below a folder.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

SECRET = b"Not for models: " * 4
vi = h.make_tensor_value_info


def model(nodes, inputs, outputs, constants=(), opset=17, **more):
    g = h.make_graph(nodes, "g", inputs, outputs, list(constants))
    return h.make_model(g, opset_imports=[h.make_opsetid("", opset)], ir_version=8, **more)


def numbers(name, *values):
    return h.make_tensor(name, T.INT64, [len(values)], values)


def chain(count, make, shape=(4,)):
    return model([make(i) for i in range(count)], [vi("t0", T.FLOAT, shape)], [vi(f"t{count}", T.FLOAT, None)])


def endless(grow):
    body = h.make_graph([h.make_node("Identity", ["c"], ["c2"]),
                         h.make_node("Concat", ["v", "v"], ["v2"], axis=0) if grow else h.make_node("Add", ["v", "v"], ["v2"])], "b",
                        [vi("i", T.INT64, []), vi("c", T.BOOL, []), vi("v", T.FLOAT, None)],
                        [vi("c2", T.BOOL, []), vi("v2", T.FLOAT, None)])
    return model([h.make_node("Loop", ["", "t", "x"], ["y"], body=body)], [vi("x", T.FLOAT, [2])], [vi("y", T.FLOAT, None)],
                 [h.make_tensor("t", T.BOOL, [], [True])])


def trips(count, scan):
    """a loop over many steps that also keeps what each one made"""
    body = h.make_graph([h.make_node("Identity", ["c"], ["c2"]), h.make_node("Identity", ["v"], ["s"])], "b",
                        [vi("i", T.INT64, []), vi("c", T.BOOL, []), vi("v", T.FLOAT, None)],
                        [vi("c2", T.BOOL, []), vi("v", T.FLOAT, None)] + ([vi("s", T.FLOAT, None)] if scan else []))
    body.node.append(h.make_node("Relu", ["v"], ["v9"]))
    body.output[1].name = "v9"
    return model([h.make_node("Loop", ["n", "t", "x"], ["y"] + (["z"] if scan else []), body=body)], [vi("x", T.FLOAT, [64])],
                 [vi("z" if scan else "y", T.FLOAT, None)], [h.make_tensor("n", T.INT64, [], [count]), h.make_tensor("t", T.BOOL, [], [True])])


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested(depth, kind):
    """If in If, Loop in Loop; written as bytes, for the protobuf package itself stops at a depth of 100"""
    graph, result = field(1, h.make_node("Relu", ["x"], ["r0"]).SerializeToString()) + output("r0"), "r0"
    for k in range(1, depth):
        result = f"r{k}"
        if kind == "If":
            other = field(1, h.make_node("Relu", ["x"], [f"e{k}"]).SerializeToString()) + output(f"e{k}")
            node = caller("If", ["c"], result, {"then_branch": graph, "else_branch": other})
        else:
            step = field(1, h.make_node("Identity", [f"c{k}"], [f"d{k}"]).SerializeToString())
            ends = field(11, vi(f"i{k}", T.INT64, []).SerializeToString()) + field(11, vi(f"c{k}", T.BOOL, []).SerializeToString())
            flag = field(12, vi(f"d{k}", T.BOOL, []).SerializeToString())
            node = caller("Loop", ["n", "c"], result, {"body": step + ends + flag + graph})
        graph = node + output(result)
    graph += field(2, b"g") + field(11, vi("x", T.FLOAT, [2]).SerializeToString())
    graph += field(5, h.make_tensor("c", T.BOOL, [], [True]).SerializeToString())
    graph += field(5, h.make_tensor("n", T.INT64, [], [2]).SerializeToString())
    return whole(graph)


def output(name):
    return field(12, vi(name, T.FLOAT, None).SerializeToString())


def caller(op, inputs, result, bodies):
    """a field `node` whose attributes are graphs, given as bytes"""
    node = b"".join(field(1, x.encode()) for x in inputs) + field(2, result.encode()) + field(4, op.encode())
    for name, graph in bodies.items():
        node += field(5, field(1, name.encode()) + varint(20 << 3) + varint(5) + field(6, field(2, b"b") + graph))
    return field(1, node)


def whole(graph):
    return varint(1 << 3) + varint(8) + field(7, graph) + field(8, varint(2 << 3) + varint(17))


def nested_bytes(depth):
    """nodes whose attribute is a graph whose node has an attribute …, far deeper than any reader may follow"""
    parts, size = [], 0
    for _ in range(depth):          # from the inside out: what stands before and after what is there
        before = field(1, b"then_branch") + varint(20 << 3) + varint(5) + varint(6 << 3 | 2) + varint(size)
        inner = len(before) + size
        head = field(1, b"c") + field(2, b"y") + field(4, b"If") + varint(5 << 3 | 2) + varint(inner)
        outer = varint(1 << 3 | 2) + varint(len(head) + inner) + head
        parts.append(outer + before)
        size += len(outer) + len(before)
    return whole(b"".join(reversed(parts)))


def functions_doubling(depth):
    """local functions that each call the next one twice: 2^depth nodes"""
    fs = [h.make_function("local", f"F{k}", ["x"], ["z"], [
        h.make_node("Relu" if k == 0 else f"F{k - 1}", ["x"], ["y"], domain="" if k == 0 else "local"),
        h.make_node("Relu" if k == 0 else f"F{k - 1}", ["y"], ["z"], domain="" if k == 0 else "local")],
        [h.make_opsetid("", 17), h.make_opsetid("local", 1)]) for k in range(depth)]
    m = model([h.make_node(f"F{depth - 1}", ["x"], ["y"], domain="local")], [vi("x", T.FLOAT, [2])], [vi("y", T.FLOAT, [2])], functions=fs)
    m.opset_import.append(h.make_opsetid("local", 1))
    return m


def wide(count):
    """one value used by many nodes, all joined by one"""
    nodes = [h.make_node("Relu", ["x"], [f"a{i}"]) for i in range(count)]
    nodes.append(h.make_node("Concat", [f"a{i}" for i in range(count)], ["y"], axis=0))
    return model(nodes, [vi("x", T.FLOAT, [4])], [vi("y", T.FLOAT, None)])


def many(kind, count):
    """10^5 of something beside one node"""
    m = model([h.make_node("Relu", ["x"], ["y"])], [vi("x", T.FLOAT, [4])], [vi("y", T.FLOAT, [4])])
    if kind == "constants":
        m.graph.initializer.extend(h.make_tensor(f"c{i}", T.FLOAT, [1], [1.0]) for i in range(count))
    elif kind == "values":
        m.graph.value_info.extend(vi(f"v{i}", T.FLOAT, [i]) for i in range(count))
    elif kind == "inputs":
        m.graph.input.extend(vi(f"i{i}", T.FLOAT, [1]) for i in range(count))
    elif kind == "outputs":
        m.graph.output.extend(vi("y", T.FLOAT, [4]) for _ in range(count))
    elif kind == "metadata":
        for i in range(count):
            m.metadata_props.add(key=f"k{i}", value="v")
    elif kind == "dims":
        m.graph.value_info.append(vi("x", T.FLOAT, [1] * count))
    elif kind == "symbols":
        m.graph.value_info.extend(vi(f"v{i}", T.FLOAT, [f"s{i}"]) for i in range(count))
    elif kind == "attributes":
        m.graph.node[0].attribute.extend(h.make_attribute(f"a{i}", i) for i in range(count))
    elif kind == "operands":
        m.graph.node[0].op_type = "Sum"
        m.graph.node[0].input.extend(["x"] * count)
    elif kind == "opsets":
        m.opset_import.extend(h.make_opsetid(f"d{i}", 1) for i in range(count))
    elif kind == "functions":
        m.functions.extend(h.make_function("local", f"F{i}", ["x"], ["y"], [h.make_node("Relu", ["x"], ["y"])], [h.make_opsetid("", 17)])
                           for i in range(count))
    elif kind == "unused nodes":
        m.graph.node.extend(h.make_node("Relu", ["x"], [f"u{i}"]) for i in range(count))
    return m


def huge(op):
    """constants from which a shape of 2^40 elements follows"""
    x, y = [vi("x", T.FLOAT, [1])], [vi("y", T.FLOAT, None)]
    big = 2**40
    if op == "Expand":
        return model([h.make_node("Expand", ["x", "s"], ["y"])], x, y, [numbers("s", big)])
    if op == "Tile":
        return model([h.make_node("Tile", ["x", "s"], ["y"])], x, y, [numbers("s", big)])
    if op == "ConstantOfShape":
        return model([h.make_node("ConstantOfShape", ["s"], ["a"]), h.make_node("Add", ["a", "x"], ["y"])], x, y, [numbers("s", 2**20, 2**20)])
    if op == "Range":
        return model([h.make_node("Range", ["a", "b", "d"], ["r"]), h.make_node("Cast", ["r"], ["f"], to=1), h.make_node("Add", ["f", "x"], ["y"])],
                     x, y, [h.make_tensor(n, T.INT64, [], [v]) for n, v in (("a", 0), ("b", big), ("d", 1))])
    if op == "Range of reals":
        return model([h.make_node("Range", ["a", "b", "d"], ["r"]), h.make_node("Add", ["r", "x"], ["y"])],
                     x, y, [h.make_tensor(n, T.FLOAT, [], [v]) for n, v in (("a", 0.0), ("b", 1e30), ("d", 1e-30))])
    if op == "OneHot":
        return model([h.make_node("OneHot", ["i", "d", "v"], ["y"])], x, y,
                     [numbers("i", 0), h.make_tensor("d", T.INT64, [], [big]), h.make_tensor("v", T.FLOAT, [2], [0, 1])])
    if op == "Pad":
        return model([h.make_node("Pad", ["x", "s"], ["y"])], x, y, [numbers("s", big, big)])
    if op == "Resize":
        return model([h.make_node("Resize", ["x", "", "s"], ["y"])], x, y, [h.make_tensor("s", T.FLOAT, [1], [1e12])])
    if op == "EyeLike":
        return model([h.make_node("ConstantOfShape", ["s"], ["a"]), h.make_node("EyeLike", ["a"], ["y"])], x, y, [numbers("s", 2**20, 2**20)])
    if op == "outer product":
        return model([h.make_node("MatMul", ["a", "b"], ["y"])], [vi("a", T.FLOAT, [2**20, 1]), vi("b", T.FLOAT, [1, 2**20])], y)
    if op == "broadcast":
        return model([h.make_node("Add", ["a", "b"], ["y"])], [vi("a", T.FLOAT, [2**20, 1]), vi("b", T.FLOAT, [1, 2**20])], y)
    if op == "input":
        return model([h.make_node("Relu", ["a"], ["y"])], [vi("a", T.FLOAT, [2**20, 2**20])], y)
    if op == "wraps to zero":
        return model([h.make_node("Relu", ["a"], ["y"])], [vi("a", T.FLOAT, [2**32, 2**32])], y)
    if op == "Gather":
        return model([h.make_node("Gather", ["x", "i"], ["y"])], x, y, [h.make_tensor("i", T.INT64, [0, 2**40], [])])
    if op == "ConvTranspose":
        return model([h.make_node("ConvTranspose", ["a", "w"], ["y"], strides=[2**20, 2**20])], [vi("a", T.FLOAT, [1, 1, 64, 64])], y,
                     [h.make_tensor("w", T.FLOAT, [1, 1, 1, 1], [1.0])])
    if op == "many small folds":
        nodes, last = [h.make_node("ConstantOfShape", ["s"], ["t0"])], 64
        nodes += [h.make_node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0) for i in range(last)]
        return model(nodes + [h.make_node("Add", [f"t{last}", "x"], ["y"])], x, y, [numbers("s", 4)])
    raise KeyError(op)


HUGE = ["Expand", "Tile", "ConstantOfShape", "Range", "Range of reals", "OneHot", "Pad", "Resize", "EyeLike", "outer product", "broadcast",
        "input", "wraps to zero", "Gather", "ConvTranspose", "many small folds"]
MANY = ["constants", "values", "inputs", "outputs", "metadata", "dims", "symbols", "attributes", "operands", "opsets", "functions",
        "unused nodes"]


def traps(full):
    """(name, model); the slow ones only when `full`"""
    yield "endless loop", endless(False)
    yield "endless growing loop", endless(True)
    yield "loop of 10^12 trips", trips(10**12, False)
    yield "loop that keeps 10^9 values", trips(10**9, True)
    for n in (30, 60, 200):
        yield f"Concat doubles {n} times", chain(n, lambda i: h.make_node("Concat", [f"t{i}", f"t{i}"], [f"t{i + 1}"], axis=0))
        yield f"Add doubles uses {n} times", chain(n, lambda i: h.make_node("Add", [f"t{i}", f"t{i}"], [f"t{i + 1}"]))
    for n in (20000, 60000) if full else (5000,):
        yield f"{n} small nodes", chain(n, lambda i: h.make_node("Sin" if i % 2 else "Sigmoid", [f"t{i}"], [f"t{i + 1}"]))
        yield f"{n} transposes", chain(n, lambda i: h.make_node("Transpose", [f"t{i}"], [f"t{i + 1}"], perm=[1, 0]), (2, 3))
        yield f"{n} identities", chain(n, lambda i: h.make_node("Identity", [f"t{i}"], [f"t{i + 1}"]))
        yield f"{n} nodes side by side", wide(n)
        yield f"{n} adds", chain(n, lambda i: h.make_node("Add", [f"t{i}", "t0"], [f"t{i + 1}"]))
        yield f"{n} shapes and reshapes", chain(n, lambda i: h.make_node(*(("Shape", [f"t{i}"]) if i % 2 == 0 else
                                                                       ("ConstantOfShape", [f"t{i}"])), [f"t{i + 1}"]))
    for depth in (5, 20, 30, 60):
        yield f"If nested {depth} deep", nested(depth, "If")
    for depth in (5, 20):
        yield f"Loop nested {depth} deep", nested(depth, "Loop")
    for depth in (100, 5000, 100000) if full else (100, 2000):
        yield f"graphs nested {depth} deep", nested_bytes(depth)
    for depth in (5, 20, 40, 64):
        yield f"functions doubled {depth} times", functions_doubling(depth)
    for kind in MANY:
        yield f"many {kind}", many(kind, 100000 if full else 3000)
    for op in HUGE:
        yield f"huge {op}", huge(op)


def outside(folder):
    """Constants in other files: each a folder of its own, with the secret beside or above it."""
    root = os.path.join(folder, "outside")
    os.makedirs(root, exist_ok=True)
    secret = os.path.join(os.path.abspath(root), "secret.bin")
    with open(secret, "wb") as out:
        out.write(SECRET)
    def point(name, location, prepare=None, marker=SECRET[:16], offset="0"):
        at = os.path.join(root, name.replace(" ", "_"))
        os.makedirs(at, exist_ok=True)
        if prepare:
            prepare(at)
        w = T()
        w.name, w.data_type, w.data_location = "w", T.FLOAT, T.EXTERNAL
        w.dims.append(8)
        for key, value in (("location", location), ("offset", offset), ("length", "32")):
            w.external_data.add(key=key, value=value)
        m = model([h.make_node("Identity", ["w"], ["y"])], [], [vi("y", T.FLOAT, [8])], [w])
        path = os.path.join(at, "model.onnx")
        with open(path, "wb") as out:
            out.write(m.SerializeToString())
        return "outside: " + name, path, marker

    def link(kind, target, name="w.bin"):
        def make(at):
            path = os.path.join(at, name)
            if not os.path.lexists(path):
                kind(target, path)
        return make

    def folder_link(at):
        if not os.path.lexists(os.path.join(at, "sub")):
            os.symlink(os.path.dirname(secret), os.path.join(at, "sub"))

    def pipe(at):
        if not os.path.lexists(os.path.join(at, "w.bin")):
            os.mkfifo(os.path.join(at, "w.bin"))

    yield point("parent folder", "../secret.bin")
    yield point("parent through a folder", "sub/../../secret.bin", lambda at: os.makedirs(os.path.join(at, "sub"), exist_ok=True))
    yield point("absolute path", secret)
    yield point("symbolic link", "w.bin", link(os.symlink, secret))
    yield point("relative symbolic link", "w.bin", link(os.symlink, "../secret.bin"))
    yield point("hard link", "w.bin", link(os.link, secret))
    yield point("linked folder", "sub/secret.bin", folder_link)
    yield point("pipe", "w.bin", pipe)
    yield point("device", "/dev/zero", marker=bytes(32))
    yield point("linked device", "w.bin", link(os.symlink, "/dev/zero"), marker=bytes(32))
    yield point("process", "/proc/self/cmdline", marker=None)
    yield point("folder", "sub", lambda at: os.makedirs(os.path.join(at, "sub"), exist_ok=True), marker=None)
    yield point("itself", "model.onnx", marker=None)
    yield point("missing", "nothing.bin", marker=None)
    yield point("far offset", "model.onnx", marker=None, offset=str(2**63 - 8))


def tflite_traps():
    """TFLite: recursion, endless loops, huge shapes, a chain of many nodes"""
    from ai_edge_litert import schema_py_generated as s
    from mutate_tflite import pack, words

    def tensor(name, shape, kind=0, buffer=0):
        t = s.TensorT()
        t.name, t.shape, t.type, t.buffer = name, words(shape), kind, buffer
        return t

    def op(code, inputs, outputs, kind=None, **fields):
        o = s.OperatorT()
        o.opcodeIndex, o.inputs, o.outputs = code, words(inputs), words(outputs)
        if kind:
            o.builtinOptionsType = getattr(s.BuiltinOptions, kind)
            o.builtinOptions = getattr(s, kind + "T")()
            for k, v in fields.items():
                setattr(o.builtinOptions, k, v)
        return o

    def finish(codes, graphs, buffers=()):
        m = s.ModelT()
        m.version, m.operatorCodes, m.subgraphs = 3, [], []
        for c in codes:
            k = s.OperatorCodeT()
            k.builtinCode, k.deprecatedBuiltinCode, k.version = c, min(c, 127), 1
            m.operatorCodes.append(k)
        m.buffers = [s.BufferT()]
        for data in buffers:
            b = s.BufferT()
            b.data = np.frombuffer(data, np.uint8)
            m.buffers.append(b)
        for tensors, ops, inputs, outputs in graphs:
            g = s.SubGraphT()
            g.tensors, g.operators, g.inputs, g.outputs, g.name = tensors, ops, words(inputs), words(outputs), "g"
            m.subgraphs.append(g)
        return pack(m)

    x, y = tensor("x", [4]), tensor("y", [4])
    yes = (np.array([1], np.bool_).tobytes(),)
    cond = ([tensor("v", [4]), tensor("t", [], 6, 1)], [], [0], [1])
    step = ([tensor("v", [4]), tensor("w", [4])], [op(1, [0, 0], [1], "AddOptions")], [0], [1])
    loop = op(0, [0], [1], "WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    yield "endless While", finish([119, 0], [([x, y], [loop], [0], [1]), cond, step], yes)
    yield "While calls itself", finish([119], [([x, y], [op(0, [0], [1], "WhileOptions", condSubgraphIndex=0, bodySubgraphIndex=0)], [0], [1])])
    yield "If calls itself", finish([118], [([tensor("c", [], 6), y], [op(0, [0], [1], "IfOptions", thenSubgraphIndex=0, elseSubgraphIndex=0)], [0], [1])])
    grow = ([tensor("v", [4]), tensor("w", [-1])], [op(1, [0, 0], [1], "ConcatenationOptions")], [0], [1])
    yield "endless growing While", finish([119, 2], [([x, y], [loop], [0], [1]), cond, grow], yes)
    big = np.array([2**20, 2**20], np.int32).tobytes()
    shape = tensor("s", [2], 2, 1)
    yield "huge FILL", finish([94], [([shape, tensor("v", []), tensor("y", [])], [op(0, [0, 1], [2], "FillOptions")], [1], [2])], (big,))
    yield "huge TILE", finish([69], [([tensor("x", [1, 1]), shape, tensor("y", [])], [op(0, [0, 1], [2], "TileOptions")], [0], [2])], (big,))
    yield "huge BROADCAST_TO", finish([130], [([tensor("x", [1, 1]), shape, tensor("y", [])], [op(0, [0, 1], [2])], [0], [2])], (big,))
    yield "huge input", finish([19], [([tensor("x", [2**20, 2**20]), tensor("y", [2**20, 2**20])], [op(0, [0], [1])], [0], [1])])
    yield "input that wraps", finish([19], [([tensor("x", [2**30, 2**30, 16]), tensor("y", [2**30, 2**30, 16])], [op(0, [0], [1])], [0], [1])])
    for n in (20, 1000, 20000):
        each = [([tensor("c", [], 6), tensor("r", [4])],
                 [op(0, [0, 0], [1], "IfOptions", thenSubgraphIndex=i + 1, elseSubgraphIndex=n)], [0], [1]) for i in range(n)]
        leaf = ([tensor("c", [], 6), tensor("r", [4], 0, 1)], [], [0], [1])
        yield f"{n} graphs, each calls the next", finish([118], each + [leaf], (np.zeros(4, np.float32).tobytes(),))
    for n in (10000,):
        yield f"{n} nodes", finish([19, 28], [([tensor(f"t{i}", [4]) for i in range(n + 1)],
                                              [op(i % 2, [i], [i + 1]) for i in range(n)], [0], [n])])
    yield "Concat doubles 60 times", finish([2], [([tensor(f"t{i}", [4]) for i in range(61)],
                                                   [op(0, [i, i], [i + 1], "ConcatenationOptions") for i in range(60)], [0], [60])])
