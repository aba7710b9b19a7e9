#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Markdown tables of a stored comparison: table.py RESULT.json"""
import json
import math
import sys

NAMES = {"edgert": "EdgeRT", "edgert-xnnpack": "XNNPACK (in EdgeRT)", "ort": "ONNX Runtime", "openvino": "OpenVINO",
         "openvino-f32": "OpenVINO, f32 kept", "litert": "LiteRT", "ncnn": "ncnn", "mnn": "MNN"}


def compact(res):
    """one row a line"""
    rest = {k: v for k, v in res.items() if k != "rows"}
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in res["rows"].items())
    return json.dumps(rest)[:-1] + ', "rows": {\n' + rows + "\n}}\n"


def ms(x):
    return "–" if x is None else f"{x:.4f}" if x < 0.1 else f"{x:.3f}" if x < 10 else f"{x:.1f}"


def peers_of(row):
    return {n: r for n, r in row["runners"].items() if n != "edgert" and "error" not in r}


def best(row, right_only):
    """(name, figures) of the fastest peer"""
    found = {n: r for n, r in peers_of(row).items() if not right_only or r.get("right", True)}
    return min(found.items(), key=lambda x: x[1]["median_ms"]) if found else (None, None)


def ratio(row, right_only):
    ours, peer = row["runners"].get("edgert", {}), best(row, right_only)[1]
    return peer["median_ms"] / ours["median_ms"] if peer and "median_ms" in ours else None


def order(res):
    return sorted(res["rows"].values(), key=lambda r: (r["model"].endswith(".tflite"), r["model"], r["threads"]))


def geomean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else None


def means(res):
    """lines of geometric means over right answers"""
    lines = []
    for threads in sorted({r["threads"] for r in res["rows"].values()}):
        rows = [r for r in order(res) if r["threads"] == threads and r["runners"].get("edgert", {}).get("right", True)]
        any_, right = [[x for x in (ratio(r, only) for r in rows) if x] for only in (False, True)]
        if right:
            lines.append(f"{threads} thread{'s' if threads > 1 else ''}: geometric mean over {len(right)} rows "
                         f"{geomean(right):.2f} beside the best peer with right answers, {geomean(any_):.2f} beside the "
                         f"fastest of all; least {min(any_):.2f}.")
    return lines


def heading(res):
    line = f"{res['machine']}, EdgeRT's kernels up to {res['isa']}"
    line += " (a mask: the machine has more, and the peers used it)" if res.get("masked") else ""
    peaks = "; ".join(f"{t} thread{'s' if t != '1' else ''}: f32 {p['f32_gflops']:.0f} GFLOP/s, 8-bit {p['i8_gops']:.0f} "
                      f"GOP/s, memory {p['read_gbs']:.0f} GB/s" for t, p in sorted(res.get("peaks", {}).items()))
    versions = ", ".join(f"{NAMES[n]} {v}" for n, v in sorted(res["versions"].items()) if n in NAMES)
    lines = [f"{line}; {res['date']}" + (f", commit {res['commit']}" if res.get("commit") else "") + "."]
    return lines + ([f"Limits: {peaks}."] if peaks else []) + ([f"Peers: {versions}."] if versions else [])


def render(res):
    names = [n for n in NAMES if any(n in r["runners"] for r in res["rows"].values())]
    lines = heading(res) + ["", "Median milliseconds. `!` after a time: the answer is wrong (cosine beside the exact one below "
                            "0.9999 for f32, 0.999 for fp16, 0.99 for 8 bits). `~`: other work ran meanwhile in all rounds.",
                            ""]
    head = ["model", "threads", "limit"] + [NAMES[n] for n in names]
    head += ["best right / EdgeRT", "fastest / EdgeRT", "% of limit", "cosine"]
    lines += ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * (len(head) - 2)]
    for r in order(res):
        ours, cells = r["runners"].get("edgert", {}), [r["model"], str(r["threads"]), ms(r.get("bound_ms"))]
        for n in names:
            x = r["runners"].get(n)
            cells.append("" if x is None or x.get("absent") else "fails" if "error" in x else
                         ms(x["median_ms"]) + ("" if x.get("right", True) else " !") + ("" if x.get("clean", 1) else " ~"))
        for only in (True, False):
            q = ratio(r, only)
            cells.append(f"{q:.2f}" if q else "")
        limited = r.get("bound_ms") and ours.get("median_ms")
        cells += [f"{100 * r['bound_ms'] / ours['median_ms']:.0f} %" if limited else "",
                  f"{ours['cosine']:.5f}" if "cosine" in ours else ""]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [""] + means(res)
    full = [r for r in order(res) if any("load_ms" in x for x in r["runners"].values())]
    if full:
        lines += ["", "Load / first run, ms / peak memory above the imported runtime, MB:", "",
                  "| model | threads | " + " | ".join(NAMES[n] for n in names) + " |", "|---|---|" + "---|" * len(names)]
        for r in full:
            cells = [r["model"], str(r["threads"])]
            for n in names:
                x = r["runners"].get(n, {})
                cells.append(f"{ms(x['load_ms'])} / {ms(x['first_ms'])} / {x['rss_mb']:.0f}" if "load_ms" in x else "")
            lines.append("| " + " | ".join(cells) + " |")
    failures = [(r["model"], NAMES[n], x["error"]) for r in order(res) for n, x in r["runners"].items() if "error" in x]
    if failures:
        lines += ["", "Left out and failed:", ""] + [f"- {m}, {n}: {e}" for m, n, e in dict.fromkeys(failures)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(render(json.load(open(sys.argv[1]))), end="")
