#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the command says about models that do not fit, differ or are no models at all.

test_diagnosis.py EDGERT EXAMPLES [unittest arguments]; needs the standard library only.
"""
import gzip
import html.parser
import io
import os
import pathlib
import struct
import sys
import time
import unittest
import zipfile

import test_cli
from test_cli import Contract, field, onnx_model, value_info

SEEDS = pathlib.Path(__file__).resolve().parent.parent / "fuzz" / "seeds"
STRING, FLOAT, INT64, BOOL, FLOAT8 = 8, 1, 7, 9, 19


def initializer(name, dtype, dims, raw):
    return b"".join(field(1, d) for d in dims) + field(2, dtype) + field(8, name) + field(9, raw)


class Unsupported(Contract):
    def nodes(self, path, verb="run"):
        return {n["node"]: n for n in self.expect_json(2, verb, path)["unsupported"]}

    def test_every_node_of_an_onnx_model(self):
        model = self.model("odd.onnx",
                           [("Frobnicate", ["x"], ["a"], "first"), ("Frobnicate", ["a"], ["b"], "second"),
                            ("Conf", ["b"], ["c"], "slip"), ("Relu", ["c"], ["d"], "fine"), ("Sin", ["i"], ["e"], "whole"),
                            ("Upper", ["s"], ["t"], "text"), ("Identity", ["s"], ["u"], "copy"),
                            ("Add", ["x", "w"], ["v"], "small")],
                           [value_info("x", [2]), value_info("i", [2], INT64), value_info("s", [2], STRING)],
                           [value_info("d", [2]), value_info("e", [2], INT64)],
                           [initializer("w", FLOAT8, [2], b"\0\0")])
        for verb in ("run", "inspect", "explain", "bench"):
            found = self.nodes(model, verb)
            self.assertEqual(sorted(found), sorted(["first", "second", "slip", "whole", "text", "copy", "small"]))
        self.assertEqual((found["first"]["op"], found["first"]["domain"], found["first"]["version"],
                          found["first"]["type"]), ("Frobnicate", "ai.onnx", 13, "f32 [2]"))
        self.assertIn("'Conv'", found["slip"]["hint"])
        self.assertEqual(found["whole"]["type"], "s64 [2]")
        self.assertIn("s64", found["whole"]["why"])
        self.assertEqual(found["copy"]["type"], "string")
        self.assertIn("float8", found["small"]["why"])
        for n in found.values():
            self.assertTrue(n["hint"] or "export" in n["why"], n)
        r = self.expect(2, "inspect", model)
        self.assertTrue(r.stderr.startswith("%s: 7 nodes" % model), r.stderr)
        for word in ("Frobnicate", "2 nodes", "'first'", "'second'", "Conv", "opset 13"):
            self.assertIn(word, r.stderr)
        convert = self.expect_json(2, "convert", model, "-o", self.folder / "out.edge")
        self.assertEqual(len(convert["unsupported"]), 7)
        self.assertFalse((self.folder / "out.edge").exists())

    def test_what_follows_from_another_node_is_not_listed(self):
        model = self.model("follow.onnx", [("Frobnicate", ["x"], ["a"], "first"), ("Sin", ["a"], ["b"], "after"),
                                           ("Transpose", ["b"], ["c"], "later")], [value_info("x", [2])],
                           [value_info("c", [2])])
        self.assertEqual(list(self.nodes(model)), ["first"])

    def test_other_domains(self):
        graph = b"".join(field(1, field(1, "x") + field(2, o) + field(3, o) + field(4, op) + field(7, domain))
                         for op, o, domain in (("Mine", "y", "acme"), ("Gelu", "z", "acme"),
                                               ("SVMOfAnotherKind", "t", "ai.onnx.ml")))
        graph += field(2, "g") + field(11, value_info("x", [2])) + field(12, value_info("y", [2]))
        opsets = b"".join(field(8, field(1, d) + field(2, v)) for d, v in (("", 13), ("acme", 4), ("ai.onnx.ml", 3)))
        path = self.folder / "domains.onnx"
        path.write_bytes(field(1, 8) + field(7, graph) + opsets)
        found = self.nodes(path)
        self.assertIn("custom-operators.md", found["y"]["hint"])
        self.assertEqual((found["y"]["domain"], found["y"]["version"]), ("acme", 4))
        self.assertIn("'ai.onnx'", found["z"]["hint"])
        self.assertIn("Hummingbird", found["t"]["hint"])

    def test_malformed_wins_over_unsupported(self):
        model = self.model("both.onnx", [("Frobnicate", ["x"], ["a"], "first"), ("Relu", ["nothing"], ["y"], "lost")],
                           [value_info("x", [2])], [value_info("y", [2])])
        self.assertIn("nothing", self.expect_json(3, "run", model)["error"])

    def test_names_do_not_drive_the_terminal(self):
        model = self.model("esc.onnx", [("Frob\x1b[2J", ["x"], ["a\x1b[31m"], "n\x1b]0;title\x07")], [value_info("x", [2])],
                           [value_info("a\x1b[31m", [2])])
        r = self.expect(2, "run", model)
        self.assertNotIn("\x1b", r.stderr)
        self.assertNotIn("\x07", r.stderr)
        self.assertIn("Frob?[2J", r.stderr)
        model = self.model("esc2.onnx", [("Sin", ["x"], ["\x1b[31m"], "n")], [value_info("x", [2])],
                           [value_info("\x1b[31m", [2])])
        self.assertNotIn("\x1b", self.expect(0, "diff", model, model, "--all").stdout)
        self.assertNotIn("\x1b", self.expect(1, "run", model, "--shape", "q\x1b=2").stderr)

    def test_many_nodes_stay_quick(self):
        model = self.model("many.onnx", [("Frob", ["x"], ["y%d" % i], "n%d" % i) for i in range(20000)],
                           [value_info("x", [2])], [value_info("y1", [2])])
        self.assertEqual(len(self.nodes(model)), 10000)
        self.assertLess(len(self.expect(2, "run", model).stderr), 4000)

    def test_tflite(self):
        found = self.nodes(SEEDS / "tflite" / "custom.tflite")
        self.assertTrue(found)
        for n in found.values():
            self.assertEqual(n["domain"], "custom")
            self.assertTrue(n["hint"])

    def test_edge(self):
        model = self.model("s.onnx", [("Sin", ["x"], ["y"], "wave"), ("Cos", ["y"], ["z"], "other")],
                           [value_info("x", [2])], [value_info("z", [2])])
        edge, patched = self.folder / "s.edge", self.folder / "patched.edge"
        self.expect(0, "convert", model, "-o", edge)
        data = edge.read_bytes()
        seen = set()
        for at in range(12, len(data) - 1, 2):  # numbers of operators and versions are 16 bits wide
            if data[at:at + 2] == b"\0\0" or len(seen) == 2:
                continue
            patched.write_bytes(data[:at] + struct.pack("<H", 60000) + data[at + 2:])
            r = test_cli.edgert("inspect", patched, "--json")
            if r.returncode == 2 and "unsupported" in r.stdout:
                for name, n in self.nodes(patched).items():
                    self.assertIn(name, ("wave", "other"))
                    self.assertEqual(n["type"], "f32 [2]")
                    self.assertTrue(n["op"])
                    seen.add("up to version" in n["why"])
        self.assertTrue(seen)


class Page(html.parser.HTMLParser):
    """Everything that a report holds: balanced elements, attributes, text."""
    VOID = {"meta", "input", "rect", "path"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID or tag == "path":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


class Inspect(Contract):
    def test_open_dimensions_that_1_does_not_fit(self):
        model = self.model("halves.onnx", [("Reshape", ["x", "s"], ["y"], "halves")], [value_info("x", ["n"])],
                           [value_info("y", ["a", "b"])], initializers=[initializer("s", 7, [2], struct.pack("<2q", 32, -1))])
        r = self.expect(0, "inspect", model)
        self.assertIn("64 is shown: give yours with --shape", r.stderr)
        self.assertEqual(self.expect(0, "inspect", model, "--shape", "x=96").stderr, "")
        self.expect(3, "run", model)  # a run asks for the size

    def page(self, model, *more):
        out = self.folder / "report.html"
        self.expect(0, "inspect", model, "--html", out, *more)
        text = out.read_text(encoding="utf-8")
        page = Page(text)
        allowed = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "div", "b", "span", "table", "tr", "th",
                   "td", "i", "details", "summary", "input", "label", "svg", "g", "rect", "text", "path", "p"}
        self.assertLessEqual(set(page.tags), allowed)
        for name, value in page.attributes:
            self.assertFalse(name.startswith("on") or name in ("src", "href", "srcset", "action"), name)
        for outside in ("url(", "@import", "://", "<script"):
            self.assertNotIn(outside, text)
        self.assertIn("default-src 'none'", text)
        return text, page

    def test_text(self):
        r = self.expect(0, "inspect", self.f32)
        for word in ("Conv", "const f32", "-> f32[", "MACs", "weights", "activations", "operators"):
            self.assertIn(word, r.stdout)
        chain = self.model("chain.onnx", [("Sin", ["t%d" % i], ["t%d" % (i + 1)], "n%d" % i) for i in range(99)],
                           [value_info("t0", [2])], [value_info("t99", [2])])
        self.assertRegex(self.expect(0, "inspect", chain).stdout, r"59 more; --all")
        self.assertIn("n50", self.expect(0, "inspect", chain, "--all").stdout)
        self.assertNotIn("n50", self.expect(0, "inspect", chain).stdout)

    def test_json(self):
        a = self.expect_json(0, "inspect", self.f32, "--all")
        self.assertEqual(len(a["graph"]), a["nodes"])
        self.assertEqual(sum(n["macs"] for n in a["graph"]), a["macs"])
        self.assertEqual(sum(a["macs_by_operator"].values()), a["macs"])
        self.assertEqual(sum(t["bytes"] for t in a["weights"].values()), a["weights_bytes"])
        self.assertEqual(a["graph"][-1]["outputs"][0]["name"], a["outputs"][0]["name"])
        self.assertNotIn("graph", self.expect_json(0, "inspect", self.f32))
        self.assertGreater(sum(n["us"] for n in self.expect_json(0, "inspect", self.f32, "--all", "--measure")["graph"]), 0)

    def test_shapes_follow_the_input(self):
        model = self.model("n.onnx", [("Neg", ["x"], ["h"], "neg"), ("Sin", ["h"], ["y"], "sin")],
                           [value_info("x", ["n", 2])], [value_info("y", ["n", 2])])
        a = self.expect_json(0, "inspect", model, "--all", "--shape", "x=7x2")
        self.assertEqual(a["graph"][0]["outputs"][0]["shape"], [7, 2])

    def test_subgraphs(self):
        self.assertIn("subgraph 1", self.expect(0, "inspect", SEEDS / "tflite" / "control.tflite").stdout)
        _, page = self.page(SEEDS / "tflite" / "control.tflite")
        self.assertGreaterEqual(page.tags.count("svg"), 2)

    def test_report(self):
        text, page = self.page(self.f32)
        nodes = self.expect_json(0, "inspect", self.f32)["nodes"]
        self.assertEqual(text.count('<g class="n '), nodes)
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertNotIn("measured", text)
        text, _ = self.page(self.f32, "--measure")
        self.assertIn("measured", text)
        self.expect(1, "inspect", self.f32, "--html", self.folder / "no" / "such" / "folder.html")

    def test_hostile_names(self):
        evil = "</title></text></svg><script>alert(1)</script><img src=x onerror=\"alert('2')\">&quot;<!--"
        bad = evil.encode() + b"\xff\xfe\x1b[31m\xe2\x80\xae"
        model = self.model("<b>&'.onnx", [("Sin", [b"x" + bad], [b"h" + bad], b"n" + bad), ("Cos", [b"h" + bad], [b"y" + bad], b"m" + bad)],
                           [value_info(b"x" + bad, [b"d" + bad, 2])], [value_info(b"y" + bad, [b"d" + bad, 2])])
        model.write_bytes(model.read_bytes() + field(14, field(1, b"key" + bad) + field(2, b"value" + bad)))
        text, page = self.page(model)
        self.assertGreaterEqual(sum("<script>alert(1)</script>" in t for t in page.text), 4)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\u202e", text)
        self.assertNotIn("\x1b", self.expect(0, "inspect", model, "--all").stdout)

    def test_large_graphs(self):
        count = 20000
        shapes = {"chain": [("Sin", ["t%d" % i], ["t%d" % (i + 1)], "n%d" % i) for i in range(count)],
                  "fan": [("Sin", ["t0"], ["t%d" % (i + 1)], "n%d" % i) for i in range(count)],
                  "back": [("Add", ["t0", "t%d" % i], ["t%d" % (i + 1)], "n%d" % i) for i in range(count)]}
        for name, nodes in shapes.items():
            model = self.model(name + ".onnx", nodes, [value_info("t0", [2])], [value_info("t%d" % count, [2])])
            start = time.monotonic()
            text, _ = self.page(model)
            self.assertLess(time.monotonic() - start, 30)
            self.assertLess(len(text), 8 << 20)


class Diff(Contract):
    def pair(self, value_b):
        """sin, then a product with a constant that differs between the two, then two readers of it."""
        for name, value in (("a", 2.0), ("b", value_b)):
            self.model(name + ".onnx", [("Sin", ["x"], ["s"], "wave"), ("Mul", ["s", "w"], ["m"], "scale"),
                                        ("Cos", ["m"], ["c"], "after"), ("Exp", ["m"], ["y"], "last")],
                       [value_info("x", [3])], [value_info("y", [3]), value_info("c", [3])],
                       [initializer("w", FLOAT, [3], struct.pack("<3f", 2.0, value, 2.0))])
        return self.folder / "a.onnx", self.folder / "b.onnx"

    def python(self, name, *flags):
        """An interpreter with these flags."""
        path = self.folder / name
        path.write_text("#!/bin/sh\nexec '%s' %s \"$@\"\n" % (sys.executable, " ".join(flags)))
        path.chmod(0o755)
        return str(path)

    def test_the_first_that_departs(self):
        a, b = self.pair(2.5)
        r = self.expect_json_of(6, a, b)
        self.assertEqual((r["equal"], r["first"]["node"], r["first"]["op"]), (False, "m", "Mul"))
        self.assertEqual((r["first"]["beyond"], r["first"]["elements"]), (1, 3))
        self.assertGreater(r["first"]["max_abs"], 0)
        self.assertEqual(sorted(o["node"] for o in r["outputs"]), ["c", "y"])
        self.assertEqual(sorted(w["node"] for w in r["worst"]), ["c", "m", "y"])
        text = self.expect(6, "diff", a, b, "--all").stdout
        self.assertIn("'m' (Mul) is the first tensor that departs", text)
        self.assertIn("all tensors in order", text)
        self.expect(0, "diff", a, b, "--atol", 2)
        self.assertTrue(self.expect_json(0, "diff", *self.pair(2.0))["equal"])

    def expect_json_of(self, code, *arguments):
        import json
        return json.loads(self.expect(code, "diff", *arguments, "--json").stdout)

    def test_against_the_reference(self):
        for model in (self.f32, self.int8):
            r = self.expect_json(0, "diff", model, "--against", "reference")
            self.assertGreater(r["compared"], 3)
        self.expect(0, "diff", self.f32, "--backend", "cpu", "--against", "cpu")

    def test_dimensions_in_another_order(self):
        a = self.model("first.onnx", [("Neg", ["x"], ["n"], "neg"), ("Sin", ["n"], ["y"], "sin")],
                       [value_info("x", [1, 2, 3, 5])], [value_info("y", [1, 2, 3, 5])])
        for perm in ([0, 2, 3, 1], [1, 3, 0, 2]):
            dims = [[1, 2, 3, 5][p] for p in perm]
            attr = field(5, field(1, "perm") + b"".join(field(8, p) for p in perm) + field(20, 7))
            graph = field(1, field(1, "x") + field(2, "t") + field(3, "t") + field(4, "Transpose") + attr)
            graph += field(1, field(1, "t") + field(2, "n") + field(4, "Neg"))
            graph += field(1, field(1, "n") + field(2, "y") + field(4, "Sin"))
            graph += field(2, "g") + field(11, value_info("x", [1, 2, 3, 5])) + field(12, value_info("y", dims))
            b = self.folder / "moved.onnx"
            b.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 13)))
            r = self.expect_json(0, "diff", a, b)
            self.assertEqual(r["compared"], 2)

    def test_shapes_that_do_not_fit(self):
        a = self.model("two.onnx", [("Neg", ["x"], ["y"], "neg")], [value_info("x", [2])], [value_info("y", [2])])
        b = self.folder / "three.onnx"
        graph = field(1, field(1, "x") + field(1, "x") + field(2, "y") + field(4, "Concat") +
                      field(5, field(1, "axis") + field(3, 0) + field(20, 2)))
        graph += field(2, "g") + field(11, value_info("x", [2])) + field(12, value_info("y", [4]))
        b.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 13)))
        self.assertTrue(self.expect_json_of(6, a, b)["first"]["shapes_differ"])
        self.assertIn("shapes differ", self.expect(6, "diff", a, b).stdout)
        c = self.model("both.onnx", [("Add", ["x", "z"], ["y"], "add")], [value_info("x", [2]), value_info("z", [2])],
                       [value_info("y", [2])])
        self.assertIn("2", self.expect(1, "diff", a, c).stderr)

    def with_python(self, code, python, *arguments):
        before, temp = dict(test_cli.ENV), self.folder / "temp"
        temp.mkdir(exist_ok=True)
        test_cli.ENV.update(EDGE_PYTHON=python, TMPDIR=str(temp))
        try:
            return self.expect(code, "diff", *arguments)
        finally:
            test_cli.ENV.clear()
            test_cli.ENV.update(before)
            self.assertEqual(list(temp.iterdir()), [], "nothing is left behind")

    def test_a_runtime_that_is_not_there(self):
        r = self.with_python(2, str(self.folder / "no-python"), self.f32, "--against", "onnxruntime")
        self.assertIn("EDGE_PYTHON", r.stderr)
        r = self.with_python(2, self.python("bare", "-S", "-E"), self.f32, "--against", "onnxruntime")
        for word in (str(self.f32), "-m pip install onnxruntime onnx", "EDGE_PYTHON"):
            self.assertIn(word, r.stderr)
        r = self.with_python(2, "/bin/false", self.f32, "--against", "onnxruntime")
        self.assertIn("onnxruntime", r.stderr)
        r = self.with_python(1, sys.executable, self.int8, "--against", "onnxruntime")
        self.assertIn("ONNX", r.stderr)
        self.with_python(1, sys.executable, self.f32, "--against", "litert")
        self.assertIn("cpu", self.expect(1, "diff", self.f32, "--against", "abacus").stderr)

    def test_onnxruntime(self):
        try:
            import onnx, onnxruntime  # noqa: F401
        except ImportError as e:
            self.skipTest(str(e))
        self.with_python(0, sys.executable, self.f32, "--against", "onnxruntime")
        a, _ = self.pair(2.0)
        self.with_python(0, sys.executable, a, "--against", "onnxruntime")


class Check(Contract):
    """convert runs what it wrote against the source."""
    out = property(lambda self: self.folder / "out.edge")

    def test_equal(self):
        a = self.expect_json(0, "convert", self.f32, "-o", self.out)
        self.assertIs(a["verified"], True)
        self.assertIn("portable kernels", a["check"])
        self.assertIn("checked: 1 output equal", self.expect(0, "convert", self.f32, "-o", self.out).stdout)
        a = self.expect_json(0, "convert", self.f32, "-o", self.out, "--no-verify")
        self.assertIsNone(a["verified"])
        self.assertIs(self.expect_json(0, "convert", SEEDS / "tflite" / "conv_int8.tflite", "-o", self.out)["verified"], True)
        self.assertIs(self.expect_json(0, "convert", SEEDS / "tflite" / "control.tflite", "-o", self.out)["verified"], True)

    def chaotic(self, *last):
        """Sums of 512 products, stretched until their rounding errors are all that is left."""
        weights = [(((i * 2654435761) >> 7) % 2001 - 1000) / 1000 for i in range(512 * 32)]
        return self.model("chaos.onnx", [("MatMul", ["x", "w"], ["m"], "product"), ("Mul", ["m", "s"], ["l"], "large"),
                                         *last], [value_info("x", [1, 512])], [value_info("y", [1, 32])],
                          [initializer("w", FLOAT, [512, 32], struct.pack("<16384f", *weights)),
                           initializer("s", FLOAT, [1], struct.pack("<f", 3e7))])

    def test_different_results_are_refused(self):
        model = self.chaotic(("Sin", ["l"], ["y"], "wave"))
        isa = ["--isa", "avx2" if os.uname().machine == "x86_64" else "neon"]
        r = test_cli.edgert("diff", model, "--against", "reference", *isa)
        if r.returncode == 0:
            self.skipTest("this CPU sums in the order of the portable kernels")
        r = self.expect(6, "convert", model, "-o", self.out, *isa)
        self.assertFalse(self.out.exists())
        self.assertTrue(r.stderr.startswith(str(model)), r.stderr)
        for word in ("'y'", "Sin", "--no-verify", "removed"):
            self.assertIn(word, r.stderr)
        self.expect_json(6, "convert", model, "-o", self.out, *isa)
        self.expect(0, "convert", model, "-o", self.out, "--no-verify", *isa)
        self.assertTrue(self.out.exists())

    def test_operators_that_jump_are_no_fault(self):
        model = self.chaotic(("Sin", ["l"], ["t"], "wave"), ("Round", ["m"], ["y"], "jump"))
        self.expect(0, "convert", model, "-o", self.out)

    def test_what_cannot_run_is_not_checked(self):
        graph = field(1, field(1, "x") + field(1, "i") + field(2, "y") + field(3, "pick") + field(4, "Gather"))
        graph += field(2, "g") + field(11, value_info("x", [1, 4])) + field(11, value_info("i", [64], INT64))
        graph += field(12, value_info("y", [64, 4]))
        model = self.folder / "pick.onnx"
        model.write_bytes(field(1, 8) + field(7, graph) + field(8, field(2, 13)))
        a = self.expect_json(0, "convert", model, "-o", self.out)
        self.assertIsNone(a["verified"])
        self.assertIn("pick", a["check"])
        self.assertIn("not checked", self.expect(0, "convert", model, "-o", self.out).stdout)


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name in names:
            z.writestr(name, "x")
    return out.getvalue()


class Mistakes(Contract):
    """What people really give to the command."""

    def test_files_that_are_no_models(self):
        files = {
            "a.pt": (zipped("m/data.pkl", "m/version"), "torch.onnx.export"), "old.pth": (b"\x80\x02\x8a\x0al\xfcF\x9c" * 9, "torch.onnx.export"),
            "k.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "Keras"), "k.keras": (zipped("config.json", "model.weights.h5"), "Keras"),
            "g.pb": (b"\n\x20\n\x05input\x12\x0bPlaceholder*\x0b\n\x05dtype\x12\x020\x01", "tf2onnx"),
            "saved_model.pb": (b"\x08\x01\x12\x40\n\x10\x22\x05serve" + bytes(60), "SavedModel"),
            "c.mlmodel": (b"\x08\x04\x12\x30\n\x10\n\x05image" + bytes(60), "Core ML"),
            "a.zip": (zipped("net.onnx"), "unzip"), "t.task": (zipped("face_detector.tflite"), "MediaPipe"),
            "n.npz": (zipped("arr_0.npy"), "NumPy"), "m.onnx.gz": (gzip.compress(b"x" * 99), "gunzip"),
            "m.xz": (b"\xfd7zXZ\0" + bytes(60), "compressed"), "m.zst": (b"\x28\xb5\x2f\xfd" + bytes(60), "compressed"),
            "m.tar": (b"m.onnx".ljust(257, b"\0") + b"ustar\x0000" + bytes(300), "tar"),
            "page.onnx": (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "web page"),
            "denied.tflite": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
            "answer.onnx": (b'{"error": "not found"}', "JSON"), "notes.onnx": (b"see the wiki\n", "text"),
            "lfs.onnx": (b"version https:" b"//git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
            "w.safetensors": (struct.pack("<Q", 20) + b'{"__metadata__":{}}  ' + bytes(40), "safetensors"),
            "x.npy": (b"\x93NUMPY\x01\0" + bytes(90), "--input"), "p.png": (b"\x89PNG\r\n\x1a\n" + bytes(90), "--input"),
            "p.jpg": (b"\xff\xd8\xff\xe0" + bytes(90), "--input"), "s.wav": (b"RIFF" + bytes(90), "--input"),
            "ov.xml": (b"<?xml version='1.0'?>\n<net name='x' version='11'>", "OpenVINO"),
            "m.param": (b"7767517\n2 2\nInput data 0 1 data\n", "ncnn"), "m.pte": (b"\x1c\0\0\0ET12" + bytes(60), "ExecuTorch"),
            "m.ort": (b"\x18\0\0\0ORTM" + bytes(60), "ORT"), "lib.so": (b"\x7fELF" + bytes(60), "ELF"),
            "holes.onnx": (bytes(5000), "zero bytes"),
        }
        for name, (content, word) in files.items():
            path = self.folder / name
            path.write_bytes(content)
            for verb in (["run"], ["convert", "-o", self.folder / "out.edge"]):
                r = self.expect(3, *verb, path)
                self.assertTrue(r.stderr.startswith("%s: " % path), r.stderr)
                self.assertIn(word, r.stderr)
        self.assertIn("folder", self.expect(3, "run", self.folder).stderr)

    def test_models_cut_short(self):
        data = self.f32.read_bytes()
        for part in (0.3, 0.6, 0.9):
            path = self.folder / "cut.onnx"
            path.write_bytes(data[:int(len(data) * part)])
            self.assertIn("cut short", self.expect(3, "run", path).stderr)

    def test_folders_and_missing_files(self):
        (self.folder / "net").mkdir()
        (self.folder / "net" / "model.onnx").write_bytes(self.f32.read_bytes())
        self.assertIn("net/model.onnx?", self.expect(3, "run", self.folder / "net").stderr)
        (self.folder / "sm").mkdir()
        (self.folder / "sm" / "saved_model.pb").write_bytes(b"x")
        self.assertIn("SavedModel", self.expect(3, "run", self.folder / "sm").stderr)
        self.assertIn("model.onnx?", self.expect(3, "inspect", self.folder / "net" / "modle.onnx").stderr)
        self.assertIn("folder", self.expect(3, "convert", self.folder / "no" / "m.onnx", "-o", self.folder / "o").stderr)
        r = self.expect(3, "run", self.folder / "net" / "something else")
        self.assertNotIn("?", r.stderr)

    def test_slips_on_the_command_line(self):
        for wrong, word in ((["run", self.f32, "-threads", "2"], "did you mean '--threads'"),
                            (["run", self.f32, "--min-seconds", "2"], "edgert bench"),
                            (["bench", self.f32, "--top", "2"], "edgert run"), ([self.f32], "edgert run %s" % self.f32),
                            (["run", self.f32, "--treads", "2"], "--threads"), (["inspct", self.f32], "inspect"),
                            (["run", self.f32, "--isa", "sse2"], "sse2")):
            self.assertIn(word, self.expect(1, *wrong).stderr)

    def test_inputs_that_do_not_fit(self):
        npy, text = self.folder / "x.npy", self.folder / "x.bin"
        test_cli.write_npy(npy, "<f4", (3, 3), bytes(36))
        r = self.expect(3, "run", self.f32, "--input", npy)
        for word in (str(npy), "[3, 3]", "'image'", "f32 [1, 1, 8, 8]"):
            self.assertIn(word, r.stderr)
        text.write_bytes(bytes(7))
        r = self.expect(3, "run", self.f32, "--input", text)
        for word in ("7 bytes", "256", "f32 [1, 1, 8, 8]"):
            self.assertIn(word, r.stderr)
        r = self.expect(3, "run", self.f32, "--input", "picture=%s" % npy)
        self.assertIn("image", r.stderr)
        self.assertIn("'picture'", r.stderr)
        self.assertIn("image", self.expect(1, "run", self.f32, "--shape", "picture=1x1x8x8").stderr)
        model = self.model("flat.onnx", [("Neg", ["x"], ["y"], "neg")], [value_info("x", [7])], [value_info("y", [7])])
        self.assertIn("[7]", self.expect(3, "run", model, "--input", DIGITS() / "sample_3.pgm").stderr)


def DIGITS():
    return test_cli.DIGITS


if __name__ == "__main__":
    test_cli.EDGERT, test_cli.DIGITS = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
