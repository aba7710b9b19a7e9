# SPDX-License-Identifier: Apache-2.0
"""TFLite models made here: custom operators, sparse weights, variables, weights of half precision; against LiteRT, or
the formula where LiteRT lacks the operator."""
import json
import os
import struct
import subprocess
import sys
import tempfile

from harness import compare, f32, np, s8

try:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter
    from flatbuffers import flexbuffers
except ImportError as missing:
    print(f"skipped: {missing}; tests/run.sh installs it")
    sys.exit(77)

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int8": 9}
CODES = {k: v for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
RESOURCE = 13
cases = []


class Model:
    """A model under construction; graphs[0] is the main one."""

    def __init__(self):
        self.t = schema.ModelT()
        self.t.version, self.t.operatorCodes, self.t.subgraphs = 3, [], []
        self.t.buffers = [schema.BufferT()]

    def graph(self):
        g = schema.SubGraphT()
        g.tensors, g.operators, g.inputs, g.outputs = [], [], [], []
        self.t.subgraphs.append(g)
        return len(self.t.subgraphs) - 1

    def tensor(self, name, dtype, shape, data=None, graph=0):
        t = schema.TensorT()
        t.name, t.shape, t.type = name.encode(), list(shape), RESOURCE if dtype == "resource" else TYPES[dtype]
        t.buffer, t.quantization = 0, None
        if data is not None:
            b = schema.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.t.buffers.append(b)
            t.buffer = len(self.t.buffers) - 1
        self.t.subgraphs[graph].tensors.append(t)
        return len(self.t.subgraphs[graph].tensors) - 1

    def constant(self, name, array, graph=0):
        return self.tensor(name, str(array.dtype), array.shape, array, graph)

    def node(self, op, inputs, outputs, options=None, custom=None, graph=0):
        code = schema.OperatorCodeT()
        code.builtinCode = CODES.get(op, CODES["CUSTOM"])
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        if op not in CODES:
            code.customCode = op.encode()
        self.t.operatorCodes.append(code)
        n = schema.OperatorT()
        n.opcodeIndex, n.inputs, n.outputs = len(self.t.operatorCodes) - 1, inputs, outputs
        if options is not None:
            n.builtinOptions = options
            n.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
        if custom is not None:
            n.customOptions = np.frombuffer(custom, np.uint8)
        self.t.subgraphs[graph].operators.append(n)

    def done(self, inputs, outputs, graph=0):
        self.t.subgraphs[graph].inputs, self.t.subgraphs[graph].outputs = inputs, outputs
        return self

    def bytes(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.t.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def case(name, model, feeds, want=None, refused=None, steps=0, tolerance=None):
    cases.append((name, model.bytes(), feeds, want, refused, steps, tolerance))


def options(kind, **values):
    o = getattr(schema, kind + "T")()
    for k, v in values.items():
        setattr(o, k, v)
    return o


# ---- custom operators
for regular in (False, True):
    m = Model()
    m.graph()
    boxes, scores = m.tensor("boxes", "float32", [1, 12, 4]), m.tensor("scores", "float32", [1, 12, 4])
    anchors = m.constant("anchors", np.abs(f32(12, 4)) * np.float32(0.2) + np.float32(0.1))
    outs = [m.tensor(f"y{i}", "float32", s) for i, s in enumerate(([1, 5, 4], [1, 5], [1, 5], [1]))]
    m.node("TFLite_Detection_PostProcess", [boxes, scores, anchors], outs, custom=bytes(flexbuffers.Dumps({
        "max_detections": 5, "max_classes_per_detection": 1, "detections_per_class": 3, "use_regular_nms": regular,
        "nms_score_threshold": 0.3, "nms_iou_threshold": 0.5, "num_classes": 3, "y_scale": 10.0, "x_scale": 10.0,
        "h_scale": 5.0, "w_scale": 5.0})))
    m.done([boxes, scores], outs)
    case(f"detection_{regular}", m, [f32(1, 12, 4), np.random.default_rng(5).random((1, 12, 4), np.float32)])


def transposed(x, w, b, stride, same):
    size = [stride * (n - 1) + k for n, k in zip(x.shape[1:3], w.shape[1:3])]
    pad = [max(0, k - (n - 1) % stride - 1) if same else 0 for n, k in zip(x.shape[1:3], w.shape[1:3])]
    y = np.zeros((x.shape[0], *size, w.shape[0]), np.float32)
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            y[:, i * stride:i * stride + w.shape[1], j * stride:j * stride + w.shape[2]] += \
                np.einsum("nc,ohwc->nhwo", x[:, i, j], w)
    h, v = size[0] - pad[0], size[1] - pad[1]
    return y[:, pad[0] // 2:pad[0] // 2 + h, pad[1] // 2:pad[1] // 2 + v] + b


for padding, stride, kernel in ((1, 2, 2), (1, 2, 3), (1, 3, 4), (2, 2, 3), (1, 1, 3)):
    x, w, b = f32(1, 4, 5, 3), f32(2, kernel, kernel, 3), f32(2)
    want = transposed(x, w, b, stride, padding == 1)
    m = Model()
    m.graph()
    ids = [m.tensor("x", "float32", x.shape), m.constant("w", w), m.constant("b", b), m.tensor("y", "float32", want.shape)]
    m.node("Convolution2DTransposeBias", ids[:3], ids[3:], custom=struct.pack("<3i", padding, stride, stride))
    case(f"transposed_{padding}_{stride}_{kernel}", m.done(ids[:1], ids[3:]), [x], [want])

x = f32(1, 6, 4, 3)
windows = x.reshape(1, 3, 2, 2, 2, 3).transpose(0, 1, 3, 5, 2, 4).reshape(1, 3, 2, 3, 4)
where = windows.argmax(-1)
back = np.zeros_like(windows)
np.put_along_axis(back, where[..., None], windows.max(-1)[..., None], -1)
back = back.reshape(1, 3, 2, 3, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)
m = Model()
m.graph()
ids = [m.tensor("x", "float32", x.shape), m.tensor("v", "float32", [1, 3, 2, 3]), m.tensor("i", "float32", [1, 3, 2, 3]),
       m.tensor("y", "float32", x.shape)]
pool = struct.pack("<6i", 1, 2, 2, 2, 2, 0)
m.node("MaxPoolingWithArgmax2D", ids[:1], ids[1:3], custom=pool)
m.node("MaxUnpooling2D", ids[1:3], ids[3:], custom=pool)
case("pool_and_back", m.done(ids[:1], ids[1:]), [x], [windows.max(-1), (where + 0.1).astype(np.float32), back])
m = Model()
m.graph()
ids = [m.tensor("v", "float32", [1, 1, 1, 1]), m.tensor("i", "float32", [1, 1, 1, 1]), m.tensor("y", "float32", [1, 2, 2, 1])]
m.node("MaxUnpooling2D", ids[:2], ids[2:], custom=pool)
case("unpool_outside", m.done(ids[:2], ids[2:]), [f32(1, 1, 1, 1), np.full((1, 1, 1, 1), 1e9, np.float32)], refused=3)
m = Model()
m.graph()
ids = [m.tensor("x", "float32", [2]), m.tensor("y", "float32", [2])]
m.node("NobodyKnowsThis", ids[:1], ids[1:])
case("unknown_custom", m.done(ids[:1], ids[1:]), [f32(2)], refused=2)


# ---- sparse weights
def level(size=0, segments=None, indices=None):
    d = schema.DimensionMetadataT()
    d.format, d.denseSize = (0, size) if segments is None else (1, 0)
    for name, values in (("arraySegments", segments), ("arrayIndices", indices)):
        if values is None:
            continue
        top = max(values, default=0)
        kind = "Uint8Vector" if top < 256 and name == "arrayIndices" else "Int32Vector" if top > 9 else "Uint16Vector"
        v = getattr(schema, kind + "T")()
        v.values = np.array(values, {"U": np.uint8, "I": np.int32}[kind[0]] if "16" not in kind else np.uint16)
        setattr(d, name, v)
        setattr(d, name + "Type", getattr(schema.SparseIndexVector, kind))
    return d


def sparse(w, blocks):
    """Values and parameters of w [n, k], whose dimensions in `blocks` are divided; rows dense, blocks of columns listed."""
    n, k = w.shape
    bn, bk = blocks.get(0, 1), blocks.get(1, 1)
    tiles = w.reshape(n // bn, bn, k // bk, bk).transpose(0, 2, 1, 3)
    segments, indices, values = [0], [], []
    for row in tiles:
        for i, tile in enumerate(row):
            if np.any(tile):
                indices.append(i)
                values.append(tile.ravel())
        segments.append(len(indices))
    p = schema.SparsityParametersT()
    p.traversalOrder, p.blockMap = list(range(2 + len(blocks))), sorted(blocks)
    p.dimMetadata = [level(n // bn), level(0, segments, indices)] + [level(blocks[d]) for d in sorted(blocks)]
    return np.concatenate(values), p


def with_sparse(w, blocks, densify, spoil=None):
    values, parameters = sparse(w, blocks)
    m = Model()
    m.graph()
    x = m.tensor("x", "float32", [2, w.shape[1]])
    c = m.tensor("w", str(w.dtype), w.shape, values)
    m.t.subgraphs[0].tensors[c].sparsity = parameters
    if spoil:
        spoil(m.t.subgraphs[0].tensors[c], parameters)
    dense = m.tensor("dense", str(w.dtype), w.shape) if densify else c
    if densify:
        m.node("DENSIFY", [c], [dense], options("DensifyOptions"))
    if w.dtype == np.float16:
        half, dense = dense, m.tensor("full", "float32", w.shape)
        m.node("DEQUANTIZE", [half], [dense], options("DequantizeOptions"))
    y = m.tensor("y", "float32", [2, w.shape[0]])
    m.node("FULLY_CONNECTED", [x, dense, -1], [y], options("FullyConnectedOptions"))
    return m.done([x], [y])


def pruned(n, k, bn, bk, keep=0.4):
    return f32(n, k) * np.kron(np.random.default_rng(n + k).random((n // bn, k // bk)) < keep, np.ones((bn, bk))).astype(np.float32)


X = f32(2, 16)
for name, w, blocks in (("1x4", pruned(8, 16, 1, 4), {1: 4}), ("plain", pruned(8, 16, 1, 1), {}),
                        ("half", pruned(8, 16, 1, 4).astype(np.float16), {1: 4})):
    case(f"densify_{name}", with_sparse(w, blocks, True), [X], tolerance=(1e-3, 1e-3))
w = pruned(8, 16, 4, 4)
case("densify_4x4", with_sparse(w, {0: 4, 1: 4}, True), [X], [X @ w.T])
case("sparse_in_place", with_sparse(w, {0: 4, 1: 4}, False), [X], [X @ w.T])
spoils = {
    "order": lambda t, p: setattr(p, "traversalOrder", [0, 0, 2]),
    "order_outside": lambda t, p: setattr(p, "traversalOrder", [0, 1, 40]),
    "block_map": lambda t, p: setattr(p, "blockMap", [7]),
    "block_map_negative": lambda t, p: setattr(p, "blockMap", [-1]),
    "dense_size": lambda t, p: setattr(p.dimMetadata[0], "denseSize", 1 << 30),
    "block_size": lambda t, p: setattr(p.dimMetadata[2], "denseSize", 5),
    "index": lambda t, p: p.dimMetadata[1].arrayIndices.values.__setitem__(0, 200),
    "segment": lambda t, p: p.dimMetadata[1].arraySegments.values.__setitem__(1, 60000 if p.dimMetadata[1].arraySegments.values.dtype == np.uint16 else -5),
    "segments_overlap": lambda t, p: p.dimMetadata[1].arraySegments.values.__setitem__(2, 0),
    "no_indices": lambda t, p: setattr(p.dimMetadata[1], "arrayIndicesType", 0),
    "shape": lambda t, p: setattr(t, "shape", [8, 18]),
    "huge": lambda t, p: setattr(t, "shape", [1 << 15, 1 << 15]),
    "missing_level": lambda t, p: p.dimMetadata.pop(),
}
for name, spoil in spoils.items():
    case(f"sparse_wrong_{name}", with_sparse(pruned(8, 16, 1, 4), {1: 4}, True, spoil), [X], refused=3)

# ---- a variable with a first value from CALL_ONCE, two runs
m = Model()
m.graph()
m.graph()
x, h, old, y = (m.tensor("x", "float32", [3]), m.tensor("h", "resource", []), m.tensor("old", "float32", [3]),
                m.tensor("y", "float32", [3]))
m.node("CALL_ONCE", [], [], options("CallOnceOptions", initSubgraphIndex=1))
m.node("VAR_HANDLE", [], [h], options("VarHandleOptions", container=b"", sharedName=b"v"))
m.node("READ_VARIABLE", [h], [old], options("ReadVariableOptions"))
m.node("ADD", [x, old], [y], options("AddOptions"))
m.node("ASSIGN_VARIABLE", [h, y], [], options("AssignVariableOptions"))
m.done([x], [y])
first = f32(3)
h, c = m.tensor("h", "resource", [], graph=1), m.constant("c", first, graph=1)
m.node("VAR_HANDLE", [], [h], options("VarHandleOptions", container=b"", sharedName=b"v"), graph=1)
m.node("ASSIGN_VARIABLE", [h, c], [], options("AssignVariableOptions"), graph=1)
m.done([], [], graph=1)
x = f32(3, 3)
case("call_once", m, [x], [first + np.cumsum(x, axis=0, dtype=np.float32)], steps=3)

# ---- recurrent operators that run both ways
def variable(m, name, shape):
    t = m.tensor(name, "float32", shape)
    m.t.subgraphs[0].tensors[t].isVariable = True
    return t


def by_litert(model, feeds):
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), feeds):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def both_ways(op, arrays, shapes, major, merge, **more):
    """arrays: constants in the order of the inputs, None where there is none; shapes of the states come after them."""
    x, *rest = arrays
    hidden, shape = shapes[0][1], list(x.shape[:2])
    m = Model()
    m.graph()
    ids = [m.tensor("x", "float32", x.shape)]
    states = [variable(m, f"s{i}", s) for i, s in enumerate(shapes)]
    for i, a in enumerate(rest):
        ids.append(-1 if a is None else states.pop(0) if isinstance(a, str) else m.constant(f"c{i}", a))
    y = [m.tensor(f"y{i}", "float32", s) for i, s in enumerate([shape + [2 * hidden]] if merge else [shape + [hidden]] * 2)]
    m.node(op, ids, y, options({"BIDIRECTIONAL_SEQUENCE_RNN": "BidirectionalSequenceRNNOptions"}.get(
        op, "BidirectionalSequenceLSTMOptions"), timeMajor=major, fusedActivationFunction=4, mergeOutputs=merge))
    return m.done(ids[:1], y)


B, T, I, H = 2, 4, 3, 5
for major in (False, True):
    x = f32(T, B, I) if major else f32(B, T, I)
    rnn = [x] + [f32(H, I), f32(H, H, scale=0.3), f32(H), "state"] + [f32(H, I), f32(H, H, scale=0.3), f32(H), "state"] + [None] * 3
    for full in (None, False, True):
        name, op, arrays, states = f"rnn_{major}", "BIDIRECTIONAL_SEQUENCE_RNN", rnn, 2
        if full is not None:
            name, op, arrays, states = f"lstm_{major}_{full}", "BIDIRECTIONAL_SEQUENCE_LSTM", [x], 4
            for way in range(2):
                arrays += [f32(H, I) if full or i else None for i in range(4)]
                arrays += [f32(H, H, scale=0.3) if full or i else None for i in range(4)]
                arrays += [f32(H) if full else None for i in range(3)]
                arrays += [f32(H) if full or i else None for i in range(4)] + [None, None]
            arrays += ["state"] * 4 + [None] * 9
        apart = both_ways(op, arrays, [[B, H]] * states, major, False)
        case(f"both_ways_{name}", apart, [x], tolerance=(1e-4, 1e-4))
        # joined: LiteRT's own answer changes from run to run where the batch comes first
        case(f"both_ways_joined_{name}", both_ways(op, arrays, [[B, H]] * states, major, True), [x],
             [np.concatenate(by_litert(apart.bytes(), [x]), -1)], tolerance=(1e-4, 1e-4))

for steps in ([2, 1, 3], [1, 1, 1], [1, 4, 1]):
    x = f32(2, 3, 2)
    m = Model()
    m.graph()
    ids = [m.tensor("x", "float32", x.shape), m.constant("d", np.array(steps, np.int32)),
           m.constant("v", np.array(-1.5, np.float32)),
           m.tensor("y", "float32", [(n - 1) * k + 1 for n, k in zip(x.shape, steps)])]
    m.node("DILATE", ids[:3], ids[3:])
    case(f"dilate_{steps}", m.done(ids[:1], ids[3:]), [x])

# ---- weights of half precision behind DEQUANTIZE
x, w, b = f32(1, 6, 6, 3), f32(4, 3, 3, 3).astype(np.float16), f32(4).astype(np.float16)
m = Model()
m.graph()
ids = [m.tensor("x", "float32", x.shape), m.constant("w", w), m.constant("b", b), m.tensor("wf", "float32", w.shape),
       m.tensor("bf", "float32", b.shape), m.tensor("y", "float32", [1, 6, 6, 4])]
m.node("DEQUANTIZE", [ids[1]], [ids[3]], options("DequantizeOptions"))
m.node("DEQUANTIZE", [ids[2]], [ids[4]], options("DequantizeOptions"))
m.node("CONV_2D", [ids[0], ids[3], ids[4]], [ids[5]], options("Conv2DOptions", strideW=1, strideH=1))
case("half_weights", m.done(ids[:1], ids[5:]), [x], tolerance=(1e-3, 1e-3))


def main(edgert, only=""):
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for index, (name, model, feeds, want, refused, steps, tolerance) in enumerate(cases):
            if only not in name:
                continue
            base = os.path.join(folder, str(index))
            os.mkdir(base)
            with open(os.path.join(base, "m.tflite"), "wb") as out:
                out.write(model)
            inputs = [os.path.join(base, f"in{k}.npy") for k in range(len(feeds))]
            for path, array in zip(inputs, feeds):
                np.save(path, array)
            line = {"id": index, "model": os.path.join(base, "m.tflite"), "inputs": inputs,
                    "output_dir": os.path.join(base, "out")}
            lines.append(json.dumps({**line, "steps": steps} if steps else line))
        answers = subprocess.run([edgert, "run", "--batch", "-", "--timeout", "20"], input="\n".join(lines) + "\n",
                                 capture_output=True, text=True)
        got = {a["id"]: a for a in map(json.loads, answers.stdout.splitlines())}
        if answers.returncode != 0 or len(got) != len(lines):
            print(f"the batch ended with {answers.returncode} after {len(got)} of {len(lines)} cases\n{answers.stderr}")
            failures += 1
        for index, answer in got.items():
            name, model, feeds, want, refused, steps, tolerance = cases[index]
            problems = []
            if refused is not None:
                if answer["exit"] not in (refused, 4 if refused == 3 else refused):
                    problems.append(f"exit {answer['exit']} where {refused} was expected: {answer['error']}")
            elif answer["exit"] != 0:
                problems.append(answer["error"])
            else:
                for k, array in enumerate(want if want is not None else by_litert(model, feeds)):
                    result = np.load(os.path.join(folder, str(index), "out", f"{k}.npy"))
                    problem = compare(result, array, tolerance, 0)
                    if problem:
                        problems.append(f"output {k}: {problem}")
            failures += bool(problems)
            for problem in problems:
                print(f"{name}: {problem}")
    print(f"{len(lines) - failures} of {len(lines)} cases agree")
    return 1 if failures else 0


sys.exit(main(*sys.argv[1:]))
