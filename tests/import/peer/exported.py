# SPDX-License-Identifier: Apache-2.0
"""Forms that exporters really write and importers easily forget, against ONNX Runtime."""
from harness import TensorProto, by_onnxruntime, case, cases, f32, graph, helper, main, model, node, np, s8, u8, value
from onnx import numpy_helper

f = np.float32
s64 = lambda *v: np.array(v, np.int64)
bools = lambda v: np.array(v, np.bool_)

# Constant nodes, Identity on initializers and Cast of half weights instead of plain initializers
W, B = f32(4, 3, 3, 3), f32(4)
constant = lambda name, array: node("Constant", "", name, value=numpy_helper.from_array(array))
case("constant_weights", [constant("w", W), constant("b", B), node("Conv", "x w b", "y", pads=[1, 1, 1, 1])],
     {"x": f32(1, 3, 6, 6)}, "y")
case("identity_weights", [node("Identity", "w0", "w"), node("Identity", "w", "w2"), node("Conv", "x w2 b", "y"),
                          node("Identity", "w2", "out")], {"x": f32(1, 3, 6, 6)}, "y out", {"w0": W, "b": B})
case("identity_bias_of_gemm", [node("Identity", "w0", "w"), node("Gemm", "x w b", "y", transB=1)], {"x": f32(2, 5)}, "y",
     {"w0": f32(3, 5), "b": f32(3)})
case("half_weights_cast", [node("Cast", "w", "wf", to=TensorProto.FLOAT), node("Conv", "x wf b", "y")],
     {"x": f32(1, 3, 6, 6)}, "y", {"w": W.astype(np.float16), "b": B})
case("half_weights_dequantize", [node("DequantizeLinear", "w s z", "wf", axis=0), node("Conv", "x wf b", "y")],
     {"x": f32(1, 3, 6, 6)}, "y", {"w": s8(4, 3, 3, 3), "s": np.abs(f32(4)), "z": np.zeros(4, np.int8), "b": B})
case("initializer_is_output", [node("Relu", "x", "y")], {"x": f32(2)}, "y c", {"c": f32(3)})
case("constant_is_output", [constant("c", B), node("Relu", "x", "y")], {"x": f32(2)}, "y c")
case("input_is_output", [node("Relu", "x", "y")], {"x": f32(2)}, "y x")

# an activation of what was joined, as in ShuffleNet
for act in ("Relu", "Clip"):
    case(f"concat_then_{act}", [node("Conv", "x w b", "p"), node("Conv", "x w2 b", "q"), node("Concat", "p q", "c", axis=1),
                                node(act, "c" if act == "Relu" else "c lo hi", "y")], {"x": f32(1, 3, 6, 6)}, "y",
         {"w": W, "b": B, "w2": f32(4, 3, 3, 3), "lo": np.array(-1, f), "hi": np.array(1, f)})

# If that captures outer values, nested, and returns one of them unchanged
inner_then = graph([node("Mul", "x w", "p"), node("Add", "p t", "r")], [], [value("r", f, [2, 3])])
inner_else = graph([node("Identity", "x", "r2")], [], [value("r2", f, [2, 3])])
outer_then = graph([node("Add", "x b", "t"), node("If", "d", "q", then_branch=inner_then, else_branch=inner_else)], [],
                   [value("q", f, [2, 3])])
outer_else = graph([node("Neg", "x", "n")], [], [value("n", f, [2, 3])])
for c in (True, False):
    for d in (True, False):
        case(f"nested_if_{c}_{d}", [node("If", "c", "y", then_branch=outer_then, else_branch=outer_else)],
             {"x": f32(2, 3), "c": bools(c), "d": bools(d)}, "y", {"w": f32(3), "b": f32(3)})
body = graph([node("If", "go", "step", then_branch=graph([node("Add", "h k", "s1")], [], [value("s1", f, [3])]),
                   else_branch=graph([node("Sub", "h x", "s2")], [], [value("s2", f, [3])])),
              node("Identity", "go", "again")],
             [value("i", np.int64, []), value("go", np.bool_, []), value("h", f, [3])],
             [value("again", np.bool_, []), value("step", f, [3]), value("step", f, [3])])
body.output[2].name = "copy"
body.node.append(node("Identity", "step", "copy"))
case("if_in_loop_captures_both", [node("Loop", "n c x", "y ys", body=body)],
     {"x": f32(3), "n": np.array(4, np.int64), "c": bools(True)}, "y ys", {"k": f32(3)})

# height and width of the run through Shape, arithmetic and Resize
half = [node("Shape", "x", "s"), node("Slice", "s from to", "hw"), node("Cast", "hw", "hwf", to=TensorProto.FLOAT)]
case("resize_by_shape", half + [
    node("Mul", "hw two", "hw2"), node("Slice", "s zero from", "nc"), node("Concat", "nc hw2", "sizes", axis=0),
    node("Resize", "x _ _ sizes", "y", mode="linear")],
    {"x": f32(1, 2, 5, 7)}, "y", {"from": s64(2), "to": s64(4), "zero": s64(0), "two": s64(2)}, shapes={"x": [1, 2, "h", "w"]})
case("resize_like_another", [
    node("Shape", "z", "s"), node("Gather", "s i", "h"), node("Gather", "s j", "w"), node("Unsqueeze", "h a0", "h1"),
    node("Unsqueeze", "w a0", "w1"), node("Concat", "c h1 w1", "sizes", axis=0), node("Resize", "x _ _ sizes", "y"),
    node("Add", "y z", "r")], {"x": f32(1, 2, 3, 4), "z": f32(1, 2, 6, 8)}, "r",
    {"i": s64(2)[0], "j": s64(3)[0], "a0": s64(0), "c": s64(1, 2)}, shapes={"x": [1, 2, "h", "w"], "z": [1, 2, "H", "W"]})
