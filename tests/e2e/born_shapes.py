#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shapes that depend on data, followed by ordinary operators: every size beside ONNX Runtime. EDGERT"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
except ImportError as missing:
    print(f'SKIPPED: {missing}')
    sys.exit(77)

F, I = TensorProto.FLOAT, TensorProto.INT64
RNG = np.random.default_rng(0)
N = helper.make_node
MODELS = {}


def real(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def ints(**values):
    return [numpy_helper.from_array(np.asarray(v, np.int64), name) for name, v in values.items()]


def floats(**values):
    return [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in values.items()]


def add(name, nodes, constants, inputs, outputs, feeds):
    MODELS[name] = (nodes, constants, inputs, outputs, feeds)


def rows():
    """Few and many rows, and rows of which none is chosen."""
    return [{'x': real(n, 8)} for n in (3, 10, 1, 6, 40)] + [{'x': -abs(real(4, 8))}]


def lists(*values):
    return [{'k': np.array(v)} for v in values]


def boxes(n):
    corner = RNG.random((1, n, 2))
    both = np.concatenate([corner, corner + RNG.random(corner.shape)], -1).astype(np.float32)
    return {'b': both, 's': RNG.random((1, 1, n)).astype(np.float32)}


W = floats(W=real(8, 5))
X, K = ('x', F, ['n', 8]), ('k', I, ['q'])
add('nonzero', [N('ReduceMax', ['x', 'a1'], ['s'], keepdims=0), N('Greater', ['s', 'one'], ['g']),
                N('NonZero', ['g'], ['nz']), N('Squeeze', ['nz', 'a0'], ['i']), N('Gather', ['x', 'i'], ['gx']),
                N('MatMul', ['gx', 'W'], ['mm']), N('Softmax', ['mm'], ['y'], axis=-1)],
    ints(a1=[1], a0=[0]) + floats(one=1.0) + W, [X], [('y', F)], rows())
add('compress', [N('ReduceSum', ['x', 'a1'], ['s'], keepdims=0), N('Greater', ['s', 'z'], ['g']),
                 N('Compress', ['x', 'g'], ['gx'], axis=0), N('MatMul', ['gx', 'W'], ['m']), N('Relu', ['m'], ['r']),
                 N('Concat', ['r', 'r'], ['c'], axis=1), N('Transpose', ['c'], ['y'], perm=[1, 0])],
    ints(a1=[1]) + floats(z=0.0) + W, [X], [('y', F)], rows())
add('where', [N('Greater', ['x', 'z'], ['g']), N('NonZero', ['g'], ['nz']), N('Transpose', ['nz'], ['t'], perm=[1, 0]),
              N('GatherND', ['x', 't'], ['v']), N('Mul', ['v', 'two'], ['v2']),
              N('ReduceSum', ['v2'], ['y'], keepdims=0), N('Shape', ['v2'], ['sh'])],
    floats(z=0.5, two=2.0), [X], [('y', F), ('sh', I), ('v2', F)], rows())
add('range', [N('ReduceMax', ['k'], ['km'], keepdims=0), N('Range', ['zero', 'km', 'one'], ['r']),
              N('Cast', ['r'], ['f'], to=F), N('Unsqueeze', ['f', 'a1'], ['col']), N('Expand', ['col', 'sh'], ['e']),
              N('MatMul', ['e', 'W'], ['m']), N('Sigmoid', ['m'], ['y'])],
    ints(zero=0, one=1, a1=[1], sh=[1, 8]) + W, [K], [('y', F)], lists([3], [1, 9], [0], [2, 2, 30]))
add('unique', [N('Unique', ['k'], ['u', 'i', 'inverse', 'count']), N('Cast', ['u'], ['f'], to=F),
               N('Softmax', ['f'], ['s'], axis=0), N('Gather', ['s', 'inverse'], ['y'])],
    [], [K], [('y', F), ('count', I)], lists(*(RNG.integers(0, 5, n) for n in (1, 4, 9, 50))))
add('boxes', [N('NonMaxSuppression', ['b', 's', 'most', 'iou', 'least'], ['sel']),
              N('Gather', ['sel', 'two'], ['at'], axis=1), N('Squeeze', ['b', 'a0'], ['b2']),
              N('Gather', ['b2', 'at'], ['kept']), N('Add', ['kept', 'one'], ['p']), N('Mul', ['p', 'half'], ['y'])],
    ints(most=[10], two=2, a0=[0]) + floats(iou=[0.4], least=[0.3], one=1.0, half=0.5),
    [('b', F, [1, 'n', 4]), ('s', F, [1, 1, 'n'])], [('y', F), ('sel', I)], [boxes(n) for n in (1, 5, 30, 100)])
add('topk', [N('Greater', ['x', 'z'], ['g']), N('Cast', ['g'], ['gi'], to=I),
             N('ReduceSum', ['gi'], ['c'], keepdims=0), N('Div', ['c', 'four'], ['q']), N('Min', ['q', 'eight'], ['m']),
             N('Unsqueeze', ['m', 'a0'], ['top']), N('TopK', ['x', 'top'], ['v', 'i'], axis=1), N('Exp', ['v'], ['y'])],
    ints(four=4, eight=8, a0=[0]) + floats(z=0.0), [X], [('y', F), ('i', I)], rows())
add('slice', [N('ReduceMax', ['k'], ['km'], keepdims=1), N('Slice', ['x', 'z', 'km', 'z'], ['s']),
              N('MatMul', ['s', 'W'], ['m']), N('LayerNormalization', ['m', 'g'], ['y'])],
    ints(z=[0]) + floats(g=[1] * 5) + W, [X, K], [('y', F)],
    [{'x': real(10, 8), **k} for k in lists([3], [1, 9], [0], [20])])
add('pad', [N('NonZero', ['k'], ['nz']), N('Shape', ['nz'], ['sh']), N('Gather', ['sh', 'one'], ['c']),
            N('Concat', ['z', 'z', 'c', 'z'], ['pads'], axis=0), N('Pad', ['x', 'pads'], ['p']),
            N('MatMul', ['p', 'W'], ['y'])],
    ints(one=[1], z=[0]) + W, [X, K], [('y', F)], [{'x': real(3, 8), **k} for k in lists([3], [1, 9], [0], [2, 0, 5])])
add('tile', [N('Tile', ['x', 'k'], ['t']), N('Conv', ['t', 'w'], ['c'], pads=[1, 1, 1, 1]), N('Relu', ['c'], ['y']),
             N('GlobalAveragePool', ['y'], ['mean']), N('Shape', ['y'], ['sh'])],
    floats(w=real(4, 2, 3, 3)), [('x', F, [1, 2, 'h', 'w']), ('k', I, [4])], [('mean', F), ('sh', I), ('y', F)],
    [{'x': real(1, 2, 3, 4), 'k': np.array([1, 1, a, b])} for a, b in ((1, 1), (3, 2), (1, 7))])
add('resize', [N('Mul', ['k', 'two'], ['k2']), N('Concat', ['n1', 'two1', 'k2'], ['sizes'], axis=0),
               N('Resize', ['x', '', '', 'sizes'], ['r'], mode='linear'), N('Conv', ['r', 'w'], ['c'], pads=[1, 1, 1, 1]),
               N('MaxPool', ['c'], ['y'], kernel_shape=[2, 2], strides=[2, 2])],
    ints(two=2, n1=[1], two1=[2]) + floats(w=real(4, 2, 3, 3)), [('x', F, [1, 2, 'h', 'w']), ('k', I, [2])], [('y', F)],
    [{'x': real(1, 2, 3, 4), 'k': np.array(k)} for k in ((1, 1), (3, 2), (4, 7))])
add('recurrent', [N('ReduceSum', ['x', 'a1'], ['s'], keepdims=0), N('Greater', ['s', 'z'], ['g']),
                  N('Compress', ['x', 'g'], ['gx'], axis=0), N('Unsqueeze', ['gx', 'a1'], ['u']),
                  N('LSTM', ['u', 'LW', 'LR'], ['y', 'last'], hidden_size=3)],
    ints(a1=[1]) + floats(z=-1e9, LW=real(1, 12, 8), LR=real(1, 12, 3)), [X], [('y', F), ('last', F)],
    [{'x': real(n, 8)} for n in (1, 4, 9)])
add('scatter', [N('NonZero', ['k'], ['nz']), N('Transpose', ['nz'], ['t'], perm=[1, 0]), N('Shape', ['t'], ['sh']),
                N('Gather', ['sh', 'z'], ['c']),
                N('ConstantOfShape', ['c'], ['seven'], value=helper.make_tensor('v', F, [1], [7.0])),
                N('ScatterND', ['base', 't', 'seven'], ['y'])],
    ints(z=[0]) + floats(base=range(9)), [('k', I, [9])], [('y', F)],
    lists(*((RNG.random(9) > p).astype(np.int64) for p in (0.2, 0.5, 0.95, 1))))
add('split', [N('ReduceMax', ['k'], ['km'], keepdims=1), N('Sub', ['ten', 'km'], ['rest']),
              N('Concat', ['km', 'rest'], ['parts'], axis=0), N('Split', ['x', 'parts'], ['a', 'b'], axis=0),
              N('MatMul', ['a', 'W'], ['y']), N('Softmax', ['b'], ['y2'], axis=1)],
    ints(ten=[10]) + W, [X, K], [('y', F), ('y2', F)],
    [{'x': real(10, 8), **k} for k in lists([3], [1, 9], [0], [10])])


def prepare(folder):
    """Files of all cases; gives the lines of the list and what ONNX Runtime answers."""
    lines, expected = [], {}
    for name, (nodes, constants, inputs, outputs, feeds) in MODELS.items():
        graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info(*i) for i in inputs],
                                  [helper.make_tensor_value_info(o, t, None) for o, t in outputs], constants)
        path = os.path.join(folder, name + '.onnx')
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9), path)
        peer = ort.InferenceSession(path, providers=['CPUExecutionProvider'])
        for j, feed in enumerate(feeds):
            case, files = f'{name}-{j}', {}
            expected[case] = peer.run(None, feed)
            for key, value in feed.items():
                files[key] = os.path.join(folder, f'{case}-{key}.npy')
                np.save(files[key], value)
            lines.append(json.dumps({'id': case, 'model': path, 'inputs': files,
                                     'output_dir': os.path.join(folder, case)}))
    return lines, expected


def main():
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        lines, expected = prepare(folder)
        done = subprocess.run([sys.argv[1], 'run', '--batch', '-'], input='\n'.join(lines), stdout=subprocess.PIPE,
                              text=True, check=True)
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            case = answer['id']
            want = expected.pop(case)
            if answer['exit']:
                bad.append(f'{case}: {answer["error"]}')
                continue
            for i, x in enumerate(want):
                y = np.load(os.path.join(folder, case, f'{i}.npy'))
                if y.shape != x.shape or not np.allclose(x, y, 1e-4, 1e-5):
                    bad.append(f'{case}: output {i} is {y.shape} {y.reshape(-1)[:4]}, not {x.shape} {x.reshape(-1)[:4]}')
    bad += [f'{case}: no answer' for case in expected]
    print('\n'.join(bad) or f'{len(lines)} cases of {len(MODELS)} models agree')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
