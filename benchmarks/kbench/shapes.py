#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write shapes.def: the layer shapes of the benchmark networks, read from the models themselves.

    shapes.py MODEL... > shapes.def        (.onnx and .tflite; needs onnx and, for .tflite, ai-edge-litert)

Run once, with the f32 forms: the 8-bit forms have the same shapes. Equal shapes of several networks are one row.
"""
import collections
import pathlib
import re
import sys

rows = collections.OrderedDict()   # (macro, dims) -> {network: count}
ELEMENTWISE = {"Add", "Mul", "Sub", "HardSwish", "HardSigmoid", "Sigmoid", "Erf", "Gelu", "Tanh"}   # Relu is fused
elements = {}                      # power of four -> {elements: count}


def put(network, macro, *dims):
    nets = rows.setdefault((macro, dims), collections.OrderedDict())
    nets[network] = nets.get(network, 0) + 1


def size(shape):
    n = 1
    for d in shape:
        n *= d
    return n


def conv(network, x, y, kernel, stride, pad, groups):
    """x, y: (h, w, c); pad: (top, left)"""
    if groups == x[2] == y[2] and groups > 1:
        put(network, "KB_DW", *x, *y[:2], *kernel, *stride, *pad)
    else:
        put(network, "KB_CONV", *x, *y, *kernel, *stride, *pad, groups)


def onnx_model(path, network):
    import onnx
    model = onnx.shape_inference.infer_shapes(onnx.load(path), data_prop=True)
    graph = model.graph
    shapes = {}
    for v in list(graph.value_info) + list(graph.input) + list(graph.output):
        shapes[v.name] = [d.dim_value or 1 for d in v.type.tensor_type.shape.dim]
    weights = {w.name: list(w.dims) for w in graph.initializer}
    shapes.update(weights)
    subtracted = {n.input[1] for n in graph.node if n.op_type == "Sub"}
    for node in graph.node:
        attr = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        x, y = shapes.get(node.input[0], []), shapes.get(node.output[0], [])
        op = node.op_type
        if op == "Conv" and len(x) >= 3:
            kernel, flat = list(attr["kernel_shape"]), len(x) == 3
            stride, pads = list(attr.get("strides", [1] * len(kernel))), list(attr.get("pads", [0] * 2 * len(kernel)))
            if flat:
                x, y = x[:2] + [1] + x[2:], y[:2] + [1] + y[2:]
                kernel, stride, pads = [1] + kernel, [1] + stride, [0] + pads[:1]
            conv(network, (x[2], x[3], x[1]), (y[2], y[3], y[1]), kernel, stride, pads[:2], attr.get("group", 1))
        elif op == "Gemm":
            k = x[-1]
            put(network, "KB_MATMUL", 1, size(x) // k, y[-1], k)
        elif op == "MatMul":
            b = shapes[node.input[1]]
            batch = 1 if node.input[1] in weights else size(b[:-2])
            put(network, "KB_MATMUL", batch, size(x[:-1]) // batch, b[-1], x[-1])
        elif op in ("MaxPool", "AveragePool"):
            put(network, "KB_POOL", x[2], x[3], x[1], y[2], y[3], *attr["kernel_shape"],
                *attr.get("strides", [1, 1]), *list(attr.get("pads", [0, 0]))[:2], int(op == "AveragePool"))
        elif op == "GlobalAveragePool":
            put(network, "KB_MEAN", size(x[2:]), x[1])
        elif op == "ReduceMean" and len(x) == 4:
            put(network, "KB_MEAN", x[2] * x[3], x[1])
        elif op == "ReduceMean" and len(x) == 3 and node.output[0] in subtracted:
            put(network, "KB_LAYERNORM", size(x[:-1]), x[-1])   # spelled out as mean, difference, mean of squares
        elif op == "LSTM":
            for w in node.input[1:3]:
                put(network, "KB_MATMUL", 1, 1, *shapes[w][1:])
        elif op == "Softmax":
            put(network, "KB_SOFTMAX", size(x[:-1]), x[-1])
        elif op == "LayerNormalization":
            put(network, "KB_LAYERNORM", size(x[:-1]), x[-1])
        elif op == "Transpose" and len(x) == 4 and list(attr["perm"]) == [0, 2, 3, 1]:
            put(network, "KB_TRANSPOSE", x[1], x[2] * x[3])
        elif op in ELEMENTWISE and not all(i in weights for i in node.input) and size(y) > 1:
            sizes = elements.setdefault((size(y).bit_length() + 1) // 2, collections.Counter())
            sizes[size(y)] += 1


def tflite_model(path, network):
    from ai_edge_litert.interpreter import Interpreter
    it = Interpreter(str(path))
    shapes = {t["index"]: list(t["shape"]) for t in it.get_tensor_details()}
    for op in it._get_ops_details():
        at = [shapes.get(i, []) for i in op["inputs"]]
        y = shapes[op["outputs"][0]]
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            x, w = at[0], at[1]
            kernel, stride = w[1:3], [-(-x[1] // y[1]), -(-x[2] // y[2])]
            pad = [max((y[i] - 1) * stride[i - 1] + kernel[i - 1] - x[i], 0) // 2 for i in (1, 2)]
            conv(network, x[1:], y[1:], kernel, stride, pad, x[3] if op["op_name"][0] == "D" else 1)
        elif op["op_name"] == "FULLY_CONNECTED":
            put(network, "KB_MATMUL", 1, size(at[0]) // at[1][1], at[1][0], at[1][1])
        elif op["op_name"] == "AVERAGE_POOL_2D":
            put(network, "KB_MEAN", at[0][1] * at[0][2], at[0][3])


def main():
    for name in sys.argv[1:]:
        network = re.sub(r"[-_](f32|int8)$", "", pathlib.Path(name).stem)
        (tflite_model if name.endswith(".tflite") else onnx_model)(name, network)
    print("/* SPDX-License-Identifier: Apache-2.0")
    print(" * Layer shapes of the benchmark networks; written by shapes.py from the models, not edited by hand.")
    print(" *   KB_CONV(nets, count, ih, iw, ic, oh, ow, oc, kh, kw, sh, sw, pad top, pad left, groups)")
    print(" *   KB_DW(nets, count, ih, iw, c, oh, ow, kh, kw, sh, sw, pad top, pad left)")
    print(" *   KB_MATMUL(nets, count, batch, m, n, k)      batch > 1: both operands change from run to run")
    print(" *   KB_POOL(nets, count, ih, iw, c, oh, ow, kh, kw, sh, sw, pad top, pad left, average)")
    print(" *   KB_MEAN(nets, count, pixels, c)   KB_TRANSPOSE(nets, count, rows, columns)")
    print(" *   KB_SOFTMAX, KB_LAYERNORM(nets, count, rows, n)   KB_ELEMENTS(count, n)")
    print(" * KB_ELEMENTS: elementwise layers, the most frequent size of each power of four; count is that of all of them.")
    print(" * count: how often the networks have the layer, all together. */")
    order = ["KB_CONV", "KB_DW", "KB_MATMUL", "KB_POOL", "KB_MEAN", "KB_SOFTMAX", "KB_LAYERNORM", "KB_TRANSPOSE"]
    for macro in order:
        for (m, dims), nets in rows.items():
            if m == macro:
                print(f"{m}(\"{' '.join(nets)}\", {sum(nets.values())}, {', '.join(str(d) for d in dims)})")
    for _, sizes in sorted(elements.items()):
        print(f"KB_ELEMENTS({sum(sizes.values())}, {sizes.most_common(1)[0][0]})")


if __name__ == "__main__":
    main()
