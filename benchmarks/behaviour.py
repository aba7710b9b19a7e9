#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How EdgeRT behaves beside its speed: on a busy machine, from a cold start, on tiny models.

    behaviour.py contention MODEL...   a busy neighbour on each core; twice as many threads as cores
    behaviour.py cold MODEL...         load, first run and memory of model files, .edge files and prepared files
    behaviour.py tiny [MODEL...]       what a run and a node cost when there is nothing to compute
    options: --build DIR --isa TIER --rounds R --seconds S --json FILE

Prints Markdown; needs nothing but Python. Each figure is from fresh processes, those to be compared in turn.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
a = None


def edgert(verb, *options):
    command = [os.path.join(a.build, "edgert"), verb, *map(str, options)]
    p = subprocess.run(command + (["--isa", a.isa] if a.isa else []), capture_output=True, text=True, timeout=300)
    if p.returncode:
        sys.exit(f"{' '.join(command)}: {p.stderr.strip()[:300]}")
    return p.stdout


def bench(model, threads, *options):
    return json.loads(edgert("bench", model, "--threads", threads, "--min-seconds", a.seconds, "--json", *options))


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in row) + " |")
    print()
    if a.json:
        with open(a.json, "a") as f:
            f.writelines(json.dumps(dict(zip(head, row), what=a.what)) + "\n" for row in rows)


# ---- contention
def spin(core):
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {core})
        end = time.monotonic() + 300
        while time.monotonic() < end:
            for _ in range(100000):
                pass
        os._exit(0)
    return pid


def contention():
    cores = sorted(os.sched_getaffinity(0))
    n, rows = len(cores), []
    for model in a.models:
        quiet, busy = {1: [], n: [], 2 * n: []}, {1: [], n: []}
        for _ in range(a.rounds):
            for threads, runs in quiet.items():
                runs.append(bench(model, threads))
        pids = [spin(core) for core in cores]
        try:
            for _ in range(a.rounds):
                for threads, runs in busy.items():
                    runs.append(bench(model, threads))
        finally:
            for pid in pids:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
        one, all_ = median(busy[1], "p99_ms"), median(busy[n], "p99_ms")
        rows.append([pathlib.Path(model).name, median(quiet[1], "median_ms"), median(quiet[n], "median_ms"),
                     median(quiet[1], "median_ms") / median(quiet[n], "median_ms"),
                     median(quiet[n], "median_ms") / median(quiet[2 * n], "median_ms"), one, all_, all_ / one])
    table(["model", "1 thread, ms", f"{n} threads, ms", "times as fast", f"throughput of {2 * n} threads / {n}",
           "p99 of 1 thread, neighbours busy", f"p99 of {n} threads, neighbours busy", "ratio"], rows)
    print(f"Wanted: {n} threads at least 1.9 times as fast (models of 1 ms and more) and never slower than one; throughput "
          "0.9 and more; ratio 1.3 and less.")


