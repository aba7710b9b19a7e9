#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""EdgeRT beside its peers on the same models, in one run.

    compare.py --cache CACHE --out benchmarks/results/NAME.json [--threads 1,2] [--rows REGEX] [--peers A,B]
               [--isa TIER] [--seconds S] [--rounds R] [--part I/N] [--build build] [--bench ../shared/bench]

Each figure comes from a fresh process; the runners take turns, so that drift of the machine hits all. Outputs are
compared with the exact ones (ONNX Runtime without optimisation; LiteRT's for TFLite files). The limits of the machine
are measured before and after by kbench. Rows that the file --out already has are replaced, others kept: a long run can
be made in parts. Prints a Markdown table; docs/results.py renders the stored files.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import statistics
import subprocess
import sys
import time

import table

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = {"edgert": [], "edgert-xnnpack": ["--backend", "xnnpack,cpu", "--prefer"]}
PEERS = ["ort", "openvino", "openvino-f32", "litert", "ncnn", "mnn"]
FORMS = {"ort": "onnx", "openvino": "onnx", "openvino-f32": "onnx", "ncnn": "ncnn.param", "mnn": "mnn", "litert": "tflite"}
RIGHT = {"f32": 0.9999, "f32bn": 0.9999, "fp16": 0.999}  # least cosine; 8-bit forms: 0.99
BUSY = 0.15  # cores of other work from which a run does not count as clean
PACKAGES = "numpy onnx onnxruntime openvino ai-edge-litert ncnn pnnx mnn"


def models(cache, pick):
    """(row, precision, model name, {runner: file}): one row for each ONNX model, one for each TFLite file"""
    for path in sorted(pathlib.Path(cache).glob("*.onnx")):
        stem = path.name[:-5]
        if "-" in stem and re.search(pick, stem):
            files = {r: str(path) for r in OURS}
            for peer, form in FORMS.items():
                file = path.with_name(f"{stem}.{form}")
                if form != "tflite" and file.exists():
                    files[peer] = str(file)[:-len(".ncnn.param")] if peer == "ncnn" else str(file)
            if not stem.endswith("-f32"):
                files.pop("openvino-f32", None)
            yield stem, stem.rsplit("-", 1)[1], files
    for path in sorted(pathlib.Path(cache).glob("*.tflite")):
        stem = re.sub("_(f32|int8)$", r"-\1", path.name[:-7])
        if "-" in stem and re.search(pick, stem + ".tflite"):
            yield stem + ".tflite", stem.rsplit("-", 1)[1], dict.fromkeys([*OURS, "litert"], str(path))


def cpu_seconds():
    """(busy seconds of all CPUs, seconds the host took)"""
    try:
        v = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    except OSError:
        return 0.0, 0.0
    tick = os.sysconf("SC_CLK_TCK")
    return (v[0] + v[1] + v[2] + v[5] + v[6]) / tick, v[7] / tick


def call(command, timeout, env=None):
    """JSON of the last line, with what other work there was meanwhile"""
    before, own, t = cpu_seconds(), resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    try:
        p = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=env)
    except subprocess.TimeoutExpired:
        return {"error": "timed out"}
    wall, after, own2 = time.monotonic() - t, cpu_seconds(), resource.getrusage(resource.RUSAGE_CHILDREN)
    if p.returncode:
        return {"error": (p.stderr.strip().splitlines() or [f"exit {p.returncode}"])[-1][:160]}
    try:
        r = json.loads(p.stdout.strip().splitlines()[-1])
    except (json.JSONDecodeError, IndexError):
        return {"error": "no JSON"}
    used = own2.ru_utime + own2.ru_stime - own.ru_utime - own.ru_stime
    r["other"] = max(0.0, (after[0] - before[0] - used) / wall)
    r["stolen"] = (after[1] - before[1]) / wall
    return r


def inputs_of(path):
    files = sorted(os.listdir(path)) if path and os.path.isdir(path) else []
    return [x for f in files for x in
            ("--input", (f"{f[:-4]}=" if len(files) > 1 else "") + os.path.join(path, f))]


def run_one(a, name, file, threads, inputs, outputs):
    if name in OURS:
        options = ["--threads", str(threads)] + OURS[name] + (["--isa", a.isa] if a.isa else []) + inputs_of(inputs)
        tool = os.path.join(a.build, "edgert")
        if outputs:
            p = subprocess.run([tool, "run", file] + options + ["--output-dir", outputs], capture_output=True, text=True,
                               timeout=a.timeout)
            if p.returncode:
                return {"error": (p.stderr.strip().splitlines() or ["failed"])[-1][:160]}
        r = call([tool, "bench", file, "--min-seconds", str(a.seconds), "--json"] + options, a.timeout)
        if name == "edgert-xnnpack" and "error" not in r:
            taken = r["nodes_by_backend"].get("xnnpack", 0)
            if 2 * taken < r["nodes"]:  # the rest would be our own kernels
                return {"error": f"takes {taken} of {r['nodes']} nodes", "absent": True}
        return dict(r, rss_import_bytes=0)
    env = dict(os.environ)
    if a.isa == "avx2":
        env["ONEDNN_MAX_CPU_ISA"] = "AVX2"  # the only peer that can be told
    command = [a.python, str(pathlib.Path(__file__).with_name("runner.py")), a.bench, name, file, "--threads", str(threads),
               "--min-seconds", str(a.seconds)]
    command += ["--inputs", inputs] if inputs else []
    command += ["--output-dir", outputs] if outputs else []
    return call(command, a.timeout, env)


