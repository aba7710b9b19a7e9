# SPDX-License-Identifier: Apache-2.0
"""ONNX models whose bytes are right and whose meaning is wrong."""
import mutate
import onnx
from onnx import AttributeProto, TensorProto
from onnx import helper as h

TYPES = list(range(0, 26)) + [99, -1]
OPERATORS = ["Add", "Relu", "Conv", "MatMul", "Gemm", "Concat", "Split", "Reshape", "Transpose", "Gather", "Slice", "Pad", "Resize",
             "Loop", "If", "Scan", "TopK", "Tile", "Expand", "Range", "ConstantOfShape", "LSTM", "QLinearConv", "DequantizeLinear",
             "QuantizeLinear", "ScatterND", "NonMaxSuppression", "Einsum", "OneHot", "CumSum", "MaxPool", "AveragePool", "ConvTranspose",
             "Softmax", "LayerNormalization", "Squeeze", "Unsqueeze", "Cast", "Where", "Shape", "Identity", "Constant",
             "SequenceConstruct", "SequenceAt", "Optional", "RoiAlign", "GridSample", "DepthToSpace", "STFT", "DFT", "Nonsense"]


def graphs(graph):
    yield graph
    for node in graph.node:
        for a in node.attribute:
            for g in ([a.g] if a.HasField("g") else []) + list(a.graphs):
                yield from graphs(g)


def graph_of(m, rng):
    return rng.choice(list(graphs(m.graph)))


def node_of(m, rng):
    nodes = [n for g in graphs(m.graph) for n in g.node]
    return rng.choice(nodes) if nodes else None


def names(m):
    found = {n for g in graphs(m.graph) for node in g.node for n in list(node.input) + list(node.output)}
    return sorted(found | {t.name for t in m.graph.initializer}) or ["x"]


def initializer_of(m, rng):
    found = [t for g in graphs(m.graph) for t in g.initializer] + \
        [a.t for g in graphs(m.graph) for n in g.node for a in n.attribute if a.HasField("t")]
    return rng.choice(found) if found else None


def attribute_of(m, rng, *kinds):
    found = [a for g in graphs(m.graph) for n in g.node for a in n.attribute if not kinds or a.type in kinds]
    return rng.choice(found) if found else None


def node_inputs(m, rng):
    n = node_of(m, rng)
    if not n:
        return False
    what, known = rng.randrange(5), names(m)
    inputs = list(n.input)
    if what == 0 and inputs:
        inputs[rng.randrange(len(inputs))] = ""
    elif what == 1 and inputs:
        inputs[rng.randrange(len(inputs))] = rng.choice(known)
    elif what == 2 and inputs:
        inputs[rng.randrange(len(inputs))] = "made by nobody"
    else:
        inputs = mutate.sequence(rng, inputs, lambda: rng.choice(known + [""]))
    del n.input[:]
    n.input.extend(inputs)
    return True


def node_outputs(m, rng):
    n = node_of(m, rng)
    if not n:
        return False
    known = names(m)
    outputs = mutate.sequence(rng, n.output, lambda: rng.choice(known + ["", "more"]))
    del n.output[:]
    n.output.extend(outputs)
    return True


def cycle(m, rng):
    g = graph_of(m, rng)
    if not g.node:
        return False
    a, b = rng.choice(g.node), rng.choice(g.node)
    if not a.input or not b.output:
        return False
    a.input[rng.randrange(len(a.input))] = b.output[0]
    return True


def operator_type(m, rng):
    n = node_of(m, rng)
    if not n:
        return False
    what = rng.randrange(4)
    if what < 2:
        n.op_type = rng.choice(OPERATORS)
    elif what == 2:
        n.domain = rng.choice(["", "ai.onnx", "com.microsoft", "ai.onnx.ml", "nowhere", "x" * 70000])
    else:
        n.op_type = rng.choice(["", "x" * 100000, "%s%n", n.name])
    return True


def node_repeated(m, rng):
    g = graph_of(m, rng)
    if not g.node:
        return False
    for _ in range(rng.choice([1, 2, 40])):
        g.node.add().CopyFrom(g.node[rng.randrange(len(g.node))])
    return True


