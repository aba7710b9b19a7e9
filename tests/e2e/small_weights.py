#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small weights stay small: answers by formula, and peak memory beside the size of the file. EDGERT [KIND ...]"""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f'SKIPPED: {missing}')
    sys.exit(77)

WIDTH, LAYERS, BOUND = 1536, 4, 1.3
SLACK = 1 << 20  # what the system itself varies by
RNG = np.random.default_rng(5)


def packed(values, bits):
    """Rows of small values as bytes, low bits first."""
    v = (values.reshape(-1).astype(np.int64) & ((1 << bits) - 1)).astype(np.uint8).reshape(-1, 8 // bits)
    out = np.zeros(len(v), np.uint8)
    for i in range(8 // bits):
        out |= v[:, i] << (i * bits)
    return out


def constant(name, values, kind):
    types = {'int2': 26, 'int4': TensorProto.INT4, 'uint4': TensorProto.UINT4}
    if kind in types:
        bits = 2 if kind == 'int2' else 4
        return helper.make_tensor(name, types[kind], values.shape, packed(values, bits).tobytes(), raw=True)
    return numpy_helper.from_array(values.astype(kind), name)


def expand(values, block, axis):
    return np.repeat(values, block, axis)


def nbits(i, x, y, bits, block, zeros):
    """MatMulNBits; gives nodes, constants and the real weights [k, n]."""
    n = k = WIDTH
    q = RNG.integers(0, 1 << bits, (n, k))
    scale = (RNG.random((n, k // block)) * 0.3 / (1 << bits)).astype(np.float32)
    z = RNG.integers(0, 1 << bits, (n, k // block)) if zeros else np.full((n, k // block), 1 << (bits - 1))
    data = packed(q, bits).reshape(n, k // block, block * bits // 8)
    constants = [numpy_helper.from_array(data, f'q{i}'), numpy_helper.from_array(scale.reshape(-1), f's{i}')]
    names = [x, f'q{i}', f's{i}']
    if zeros:
        constants.append(numpy_helper.from_array(packed(z, bits), f'z{i}'))
        names.append(f'z{i}')
    node = helper.make_node('MatMulNBits', names, [y], domain='com.microsoft', K=k, N=n, bits=bits, block_size=block)
    real = (q - expand(z, block, 1)).astype(np.float32) * expand(scale, block, 1)
    return [node], constants, real.T


def dequantized(i, x, y, kind, block, gemm):
    """DequantizeLinear before MatMul or Gemm; block 0: one scale a column."""
    n = k = WIDTH
    lo, hi = {'int2': (-2, 2), 'int4': (-8, 8), 'uint4': (0, 16), 'int8': (-128, 128)}[kind]
    q = RNG.integers(lo, hi, (n, k) if gemm else (k, n))
    axis = (1 if gemm else 0) if block else (0 if gemm else 1)
    shape = [n if block else 1, n if block else 1]
    shape[axis] = k // block if block else n
    scale = (RNG.random(shape) * 0.3 / (hi - lo)).astype(np.float32)
    z = RNG.integers(lo, hi, shape) if lo == 0 else np.zeros(shape, np.int64)
    flat = tuple(shape) if block else (n,)
    constants = [constant(f'q{i}', q, kind), numpy_helper.from_array(scale.reshape(flat), f's{i}')]
    names = [f'q{i}', f's{i}']
    if lo == 0:
        constants.append(constant(f'z{i}', z.reshape(flat), kind))
        names.append(f'z{i}')
    extra = {'block_size': block} if block else {}
    nodes = [helper.make_node('DequantizeLinear', names, [f'w{i}'], axis=axis, **extra)]
    nodes.append(helper.make_node('Gemm', [x, f'w{i}'], [y], transB=1) if gemm else
                 helper.make_node('MatMul', [x, f'w{i}'], [y]))
    wide = (lambda v: expand(v, block, axis)) if block else (lambda v: v)
    real = (q - wide(z)).astype(np.float32) * wide(scale)
    return nodes, constants, real.T if gemm else real


def half(i, x, y):
    w = (RNG.standard_normal((WIDTH, WIDTH)) * 0.03).astype(np.float16)
    nodes = [helper.make_node('Cast', [f'q{i}'], [f'w{i}'], to=1), helper.make_node('MatMul', [x, f'w{i}'], [y])]
    return nodes, [numpy_helper.from_array(w, f'q{i}')], w.astype(np.float32)


KINDS = {'half': half, 'lite_int4': None, 'lite_half': None}
for bits in (4, 8):
    for block in (32, 128):
        for zeros in (0, 1):
            KINDS[f'nbits{bits}_{block}{"_zeros" if zeros else ""}'] = (
                lambda i, x, y, b=bits, s=block, z=zeros: nbits(i, x, y, b, s, z))
for kind in ('int4', 'uint4', 'int8', 'int2'):
    for block in (32, 0):
        for gemm in (0, 1):
            KINDS[f'{kind}_{block or "columns"}_{"gemm" if gemm else "matmul"}'] = (
                lambda i, x, y, k=kind, s=block, g=gemm: dequantized(i, x, y, k, s, g))


def write(path, make, layers):
    nodes, constants, real = [], [], []
    for i in range(layers):
        y = 'y' if i + 1 == layers else f'y{i}'
        more, values, w = make(i, f't{i}' if i else 'x', y)
        nodes += more
        constants += values
        real.append(w)
        if i + 1 < layers:
            nodes.append(helper.make_node('Tanh', [y], [f't{i + 1}']))
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ['m', None]) for name in 'xy']
    graph = helper.make_graph(nodes, 'g', value[:1], value[1:], constants)
    opsets = [helper.make_opsetid('', 25), helper.make_opsetid('com.microsoft', 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=11), path)
    return real


def write_lite(path, kind):
    """The same network as a TFLite file, FULLY_CONNECTED with weights of 4 bits or of f16 behind DEQUANTIZE."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as lite
    model, graph, real = lite.ModelT(), lite.SubGraphT(), []
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [], [graph], [lite.BufferT()]
    graph.tensors, graph.operators = [], []
    codes = [lite.BuiltinOperator.FULLY_CONNECTED, lite.BuiltinOperator.TANH, lite.BuiltinOperator.DEQUANTIZE]
    for code in codes:
        model.operatorCodes.append(lite.OperatorCodeT())
        model.operatorCodes[-1].builtinCode, model.operatorCodes[-1].version = code, 1
        model.operatorCodes[-1].deprecatedBuiltinCode = min(code, 127)

    def tensor(name, shape, dtype=lite.TensorType.FLOAT32, data=None, scale=None):
        t = lite.TensorT()
        t.name, t.type, t.shape, t.shapeSignature, t.buffer = name, dtype, shape, [-1, WIDTH], 0
        if data is not None:
            t.shapeSignature, t.buffer = None, len(model.buffers)
            model.buffers.append(lite.BufferT())
            model.buffers[-1].data = np.frombuffer(data, np.uint8)
        if scale is not None:
            t.quantization = lite.QuantizationParametersT()
            t.quantization.scale, t.quantization.zeroPoint = scale.tolist(), [0] * len(scale)
        graph.tensors.append(t)
        return len(graph.tensors) - 1

    def add(code, inputs, output):
        node = lite.OperatorT()
        node.opcodeIndex, node.inputs, node.outputs = codes.index(code), inputs, [output]
        if code == lite.BuiltinOperator.FULLY_CONNECTED:
            node.builtinOptionsType = lite.BuiltinOptions.FullyConnectedOptions
            node.builtinOptions = lite.FullyConnectedOptionsT()
        graph.operators.append(node)
        return output

    value = tensor('x', [1, WIDTH])
    graph.inputs = [value]
    for i in range(LAYERS):
        if i:
            value = add(lite.BuiltinOperator.TANH, [value], tensor(f't{i}', [1, WIDTH]))
        if kind == 'int4':
            q, scale = RNG.integers(-8, 8, (WIDTH, WIDTH)), (RNG.random(WIDTH) * 0.02).astype(np.float32)
            w = tensor(f'w{i}', list(q.shape), lite.TensorType.INT4, packed(q, 4).tobytes(), scale)
            real.append((q.astype(np.float32) * scale[:, None]).T)
        else:
            q = (RNG.standard_normal((WIDTH, WIDTH)) * 0.03).astype(np.float16)
            w = add(lite.BuiltinOperator.DEQUANTIZE, [tensor(f'q{i}', list(q.shape), lite.TensorType.FLOAT16, q.tobytes())],
                    tensor(f'w{i}', list(q.shape)))
            graph.tensors[w].shapeSignature = None
            real.append(q.astype(np.float32).T)
        value = add(lite.BuiltinOperator.FULLY_CONNECTED, [value, w, -1], tensor(f'y{i}', [1, WIDTH]))
    graph.outputs = [value]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b'TFL3')
    with open(path, 'wb') as f:
        f.write(builder.Output())
    return real


# A process of its own, and a small one: a child is charged with what its parent held when it was started.
WATCH = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print('peak', usage.ru_maxrss * 1024)
sys.exit(1 if status else 0)
"""


def peak(command):
    """The largest memory that a command held."""
    watch = [sys.executable, '-I', '-S', '-c', WATCH, *command]
    done = subprocess.run(watch, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f'{" ".join(command)}:\n{done.stdout}')
    return int(done.stdout.split()[-1])


def tiny(i, x, y):
    w = np.eye(WIDTH, 16, dtype=np.float32)
    return [helper.make_node('MatMul', [x, 'w'], [y])], [numpy_helper.from_array(w, 'w')], w


def check(edgert, folder, name, rows, base):
    path, other = os.path.join(folder, 'm.onnx'), os.path.join(folder, 'm.edge')
    if name.startswith('lite_'):
        path = os.path.join(folder, 'm.tflite')
        try:
            weights = write_lite(path, name[5:])
        except ImportError as missing:
            print(f'{name}: skipped, {missing}')
            return []
    else:
        weights = write(path, KINDS[name], LAYERS)
    size = os.path.getsize(path)
    subprocess.run([edgert, 'convert', path, '-o', other, '--shape', f'x=1x{WIDTH}'], stdout=subprocess.DEVNULL, check=True)
    bad = []
    if os.path.getsize(other) > size * 1.05 + 65536:
        bad.append(f'{name}: {os.path.getsize(other)} bytes as .edge, {size} as .onnx')
    for m in rows:
        x = RNG.standard_normal((m, WIDTH)).astype(np.float32)
        np.save(os.path.join(folder, 'x.npy'), x)
        want = x.astype(np.float64)
        for i, w in enumerate(weights):
            want = (np.tanh(want) if i else want) @ w.astype(np.float64)
        for model in (path, other):
            out = os.path.join(folder, 'out')
            used = peak([edgert, 'run', model, '--shape', f'x={m}x{WIDTH}', '--input',
                         'x=' + os.path.join(folder, 'x.npy'), '--output-dir', out]) - base
            off = np.abs(np.load(os.path.join(out, '0.npy')) - want).max() / np.abs(want).max()
            print(f'{name:20} {os.path.basename(model)} {m:3} rows: {used / size:5.2f} x {size} bytes, off by {off:.1e}')
            if used > BOUND * size + SLACK:
                bad.append(f'{name}: {used} bytes for a file of {size}, more than {BOUND} times')
            if not off < 2e-5:
                bad.append(f'{name}, {m} rows: off by {off}')
        os.remove(os.path.join(folder, 'x.npy'))
    os.remove(other)
    return bad


def main():
    edgert, names = sys.argv[1], sys.argv[2:] or list(KINDS)
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'tiny.onnx')
        write(path, tiny, 1)
        base = min(peak([edgert, 'run', path, '--shape', f'x=1x{WIDTH}']) for _ in range(3))
        for name in names:
            bad += check(edgert, folder, name, (1, 5), base)
    print('\n'.join(bad) or 'ok')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