def agreement(want, got):
    """(smallest cosine, largest difference) over the outputs; 8-bit ones dequantised as the reference was"""
    import numpy as np
    cosine, most, n, quant = 1.0, 0.0, 0, {}
    if os.path.exists(os.path.join(want, "quant.json")):
        quant = json.load(open(os.path.join(want, "quant.json")))
    while all(os.path.exists(os.path.join(d, f"{n}.npy")) for d in (want, got)):
        x, y = (np.load(os.path.join(d, f"{n}.npy")) for d in (want, got))
        if x.size != y.size:
            return None
        scale, zero = quant.get(str(n), (1, 0)) if y.dtype.kind in "iu" else (1, 0)
        x, y = x.ravel().astype(np.float64), (y.ravel().astype(np.float64) - zero) * scale
        if not np.isfinite(y).all():
            return 0.0, float("inf")
        if np.linalg.norm(x) > 0:
            cosine = min(cosine, float(x @ y / max(np.linalg.norm(x) * np.linalg.norm(y), 1e-30)))
        most = max(most, float(np.abs(x - y).max()))
        n += 1
    return (cosine, most) if n else None


def make_inputs(a, stem, info):
    """one seeded folder of inputs for each model, made by the model generator's own sampler"""
    folder = os.path.join(a.cache, "inputs", stem)
    if info and "inputs" in info and not os.path.isdir(folder):
        import numpy as np
        sys.path.insert(0, a.bench)
        from gen_models import sample
        os.makedirs(folder)
        rng = np.random.default_rng(4321)
        for i in info["inputs"]:
            v = sample(tuple(i["shape"]), i["dtype"], rng)
            v = np.ones_like(v) if i["name"] == "attention_mask" else v
            v *= i["name"] not in ("token_type_ids", "h0", "c0")
            np.save(os.path.join(folder, i["name"] + ".npy"), v)
    return folder if os.path.isdir(folder) else None


def limits(a, threads):
    """peaks of each number of threads, as the sum of that many processes at once"""
    found = {}
    for t in threads:
        command = [os.path.join(a.build, "kbench"), "--peaks"] + (["--isa", a.isa] if a.isa else [])
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(t)]
        each = [json.loads(p.communicate()[0]) for p in running]
        found[str(t)] = {k: round(sum(e[k] for e in each), 1) for k in ("f32_gflops", "i8_gops", "read_gbs")}
    return found


def bound_ms(peaks, info, precision, threads):
    if not info:
        return None
    p, eight = peaks[str(threads)], precision in ("int8", "int8r7", "dyn8")
    weights = info.get("streamed", info["params"]) * (1 if eight else 2 if precision == "fp16" else 4)
    try:
        cache = int(open("/sys/devices/system/cpu/cpu0/cache/index3/size").read().strip()[:-1]) << 10
    except (OSError, ValueError):
        cache = 32 << 20
    memory = weights / (p["read_gbs"] * 1e6) if weights > cache else 0.0
    return max(2e-6 * info["macs"] / p["i8_gops" if eight else "f32_gflops"], memory)


def digest(runs, threads):
    """the medians over the clean rounds (over all, where none was), the least time of all"""
    good = [r for r in runs if "error" not in r]
    if not good:
        return {k: v for k, v in runs[-1].items() if k in ("error", "absent")}
    spare = (os.cpu_count() or 1) - threads
    clean = [r for r in good if r["stolen"] < BUSY and r["other"] < spare + BUSY]
    use = clean or good
    out = {k: round(statistics.median(r[k] for r in use), 5) for k in ("median_ms", "p99_ms", "load_ms", "first_ms")}
    out["min_ms"] = round(min(r["min_ms"] for r in good), 5)
    out["rss_mb"] = round(statistics.median(r["peak_rss_bytes"] - r.get("rss_import_bytes", 0) for r in use) / 1e6, 1)
    out["clean"] = len(clean)
    return out


