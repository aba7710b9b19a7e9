#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write unicode.inl: what the tokenizer needs to know of Unicode, as runs. unicode.py > unicode.inl

Characters of the same kind lie in runs, so do those that become other ones by taking their marks off and making them
small: (first, how many, step, what the first becomes, step of that).
"""
import sys
import unicodedata

HANGUL = range(0xAC00, 0xAC00 + 11172)


def plain(c):
    """Without marks, small."""
    bare = [x for x in unicodedata.normalize("NFD", c) if unicodedata.category(x) != "Mn"]
    return "".join(bare).lower() if c != "Σ" else "σ"


def ranges(kind):
    """[first, last] of the characters that kind() is true of"""
    out = []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000 or not kind(chr(c)):
            continue
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def folds():
    single, several = [], []
    for c in range(0x80, 0x110000):
        if 0xD800 <= c < 0xE000 or c in HANGUL:
            continue
        to = [ord(x) for x in plain(chr(c))]
        if to == [c] or not to:
            continue
        (single if len(to) == 1 else several).append((c, to))
    runs, i = [], 0
    while i < len(single):
        c, (t,) = single[i]
        best = (1, 1, 0)
        for step, to in ((1, 1), (1, 0), (2, 2), (2, 0)):
            n = 1
            while i + n < len(single) and n < 65535 and single[i + n] == (c + n * step, [t + n * to]):
                n += 1
            best = max(best, (n, step, to))
        runs.append((c, best[0], best[1], t, best[2]))
        i += best[0]
    return runs, several


def table(name, kind, rows):
    print(f"static const {kind} {name}[] = {{")
    line = " "
    for r in rows:
        cell = " { " + ", ".join(f"0x{v:x}" if v > 9 else str(v) for v in r) + " },"
        if len(line) + len(cell) > 118:
            print(line)
            line = " "
        line += cell
    print(line + "\n};")


def main():
    category = unicodedata.category
    print(f"/* SPDX-License-Identifier: Apache-2.0\n * Unicode {unicodedata.unidata_version} as the tokenizer sees it; "
          "written by unicode.py. */")
    table("dropped", "range", ranges(lambda c: category(c) in ("Cc", "Cf", "Co") and c not in "\t\n\r"))
    table("marks", "range", ranges(lambda c: category(c) == "Mn"))
    table("punctuation", "range", ranges(lambda c: category(c)[0] == "P" or c in "$+<=>^`|~"))
    runs, several = folds()
    table("folds", "fold", runs)
    assert all(len(t) <= 3 for _, t in several)
    table("expansions", "expansion", [(c, *(t + [0])[:3]) for c, t in several])


if __name__ == "__main__":
    sys.exit(main())
