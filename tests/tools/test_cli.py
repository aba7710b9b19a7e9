#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command's contract (docs/cli.md) from outside: options, exit codes, JSON fields, files written.

test_cli.py EDGERT EXAMPLES [unittest arguments]; needs the standard library only.
"""
import array
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

EDGERT = DIGITS = None
SOURCE = pathlib.Path(__file__).resolve().parents[2]
ENV = dict(os.environ, EDGERT_PLUGINS="")


def edgert(*arguments, stdin=None, timeout=60, cwd=None):
    return subprocess.run([EDGERT, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=timeout,
                          env=ENV, cwd=cwd, encoding="utf-8", errors="replace")


def write_npy(path, descr, shape, payload, version=1, fortran=False):
    header = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (descr, fortran, tuple(shape))
    size = 10 if version == 1 else 12
    header += " " * (-(size + len(header) + 1) % 64) + "\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + length + header.encode("latin1") + payload)


def read_npy(path):
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", "outputs are version 1"
    length = struct.unpack("<H", data[8:10])[0]
    header = eval(data[10:10 + length].decode("latin1"), {"__builtins__": {}}, {"True": True, "False": False})
    assert not header["fortran_order"]
    return header["descr"], header["shape"], data[10 + length:]


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def value_info(name, dims, dtype=1):
    shape = b"".join(field(1, field(1, d) if isinstance(d, int) else field(2, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, dtype) + field(2, shape)))


def onnx_model(nodes, inputs, outputs, initializers=()):
    """A model in ONNX's protobuf: nodes = (operator, inputs, outputs, name)."""
    graph = b""
    for op, ins, outs, name in nodes:
        graph += field(1, b"".join(field(1, i) for i in ins) + b"".join(field(2, o) for o in outs) + field(3, name) +
                       field(4, op))
    graph += field(2, "g") + b"".join(field(5, i) for i in initializers)
    graph += b"".join(field(11, i) for i in inputs) + b"".join(field(12, o) for o in outputs)
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


class Contract(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())
                                   if hasattr(self, "enterContext") else tempfile.mkdtemp())
        self.f32, self.int8 = DIGITS / "digits_f32.onnx", DIGITS / "digits_int8.edge"

    def expect(self, code, *arguments, **more):
        r = edgert(*arguments, **more)
        self.assertEqual(r.returncode, code, "edgert %s\n%s%s" % (" ".join(map(str, arguments)), r.stdout, r.stderr))
        return r

    def expect_json(self, code, *arguments, **more):
        r = self.expect(code, *arguments, "--json", **more)
        self.assertEqual(r.stdout.count("\n"), 1, "one object on one line")
        answer = json.loads(r.stdout)
        if code:
            self.assertEqual(answer["exit"], code)
            self.assertTrue(answer["error"])
        return answer

    def model(self, name, *parts, **more):
        path = self.folder / name
        path.write_bytes(onnx_model(*parts, **more))
        return path


class Usage(Contract):
    def test_help_and_version(self):
        for verb in "run bench convert inspect explain profile diff devices".split():
            self.assertIn("usage: edgert %s" % verb, self.expect(0, verb, "--help").stdout)
        self.assertIn("edgert", self.expect(0, "--help").stdout)
        self.assertRegex(self.expect(0, "--version").stdout, r"\d+\.\d+\.\d+")

    def test_wrong_use(self):
        self.assertIn("run", self.expect(1, "rnu", self.f32).stderr)
        self.assertIn("--threads", self.expect(1, "run", self.f32, "--thread", "1").stderr)
        for wrong in (["run"], ["convert", self.f32], ["diff", self.f32], ["run", self.f32, "--threads"],
                      ["run", self.f32, "--threads", "many"], ["run", self.f32, "--isa", "fast"],
                      ["run", self.f32, "--backend", "cup"], ["run", self.f32, "--entry", "other"],
                      ["run", self.f32, "--max-memory", "3X"], ["run", self.f32, "--no-pass", "nothing"]):
            self.assertTrue(self.expect(1, *wrong).stderr, wrong)

    def test_known_but_not_built(self):
        for verb in "quantize prune pack verify update generate tokenize".split():
            self.expect(2, verb, self.f32)

    def test_both_spellings_and_last_one_wins(self):
        a = self.expect_json(0, "bench", self.f32, "--threads=2", "--threads", "1", "--min-seconds=0")
        self.assertEqual(a["threads"], 1)
        self.expect(0, "run", "--", self.f32)

    def test_closed_stdout_is_no_error(self):
        p = subprocess.run("'%s' inspect '%s' | true; exit ${PIPESTATUS:-0}" % (EDGERT, self.f32), shell=True, env=ENV)
        self.assertEqual(p.returncode, 0)


