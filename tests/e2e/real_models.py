#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real models out of the Python packages that carry them, run from their original files and from .edge, on real inputs,
beside ONNX Runtime or LiteRT.

    real_models.py EDGERT FAMILY...          checks; 77 when a package or program is missing
    real_models.py EDGERT --json FILE        all families; writes the table that docs/results.py prints

Every model runs with one thread, with two, under --isa avx2 where that is below the CPU, and converted. Then the family
judges the answers as a person would: text that was drawn is read, speech is found where it is, alike sentences are near.
"""
import argparse
import importlib.metadata
import importlib.util
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(ROOT / "examples/similarity"), str(ROOT / "examples/imagenet")]
RELATIVE = 2e-3  # of the largest value; the cosine may miss 1 by a two-hundredth of it


class Missing(Exception):
    pass


def need(module, package=None):
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Missing(f"Python package {package or module} is not here") from None


def carried(package, pattern):
    """Files of a package by pattern, without importing it (that would want its dependencies)."""
    found = importlib.util.find_spec(package)
    files = [f for p in (found.submodule_search_locations if found else ()) for f in pathlib.Path(p).glob(pattern)]
    if not files:
        raise Missing(f"Python package {package} with {pattern} is not here")
    return sorted(files)


def distribution(package):
    """NAME VERSION of the distribution that a module belongs to"""
    names = importlib.metadata.packages_distributions().get(package, [package])
    return f"{names[0]} {importlib.metadata.version(names[0])}"


class Peer:
    """A model in the runtime that it was made for."""

    def __init__(self, path):
        self.path, self.lite = str(path), str(path).endswith(".tflite")
        if self.lite:
            self.run_once = self.open_litert()
        else:
            ort = need("onnxruntime")
            options = ort.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = 1, 3
            options.add_session_config_entry("session.x64quantprecision", "1")  # exact products without VNNI too
            self.session = ort.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
            self.names = [i.name for i in self.session.get_inputs()]
            self.run_once = lambda arrays: self.session.run(None, dict(zip(self.names, arrays)))

    def open_litert(self):
        interpreter = need("ai_edge_litert.interpreter", "ai-edge-litert").Interpreter(self.path, num_threads=1)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

        def run(arrays):
            for d, a in zip(inputs, arrays):
                if tuple(d["shape"]) != a.shape:
                    interpreter.resize_tensor_input(d["index"], a.shape)
            interpreter.allocate_tensors()
            return again(arrays)

        def again(arrays):
            for d, a in zip(inputs, arrays):
                interpreter.set_tensor(d["index"], a)
            interpreter.invoke()
            return [interpreter.get_tensor(d["index"]) for d in outputs]
        self.again = again
        return run

    @property
    def name(self):
        return "LiteRT" if self.lite else "ONNX Runtime"

    def steps(self, count, arrays, carry):
        """What `edgert run --steps` does: stacked inputs are taken slice by slice, some outputs fed back."""
        import numpy as np
        rows, fed = [], dict()
        for k in range(count):
            now = [fed.get(i, a[k] if stacked else a) for i, (a, stacked) in enumerate(arrays)]
            out = self.again(now) if self.lite and k else self.run_once(now)
            fed = {i: out[o] for o, i in carry}
            rows.append(out)
        return [np.stack(column) for column in zip(*rows)]

    def seconds(self, arrays):
        again = self.again if self.lite else self.run_once
        self.run_once(arrays)
        times, begin = [], time.perf_counter()
        while len(times) < 5 or time.perf_counter() - begin < 0.5:
            start = time.perf_counter()
            again(arrays)
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def differ(wanted, got, relative):
    """(cosine, largest difference, largest value) over all outputs; raises what makes them incomparable."""
    import numpy as np
    assert len(wanted) == len(got), f"{len(got)} outputs, wanted {len(wanted)}"
    worst, most, largest = 1.0, 0.0, 0.0
    for a, b in zip(map(np.asarray, wanted), got):
        assert a.shape == b.shape and a.dtype == b.dtype, f"{b.dtype}{b.shape}, wanted {a.dtype}{a.shape}"
        x, y = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
        assert (np.isfinite(x) == np.isfinite(y)).all(), "NaN or infinity in one only"
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        if x.size == 0:
            continue
        scale = np.linalg.norm(x) * np.linalg.norm(y)
        worst = min(worst, 1.0 if np.array_equal(x, y) else float(x @ y / scale) if scale else 0.0)
        delta = float(np.abs(x - y).max())
        assert a.dtype.kind == "f" or delta <= (1 if a.dtype.itemsize == 1 else 0), f"integers differ by {delta}"
        assert delta <= relative * max(float(np.abs(x).max()), 1e-6) + 1e-6, f"differs by {delta:.3g} of {np.abs(x).max():.3g}"
        most, largest = max(most, delta), max(largest, float(np.abs(x).max()))
    assert worst >= 1 - relative / 200, f"cosine {worst:.7f}"
    return worst, most, largest


class Suite:
    def __init__(self, edgert, work, times=False):
        self.edgert, self.work, self.times, self.rows = edgert, pathlib.Path(work), times, []
        self.modes = [("1 thread", []), ("2 threads", ["--threads", "2"])]
        if platform.machine() in ("x86_64", "AMD64"):
            self.modes.append(("avx2", ["--isa", "avx2"]))

    def command(self, *arguments):
        return subprocess.run([self.edgert, *map(str, arguments)], capture_output=True, text=True, timeout=300)

    def edge(self, model, inputs, options):
        """Outputs of one run of the command."""
        import numpy as np
        out = self.work / "out"
        r = self.command("run", model, "--output-dir", out, *inputs, *options)
        assert r.returncode == 0, f"exit {r.returncode}: {r.stderr.strip()}"
        return [np.load(out / o["file"]) for o in json.loads((out / "index.json").read_text())["outputs"]]

    def check(self, package, path, arrays, steps=0, stacked=(), carry=(), reference=None, relative=RELATIVE):
        """Compare one model in every mode; returns the outputs of the plain run. Where the peer's own
        kernels are known to be less exact, `reference` is the same model in other operators."""
        import numpy as np
        peer, options = Peer(reference or path), []
        if steps:
            wanted = peer.steps(steps, [(a, i in stacked) for i, a in enumerate(arrays)], carry)
            options = ["--steps", steps] + [x for o, i in carry for x in ("--carry", f"{o}={i}")]
        else:
            wanted = peer.run_once(arrays)
        inputs = []
        for i, a in enumerate(arrays):
            np.save(self.work / f"in{i}.npy", a)
            inputs += ["--input", self.work / f"in{i}.npy"]
        converted = self.work / "model.edge"
        r = self.command("convert", path, "-o", converted)
        assert r.returncode == 0, f"{path.name}: convert: {r.stderr.strip()}"
        first, worst = None, (1.0, 0.0, 0.0)
        for name, mode in [*self.modes, ("edge", [])]:
            try:
                got = self.edge(converted if name == "edge" else path, inputs, [*options, *mode])
                found = differ(wanted, got, relative)
            except AssertionError as why:
                raise AssertionError(f"{path.name}, {name}: {why}") from None
            first = first or got
            worst = (min(worst[0], found[0]), max(worst[1], found[1]), found[2])
        row = {"package": distribution(package), "model": path.name, "peer": peer.name, "runs": max(steps, 1),
               "cosine": round(worst[0], 8), "max_difference": float(f"{worst[1]:.2g}"), "largest": float(f"{worst[2]:.3g}")}
        if self.times and path.name not in [r["model"] for r in self.rows]:
            one = [a[0] if i in stacked else a for i, a in enumerate(arrays)]
            for i, a in enumerate(one):
                np.save(self.work / f"in{i}.npy", a)
            r = self.command("bench", path, "--json", "--min-seconds", "0.5", *inputs)
            row["ms"] = float(f"{json.loads(r.stdout)['median_ms']:.3g}")
            row["peer_ms"] = float(f"{Peer(path).seconds(one) * 1e3:.3g}")
        known = [r for r in self.rows if r["model"] == row["model"]]
        if known:  # the same model on another input: one row, the worst of both
            known[0].update(cosine=min(known[0]["cosine"], row["cosine"]), runs=known[0]["runs"] + row["runs"],
                            max_difference=max(known[0]["max_difference"], row["max_difference"]),
                            largest=max(known[0]["largest"], row["largest"]))
        else:
            self.rows.append(row)
        print(f"{path.name}: cosine {worst[0]:.7f}, largest difference {worst[1]:.2g} of {worst[2]:.3g}")
        return first


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("edgert")
    parser.add_argument("families", nargs="*")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        need("numpy")
    except Missing as why:
        sys.exit(print(f"skipped: {why}") or 77)
    sys.modules["real_models"] = sys.modules[__name__]  # families raise the Missing of this module
    import real_families
    suites, missing = [], []
    for name in arguments.families or real_families.FAMILIES:
        with tempfile.TemporaryDirectory() as work:
            suite = Suite(arguments.edgert, work, times=arguments.json is not None)
            try:
                real_families.FAMILIES[name](suite)
            except (Missing, FileNotFoundError) as why:
                missing.append(f"{name}: {why}")
        suites.append({"family": name, "models": suite.rows})
    if arguments.json:
        table = {"machine": real_families.cpu_name(), "families": [s for s in suites if s["models"]]}
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")
    if missing:
        print("skipped: " + "; ".join(missing))
        sys.exit(77)


if __name__ == "__main__":
    import real_models  # under its name, as real_families imports it: one Missing, not two
    real_models.main()