def measure(a, res, stem, precision, files, info):
    inputs = make_inputs(a, stem, info)
    work = os.path.join(a.cache, "outputs", stem)
    reference, first = os.path.join(work, "ref"), "litert" if stem.endswith(".tflite") else "ort"
    if not os.path.exists(os.path.join(reference, "0.npy")) and first in files:
        if first == "ort":
            command = [a.python, os.path.join(a.bench, "peers.py"), files["ort"], "--peer", "ort", "--exact",
                       "--min-seconds", "0", "--output-dir", reference] + (["--inputs", inputs] if inputs else [])
        else:  # LiteRT also says what it was given, in the model's own layout
            base = os.path.join(a.cache, "inputs", stem[:-7])
            inputs = os.path.join(a.cache, "inputs", stem)
            command = [a.python, os.path.join(a.bench, "peers.py"), files["litert"], "--peer", "litert", "--min-seconds",
                       "0", "--output-dir", reference, "--dump-inputs", inputs]
            command += ["--inputs", base] if os.path.isdir(base) else []
        subprocess.run(command, capture_output=True, timeout=a.timeout)
    names = [n for n in files if n in OURS or n in a.peers]
    if a.isa:
        names.remove("edgert-xnnpack")  # XNNPACK chooses its kernels by itself
    for threads in a.threads:
        runs, cosines = {n: [] for n in names}, {}
        for round_ in range(a.rounds):
            for n in names:
                if runs[n] and "error" in runs[n][-1]:
                    continue
                out = None if round_ else os.path.join(work, n)
                runs[n].append(run_one(a, n, files[n], threads, inputs, out))
                if out and "error" not in runs[n][-1]:
                    cosines[n] = agreement(reference, out)
        row = {"model": stem, "precision": precision, "threads": threads, "macs": info and info["macs"], "runners": {}}
        for n in names:
            d = digest(runs[n], threads)
            if cosines.get(n):
                d["cosine"], d["max_abs"] = round(cosines[n][0], 6), float(f"{cosines[n][1]:.3g}")
                d["right"] = cosines[n][0] >= RIGHT.get(precision, 0.99)
            row["runners"][n] = d
            if runs[n][-1].get("version"):
                res["versions"][n] = runs[n][-1]["version"]
        res["rows"][f"{stem}@{threads}"] = row
        print(time.strftime("%H:%M:%S"), f"{stem}@{threads}",
              {n: d.get("median_ms", "fails") for n, d in row["runners"].items()}, file=sys.stderr, flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cache", required=True, help="folder of models, made by the generator in --bench")
    ap.add_argument("--out", required=True)
    ap.add_argument("--rows", default="")
    ap.add_argument("--peers", default=",".join(PEERS))
    ap.add_argument("--threads", default="1,2")
    ap.add_argument("--isa", help="highest kernel tier of EdgeRT; the peers keep theirs")
    ap.add_argument("--seconds", type=float, default=0.3, help="of steady runs in each process")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--part", default="1/1", help="I/N: every N-th model")
    ap.add_argument("--build", default=str(ROOT / "build"))
    ap.add_argument("--bench", default=str(ROOT.parent / "shared/bench"))
    ap.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    ap.add_argument("--timeout", type=float, default=120)
    a = ap.parse_args()
    a.peers, a.threads = a.peers.split(","), [int(t) for t in a.threads.split(",")]
    for tool in ("edgert", "kbench"):
        if not os.path.exists(os.path.join(a.build, tool)):
            sys.exit(f"there is no {a.build}/{tool}: build the project first")
    for file in ("peers.py", "gen_models.py"):
        if not os.path.exists(os.path.join(a.bench, file)):
            sys.exit(f"there is no {a.bench}/{file}: --bench names the folder with the model generator and peer runners")
    try:
        import numpy  # noqa: F401
    except ImportError:
        sys.exit(f"python3 -m venv ENV && ENV/bin/pip install {PACKAGES}, and run this with ENV/bin/python")
    if not os.path.exists(os.path.join(a.cache, "models.json")):
        sys.exit(f"no models: {a.python} {a.bench}/gen_models.py --cache {a.cache}")
    info = json.load(open(os.path.join(a.cache, "models.json")))
    out = pathlib.Path(a.out)
    res = json.loads(out.read_text()) if out.exists() else {"rows": {}, "versions": {}}
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        cpu = next((x.split(":")[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")), cpu)
    sha = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    tiers = json.loads(subprocess.run([os.path.join(a.build, "kbench"), "--peaks"] + (["--isa", a.isa] if a.isa else []),
                                      capture_output=True, text=True, check=True).stdout)
    res.update(machine=f"{cpu}, {os.cpu_count()} logical CPUs", date=datetime.date.today().isoformat(), isa=tiers["isa"],
               masked=bool(a.isa), commit=sha.stdout.strip(), seconds=a.seconds, rounds=a.rounds)
    peaks = limits(a, a.threads)
    part, parts = map(int, a.part.split("/"))
    for i, (stem, precision, files) in enumerate(models(a.cache, a.rows)):
        if i % parts == part - 1:
            known = info.get(stem) or info.get(re.sub(r"-\w+(\.tflite)?$", "-f32", stem))
            measure(a, res, stem, precision, files, known)
            out.write_text(json.dumps(res))
    for threads, after in limits(a, a.threads).items():
        kept = res.setdefault("peaks", {}).get(threads, {})
        res["peaks"][threads] = {k: max(v, peaks[threads][k], kept.get(k, 0)) for k, v in after.items()}
    for row in res["rows"].values():
        if str(row["threads"]) in res["peaks"]:
            known = info.get(row["model"]) or info.get(re.sub(r"-\w+(\.tflite)?$", "-f32", row["model"]))
            bound = bound_ms(res["peaks"], known, row["precision"], row["threads"])
            row["bound_ms"] = bound and round(bound, 5)
    out.write_text(table.compact(res))
    print(table.render(res))


if __name__ == "__main__":
    main()
