#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile models of three formats, given to EdgeRT and to other runtimes in child processes: who rejects, crashes, hangs.

    score.py --edgert build/edgert --seeds FOLDER... --files 6000 --json benchmarks/results/robustness.json
    score.py --edgert build-asan/edgert --sanitized --peers '' --seeds FOLDER...
    score.py --edgert build/edgert --make FOLDER --only 1234      one file, kept, with its answer

The same seed and the same packages make the same files. Exit status 1 when EdgeRT crashed, hung, took memory without bound or
read what it must not; 77 when a Python package is missing.
"""
import argparse
import collections
import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import random
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
try:
    import crafted
    import mutate
    import mutate_edge
    import mutate_onnx
    import mutate_tflite
    import runner
except ImportError as missing:
    print(f"skipped: the Python package {missing.name} is missing")
    sys.exit(77)

FORMATS = {"onnx": ["onnxruntime", "openvino"], "tflite": ["litert", "openvino"], "edge": []}
SHARE = {"onnx": 0.5, "tflite": 0.35, "edge": 0.15}     # of the files made from seeds
BYTES = 0.25                                           # of them: damaged bytes, the others wrong meaning
LARGEST_SEED = 1 << 16


def seeds_of(folders):
    """every small model below the folders, in a fixed order; equal bytes once"""
    found = {kind: {} for kind in FORMATS}
    for folder in folders:
        for path in sorted(pathlib.Path(folder).rglob("*")):
            kind = path.suffix[1:]
            if kind in found and path.stat().st_size <= LARGEST_SEED:
                found[kind].setdefault(path.read_bytes(), None)
    return {kind: list(files) for kind, files in found.items()}


def converted(edgert, seeds, folder, most):
    """`.edge` seeds: what the command makes of the others"""
    import subprocess
    out = []
    for kind in ("onnx", "tflite"):
        step = max(1, len(seeds[kind]) // (most // 2))
        for i, data in enumerate(seeds[kind][::step]):
            at, to = folder / f"seed.{kind}", folder / "seed.edge"
            at.write_bytes(data)
            to.unlink(missing_ok=True)
            subprocess.run([edgert, "convert", at, "-o", to], capture_output=True)
            if to.exists():
                out.append(to.read_bytes())
    return out


class Files:
    """the list of files: traps first, then mutations; each is made when it is its turn"""

    def __init__(self, a, folder):
        self.a, self.folder = a, folder
        self.seeds = seeds_of(a.seeds)
        self.tables = mutate_edge.load_schema(ROOT / "src/format/edge.fbs")
        self.seeds["edge"] += converted(a.edgert, self.seeds, folder, 300 if not a.quick else 20)
        for kind, files in self.seeds.items():
            if not files:
                sys.exit(f"no small .{kind} models below {' '.join(map(str, a.seeds))}")

    def traps(self):
        for name, model in crafted.traps(not self.a.quick):
            data = model if isinstance(model, bytes) else model.SerializeToString()
            yield "onnx", "trap: " + name, self.write("onnx", data), None
        for name, data in crafted.tflite_traps():
            yield "tflite", "trap: " + name, self.write("tflite", data), None
        for name, path, marker in crafted.outside(str(self.folder)):
            yield "onnx", name, path, marker

    def write(self, kind, data):
        path = self.folder / f"model.{kind}"
        path.write_bytes(data)
        return str(path)

    def mutation(self, i, kind):
        rng = random.Random(f"{self.a.seed}:{kind}:{i}")
        while True:
            data = rng.choice(self.seeds[kind])
            if rng.random() < BYTES:
                name, out = mutate.damage(rng, data, self.seeds[kind])
            elif kind == "onnx":
                name, out = mutate_onnx.meaning(rng, data)
            elif kind == "tflite":
                name, out = mutate_tflite.meaning(rng, data)
            else:
                name, out = mutate_edge.meaning(rng, data, self.tables)
            if name and out != data:
                return kind, name, self.write(kind, out), None

    def mutations(self):
        for kind, share in SHARE.items():
            for i in range(int(self.a.files * share)):
                yield self.mutation(i, kind)


def keep(a, number, kind, name, path, runtime, text):
    """the file, so that it can be looked at"""
    if a.keep:
        os.makedirs(a.keep, exist_ok=True)
        to = pathlib.Path(a.keep, f"{number}-{runtime}-{name.replace(' ', '_').replace('/', '_')}.{kind}")
        shutil.copyfile(path, to)
        to.with_suffix(".txt").write_text(text)


def table(rows):
    out = []
    for (kind, group, name), counts in sorted(rows.items()):
        out.append({"format": kind, "group": group, "runtime": name, **{k: counts[k] for k in runner.KINDS}})
    return out


def store(path, result):
    """beside what other runtimes made of the same files"""
    path = pathlib.Path(path)
    old = json.loads(path.read_text()) if path.exists() else {}
    if (old.get("seed"), old.get("files")) == (result["seed"], result["files"]):
        now = {row["runtime"] for row in result["rows"]}
        for key in ("rows", "harm"):
            result[key] = [x for x in old[key] if x["runtime"] not in now] + result[key]
        result["versions"] = {**old["versions"], **result["versions"]}
    path.write_text(json.dumps(result, indent=1) + "\n")


def group_of(name):
    return "trap" if name.startswith(("trap", "outside")) else "bytes" if name == "bytes" else "meaning"


def versions(peers):
    return {p: importlib.metadata.version({"litert": "ai-edge-litert"}.get(p, p)) for p in peers}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--edgert", required=True)
    p.add_argument("--sanitized", action="store_true", help="edgert was built with sanitizers")
    p.add_argument("--peers", default="onnxruntime,litert,openvino")
    p.add_argument("--seeds", nargs="+", default=[ROOT / "tests/fuzz/seeds", ROOT / "examples/digits"], type=pathlib.Path)
    p.add_argument("--seed", default="1")
    p.add_argument("--files", type=int, default=5200, help="made from seeds; the traps come on top")
    p.add_argument("--quick", action="store_true", help="smaller traps, for the test run")
    p.add_argument("--json")
    p.add_argument("--keep", help="folder for files that did harm, with what was printed")
    p.add_argument("--only", help="number of a file, or a text in its name")
    a = p.parse_args()
    a.edgert = os.path.abspath(a.edgert)
    wanted = [x for x in a.peers.split(",") if x]
    try:
        known = versions(wanted)
    except importlib.metadata.PackageNotFoundError as e:
        print(f"skipped: the Python package {e.name} is missing")
        sys.exit(77)
    runtimes = {x: runner.peer(x) for x in wanted}
    ours = runner.edgert(a.edgert, "edgert, sanitized" if a.sanitized else "edgert", a.sanitized)
    rows, harm, longest, number = collections.defaultdict(collections.Counter), [], [], 0
    with tempfile.TemporaryDirectory(prefix="robustness-") as folder:
        files = Files(a, pathlib.Path(folder))
        for source in (files.traps(), files.mutations()):
            for kind, name, path, marker in source:
                number += 1
                if a.only and a.only != str(number) and a.only not in name:
                    continue
                for r in [ours] + [runtimes[x] for x in FORMATS[kind] if x in runtimes]:
                    what, seconds, grown, text = r.give(path, marker)
                    rows[kind, group_of(name), r.name][what] += 1
                    if what not in ("accept", "reject"):
                        keep(a, number, kind, name, path, r.name, text)
                        harm.append({"file": number, "format": kind, "what": name, "runtime": r.name, "kind": what})
                        if r is ours:
                            print(f"{number} {kind} {name}: {what}\n{text[-3000:]}", flush=True)
                    if r is ours:
                        longest.append((round(seconds, 2), grown >> 20, number, name, what))
                    if a.only:
                        print(number, name, r.name, what, f"{seconds:.2f} s", f"{grown >> 20} MiB", text[-1000:])
                if number % 250 == 0:
                    print(f"{number} files", dict(collections.Counter(h["runtime"] + " " + h["kind"] for h in harm)), flush=True)
    ended = ours.end()
    if ended:
        print("at the end:", ended)
    for x in runtimes.values():
        x.end()
    result = {"date": datetime.date.today().isoformat(), "machine": platform.processor() or platform.machine(), "seed": a.seed,
              "files": number, "versions": known, "rows": table(rows), "harm": harm}
    for row in result["rows"]:
        print(row)
    print("slowest of ours:", sorted(longest, reverse=True)[:8], "largest:", sorted(longest, key=lambda x: -x[1])[:5])
    if a.json:
        store(a.json, result)
    bad = [h for h in harm if h["runtime"] == ours.name]
    print(f"{number} files, {len(bad)} of them harmed EdgeRT")
    sys.exit(bool(bad or ended))


if __name__ == "__main__":
    main()