class Run(Contract):
    def test_outputs_and_index(self):
        out = self.folder / "deep" / "out"
        self.expect(0, "run", self.f32, "--input", DIGITS / "sample_3.pgm", "--output-dir", out)
        index = json.loads((out / "index.json").read_text())["outputs"]
        self.assertEqual(sorted(index[0]), sorted(["file", "name", "dtype", "shape", "scale", "zero_point"]))
        descr, shape, payload = read_npy(out / index[0]["file"])
        self.assertEqual((descr, list(shape)), ("<f4", index[0]["shape"]))
        scores = array.array("f", payload)
        self.assertEqual(scores.index(max(scores)), 3)

    def test_nothing_written_on_failure(self):
        out = self.folder / "out"
        bad = self.folder / "bad.npy"
        write_npy(bad, "<f4", (3, 3), bytes(36))
        self.expect(3, "run", self.f32, "--input", bad, "--output-dir", out)
        self.assertFalse((out / "index.json").exists())

    def test_top_and_labels(self):
        a = self.expect_json(0, "run", self.int8, "--input", DIGITS / "sample_7.pgm", "--labels",
                             DIGITS / "labels.txt", "--top", "2")
        self.assertEqual([t["index"] for t in a["top"]][0], 7)
        self.assertEqual(len(a["top"]), 2)
        self.assertEqual(sorted(a["top"][0]), ["index", "label", "score"])
        self.assertGreater(a["ms"], 0)
        self.assertEqual(sorted(a["outputs"][0]), ["dtype", "max", "min", "name", "shape"])

    def test_npy_forms(self):
        model = self.model("add.onnx", [("Add", ["x", "x"], ["y"], "twice")], [value_info("x", [2, 3])],
                           [value_info("y", [2, 3])])
        values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        forms = {"v1": ("<f4", struct.pack("<6f", *values), 1, False), "v2": ("<f4", struct.pack("<6f", *values), 2, False),
                 "big": (">f4", struct.pack(">6f", *values), 1, False), "f64": ("<f8", struct.pack("<6d", *values), 1, False),
                 "fortran": ("<f4", struct.pack("<6f", 1, 4, 2, 5, 3, 6), 1, True),
                 "int": ("<i4", struct.pack("<6i", *map(int, values)), 1, False)}
        for name, (descr, payload, version, fortran) in forms.items():
            file, out = self.folder / (name + ".npy"), self.folder / name
            write_npy(file, descr, (2, 3), payload, version, fortran)
            self.expect(0, "run", model, "--input", "x=%s" % file, "--output-dir", out)
            self.assertEqual(list(struct.unpack("<6f", read_npy(out / "0.npy")[2])), [2 * v for v in values], name)
        write_npy(self.folder / "object.npy", "|O", (2, 3), b"\x80\x04N.")
        self.expect(3, "run", model, "--input", self.folder / "object.npy")
        write_npy(self.folder / "short.npy", "<f4", (2, 3), bytes(20))
        self.expect(3, "run", model, "--input", self.folder / "short.npy")
        self.expect(3, "run", model, "--input", "z=%s" % (self.folder / "v1.npy"))  # no input z: a file of that name
        self.expect(1, "run", model, "--input", self.folder / "v1.npy", "--input", self.folder / "v1.npy")

    def test_symbolic_dimension(self):
        model = self.model("n.onnx", [("Neg", ["x"], ["y"], "neg")], [value_info("x", ["n", 2])],
                           [value_info("y", ["n", 2])])
        self.assertEqual(self.expect_json(0, "run", model)["outputs"][0]["shape"], [1, 2])
        a = self.expect_json(0, "run", model, "--shape", "x=5x2")
        self.assertEqual(a["outputs"][0]["shape"], [5, 2])
        self.expect(1, "run", model, "--shape", "x=5x3")
        self.expect(1, "run", model, "--shape", "q=5x2")
        for wrong, words in (("x=5x3", ["dimension 1", "'x'", "fixed to 2", "not 3", "--shape x=Nx2"]),
                             ("x=5", ["'x'", "1 dimensions", "has 2", "--shape x=Nx2"]),
                             ("q=5x2", ["no input 'q'", "it has: x"]), ("x=5xx2", ["x=5xx2", "expected NAME=1x3"]),
                             ("x=-1x2", ["x=-1x2", "expected NAME=1x3"]), ("x", ["--shape x", "expected NAME=1x3"])):
            text = edgert("run", model, "--shape", wrong).stderr
            for word in words:
                self.assertIn(word, text)
        huge = edgert("run", model, "--shape", "x=4611686018427387904x2")
        self.assertEqual((huge.returncode, "input 'x'" in huge.stderr), (4, True), huge.stderr)
        self.assertEqual(self.expect_json(0, "run", model, "--shape", "x=0x2")["outputs"][0]["shape"], [0, 2])

    def test_steps_and_carry(self):
        model = self.model("sum.onnx", [("Add", ["x", "s"], ["y"], "sum")], [value_info("x", [1]), value_info("s", [1])],
                           [value_info("y", [1])])
        write_npy(self.folder / "x.npy", "<f4", (4, 1), struct.pack("<4f", 1, 2, 3, 4))
        write_npy(self.folder / "s.npy", "<f4", (1,), struct.pack("<f", 10))
        out = self.folder / "out"
        self.expect(0, "run", model, "--input", self.folder / "x.npy", "--input", self.folder / "s.npy", "--steps", 4,
                    "--carry", "0=1", "--output-dir", out)
        _, shape, payload = read_npy(out / "0.npy")
        self.assertEqual((list(shape), list(struct.unpack("<4f", payload))), ([4, 1], [11, 13, 16, 20]))
        pair = [value_info("a", [1]), value_info("b", [1])] # one output into two inputs, and an exchange
        model = self.model("swap.onnx", [("Add", ["a", "b"], ["s"], "add"), ("Identity", ["b"], ["t"], "same")], pair,
                           [value_info("s", [1]), value_info("t", [1])])
        write_npy(self.folder / "one.npy", "<f4", (1,), struct.pack("<f", 1))
        for carry, want in ((("s=a", "s=b"), [2, 4, 8, 16]), (("s=b", "t=a"), [2, 3, 5, 8])):
            self.expect(0, "run", model, "--input", self.folder / "one.npy", "--input", self.folder / "one.npy", "--steps",
                        4, "--carry", carry[0], "--carry", carry[1], "--output-dir", out)
            self.assertEqual(list(struct.unpack("<4f", read_npy(out / "0.npy")[2])), want)

    def test_custom_operators(self):
        plugin = os.environ.get("EDGE_TEST_OPERATORS", "")
        if not os.path.exists(plugin):
            self.skipTest("no plug-in with operators")
        factor = b"".join((field(1, "factor"), varint(2 << 3 | 5) + struct.pack("<f", 2.5), field(20, 1)))
        def node(name, i, o, op, domain=None, attribute=b""):
            return field(1, i) + field(2, o) + field(3, name) + field(4, op) + (field(5, attribute) if attribute else b"") + \
                (field(7, domain) if domain else b"")
        nodes = [node("abs", "x", "a", "Abs"), node("mine", "a", "b", "Scale", "com.example", factor), node("neg", "b", "y", "Neg")]
        graph = b"".join(field(1, n) for n in nodes) + field(2, "g") + field(11, value_info("x", ["n", 2])) + \
            field(12, value_info("y", ["n", 2])) + field(13, value_info("b", ["n", 2]))
        sets = field(8, field(1, "") + field(2, 13)) + field(8, field(1, "com.example") + field(2, 1))
        model, edge = self.folder / "custom.onnx", self.folder / "custom.edge"
        model.write_bytes(field(1, 8) + field(7, graph) + sets)
        write_npy(self.folder / "x.npy", "<f4", (3, 2), struct.pack("<6f", -1, 2, -3, 4, -5, 6))
        run = ("--input", self.folder / "x.npy", "--output-dir", self.folder / "out")
        self.assertIn("com.example", self.expect(2, "run", model, *run).stderr)
        self.expect(2, "convert", model, "-o", edge)
        self.assertIn("com.example:Scale", self.expect(0, "convert", model, "-o", edge, "--keep-custom").stderr)
        self.assertIn("com.example:Scale", self.expect(2, "run", edge, *run).stderr)
        ENV["EDGERT_PLUGINS"] = plugin
        try:
            for file in (model, edge):
                self.expect(0, "run", file, *run)
                self.assertEqual(struct.unpack("<6f", read_npy(self.folder / "out" / "0.npy")[2]),
                                 (-2.5, -5, -7.5, -10, -12.5, -15))
            self.expect(0, "convert", model, "-o", self.folder / "again.edge")
            self.expect(0, "run", self.folder / "again.edge", *run)
            self.expect(0, "diff", model, edge)
            names = [n["op"] for n in self.expect_json(0, "explain", edge)["nodes"]]
            self.assertIn("com.example:Scale", names)
            tflite = SOURCE / "tests/fuzz/seeds/tflite/custom.tflite"
            self.expect(0, "run", tflite)
            self.expect(0, "convert", tflite, "-o", self.folder / "t.edge")
            self.expect(0, "run", self.folder / "t.edge")
        finally:
            ENV["EDGERT_PLUGINS"] = ""

    def test_state_in_and_out(self):
        model, out = SOURCE / "tests/format/v1/state.edge", self.folder / "out"
        run = ("run", model, "--seed", 3, "--json")
        whole = self.expect_json(0, *run, "--steps", 5)
        self.expect(0, *run, "--steps", 3, "--state-out", self.folder / "a.state")
        rest = self.expect_json(0, *run, "--steps", 2, "--state-in", self.folder / "a.state")
        self.assertEqual(rest["outputs"], whole["outputs"])
        self.assertNotEqual(self.expect_json(0, *run, "--steps", 2)["outputs"], whole["outputs"])
        bytes_ = (self.folder / "a.state").read_bytes()
        (self.folder / "cut.state").write_bytes(bytes_[:-1])
        (self.folder / "flip.state").write_bytes(bytes_[:50] + bytes([bytes_[50] ^ 1]) + bytes_[51:])
        (self.folder / "new.state").write_bytes(bytes_[:4] + b"\x09" + bytes_[5:])
        self.expect(3, *run, "--state-in", self.folder / "cut.state", "--output-dir", out)
        self.expect(3, *run, "--state-in", self.folder / "flip.state", "--output-dir", out)
        self.expect(2, *run, "--state-in", self.folder / "new.state", "--output-dir", out)
        self.expect(3, *run, "--state-in", self.folder / "missing.state", "--output-dir", out)
        self.expect(3, "run", self.f32, "--state-in", self.folder / "a.state", "--output-dir", out)
        self.expect(1, *run, "--state-out", self.folder / "no" / "folder.state")
        self.assertFalse(out.exists())
        lines = [{"model": str(model), "seed": 3, "steps": 3, "state_out": str(self.folder / "b.state")},
                 {"model": str(model), "seed": 3, "state_in": 5}]
        r = self.expect(0, "run", "--batch", "-", stdin="\n".join(map(json.dumps, lines)))
        self.assertEqual([json.loads(line)["exit"] for line in r.stdout.splitlines()], [0, 1])
        self.assertEqual((self.folder / "b.state").read_bytes(), bytes_)
        self.expect(1, "run", "--batch", "-", "--state-in", "x", stdin="")
        original, converted = SOURCE / "tests/fuzz/seeds/tflite/variables.tflite", self.folder / "v.edge"
        self.expect(0, "run", original, "--state-out", self.folder / "v.state")
        self.expect(0, "convert", original, "-o", converted)
        self.expect(0, "run", converted, "--state-in", self.folder / "v.state") # the same model

    def test_steps_of_open_dimensions(self):
        model = self.model("open.onnx", [("Neg", ["x"], ["y"], "neg")], [value_info("x", ["b", "n"])], [value_info("y", ["b", "n"])])
        write_npy(self.folder / "x.npy", "<f4", (3, 1, 2), struct.pack("<6f", 1, 2, 3, 4, 5, 6))
        out = self.folder / "out"
        self.expect(0, "run", model, "--input", self.folder / "x.npy", "--steps", 3, "--output-dir", out)
        _, shape, payload = read_npy(out / "0.npy")  # not 3 times the whole file as [3, 2]
        self.assertEqual((list(shape), list(struct.unpack("<6f", payload))), ([3, 1, 2], [-1, -2, -3, -4, -5, -6]))

    def test_seed_is_the_same_everywhere(self):
        a = [self.expect_json(0, "run", self.f32, "--seed", 7, "--isa", isa)["outputs"][0]["max"]
             for isa in ("scalar", "avx2" if os.uname().machine == "x86_64" else "neon")]
        self.assertAlmostEqual(a[0], a[1], delta=1e-4)

    def test_reproducible_hash(self):
        native = "avx2" if os.uname().machine == "x86_64" else "neon"
        lines = {self.expect(0, "run", self.f32, "--reproducible", *more).stdout.split("hash ")[1].split()[0]
                 for more in ([], ["--threads", 2], ["--isa", native], ["--isa", "scalar"])}
        self.assertEqual(len(lines), 1)


