#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cycles of the hot loops of Arm kernels, as llvm-mca models them: a stand-in where no such CPU is at hand.

    arm_cycles.py BUILD [--objdump aarch64-linux-gnu-objdump] [--mca llvm-mca] [--json FILE]

BUILD is a build folder for aarch64. For each kernel file the loop with the most products is shown: products per turn,
cycles per turn and products per cycle on an in-order core (Cortex-A55) and an out-of-order one (Cortex-A76, for which
LLVM 14 uses its model of the Cortex-A57: one vector product a cycle). Memory is taken to answer at once.
"""
import argparse
import importlib.util
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEC = importlib.util.spec_from_file_location("spills", ROOT / "tests" / "lint" / "spills.py")
spills = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(spills)
FAMILIES = ("gemm", "dwconv", "winograd", "qgemm", "qdwconv", "qwino")
CPUS = ("cortex-a55", "cortex-a76")


def products(op, rest):
    """multiply-adds of an instruction"""
    if op in ("fmla", "fmls"):
        return 4
    if op in ("sdot", "udot"):
        return 16
    if op in ("smmla", "ummla", "usmmla"):
        return 32
    if op in ("smlal", "smlal2", "smull", "smull2"):
        return 8 if ".8h" in rest.split(",")[0] else 4
    return 0


def cycles(mca, cpu, text):
    """cycles of a turn, from many turns"""
    turns = 200
    out = subprocess.run([mca, "-mtriple=aarch64", f"-mcpu={cpu}", "-mattr=+dotprod,+i8mm,+fullfp16", f"-iterations={turns}",
                          "-noalias"], input=text, capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", out)[1]) / turns


def straight(lines, loop):
    """the loop as assembler text without its jumps and addresses"""
    text = []
    for i in loop:
        _, op, rest = lines[i]
        if spills.JUMP.match(op) or op == "adrp":
            continue
        text.append(f"{op} {re.sub(r'<.*>', '', rest)}")
    return "\n".join(text) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--objdump", default="aarch64-linux-gnu-objdump")
    parser.add_argument("--mca", default="llvm-mca")
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    table = []
    for path in sorted(args.build.rglob("kernels/*/arm_*.o")):
        best = None
        if path.parent.name not in FAMILIES:
            continue
        for name, lines in spills.functions(args.objdump, str(path)):
            if name.endswith("_tail"):  # the last channels
                continue
            for loop in spills.hot_loops(lines):
                count = sum(products(lines[i][1], lines[i][2]) for i in loop)
                if best is None or count > best[0]:
                    best = (count, name, straight(lines, loop), len(loop))
        if best is None or best[0] == 0:
            continue
        count, name, text, length = best
        row = {"kernel": f"{path.parent.name}/{path.name.split('.')[0]}", "function": name, "instructions": length,
               "products": count, "cycles": {cpu: round(cycles(args.mca, cpu, text), 1) for cpu in CPUS}}
        table.append(row)
    print("| kernel | loop of | instructions | products | " + " | ".join(f"{c}: cycles, products a cycle" for c in CPUS) + " |")
    print("|---|---|--:|--:|" + "--:|" * len(CPUS))
    for row in table:
        cells = [f"{row['cycles'][c]:.1f}, {row['products'] / row['cycles'][c]:.1f}" for c in CPUS]
        print(f"| {row['kernel']} | `{row['function']}` | {row['instructions']} | {row['products']} | {' | '.join(cells)} |")
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