def node_lost(m, rng):
    g = graph_of(m, rng)
    if not g.node:
        return False
    del g.node[rng.randrange(len(g.node))]
    return True


def node_order(m, rng):
    g = graph_of(m, rng)
    nodes = list(g.node)
    rng.shuffle(nodes)
    copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del g.node[:]
    g.node.extend(copies)
    return len(nodes) > 1


def attribute_integers(m, rng):
    a = attribute_of(m, rng, AttributeProto.INT, AttributeProto.INTS)
    if not a:
        return False
    if a.type == AttributeProto.INT:
        a.i = mutate.integer(rng)
    else:
        values = mutate.sequence(rng, a.ints, lambda: mutate.integer(rng))
        del a.ints[:]
        a.ints.extend(values)
    return True


def attribute_reals(m, rng):
    a = attribute_of(m, rng, AttributeProto.FLOAT, AttributeProto.FLOATS)
    if not a:
        return False
    if a.type == AttributeProto.FLOAT:
        a.f = mutate.real(rng)
    else:
        values = mutate.sequence(rng, a.floats, lambda: mutate.real(rng))
        del a.floats[:]
        a.floats.extend(values)
    return True


def attribute_text(m, rng):
    a = attribute_of(m, rng, AttributeProto.STRING, AttributeProto.STRINGS)
    if not a:
        return False
    if a.type == AttributeProto.STRING:
        a.s = rng.choice([b"", b"\xff\xfe\0", b"SAME_UPPER", b"linear", b"...ij,jk->zz", b"->", b"a" * 200000, b"%n%s"])
    else:
        values = mutate.sequence(rng, a.strings, lambda: rng.choice([b"", b"Tanh", b"\xff", b"Nonsense"]))
        del a.strings[:]
        a.strings.extend(values)
    return True


def attribute_kind(m, rng):
    n = node_of(m, rng)
    if not n or not n.attribute:
        return False
    a, what = rng.choice(n.attribute), rng.randrange(4)
    if what == 0:
        a.type = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14])
    elif what == 1:
        n.attribute.remove(a)
    elif what == 2:
        n.attribute.add().CopyFrom(a)
    else:
        a.CopyFrom(h.make_attribute(a.name, rng.choice([1, 1.5, "text", [1, 2], [0.5], ["a", "b"]])))
    return True


def attribute_added(m, rng):
    n = node_of(m, rng)
    if not n:
        return False
    name = rng.choice(["axis", "axes", "perm", "strides", "dilations", "group", "kernel_shape", "pads", "blocksize", "to", "keepdims",
                       "hidden_size", "num_outputs", "block_size", "epsilon", "ceil_mode", "auto_pad", "value"])
    value = rng.choice([mutate.integer(rng), [mutate.integer(rng) for _ in range(rng.randrange(6))], mutate.real(rng), "NOTSET"])
    for a in [a for a in n.attribute if a.name == name]:
        n.attribute.remove(a)
    a = n.attribute.add()
    a.name = name
    if isinstance(value, list):
        a.type = AttributeProto.INTS
        a.ints.extend(value)
    else:
        a.CopyFrom(h.make_attribute(name, value))
    return True


def constant_shape(m, rng):
    t = initializer_of(m, rng)
    if not t:
        return False
    dims = mutate.sequence(rng, t.dims, lambda: mutate.integer(rng))
    del t.dims[:]
    t.dims.extend(dims)
    return True


def constant_type(m, rng):
    t = initializer_of(m, rng)
    if not t:
        return False
    t.data_type = rng.choice(TYPES)
    return True


def constant_bytes(m, rng):
    t = initializer_of(m, rng)
    if not t:
        return False
    what, raw = rng.randrange(5), t.raw_data
    if what == 0:
        t.raw_data = raw[:rng.randint(0, len(raw))]
    elif what == 1:
        t.raw_data = raw + bytes(rng.choice([1, 3, 8, 5000]))
    elif what == 2:
        t.ClearField("raw_data")
    elif what == 3:
        t.float_data.extend([1.5] * rng.choice([1, 100]))
    else:
        t.int64_data.extend([mutate.integer(rng) for _ in range(rng.choice([1, 100]))])
    return True