class Batch(Contract):
    def test_cases_go_on_after_a_failure(self):
        out = self.folder / "out"
        cases = [{"id": "a", "model": str(self.f32), "output_dir": str(out)}, {"id": 2, "model": "missing.onnx"},
                 {"model": str(self.int8), "seed": 3, "unknown": []}, {"id": "wrong", "model": 5}]
        r = self.expect(0, "run", "--batch", "-", stdin="\n\n".join(map(json.dumps, cases)))
        answers = [json.loads(line) for line in r.stdout.splitlines()]
        self.assertEqual([(a["id"], a["exit"]) for a in answers], [("a", 0), (2, 3), (None, 0), ("wrong", 1)])
        self.assertTrue((out / "index.json").exists())
        self.assertIn("missing.onnx", answers[1]["error"])
        self.assertGreater(answers[0]["ms"], 0)

    def test_lists(self):
        self.assertEqual(self.expect(0, "run", "--batch", "-", stdin="").stdout, "")
        r = self.expect(1, "run", "--batch", "-", stdin=json.dumps({"model": str(self.f32)}) + "\n[1]\n")
        self.assertEqual(json.loads(r.stdout.splitlines()[0])["exit"], 0)
        self.expect(1, "run", "--batch", self.folder / "missing")
        self.expect(1, "run", self.f32, "--batch", "-", stdin="")


