#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Look for vectors that travel to the stack in the inner loops of kernels.

    spills.py OBJDUMP [--all] FILE...

A hot loop is a natural loop of the control flow that multiplies and adds vectors, with no smaller such loop inside.
There an accumulator that the compiler keeps on the stack costs a store and a load each turn, so a vector stored on the
stack is an error (constants read from it are not). FILE: object files of kernels; others are passed over. --all prints
every hot loop.
"""
import collections
import fnmatch
import re
import subprocess
import sys

MULTIPLY = re.compile(r"^(vfn?m(add|sub)\d+ps|vpdp\w+|vdpbf16ps|vpmadd(wd|ubsw)|fmla|fmls|[su]dot|smlal2?|smmla|bfmmla)$")
VECTOR = re.compile(r"%[xyz]mm\d+|\b[qv]\d+\b")
STACK = re.compile(r"-?(0x[0-9a-f]+)?\(%rsp|\[sp\b")
FRAME = re.compile(r"-(0x[0-9a-f]+)\(%rbp")        # below a frame pointer, where the function has one
JUMP = re.compile(r"^(j[a-z]+|b\.[a-z]+|b|cbn?z|tbn?z)$")

# Functions that keep vectors there: at most how many, and why.
STATE = "a tile of the transform is 36 vectors, more than there are registers"
COLUMNS = "window rows and weights of the wide forms together are more than sixteen vectors"
FULL = "weights, sums and constants fill all 32 registers; one constant or sum of 32 and more products travels"
WIDE = "filters kept as f16, made f32 in an array"
PARTS = "copies of the last few channels, put together in memory"
KNOWN = {
    "winograd/x86_avx2:input4": (40, STATE),
    "winograd/x86_avx512:input4": (16, STATE),
    "winograd/x86_avx2:weights*": (2, WIDE),
    "winograd/x86_avx512:weights*": (2, WIDE),
    "qdwconv/x86_avx2:ek_qdw_x8s8_any_16__avx2": (60, COLUMNS),
    "qdwconv/x86_avxvnni:wide_1_1": (40, COLUMNS),
    "qdwconv/x86_avxvnni:wide_1_2": (40, COLUMNS),
    "qdwconv/x86_avxvnni:wide_2_1": (72, COLUMNS),
    "qdwconv/x86_avxvnni:wide_2_2": (72, COLUMNS),
    "qdwconv/x86_avxvnni:ek_qdw_x8s8_any_32__avxvnni": (20, COLUMNS),
    "qgemm/x86_avx512vnni:shallow_*": (2, FULL),
    "qdwconv/x86_avx512vnni:walk_s2_32": (2, PARTS),
    "qdwconv/x86_avx512vnni:walk_s1_16": (4, PARTS),
    "qdwconv/x86_avx512vnni:walk_s2_16": (4, PARTS),
}


def functions(objdump, path):
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], capture_output=True, text=True, check=True).stdout
    name, lines = None, []
    for line in text.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        if head:
            if name:
                yield name, lines
            name, lines = head[1], []
            continue
        code = re.match(r"^\s*([0-9a-f]+):\s+(.*?)\s*(?:#.*)?$", line)
        if code and name:
            words = re.sub(r"^(\{\w+\}|rep\w*|notrack|data16|cs)\s+", "", code[2]).split(None, 1)
            if words:
                lines.append((int(code[1], 16), words[0], words[1] if len(words) > 1 else ""))
    if name:
        yield name, lines


def blocks_of(lines):
    """basic blocks as [first, last] indices, and the successors of each"""
    at = {address: i for i, (address, _, _) in enumerate(lines)}
    targets, starts = {}, {0}
    for i, (_, op, rest) in enumerate(lines):
        target = re.search(r"(?:^|[ ,])([0-9a-f]+) <", rest) if JUMP.match(op) else None
        if target and int(target[1], 16) in at:
            targets[i] = at[int(target[1], 16)]
            starts.add(targets[i])
        if JUMP.match(op) or op in ("ret", "retq", "br", "hlt", "ud2"):
            starts.add(i + 1)
    starts = sorted(i for i in starts if i < len(lines))
    number = {start: n for n, start in enumerate(starts)}
    bounds = [(start, (starts[n + 1] if n + 1 < len(starts) else len(lines)) - 1) for n, start in enumerate(starts)]
    following = []
    for n, (_, last) in enumerate(bounds):
        op = lines[last][1]
        out = [number[targets[last]]] if last in targets else []
        if op not in ("jmp", "b", "ret", "retq", "br", "hlt", "ud2") and n + 1 < len(bounds):
            out.append(n + 1)
        following.append(out)
    return bounds, following


def dominators(following):
    """immediate dominators of the blocks that can be reached, in the way of Cooper, Harvey and Kennedy"""
    order, seen, stack = [], {0}, [(0, iter(following[0]))]
    while stack:
        node, rest = stack[-1]
        for n in rest:
            if n not in seen:
                seen.add(n)
                stack.append((n, iter(following[n])))
                break
        else:
            order.append(node)
            stack.pop()
    rank = {n: i for i, n in enumerate(order)}
    before = collections.defaultdict(list)
    for n in order:
        for f in following[n]:
            before[f].append(n)
    over, changed = {0: 0}, True
    while changed:
        changed = False
        for n in reversed(order[:-1]):
            new = None
            for p in before[n]:
                if p not in over:
                    continue
                if new is None:
                    new = p
                while new != p:
                    while rank[new] < rank[p]:
                        new = over[new]
                    while rank[p] < rank[new]:
                        p = over[p]
            if over.get(n) != new:
                over[n], changed = new, True
    return over, before


def hot_loops(lines):
    """lists of instruction indices: the natural loops that multiply and hold no smaller one that does"""
    bounds, following = blocks_of(lines)
    over, before = dominators(following)

    def dominates(a, b):
        while b != a and b != 0:
            b = over[b]
        return a == b

    loops = {}
    for n in over:
        for head in following[n]:
            if dominates(head, n):
                body, work = {head}, [n]
                while work:
                    b = work.pop()
                    if b not in body:
                        body.add(b)
                        work += before[b]
                loops.setdefault(head, set()).update(body)
    hot = [body for body in loops.values()
           if any(MULTIPLY.match(lines[i][1]) for b in body for i in range(bounds[b][0], bounds[b][1] + 1))]
    inner = [body for body in hot if not any(other < body for other in hot)]
    return [sorted(i for b in body for i in range(bounds[b][0], bounds[b][1] + 1)) for body in inner]


def moves(lines, loop, has_frame):
    """stores of vectors on the stack, and how many reads of it there are"""
    stores, loads = [], 0
    for address, op, rest in (lines[i] for i in loop):
        on_stack = STACK.search(rest) or (has_frame and FRAME.search(rest))
        if not on_stack or not VECTOR.search(rest):
            continue
        if op in ("str", "stp", "stur") or (op.startswith("v") and rest.rstrip().endswith(")")):
            stores.append(f"{address:x}: {op} {rest}")
        else:
            loads += 1
    return stores, loads


def main():
    objdump, show_all, files = sys.argv[1], "--all" in sys.argv, [f for f in sys.argv[2:] if "/kernels/" in f]
    bad, loops_seen, kept = collections.OrderedDict(), 0, 0
    for path in files:
        source = path.split("/kernels/")[1].split(".")[0]
        for name, lines in functions(objdump, path):
            has_frame = any(op == "mov" and rest == "%rsp,%rbp" for _, op, rest in lines)
            for loop in hot_loops(lines):
                loops_seen += 1
                found, loads = moves(lines, loop, has_frame)
                products = sum(bool(MULTIPLY.match(lines[i][1])) for i in loop)
                key = f"{source}:{re.sub('[.](part|constprop|isra|cold).*', '', name)}"
                if show_all:
                    print(f"{key} {len(loop)} instructions, {products} products, {len(found)} vectors stored on the "
                          f"stack, {loads} read from it")
                if found:
                    bad.setdefault(key, []).append((products, found))
    failed = 0
    for key, loops in bad.items():
        total = sum(len(found) for _, found in loops)
        if total <= max((n for k, (n, _) in KNOWN.items() if fnmatch.fnmatch(key, k)), default=0):
            kept += 1
            continue
        failed += 1
        print(f"{key}: {total} vectors moved to the stack in hot loops")
        for products, found in loops:
            print(f"  loop with {products} products: " + "; ".join(found[:4]) + (" ..." if len(found) > 4 else ""))
    print(f"{loops_seen} hot loops, {failed} functions with new vectors on the stack, {kept} known")
    if loops_seen == 0:
        print("SKIPPED: no kernels for this machine among the files")
        sys.exit(77)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
