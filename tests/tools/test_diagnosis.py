#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the command says about models that do not fit, differ or are no models at all.

test_diagnosis.py EDGERT EXAMPLES [unittest arguments]; needs the standard library only.
"""
import html.parser
import os
import pathlib
import struct
import sys
import time
import unittest

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
                                               ("TreeEnsembleRegressor", "t", "ai.onnx.ml")))
        graph += field(2, "g") + field(11, value_info("x", [2])) + field(12, value_info("y", [2]))
        opsets = b"".join(field(8, field(1, d) + field(2, v)) for d, v in (("", 13), ("acme", 4), ("ai.onnx.ml", 3)))
        path = self.folder / "domains.onnx"
        path.write_bytes(field(1, 8) + field(7, graph) + opsets)
        found = self.nodes(path)
        self.assertIn("custom-operators.md", found["y"]["hint"])
        self.assertEqual((found["y"]["domain"], found["y"]["version"]), ("acme", 4))
        self.assertIn("'ai.onnx'", found["z"]["hint"])
        self.assertIn("trees", found["t"]["hint"])

    def test_malformed_wins_over_unsupported(self):
        model = self.model("both.onnx", [("Frobnicate", ["x"], ["a"], "first"), ("Relu", ["nothing"], ["y"], "lost")],
                           [value_info("x", [2])], [value_info("y", [2])])
        self.assertIn("nothing", self.expect_json(3, "run", model)["error"])

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


if __name__ == "__main__":
    test_cli.EDGERT, test_cli.DIGITS = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