def constant_values(m, rng):
    """axes, shapes, indices, sizes, scales, zero points: the same length, other values"""
    t = initializer_of(m, rng)
    if not t or t.data_type not in (TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64) or t.data_location:
        return False
    try:
        values = onnx.numpy_helper.to_array(t).copy()
    except (ValueError, TypeError):
        return False
    if not values.size:
        return False
    flat = values.reshape(-1)
    for _ in range(rng.choice([1, 1, 2, flat.size])):
        bits = 32 if t.data_type == TensorProto.INT32 else 64
        flat[rng.randrange(flat.size)] = mutate.real(rng) if t.data_type == TensorProto.FLOAT else mutate.integer(rng, bits)
    t.CopyFrom(onnx.numpy_helper.from_array(values, t.name))
    return True


def constant_made(m, rng):
    """a graph input becomes a constant with hostile values, so that shapes and axes are known at load"""
    free = [v for v in m.graph.input if v.type.HasField("tensor_type")]
    if not free:
        return False
    v = rng.choice(free)
    kind = v.type.tensor_type.elem_type
    dims = [d.dim_value for d in v.type.tensor_type.shape.dim]
    count = 1
    for d in dims:
        count *= d
    if kind not in (TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT) or not 0 < count < 1000:
        return False
    value = [mutate.real(rng) if kind == TensorProto.FLOAT else mutate.integer(rng, 32 if kind == TensorProto.INT32 else 64)
             for _ in range(count)]
    m.graph.initializer.append(h.make_tensor(v.name, kind, dims, value))
    m.graph.input.remove(v)
    return True


def constant_outside(m, rng):
    t = initializer_of(m, rng)
    if not t:
        return False
    t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    for key, value in (("location", rng.choice(["../../etc/passwd", "/etc/passwd", "nothing.bin", "", ".", "..", "a/../../b", "/dev/zero",
                                                "/proc/self/mem", "x" * 5000, "C:\\x", "file:///etc/passwd"])),
                       ("offset", rng.choice(["0", "-1", "1e9", "9223372036854775807", "18446744073709551615", "x"])),
                       ("length", rng.choice(["4", "0", "-4", "9223372036854775807", ""]))):
        entry = t.external_data.add()
        entry.key, entry.value = key, value
    return True


def value_shape(m, rng):
    g = graph_of(m, rng)
    values = list(g.input) + list(g.output) + list(g.value_info)
    if not values:
        return False
    v, what = rng.choice(values), rng.randrange(6)
    shape = v.type.tensor_type.shape
    if what <= 2 and shape.dim:
        shape.dim[rng.randrange(len(shape.dim))].dim_value = mutate.integer(rng)
    elif what == 3:
        for _ in range(rng.choice([1, 3, 30])):
            shape.dim.add().dim_value = rng.choice([1, 2, 2**20])
    elif what == 4:
        del shape.dim[:]
    else:
        v.type.tensor_type.ClearField("shape")
    return True


def value_type(m, rng):
    g = graph_of(m, rng)
    values = list(g.input) + list(g.output) + list(g.value_info)
    if not values:
        return False
    v, what = rng.choice(values), rng.randrange(4)
    if what < 2:
        v.type.tensor_type.elem_type = rng.choice(TYPES)
    elif what == 2:
        v.type.CopyFrom(h.make_sequence_type_proto(h.make_tensor_type_proto(1, [2])))
    else:
        v.type.Clear()
    return True


def graph_ends(m, rng):
    g = graph_of(m, rng)
    what, known = rng.randrange(6), names(m)
    if what == 0 and g.output:
        g.output[rng.randrange(len(g.output))].name = rng.choice(known + ["made by nobody", ""])
    elif what == 1 and g.input:
        g.input[rng.randrange(len(g.input))].name = rng.choice(known + ["unused", ""])
    elif what == 2 and g.input:
        del g.input[rng.randrange(len(g.input))]
    elif what == 3:
        del g.output[:]
    elif what == 4 and g.output:
        for _ in range(rng.choice([1, 100])):
            g.output.add().CopyFrom(g.output[0])
    elif g.input:
        for _ in range(rng.choice([1, 100])):
            g.input.add().CopyFrom(g.input[0])
    return True


