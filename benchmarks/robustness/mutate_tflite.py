# SPDX-License-Identifier: Apache-2.0
"""TFLite models whose tables are well formed and whose meaning is wrong; through the schema classes that ai-edge-litert ships."""
import flatbuffers
import mutate
import numpy as np
from ai_edge_litert import schema_py_generated as schema

OPTIONS = [name for name in dir(schema) if name.endswith("OptionsT")]


def some(rng, values):
    return rng.choice(list(values)) if values is not None and len(values) else None


def subgraph(m, rng):
    return some(rng, m.subgraphs)


def operator(m, rng):
    return some(rng, [op for s in m.subgraphs or [] for op in s.operators or []])


def tensor(m, rng):
    return some(rng, [t for s in m.subgraphs or [] for t in s.tensors or []])


def index(m, rng):
    count = max([len(s.tensors or []) for s in m.subgraphs or []] + [1])
    return rng.choice([-1, -1, -1, -2, count, count + 1, 2**31 - 1, -2**31, rng.randrange(count), rng.randrange(count)])


def words(values):
    return np.array(values, dtype=np.int32)


def operator_inputs(m, rng):
    op = operator(m, rng)
    if not op:
        return False
    op.inputs = words(mutate.sequence(rng, op.inputs if op.inputs is not None else [], lambda: index(m, rng)))
    if rng.random() < 0.05:
        op.inputs = None
    return True


def operator_outputs(m, rng):
    op = operator(m, rng)
    if not op:
        return False
    op.outputs = words(mutate.sequence(rng, op.outputs if op.outputs is not None else [], lambda: index(m, rng)))
    if rng.random() < 0.05:
        op.outputs = None
    return True


def operator_code(m, rng):
    what, op, code = rng.randrange(5), operator(m, rng), some(rng, m.operatorCodes)
    if what == 0 and op:
        op.opcodeIndex = rng.choice([len(m.operatorCodes or []), 2**32 - 1, 1000])
    elif what == 1 and code:
        code.builtinCode = rng.choice([rng.randrange(0, 215), -1, 127, 2**31 - 1, 9999])
    elif what == 2 and code:
        code.deprecatedBuiltinCode = rng.choice([127, -1, rng.randrange(128)])
    elif what == 3 and code:
        code.version = rng.choice([0, -1, 2, 99, 2**31 - 1])
    elif what == 4 and code:
        code.builtinCode, code.customCode = 32, rng.choice([b"", b"Nonsense", b"TFLite_Detection_PostProcess", b"x" * 100000, None])
    else:
        return False
    return True


def options_field(m, rng):
    found = [o for s in m.subgraphs or [] for op in s.operators or []
             for o in (op.builtinOptions, getattr(op, "builtinOptions2", None)) if o is not None and vars(o)]
    o = some(rng, found)
    if o is None:
        return False
    key = rng.choice(sorted(vars(o)))
    old = getattr(o, key)
    if isinstance(old, bool):
        setattr(o, key, not old)
    elif isinstance(old, float):
        setattr(o, key, mutate.real(rng))
    elif isinstance(old, int):
        setattr(o, key, mutate.integer(rng, 8 if "Type" in key or "Activation" in key or key == "padding" else 32))
    elif isinstance(old, (list, np.ndarray)):
        setattr(o, key, words(mutate.sequence(rng, list(old), lambda: mutate.integer(rng, 32))))
    elif old is None:
        setattr(o, key, words([mutate.integer(rng, 32) for _ in range(rng.randrange(5))]))
    else:
        return False
    return True


def options_kind(m, rng):
    op = operator(m, rng)
    if not op:
        return False
    what = rng.randrange(4)
    if what == 0:
        op.builtinOptions, op.builtinOptionsType = None, 0
    elif what == 1:
        name = rng.choice(OPTIONS)
        op.builtinOptionsType = getattr(schema.BuiltinOptions, name[:-1], 0)
        op.builtinOptions = getattr(schema, name)() if op.builtinOptionsType else None
    elif what == 2:
        op.customOptions = np.frombuffer(bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 30]))), np.uint8)
    else:
        op.intermediates = words([index(m, rng) for _ in range(rng.choice([1, 5]))])
    return True


def tensor_shape(m, rng):
    t = tensor(m, rng)
    if not t:
        return False
    what = rng.randrange(4)
    old = t.shape if t.shape is not None else []
    if what <= 1:
        t.shape = words(mutate.sequence(rng, old, lambda: mutate.integer(rng, 32)))
    elif what == 2:
        t.shapeSignature = words(mutate.sequence(rng, old, lambda: rng.choice([-1, -1, 0, 5, -7, 2**31 - 1])))
    else:
        t.shape = None
        t.hasRank = rng.random() < 0.5
    return True