# ---- cold start and memory
def wall_ms(*command):
    t = time.perf_counter()
    subprocess.run([os.path.join(a.build, "edgert"), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   check=True)
    return (time.perf_counter() - t) * 1e3


def bare_rss(folder):
    """peak memory of the command with next to no model"""
    path = os.path.join(folder, "one.onnx")
    pathlib.Path(path).write_bytes(chain(1))
    return min(json.loads(edgert("bench", path, "--min-seconds", 0.01, "--json"))["peak_rss_bytes"] for _ in range(3))


def cold():
    rows = []
    isa = ["--isa", a.isa] if a.isa else []
    with tempfile.TemporaryDirectory() as folder:
        bare = bare_rss(folder)
        for model in a.models:
            stem, forms = pathlib.Path(model).stem, [("as given", model)]
            for name, options in (("edge", []), ("prepared", ["--prepare"])):
                to = os.path.join(folder, f"{stem}-{name}.edge")
                p = subprocess.run([os.path.join(a.build, "edgert"), "convert", model, "-o", to, *options, *isa],
                                   capture_output=True, text=True, timeout=300)
                if p.returncode == 0:
                    forms.append((name, to))
                else:
                    print(f"{stem}, {name}: {p.stderr.strip()[:200]}", file=sys.stderr)
            for name, file in forms:
                runs, walls, nothing = [], [], []
                for _ in range(max(a.rounds, 5)):  # the page cache is warm from the second on
                    runs.append(json.loads(edgert("bench", file, "--min-seconds", 0.1, "--json")))
                    walls.append(wall_ms("run", file, *isa))
                    nothing.append(wall_ms("--version"))
                steady = min(r["median_ms"] for r in runs)
                inside = median(runs[1:], "load_ms") + median(runs[1:], "first_ms") - steady
                weights, plan = runs[0]["weights_bytes"] / 1e6, runs[0]["arena_bytes"] / 1e6
                used = (median(runs, "peak_rss_bytes") - bare) / 1e6
                rows.append([f"{stem} {name}", median(runs[1:], "load_ms"), median(runs[1:], "first_ms"), steady, inside,
                             statistics.median(walls[1:]) - statistics.median(nothing) - steady, used, weights,
                             used / (weights * 1.05 + plan + 2)])
    table(["file", "load, ms", "first run, ms", "median, ms", "overhead, ms", "overhead by the wall clock, ms", "memory, MB",
           "weights, MB", "memory / (1.05 weights + plan + 2 MB)"], rows)
    print(f"Overhead: load + first run - median run; by the wall clock: `edgert run` - `edgert --version` - median run. "
          f"Memory: peak - {bare / 1e6:.1f} MB with a model of one node.")


# ---- tiny models
def number(n):
    out = bytearray()
    while True:
        out.append((n & 127) | (128 if n > 127 else 0))
        n >>= 7
        if n == 0:
            return bytes(out)


def message(tag, value):
    """a protobuf field: number, text or nested message"""
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(value)) + value


def chain(nodes):
    """an ONNX model: softmax of four numbers, again and again; no pass can join the nodes"""
    def value(name):
        shape = message(2, b"".join(message(1, message(1, d)) for d in (1, 4)))
        return message(1, name) + message(2, message(1, message(1, 1) + shape))
    body = b"".join(message(1, message(1, f"v{i}") + message(2, f"v{i + 1}") + message(4, "Softmax")) for i in range(nodes))
    graph = body + message(2, "chain") + message(11, value("v0")) + message(12, value(f"v{nodes}"))
    return message(1, 8) + message(7, graph) + message(8, message(1, "") + message(2, 13))


def tiny():
    cores = len(os.sched_getaffinity(0))
    rows, points = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for nodes in (1, 8, 64, 512):
            path = os.path.join(folder, f"softmax-{nodes}.onnx")
            pathlib.Path(path).write_bytes(chain(nodes))
            for threads in sorted({1, cores}):
                best = min(bench(path, threads)["min_ms"] for _ in range(a.rounds)) * 1e6
                points.setdefault(threads, []).append((nodes, best))
                rows.append([f"{nodes} x softmax of 4", threads, best / 1e3, best / nodes])
    for model in a.models:
        for threads in sorted({1, cores}):
            runs = [bench(model, threads) for _ in range(a.rounds)]
            t = median(runs, "median_ms") * 1e6
            rows.append([pathlib.Path(model).name, threads, t / 1e3, t / runs[0]["nodes"]])
    table(["model", "threads", "us a run", "ns a node"], rows)
    for threads, p in points.items():
        slope = (p[-1][1] - p[0][1]) / (p[-1][0] - p[0][0])
        print(f"{threads} thread{'s' if threads > 1 else ''}: {(p[0][1] - slope) / 1e3:.2f} us a run and {slope:.0f} ns a node, "
              "the softmax itself included.")


def main():
    global a
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["contention", "cold", "tiny"])
    ap.add_argument("models", nargs="*")
    ap.add_argument("--build", default=str(ROOT / "build"))
    ap.add_argument("--isa")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=float, default=0.5)
    ap.add_argument("--json")
    a = ap.parse_args()
    if a.what != "tiny" and not a.models:
        sys.exit("which models?")
    {"contention": contention, "cold": cold, "tiny": tiny}[a.what]()


if __name__ == "__main__":
    main()
