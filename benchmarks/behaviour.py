#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How EdgeRT behaves beside its speed: on a busy machine, from a cold start, on tiny models, with another backend.

    behaviour.py contention MODEL...   a busy neighbour on each core; twice as many threads as cores
    behaviour.py cold MODEL...         load and first run of model files, .edge files and prepared files; with --bench
                                       DIR --python ENV/bin/python those of the peers beside them
    behaviour.py memory MODEL...       peak memory of the same files beside weights and plan
    behaviour.py xnnpack MODEL...      is what `edgert explain --measure` chooses right, at one thread and at all?
    behaviour.py modes MODEL...        what --reproducible costs and --fast-math brings
    behaviour.py tiny [MODEL...]       what a run and a node cost when there is nothing to compute
    behaviour.py stop MODEL...         from the cancelling call to the end of the run, at moments spread over its length
    options: --build DIR --isa TIER --rounds R --seconds S --threads N --out FILE

Prints Markdown. --out keeps it as JSON too, a table for each question and kernel tier; docs/results.py renders
benchmarks/results/behaviour-*.json. Needs nothing but Python (the peers apart). Each figure is from fresh processes,
those to be compared in turn.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
a = None
versions = {}  # of the peers that took part


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


def cell(x):
    return "" if x is None else f"{x:.3f}" if isinstance(x, float) else str(x)


def table(head, rows, notes):
    print("| " + " | ".join(head) + " |\n|---|" + "---:|" * (len(head) - 1))
    for row in rows:
        print("| " + " | ".join(map(cell, row)) + " |")
    print("\n" + notes)
    if a.out:
        keep(head, rows, notes)


def keep(head, rows, notes):
    """one table for each question and tier; rows of the same name are replaced, others stay"""
    path = pathlib.Path(a.out)
    res = json.loads(path.read_text()) if path.exists() else {"tables": {}}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    isa, cores = bench_isa(), len(os.sched_getaffinity(0))
    old = res["tables"].get(f"{a.what}@{isa}", {})
    if old.get("head") == head:
        named = {r[0]: r for r in old["rows"]}
        named.update((r[0], r) for r in rows)
        rows = [named[n] for n in dict.fromkeys([r[0] for r in old["rows"]] + [r[0] for r in rows])]
    rows = [[float(f"{x:.4g}") if isinstance(x, float) else x for x in row] for row in rows]
    res["tables"][f"{a.what}@{isa}"] = {
        "what": a.what, "isa": isa, "machine": f"{cpu_name()}, {cores} logical CPUs",
        "date": datetime.date.today().isoformat(), "commit": commit.stdout.strip(), "versions": versions,
        "head": head, "rows": rows, "notes": notes}
    text = json.dumps(res, sort_keys=True).replace('"rows": [[', '"rows": [\n[').replace("], [", "],\n[")  # a row a line
    path.write_text(text.replace("}, \"", "},\n\"") + "\n")


def cpu_name():
    try:
        names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def bench_isa():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "one.onnx")
        pathlib.Path(path).write_bytes(chain(1))
        return json.loads(edgert("bench", path, "--min-seconds", 0.01, "--json"))["isa"]


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
    notes = (f"Wanted: {n} threads at least 1.9 times as fast (models of 1 ms and more) and never slower than one; "
             "throughput 0.9 and more; ratio 1.3 and less.")
    table(["model", "1 thread, ms", f"{n} threads, ms", "times as fast", f"throughput of {2 * n} threads / {n}",
           "p99 of 1 thread, neighbours busy", f"p99 of {n} threads, neighbours busy", "ratio"], rows, notes)


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


def forms_of(model, folder):
    """(name, file) of the model as it is, as an .edge file, as a prepared one"""
    forms, isa = [("as given", model)], ["--isa", a.isa] if a.isa else []
    stem = pathlib.Path(model).stem
    for name, options in (("edge", []), ("prepared", ["--prepare"])):
        to = os.path.join(folder, f"{stem}-{name}.edge")
        p = subprocess.run([os.path.join(a.build, "edgert"), "convert", model, "-o", to, *options, *isa],
                           capture_output=True, text=True, timeout=300)
        if p.returncode == 0:
            forms.append((name, to))
        else:
            print(f"{stem}, {name}: {p.stderr.strip()[:200]}", file=sys.stderr)
    return forms