case("reshape_by_shape", [
    node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n a0", "n1"),
    node("Concat", "n1 rest", "shape", axis=0), node("Reshape", "x shape", "y"), node("MatMul", "y w", "z")],
    {"x": f32(2, 3, 4, 4)}, "z", {"zero": s64(0)[0], "a0": s64(0), "rest": s64(-1), "w": f32(48, 5)},
    shapes={"x": ["n", 3, 4, 4]})
case("tile_and_expand_by_shape", [
    node("Shape", "x", "s"), node("ConstantOfShape", "s", "ones", value=numpy_helper.from_array(np.ones(1, f))),
    node("Expand", "e s", "z"), node("Add", "ones z", "y")], {"x": f32(2, 3)}, "y", {"e": f32(3)}, shapes={"x": ["n", "m"]})

# doubles
case("double_output", [node("Cast", "x", "d", to=TensorProto.DOUBLE), node("Mul", "d k", "y")], {"x": f32(2, 3)}, "y",
     {"k": np.array(1 / 3, np.float64)})
case("double_throughout", [node("MatMul", "x w", "m"), node("Softmax", "m", "y", axis=-1)],
     {"x": np.random.default_rng(1).random((2, 3))}, "y", {"w": np.random.default_rng(2).random((3, 4))})
case("double_shape_arithmetic", [
    node("Shape", "x", "s"), node("Cast", "s", "d", to=TensorProto.DOUBLE), node("Div", "d two", "h"), node("Floor", "h", "fl"),
    node("Cast", "fl", "sizes", to=TensorProto.INT64), node("Slice", "x zero sizes", "y")], {"x": f32(5, 7)}, "y",
    {"two": np.array(2.0), "zero": s64(0, 0)}, shapes={"x": ["n", "m"]})

# what dynamic quantization leaves
case("dynamic_conv_integer", [
    node("DynamicQuantizeLinear", "x", "q s z"), node("ConvInteger", "q w z wz", "i", pads=[1, 1, 1, 1]),
    node("Cast", "i", "f", to=TensorProto.FLOAT), node("Mul", "s ws", "k"), node("Mul", "f k", "m"), node("Add", "m b", "y")],
    {"x": f32(1, 3, 6, 6)}, "y",
    {"w": u8(4, 3, 3, 3), "wz": np.array(128, np.uint8), "ws": f(0.02).reshape(()), "b": f32(1, 4, 1, 1)}, tolerance=(1e-3, 1e-3))
case("dynamic_matmul_integer", [
    node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w z wz", "i"),
    node("Cast", "i", "f", to=TensorProto.FLOAT), node("Mul", "s ws", "k"), node("Mul", "f k", "m"), node("Add", "m b", "y")],
    {"x": f32(2, 8)}, "y", {"w": s8(8, 4), "wz": np.zeros(4, np.int8), "ws": np.abs(f32(4)) * f(0.02), "b": f32(4)},
    tolerance=(1e-3, 1e-3))

# opsets that nothing uses, versions of the file format and of the operators
case("unused_domains", [node("Relu", "x", "y")], {"x": f32(2, 3)}, "y",
     domains={"com_microsoft": 1, "ai_onnx_ml": 3, "ai_onnx_training": 1, "org_pytorch_aten": 1, "ai_onnx_preview_training": 1})
cases[-1][1].opset_import.append(helper.make_opsetid("nobody.knows", 1))
cases[-1] = cases[-1][:3] + ([np.maximum(cases[-1][2]["x"], 0)],) + cases[-1][4:]
for opset in range(6, 29):
    feeds = {"x": f32(1, 3, 8, 8)}
    old = opset < 13
    test = {"is_test": 1} if opset < 7 else {}
    nodes = [node("Conv", "x w b", "c", pads=[1, 1, 1, 1]), node("BatchNormalization", "c g b m v", "n", **test),
             node("Relu", "n", "r"), node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
             node("GlobalAveragePool", "p", "a"), node("Flatten", "a", "l"), node("Gemm", "l w2 b2", "f", transB=1),
             node("Softmax", "f", "y", axis=1)]
    nodes += [node("Squeeze", "a", "q", axes=[2, 3])] if old else [node("Squeeze", "a ax", "q")]
    weights = {"w": W, "b": B, "g": f32(4), "m": f32(4), "v": np.abs(f32(4)) + f(0.1), "w2": f32(5, 4), "b2": f32(5),
               **({} if old else {"ax": s64(2, 3)})}
    case(f"opset_{opset}", nodes, feeds, "y q", weights, opset=opset, ir=3 if opset < 9 else 7 if opset < 15 else 8,
         domains={})
    if opset == 6:  # which the peer no longer has; the same as 7, but for the attribute
        same = model(graph([n if n.op_type != "BatchNormalization" else node("BatchNormalization", "c g b m v", "n")
                            for n in nodes], [value("x", feeds["x"])], ["y", "q"], weights), 7, 3)
        cases[-1] = cases[-1][:3] + (by_onnxruntime(same, feeds),) + cases[-1][4:]
for ir in range(3, 15):
    inputs_too = ir == 3  # then initializers had to be listed among the inputs
    x, w = f32(2, 3), f32(3, 4)
    listed = [value("x", x)] + ([value("w", w)] if inputs_too else [])
    built = model(graph([node("MatMul", "x w", "y")], listed, ["y"], {"w": w}), 9, ir)
    cases.append((f"ir_{ir}", built, {"x": x}, [x @ w], None, None, 0))

main(open_sizes=True)