def versions(m, rng):
    what = rng.randrange(4)
    if what == 0:
        m.ir_version = rng.choice([0, -1, 1, 2, 3, 99, 2**62])
    elif what == 1 and m.opset_import:
        m.opset_import[0].version = rng.choice([0, -1, 1, 5, 6, 7, 12, 999, 2**62, -2**63])
    elif what == 2:
        del m.opset_import[:]
    else:
        o = m.opset_import.add()
        o.domain, o.version = rng.choice(["", "ai.onnx", "com.microsoft", "nowhere"]), rng.choice([1, 5, 20, 0])
    return True


def functions(m, rng):
    """model-local functions that call themselves or each other, or have the name of a built-in operator"""
    n = node_of(m, rng)
    if not n:
        return False
    kind, deep = rng.choice(["self", "pair", "wide"]), "local"
    n.domain, n.op_type = deep, "F"
    calls = {"self": ["F"], "pair": ["G"], "wide": ["G"] * 8}[kind]
    def body(name, called):
        f = m.functions.add()
        f.name, f.domain = name, deep
        f.input.append("x")
        f.output.append("y%d" % (len(called) - 1))
        f.opset_import.add().version = 17
        f.opset_import.add(domain=deep).version = 1
        for i, c in enumerate(called):
            f.node.add(op_type=c, domain=deep, input=["y%d" % (i - 1) if i else "x"], output=["y%d" % i])
    body("F", calls)
    if kind == "pair":
        body("G", ["F"])
    m.opset_import.add(domain=deep).version = 1
    return True


def sparse(m, rng):
    if not m.graph.initializer:
        return False
    t = rng.choice(m.graph.initializer)
    s = m.graph.sparse_initializer.add()
    count = rng.choice([1, 2, 5])
    s.values.CopyFrom(h.make_tensor(t.name, 1, [count], [1.0] * count))
    s.indices.name, s.indices.data_type = "i", TensorProto.INT64
    s.indices.dims.extend([rng.choice([count, count + 1])] * rng.choice([1, 1, 2]))
    s.indices.int64_data.extend(mutate.integer(rng) for _ in range(count))
    s.dims.extend(mutate.sequence(rng, t.dims, lambda: mutate.integer(rng)))
    m.graph.initializer.remove(t)
    return True


def quantization(m, rng):
    """scales and zero points that are zero, not a number, of another length"""
    g = m.graph
    for n in g.node:
        if "Quant" not in n.op_type and "QLinear" not in n.op_type:
            continue
        of = [v for v in n.input if "scale" in v.lower() or "zero" in v.lower()] or list(n.input[1:3])
        if not of:
            continue
        name = rng.choice(of)
        for v in [v for v in g.input if v.name == name]:
            g.input.remove(v)
        for t in [t for t in g.initializer if t.name == name]:
            g.initializer.remove(t)
        count = rng.choice([0, 1, 2, 3, 1000])
        kind = TensorProto.FLOAT if rng.random() < 0.7 else TensorProto.INT8
        g.initializer.append(h.make_tensor(name, kind, [count], [mutate.real(rng) if kind == TensorProto.FLOAT else 1] * count))
        return True
    return False


def titles(m, rng):
    """names that are equal, empty, long or odd"""
    text = rng.choice(["", "same", "x" * 300000, "\x01\x02", "a/b/../c", "\u202e\u0000"])
    for n in m.graph.node:
        n.name = text
    for t in list(m.graph.initializer)[:1]:
        t.name = text
    for key in ("k", "k"):
        m.metadata_props.add(key=key, value=text)
    return True


MUTATIONS = [node_inputs, node_inputs, node_outputs, cycle, operator_type, node_repeated, node_lost, node_order, attribute_integers,
             attribute_integers, attribute_integers, attribute_reals, attribute_text, attribute_kind, attribute_added, attribute_added,
             constant_shape, constant_type, constant_bytes, constant_values, constant_values, constant_made, constant_made,
             constant_outside, value_shape, value_shape, value_type, graph_ends, graph_ends, versions, functions, sparse, quantization,
             titles]


def meaning(rng, data):
    m = onnx.ModelProto.FromString(data)
    name = mutate.apply(rng, m, MUTATIONS)
    return name, m.SerializeToString() if name else data
