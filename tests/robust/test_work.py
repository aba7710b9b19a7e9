#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Work and memory grow no faster than a model, and every limit of the command ends in its own words.

test_work.py EDGERT [unittest arguments]; needs the standard library only.
"""
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import unittest

EDGERT = None
SMALL, TIMES = 10000, 6


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value % 2**64)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def info(name, dims=None, dtype=1):
    shape = b"" if dims is None else field(2, b"".join(field(1, field(1, d)) for d in dims))
    return field(1, name) + field(2, field(1, field(1, dtype) + shape))


def attribute(name, value):
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    if isinstance(value, list):
        return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)
    return field(1, name) + field(6, value) + field(20, 5)     # a graph


def node(op, inputs, outputs, **attributes):
    return b"".join(field(1, i) for i in inputs) + b"".join(field(2, o) for o in outputs) + field(4, op) + \
        b"".join(field(5, attribute(k, v)) for k, v in attributes.items())


def constant(name, dtype, values, scalar=False):
    size = {1: "f", 7: "q", 9: "?"}[dtype]
    return (b"" if scalar else field(1, len(values))) + field(2, dtype) + field(8, name) + \
        field(9, struct.pack("<%d%s" % (len(values), size), *values))


def graph(nodes, inputs, outputs, constants=(), values=()):
    return b"".join([field(1, n) for n in nodes] + [field(2, "g")] + [field(5, c) for c in constants] +
                    [field(11, i) for i in inputs] + [field(12, o) for o in outputs] + [field(13, v) for v in values])


def model(*parts, **more):
    return field(1, 8) + field(7, graph(*parts, **more)) + field(8, field(2, 17))


X, Y = [info("x", [4])], [info("y")]


def chain(n, op, **attributes):
    """n nodes in a row; x of rank 2, so that a transpose has something to do"""
    nodes = [node(op, ["t%d" % i if i else "x"], ["t%d" % (i + 1) if i + 1 < n else "y"], **attributes) for i in range(n)]
    return model(nodes, [info("x", [2, 3])], Y)


def side_by_side(n, op="Relu"):
    return model([node(op, ["x"], ["a%d" % i]) for i in range(n)] +
                 [node("Concat", ["a%d" % i for i in range(n)], ["y"], axis=0)], X, Y)


def reshapes(n):
    nodes = []
    for i in range(n // 2):
        nodes += [node("Shape", ["t%d" % i if i else "x"], ["s%d" % i]),
                  node("Reshape", ["t%d" % i if i else "x", "s%d" % i], ["t%d" % (i + 1) if i + 1 < n // 2 else "y"])]
    return model(nodes, [info("x", [2, 3])], Y)


def quantized(n):
    """quantize and dequantize in a row, all with one scale"""
    nodes = [node("QuantizeLinear" if i % 2 == 0 else "DequantizeLinear", ["t%d" % i if i else "x", "s"],
                  ["t%d" % (i + 1) if i + 1 < n else "y"]) for i in range(n // 2 * 2)]
    return model(nodes, X, Y, [constant("s", 1, [0.5], scalar=True)])


def many(n, what):
    nodes, relu = [node("Relu", ["x"], ["y"])], "Relu"
    if what == "inputs":
        return model(nodes, X + [info("i%d" % i, [1]) for i in range(n)], Y)
    if what == "outputs of one value":
        return model(nodes, X, Y * n)
    if what == "outputs":
        return model([node(relu, ["x"], ["y%d" % i]) for i in range(n)], X, [info("y%d" % i) for i in range(n)])
    if what == "different outputs":
        return model([node("Add", ["x", "c%d" % i], ["y%d" % i]) for i in range(n)], X, [info("y%d" % i) for i in range(n)],
                     [constant("c%d" % i, 1, [float(i)]) for i in range(n)])
    if what == "constants":
        return model(nodes, X, Y, [constant("c%d" % i, 1, [1.0]) for i in range(n)])
    if what == "types":
        return model(nodes, X, Y, values=[info("v%d" % i, [i]) for i in range(n)])
    return model(nodes + [node(relu, ["x"], ["u%d" % i]) for i in range(n)], X, Y)


SHAPES = {
    "sines in a row": lambda n: chain(n, "Sin"), "identities in a row": lambda n: chain(n, "Identity"),
    "transposes in a row": lambda n: chain(n, "Transpose", perm=[1, 0]), "reshapes in a row": reshapes,
    "quantizations in a row": quantized, "equal nodes side by side": side_by_side,
    **{w: (lambda n, w=w: many(n, w)) for w in ("inputs", "outputs of one value", "outputs", "different outputs", "constants", "types",
                                               "unused nodes")},
}


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_model(self, data, *options, timeout=250):
        """(exit code, what it said, seconds of processor time)"""
        path = self.folder / "m.onnx"
        if data is not None:
            path.write_bytes(data)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        r = subprocess.run([EDGERT, "run", path, *options], capture_output=True, text=True, timeout=timeout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.returncode, r.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Work(Case):
    """time to load and run, and memory, of models of n and 6 n parts"""

    def check(self, name):
        make = SHAPES[name]
        few, many_ = make(SMALL), make(SMALL * TIMES)
        code, text, small = self.run_model(few)
        self.assertEqual(code, 0, name + ": " + text)
        code, text, large = self.run_model(many_)
        self.assertEqual(code, 0, name + ": " + text)
        print("%s: %.2f s for %d, %.2f s for %d" % (name, small, SMALL, large, SMALL * TIMES), flush=True)
        # quadratic work would be 36 times as much; short times are noise
        self.assertLess(large, 15 * max(small, 0.1), name)

    def memory(self, name):
        data = SHAPES[name](SMALL)
        code, text, _ = self.run_model(data, "--max-memory", str((12 << 10) * SMALL + (16 << 20)))
        self.assertEqual(code, 0, name + ": " + text)


for shape in SHAPES:
    setattr(Work, "test_time_" + shape.replace(" ", "_"), lambda self, shape=shape: self.check(shape))
    setattr(Work, "test_memory_" + shape.replace(" ", "_"), lambda self, shape=shape: self.memory(shape))


def loop(step, *, trips="", condition=True, scan=False):
    body = graph([node("Identity", ["c"], ["d"])] + step, [info("i", [], 7), info("c", [], 9), info("v")],
                 [info("d", [], 9), info("w")] + ([info("z")] if scan else []))
    return model([node("Loop", [trips, "t", "x"], ["y", "s"] if scan else ["y"], body=body)], X, [info("s" if scan else "y")],
                 [constant("t", 9, [condition], scalar=True), constant("n", 7, [10**12], scalar=True)])


def nested(depth):
    """If in If; the innermost one makes the value"""
    other = graph([node("Relu", ["x"], ["e"])], [], [info("e")])
    inner, name = graph([node("Relu", ["x"], ["r0"])], [], [info("r0")]), "r0"
    for k in range(1, depth):
        name = "r%d" % k
        inner = graph([node("If", ["c"], [name], then_branch=inner, else_branch=other)], [], [info(name)])
    return model([node("If", ["c"], ["y"], then_branch=inner, else_branch=other)], X, Y,
                 [constant("c", 9, [True], scalar=True)])


class Limits(Case):
    """each limit, and what it says"""

    def refused(self, data, expect, *options):
        code, text, seconds = self.run_model(data, *options)
        self.assertEqual(code, 4, text)
        self.assertTrue(text.startswith(str(self.folder)), text)
        self.assertRegex(text, expect)
        return seconds

    def test_an_endless_loop_ends_with_the_time(self):
        self.refused(loop([node("Add", ["v", "v"], ["w"])]), r"deadline passed.*--timeout 1", "--timeout", "1")

    def test_a_loop_needs_no_more_memory_with_time(self):
        for step in ([node("Add", ["v", "v"], ["w"])], [node("Identity", ["v"], ["w"])]):
            self.refused(loop(step), r"deadline passed.*--timeout 1", "--timeout", "1", "--max-memory", "16M")

    def test_a_growing_loop_ends_with_the_memory(self):
        self.refused(loop([node("Concat", ["v", "v"], ["w"], axis=0)]), r"memory|limit", "--timeout", "60", "--max-memory", "64M")

    def test_kept_values_end_with_the_memory(self):
        self.refused(loop([node("Identity", ["v"], ["w"]), node("Relu", ["v"], ["z"])], trips="n", scan=True), r"scan outputs|memory",
                     "--timeout", "60", "--max-memory", "64M")

    def test_a_plan_of_petabytes_is_refused_at_once(self):
        for dims in ([2**40], [2**20, 2**20, 2**10], [2**58], [2**29, 2**29]):
            data = model([node("Relu", ["x"], ["y"])], [info("x", dims)], Y)
            code, text, seconds = self.run_model(data)
            self.assertEqual(code, 4, "%s: %s" % (dims, text))
            self.assertLess(seconds, 2)

    def test_sizes_that_overflow_are_malformed(self):
        for dims in ([2**32, 2**32], [2**62, 4], [2**40, 2**40, 2**40], [2**63 - 1, 2], [2**61]):
            code, text, _ = self.run_model(model([node("Relu", ["x"], ["y"])], [info("x", dims)], Y))
            self.assertEqual(code, 3, "%s: %s" % (dims, text))

    def test_values_from_constants_are_refused_at_once(self):
        big = 2**40
        makers = {
            "Expand": ([node("Expand", ["x", "s"], ["y"])], [constant("s", 7, [big, 4])]),
            "Tile": ([node("Tile", ["x", "s"], ["y"])], [constant("s", 7, [big])]),
            "ConstantOfShape": ([node("ConstantOfShape", ["s"], ["y"])], [constant("s", 7, [2**20, 2**20])]),
            "Range": ([node("Range", ["a", "b", "d"], ["y"])],
                      [constant(k, 7, [v], scalar=True) for k, v in (("a", 0), ("b", big), ("d", 1))]),
            "Concat": ([node("Concat", ["t%d" % i if i else "x"] * 2, ["t%d" % (i + 1) if i < 60 else "y"], axis=0) for i in range(61)], []),
        }
        for name, (nodes, constants) in makers.items():
            code, text, seconds = self.run_model(model(nodes, X, Y, constants), "--max-memory", "1G")
            self.assertIn(code, (3, 4), "%s: %s" % (name, text))
            self.assertLess(seconds, 2, name)

    def test_shapes_that_disagree_are_the_file_s_fault(self):
        for dims in ([2, 3], ["n", 3]):
            shape = [info("x", [2, 2]), field(1, "z") + field(2, field(1, field(1, 1) + field(2, b"".join(
                field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in dims))))]
            data = model([node("Concat", ["x", "z"], ["y"], axis=0)], shape, Y)
            code, text, _ = self.run_model(data)
            self.assertEqual(code, 3, text)

    def test_importing_ends_with_the_time(self):
        data = SHAPES["sines in a row"](200000)
        seconds = self.refused(data, r"deadline passed|longer than --timeout", "--timeout", "0.02")
        self.assertLess(seconds, 2)

    def test_more_than_the_machine_has_is_refused_at_once(self):
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        code, text, seconds = self.run_model(model([node("Relu", ["x"], ["y"])], [info("x", [pages + 1000])], Y))
        self.assertEqual(code, 4, text)
        self.assertLess(seconds, 2)

    def test_depth(self):
        self.assertEqual(self.run_model(nested(8))[0], 0)
        code, text, seconds = self.run_model(nested(200))
        self.assertIn(code, (3, 4), text)
        self.assertRegex(text, "nested more than")
        self.assertLess(seconds, 2)

    def test_nothing_but_a_name_is_needed_to_run_a_plain_model_within_limits(self):
        data = model([node("Relu", ["x"], ["y"])], X, Y)
        self.assertEqual(self.run_model(data, "--timeout", "60", "--max-memory", "64M")[0], 0)


if __name__ == "__main__":
    EDGERT = os.path.abspath(sys.argv[1])
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