def peer_files(model):
    """what each peer would load, as far as it lies beside the model"""
    base = os.path.splitext(model)[0]
    forms = {"ort": ".onnx", "openvino": ".onnx", "litert": ".tflite"}
    return {n: base + e for n, e in forms.items() if os.path.exists(base + e)} if a.bench else {}


def peer(name, file):
    """load, first and median run on a peer, or None"""
    runner = ROOT / "benchmarks/compare/runner.py"
    command = [a.python, str(runner), a.bench, name, file, "--threads", str(a.threads), "--min-seconds", "0.1"]
    p = subprocess.run(command, capture_output=True, text=True, timeout=300)
    try:
        r = json.loads(p.stdout.strip().splitlines()[-1])
    except (json.JSONDecodeError, IndexError):
        return None
    versions[name] = r["version"]
    return r


def overhead(runs):
    """least of load, first run and their overhead: what the machine adds on its own is not the runtime's"""
    steady = min(r["median_ms"] for r in runs)
    return (min(r["load_ms"] for r in runs), min(r["first_ms"] for r in runs), steady,
            min(max(r["load_ms"] + r["first_ms"] - steady, 0.0) for r in runs))


def cold():
    rows = []
    isa, threads = ["--isa", a.isa] if a.isa else [], ["--threads", str(a.threads)]
    with tempfile.TemporaryDirectory() as folder:
        for model in a.models:
            stem, forms, files = pathlib.Path(model).stem, forms_of(model, folder), peer_files(model)
            runs, walls, others, nothing = {n: [] for n, _ in forms}, {n: [] for n, _ in forms}, {n: [] for n in files}, []
            for turn in range(max(a.rounds, 5) + 1):
                for name, file in forms:
                    r, wall = bench(file, a.threads), wall_ms("run", file, *isa, *threads)
                    if turn:  # the first one fills the page cache
                        runs[name].append(r)
                        walls[name].append(wall)
                nothing.append(wall_ms("--version"))
                for name, file in files.items():
                    r = peer(name, file)
                    if r and turn:
                        others[name].append(r)
            theirs = {n: overhead(r)[3] for n, r in others.items() if r}
            best = min(theirs, key=theirs.get) if theirs else None
            for name, _ in forms:
                load, first, steady, inside = overhead(runs[name])
                rows.append([f"{stem} {name}", load, first, steady, inside, min(walls[name]) - min(nothing) - steady,
                             best, theirs.get(best), theirs[best] / inside if best and inside > 0 else None])
    table(["file", "load, ms", "first run, ms", "median, ms", "overhead, ms", "by the wall clock, ms", "best peer",
           "its overhead, ms", "times less"], rows,
          f"{a.threads} thread{'s' if a.threads > 1 else ''}, page cache warm, least of fresh processes. Overhead: load + "
          "first run - median run; by the wall clock: `edgert run` - `edgert --version` - median run. The peers load .onnx "
          "or .tflite files. Wanted: 5 times less from an .edge file (3 times with more than 50 MB of weights).")


def memory():
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bare = bare_rss(folder)
        for model in a.models:
            for name, file in forms_of(model, folder):
                runs = [bench(file, a.threads) for _ in range(max(a.rounds, 3))]
                weights, plan = runs[0]["weights_bytes"] / 1e6, runs[0]["arena_bytes"] / 1e6
                used = (min(r["peak_rss_bytes"] for r in runs) - bare) / 1e6
                allowed = weights * 1.05 + plan + 2
                rows.append([f"{pathlib.Path(model).stem} {name}", used, weights, plan, used / allowed])
    table(["file", "peak, MB", "weights, MB", "plan, MB", "peak / (1.05 weights + plan + 2 MB)"], rows,
          f"Peak: that of the process less {bare / 1e6:.1f} MB with a model of one node. Wanted: 1.00 and less from a "
          "prepared file.")