class Verbs(Contract):
    def test_bench(self):
        a = self.expect_json(0, "bench", self.f32, "--min-seconds", "0.05", "--runs", 3)
        for name in ("model backend threads isa load_ms first_ms median_ms min_ms p90_ms p99_ms runs peak_rss_bytes "
                     "arena_bytes weights_bytes nodes nodes_by_backend").split():
            self.assertIn(name, a)
        self.assertGreaterEqual(a["runs"], 3)
        self.assertLessEqual(a["min_ms"], a["median_ms"])
        self.assertEqual(sum(a["nodes_by_backend"].values()), a["nodes"])

    def test_convert_inspect_diff(self):
        edge = self.folder / "digits.edge"
        a = self.expect_json(0, "convert", self.f32, "-o", edge)
        self.assertEqual((a["bytes"], a["unsupported"]), (edge.stat().st_size, []))
        i = self.expect_json(0, "inspect", edge)
        for name in "format inputs outputs nodes operators macs weights_bytes plan_bytes plan_lower_bound_bytes".split():
            self.assertIn(name, i)
        self.assertLessEqual(i["plan_bytes"], 1.1 * i["plan_lower_bound_bytes"])
        self.assertTrue(self.expect_json(0, "diff", self.f32, edge)["equal"])
        self.assertTrue(self.expect_json(0, "diff", self.f32, "--backend", "cpu", "--against", "cpu")["equal"])
        r = self.expect(6, "diff", self.f32, self.int8)
        self.assertTrue(r.stdout)
        self.expect(1, "convert", self.f32, "-o", self.folder / "no" / "folder.edge")

    def test_explain(self):
        a = self.expect_json(0, "explain", self.f32)
        for name in "id name op backend kernel reason rejected cost_us hint".split():
            self.assertIn(name, a["nodes"][0])

    def test_explain_measures_the_alternatives(self):
        a = self.expect_json(0, "explain", self.f32, "--measure")
        self.assertIn("cpu", a["totals"])
        for total in a["totals"].values():
            self.assertGreater(total["measured_us"], 0)
            self.assertGreater(total["estimated_us"], 0)
        self.assertGreaterEqual(a["nodes"][1]["measured_us"]["cpu"], 0)

    def test_profile_and_trace(self):
        trace = self.folder / "trace.json"
        a = self.expect_json(0, "profile", self.f32, "--trace", trace)
        for name in "name op backend kernel us".split():
            self.assertIn(name, a["nodes"][0])
        events = json.loads(trace.read_text())
        self.assertTrue(events["traceEvents"] if isinstance(events, dict) else events)

    def test_devices(self):
        a = self.expect_json(0, "devices")
        self.assertIn("cpu", [b["name"] for b in a["backends"]])
        self.assertTrue(a["cpu"]["isa"])


