# SPDX-License-Identifier: Apache-2.0
"""Sequences and optionals, also carried and captured by loops; Scan of opset 8."""
from harness import TensorProto, case, f32, graph, helper, main, node, np, value

s64 = lambda *v: np.array(v if len(v) != 1 else v[0], np.int64)
A, B, C = f32(2, 3), f32(2, 3), f32(4, 3)

case("insert_erase_at", [
    node("SequenceEmpty", "", "e", dtype=TensorProto.FLOAT), node("SequenceInsert", "e a", "s1"),
    node("SequenceInsert", "s1 b zero", "s2"), node("SequenceInsert", "s2 c", "s3"),
    node("SequenceErase", "s3 one", "s4"), node("SequenceAt", "s4 last", "y"), node("SequenceAt", "s4 zero", "z"),
    node("SequenceLength", "s4", "n")], {"a": A, "b": B, "c": C}, "y z n", {"zero": s64(0), "one": s64(1), "last": s64(-1)})
case("at_run_time", [node("SequenceConstruct", "a b", "s"), node("SequenceAt", "s i", "y")],
     {"a": A, "b": B, "i": s64(-1)}, "y")
case("at_outside", [node("SequenceConstruct", "a b", "s"), node("SequenceAt", "s i", "y")],
     {"a": A, "b": B, "i": s64(2)}, "y", refused=3)
case("at_outside_constant", [node("SequenceConstruct", "a b", "s"), node("SequenceAt", "s i", "y")],
     {"a": A, "b": B}, "y", {"i": s64(-3)}, refused=3)
for axis, new in ((0, 0), (-1, 0), (0, 1), (1, 1), (-1, 1)):
    case(f"concat_{axis}_{new}", [node("SequenceConstruct", "a b a", "s"),
                                  node("ConcatFromSequence", "s", "y", axis=axis, new_axis=new)], {"a": A, "b": B}, "y")
    case(f"split_concat_open_{axis}_{new}", [
        node("SplitToSequence", "a", "s", axis=1, keepdims=0), node("ConcatFromSequence", "s", "y", axis=axis, new_axis=new),
        node("SequenceLength", "s", "n")], {"a": f32(3, 4, 2)}, "y n", shapes={"a": [3, "n", 2]})
case("split_sizes", [node("SplitToSequence", "a k", "s", axis=0), node("SequenceAt", "s one", "y"),
                     node("SequenceLength", "s", "n")], {"a": f32(7, 2)}, "y n", {"k": s64(3), "one": s64(2)})
case("split_list", [node("SplitToSequence", "a k", "s", axis=-1), node("SequenceAt", "s one", "y")],
     {"a": f32(2, 6)}, "y", {"k": np.array([1, 5], np.int64), "one": s64(1)})
case("split_run_time_list", [node("SplitToSequence", "a k", "s"), node("SequenceAt", "s one", "y")],
     {"a": f32(6, 2), "k": np.array([1, 5], np.int64)}, "y", {"one": s64(1)})
case("optional", [node("Optional", "a", "o"), node("OptionalHasElement", "o", "h"), node("OptionalGetElement", "o", "y")],
     {"a": A}, "h y", opset=18)
case("optional_nothing", [
    node("Optional", "", "o", type=helper.make_tensor_type_proto(TensorProto.FLOAT, None)),
    node("OptionalHasElement", "o", "h"), node("Identity", "a", "y")], {"a": A}, "h y", opset=18)
case("optional_sequence", [
    node("SequenceConstruct", "a b", "s"), node("Optional", "s", "o"), node("OptionalGetElement", "o", "t"),
    node("ConcatFromSequence", "t", "y", axis=0)], {"a": A, "b": B}, "y", opset=18)

# a scripted loop that appends to a list, then stacks or joins it
sequence_of = lambda name: helper.make_value_info(name, helper.make_sequence_type_proto(
    helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
flag, count = value("c", np.bool_, []), value("i", np.int64, [])
for start in ("empty", "one"):
    body = graph([
        node("Identity", "c", "c_out"), node("Gather", "x i", "row", axis=0), node("Add", "h row", "h_out"),
        node("Tanh", "h_out", "item"), node("SequenceInsert", "s item", "s_out")],
        [count, flag, sequence_of("s"), value("h", np.float32, [3])],
        [value("c_out", np.bool_, []), sequence_of("s_out"), value("h_out", np.float32, [3])])
    first = node("SequenceEmpty", "", "s0", dtype=TensorProto.FLOAT) if start == "empty" else \
        node("SequenceConstruct", "h0", "s0")
    for axis, new in ((0, 1), (1, 1), (0, 0)):
        case(f"loop_append_{start}_{axis}_{new}", [
            first, node("Loop", "n _ s0 h0", "s1 h1", body=body),
            node("ConcatFromSequence", "s1", "y", axis=axis, new_axis=new), node("SequenceLength", "s1", "l"),
            node("SequenceAt", "s1 two", "z")],
            {"x": f32(5, 3), "h0": f32(3), "n": s64(4)}, "y l h1 z", {"two": s64(-2)})
body = graph([node("Identity", "c", "c_out"), node("SequenceAt", "s i", "item"), node("Add", "h item", "h_out")],
             [count, flag, value("h", np.float32, [2, 3])], [value("c_out", np.bool_, []), value("h_out", np.float32, [2, 3])])
case("loop_captures_list", [node("SequenceConstruct", "a b", "s"), node("Loop", "n _ a", "y", body=body)],
     {"a": A, "b": B, "n": s64(2)}, "y")
case("parts_unknown", [node("SplitToSequence", "a k", "s"), node("SequenceAt", "s one", "y")],
     {"a": f32(6, 2), "k": s64(2)}, "y", {"one": s64(1)}, shapes={"a": ["n", 2]}, refused=2)
case("sequence_output", [node("SequenceConstruct", "a b", "s")], {"a": A, "b": B}, "s", refused=2)

scan = graph([node("Add", "h x", "h_out"), node("Identity", "h_out", "y")],
             [value("h", np.float32, [2]), value("x", np.float32, [2])],
             [value("h_out", np.float32, [2]), value("y", np.float32, [2])])
for batch in (1, 3):
    h, x = f32(batch, 2), f32(batch, 4, 2)
    total = h[:, None] + np.cumsum(x, axis=1)
    case(f"scan_8_batch_{batch}", [node("Scan", "_ h x", "z y", body=scan, num_scan_inputs=1)], {"h": h, "x": x}, "z y",
         opset=8, ir=3, want=[total[:, -1], total], domains={})

main()