# ---- the choice between backends
def xnnpack():
    rows = []
    for model in a.models:
        for threads in sorted({1, len(os.sched_getaffinity(0))}):
            runs = [json.loads(edgert("explain", model, "--backend", "cpu,xnnpack", "--measure", "--json", "--threads",
                                      threads)) for _ in range(a.rounds)]
            us = {n: min(r["totals"][n]["measured_us"] for r in runs) for n in ("chosen", "cpu", "xnnpack")}
            expected = {n: runs[0]["totals"][n]["estimated_us"] for n in us}
            taken = sum(n["backend"] == "xnnpack" for n in runs[0]["nodes"])
            if not taken:  # one and the same placement, measured twice
                us["chosen"] = us["cpu"] = min(us["chosen"], us["cpu"])
            rows.append([f"{pathlib.Path(model).name}, {threads}", f"{taken} of {len(runs[0]['nodes'])}", us["chosen"],
                         us["cpu"], us["xnnpack"], expected["cpu"], expected["xnnpack"],
                         us["chosen"] / min(us["cpu"], us["xnnpack"])])
    table(["model, threads", "nodes on XNNPACK", "chosen, us", "all on cpu, us", "most on XNNPACK, us",
           "cpu expected, us", "XNNPACK expected, us", "chosen / better"], rows,
          "`edgert explain --backend cpu,xnnpack --measure`: whole runs in turn, least of all. Wanted: 1.05 and less.")


# ---- tiny models
def modes():
    """what the same bits everywhere cost, and what narrower products bring"""
    rows = []
    for model in a.models:
        for threads in sorted({1, a.threads}):
            runs = {o: [] for o in ((), ("--fast-math",), ("--reproducible",))}
            for _ in range(a.rounds):
                for options in runs:
                    runs[options].append(bench(model, threads, *options))
            plain, fast, same = (median(r, "median_ms") for r in runs.values())
            rows.append([pathlib.Path(model).name, threads, plain, fast, same, same / plain])
    table(["model", "threads", "ms", "--fast-math", "--reproducible", "times as long"], rows,
          "Reproducible sessions make products and convolutions in vector rows that give the same bits everywhere, but not "
          "by Winograd; all else runs in reference rows, without vectors.")


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
                rows.append([f"{nodes} x softmax of 4, {threads}", best / 1e3, best / nodes])
    for model in a.models:
        for threads in sorted({1, cores}):
            runs = [bench(model, threads) for _ in range(a.rounds)]
            t = median(runs, "median_ms") * 1e6
            rows.append([f"{pathlib.Path(model).name}, {threads}", t / 1e3, t / runs[0]["nodes"]])
    notes = []
    for threads, p in points.items():
        slope = (p[-1][1] - p[0][1]) / (p[-1][0] - p[0][0])
        notes.append(f"{threads} thread{'s' if threads > 1 else ''}: {(p[0][1] - slope) / 1e3:.2f} us a run and "
                     f"{slope:.0f} ns a node, the softmax itself included.")
    table(["model, threads", "us a run", "ns a node"], rows, " ".join(notes))


def stop():
    rows = []
    for model in a.models:
        for label, more in (("1", []), ("2", []), ("1, XNNPACK preferred", ["--prefer", "xnnpack,cpu"])):
            if label == "2" and len(os.sched_getaffinity(0)) < 2:
                continue
            command = [os.path.join(a.build, "stopbench"), model, "--threads", label[0], *more]
            p = subprocess.run(command + (["--isa", a.isa] if a.isa else []), capture_output=True, text=True, timeout=600)
            if p.returncode:
                sys.exit(f"{' '.join(command)}: {p.stderr.strip()[:300]}")
            r = json.loads(p.stdout)
            rows.append([f"{pathlib.Path(model).name}, {label}", r["run_ms"], r["stopped"]] +
                        [r[kind][which] for kind in ("stop_us", "work_us") for which in ("median", "p99", "max")])
    table(["model, threads", "ms a run", "stopped", "stop: median us", "p99", "max", "work: median us", "p99", "max"], rows,
          "Stop: from edge_session_cancel() on another thread to the end of the run. Work: what the session's thread did "
          "meanwhile, the rest is waiting for a CPU that something else holds. A partition of XNNPACK runs to its end.")


def main():
    global a
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("what", choices=["contention", "cold", "memory", "xnnpack", "modes", "tiny", "stop"])
    ap.add_argument("models", nargs="*")
    ap.add_argument("--build", default=str(ROOT / "build"))
    ap.add_argument("--isa")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--seconds", type=float, default=0.5)
    ap.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of cold and memory")
    ap.add_argument("--bench", help="folder of peers.py, for cold")
    ap.add_argument("--python", default=sys.executable, help="interpreter with the peers")
    ap.add_argument("--out", help="JSON file to keep the tables in")
    a = ap.parse_intermixed_args()
    if a.what != "tiny" and not a.models:
        sys.exit("which models?")
    {"contention": contention, "cold": cold, "memory": memory, "xnnpack": xnnpack, "modes": modes,
     "tiny": tiny, "stop": stop}[a.what]()


if __name__ == "__main__":
    main()