class Failures(Contract):
    def test_bad_files_name_themselves(self):
        for name, content in {"empty": b"", "text": b"hello, world\n" * 20, "cut.edge": self.int8.read_bytes()[:5000],
                              "cut.tflite": b"\0\0\0\0TFL3" + bytes(40), "zeros": bytes(4096)}.items():
            path = self.folder / name
            path.write_bytes(content)
            for verb in ("run", "inspect"):
                r = self.expect(3, verb, path)
                self.assertTrue(any(line.startswith(str(path)) for line in r.stderr.splitlines()), r.stderr)
            self.expect_json(3, "run", path)
        self.expect(3, "run", self.folder / "not there.onnx")

    def test_unsupported_operators_are_listed_together(self):
        model = self.model("odd.onnx", [("Frobnicate", ["x"], ["a"], "first"), ("Relu", ["a"], ["b"], "fine"),
                                        ("Wobble", ["b"], ["y"], "second")], [value_info("x", [2])],
                           [value_info("y", [2])])
        r = self.expect(2, "run", model)
        for word in ("Frobnicate", "Wobble", "first", "second"):
            self.assertIn(word, r.stderr)

    def test_limits(self):
        r = self.expect(4, "run", self.f32, "--max-memory", "1K")
        self.assertTrue(r.stderr.startswith(str(self.f32)), r.stderr)
        self.expect(4, "run", self.f32, "--timeout", "0.0000001")

    def test_unknown_backend_or_absent(self):
        self.assertIn("cpu", self.expect(1, "run", self.f32, "--backend", "abacus").stderr)


if __name__ == "__main__":
    EDGERT, DIGITS = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