def tensor_type(m, rng):
    t = tensor(m, rng)
    if not t:
        return False
    t.type = rng.choice(list(range(0, 24)) + [127, -1])
    return True


def tensor_buffer(m, rng):
    t = tensor(m, rng)
    if not t:
        return False
    t.buffer = rng.choice([0, len(m.buffers or []), 2**32 - 1, rng.randrange(max(1, len(m.buffers or [])))])
    t.isVariable = rng.random() < 0.3
    return True


def buffer_bytes(m, rng):
    filled = [b for b in m.buffers or [] if b.data is not None and len(b.data)]
    b = some(rng, filled or m.buffers)
    if not b:
        return False
    data, what = bytes(b.data) if b.data is not None else b"", rng.randrange(6)
    if what == 0:
        data = data[:rng.randint(0, len(data))]
    elif what == 1:
        data = data + bytes(rng.choice([1, 3, 4, 4096]))
    elif what == 2:
        b.offset, b.size = rng.choice([1, 2, 100, 2**40, 2**63, 2**64 - 1]), rng.choice([1, 4, 2**40, 2**64 - 1])
    elif what == 3:
        data = b""
    else:
        array = bytearray(data)
        for _ in range(rng.choice([1, 1, 4])):
            if len(array) >= 4:
                at = rng.randrange(len(array) // 4) * 4
                array[at:at + 4] = (mutate.integer(rng, 32) % 2**32).to_bytes(4, "little")
        data = bytes(array)
    b.data = np.frombuffer(data, np.uint8)
    return True


def constant_made(m, rng):
    """an input that holds axes, shapes or indices becomes a constant of hostile values"""
    s = subgraph(m, rng)
    if not s or s.inputs is None:
        return False
    free = [i for i in s.inputs if 0 <= i < len(s.tensors or []) and s.tensors[i].type in (2, 4)]
    if not free:
        return False
    i = rng.choice(free)
    t = s.tensors[i]
    count, wide = int(np.prod(t.shape)) if t.shape is not None else 1, t.type == 4
    if not 0 < count < 1000:
        return False
    values = np.array([mutate.integer(rng, 64 if wide else 32) for _ in range(count)], np.int64 if wide else np.int32)
    b = schema.BufferT()
    b.data = np.frombuffer(values.tobytes(), np.uint8)
    m.buffers.append(b)
    t.buffer = len(m.buffers) - 1
    s.inputs = words([k for k in s.inputs if k != i])
    return True


def quantization(m, rng):
    t = tensor(m, rng)
    if not t:
        return False
    q = t.quantization = t.quantization or schema.QuantizationParametersT()
    what = rng.randrange(6)
    if what <= 1:
        q.scale = np.array([mutate.real(rng)] * rng.choice([1, 1, 2, 3, 1000]), np.float32)
        q.zeroPoint = np.array([mutate.integer(rng)] * rng.choice([1, 1, 2, 5]), np.int64)
    elif what == 2:
        q.scale = None
    elif what == 3:
        q.zeroPoint = np.array([mutate.integer(rng, 32)], np.int64)
        q.scale = np.array([0.5], np.float32)
    elif what == 4:
        q.quantizedDimension = mutate.integer(rng, 32)
    else:
        q.detailsType = schema.QuantizationDetails.BlockwiseQuantization if hasattr(schema, "BlockwiseQuantizationT") else 0
        if q.detailsType:
            q.details = schema.BlockwiseQuantizationT()
            q.details.scales, q.details.blockSize = index(m, rng), mutate.integer(rng, 32)
    return True


def sparsity(m, rng):
    t = tensor(m, rng)
    if not t:
        return False
    p = t.sparsity = schema.SparsityParametersT()
    rank = len(t.shape) if t.shape is not None else 0
    p.traversalOrder = words([rng.choice([0, 1, 2, -1, 100]) for _ in range(rng.choice([rank, rank + 1, 0]))])
    p.blockMap = words([rng.choice([0, 1, -1, 50]) for _ in range(rng.choice([0, 1, 2]))])
    p.dimMetadata = []
    for _ in range(rng.choice([rank, rank + 1, 0])):
        d = schema.DimensionMetadataT()
        d.format = rng.choice([0, 1, 1, 7])
        d.denseSize = mutate.integer(rng, 32)
        for kind, name in (("arraySegments", "arraySegmentsType"), ("arrayIndices", "arrayIndicesType")):
            v = schema.Int32VectorT()
            v.values = words([mutate.integer(rng, 32) for _ in range(rng.choice([0, 1, 2, 5]))])
            setattr(d, kind, v)
            setattr(d, name, schema.SparseIndexVector.Int32Vector)
        p.dimMetadata.append(d)
    return True


def graph_ends(m, rng):
    s = subgraph(m, rng)
    if not s:
        return False
    which = rng.choice(["inputs", "outputs"])
    old = getattr(s, which)
    setattr(s, which, words(mutate.sequence(rng, old if old is not None else [], lambda: index(m, rng))))
    if rng.random() < 0.05:
        setattr(s, which, None)
    return True


def parts_lost(m, rng):
    what, s = rng.randrange(6), subgraph(m, rng)
    if what == 0:
        m.buffers = None
    elif what == 1:
        m.operatorCodes = None
    elif what == 2 and s:
        s.tensors = None
    elif what == 3 and s:
        s.operators = None
    elif what == 4 and m.subgraphs:
        m.subgraphs.remove(s)
    elif what == 5 and s and s.tensors:
        s.tensors = s.tensors[:rng.randrange(len(s.tensors))]
    else:
        return False
    return True


def recursion(m, rng):
    """a subgraph that calls itself, or a number that is none"""
    op = operator(m, rng)
    if not op:
        return False
    code = schema.OperatorCodeT()
    code.builtinCode, name = rng.choice([(118, "If"), (119, "While"), (129, "CallOnce")])
    m.operatorCodes = (m.operatorCodes or []) + [code]
    op.opcodeIndex = len(m.operatorCodes) - 1
    op.builtinOptionsType = getattr(schema.BuiltinOptions, name + "Options")
    op.builtinOptions = getattr(schema, name + "OptionsT")()
    for key in vars(op.builtinOptions):
        setattr(op.builtinOptions, key, rng.choice([0, 0, 0, 1, -1, len(m.subgraphs), 2**31 - 1]))
    return True


def graph_repeated(m, rng):
    s = subgraph(m, rng)
    if not s:
        return False
    if rng.random() < 0.5:
        m.subgraphs = m.subgraphs + [s] * rng.choice([1, 5])
    else:
        s.operators = (s.operators or []) * rng.choice([2, 3, 40])
    return True


def operator_order(m, rng):
    s = subgraph(m, rng)
    if not s or not s.operators or len(s.operators) < 2:
        return False
    rng.shuffle(s.operators)
    return True


def titles(m, rng):
    text = rng.choice([b"", b"same", b"x" * 300000, b"\xff\xfe", b"%s%n"])
    for s in m.subgraphs or []:
        for t in s.tensors or []:
            t.name = text if rng.random() < 0.9 else None
    m.version = rng.choice([3, 3, 3, 0, 2, 99, 2**32 - 1])
    if rng.random() < 0.5:
        md = schema.MetadataT()
        md.name, md.buffer = text, rng.choice([0, 1, 2**32 - 1])
        m.metadata = [md] * rng.choice([1, 3])
    return True


def signatures(m, rng):
    d = schema.SignatureDefT()
    d.signatureKey, d.subgraphIndex = rng.choice([b"serving_default", b"", None]), rng.choice([0, 1, 2**32 - 1])
    tm = schema.TensorMapT()
    tm.name, tm.tensorIndex = rng.choice([b"x", b"", None]), rng.choice([0, 1, 2**32 - 1])
    d.inputs, d.outputs = rng.choice([None, [tm], [tm, tm]]), rng.choice([None, [tm]])
    m.signatureDefs = [d] * rng.choice([1, 2])
    return True


MUTATIONS = [operator_inputs, operator_inputs, operator_inputs, operator_outputs, operator_code, operator_code, options_field,
             options_field, options_field, options_kind, tensor_shape, tensor_shape, tensor_type, tensor_type, tensor_buffer, buffer_bytes,
             buffer_bytes, buffer_bytes, constant_made, constant_made, quantization, quantization, sparsity, graph_ends, graph_ends,
             parts_lost, recursion, graph_repeated, operator_order, titles, signatures]


def pack(m):
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    return bytes(b.Output())


def meaning(rng, data):
    m = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(data), 0))
    name = mutate.apply(rng, m, MUTATIONS)
    if not name:
        return None, data
    try:
        return name, pack(m)
    except Exception:  # numbers that the schema's type cannot hold, deep copies of shared parts
        return None, data
