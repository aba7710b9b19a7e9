# SPDX-License-Identifier: Apache-2.0
"""symbols.py NM OBJECTS...: what object files need from outside. Kernels need memory copies and libm; the runtime
prints nothing, allocates nothing and never ends the process: only the port may ask the system."""
import os
import re
import subprocess
import sys

COMPILER = re.compile(r"^(__|_GLOBAL_OFFSET_TABLE_|gcov_|llvm_)")
MEMORY = {"memcpy", "memmove", "memset", "memcmp", "memchr"}
TEXT = {"strlen", "strcmp", "strncmp", "strchr", "strrchr", "strstr"}
MATH = set("""acos asin atan atan2 acosh asinh atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs floor fma
fmax fmin fmod frexp hypot ldexp lgamma llrint log log10 log1p log2 logb lrint llround lround modf nearbyint nextafter
pow remainder rint round scalbn sin sinh sqrt tan tanh tgamma trunc sincos""".split())
MATH |= {name + "f" for name in MATH}
OPTIONAL = re.compile(r"^(cpuinfo_|pthreadpool_|xnn_)")
FORBIDDEN_ANYWHERE = {"abort", "exit", "_exit", "longjmp", "setjmp", "__assert_fail", "printf", "puts", "putchar"}

nm, objects = sys.argv[1], sys.argv[2:]
problems = []
counts = {"kernels": 0, "runtime": 0, "port": 0}
for path in objects:
    name = path.replace(os.sep, "/")
    kind = "kernels" if "/kernels/" in name else "port" if "/src/port/" in name else "runtime"
    counts[kind] += 1
    out = subprocess.run([nm, "-u", path], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        symbol = line.split()[-1].split("@")[0] if line.split() else ""
        if not symbol or symbol.endswith(":") or (COMPILER.match(symbol) and symbol != "__assert_fail"):
            continue
        if symbol in MEMORY or symbol in MATH:
            continue
        short = "/".join(name.split("/")[-3:])
        if symbol in FORBIDDEN_ANYWHERE:
            problems.append(f"{short} needs {symbol}")
        elif kind == "kernels" and not symbol.startswith("ek_"):
            problems.append(f"{short} needs {symbol}: kernels need mem*, libm and other kernels only")
        elif kind == "runtime" and not (symbol.startswith(("edge_", "ei_", "eb_", "ek_")) or symbol in TEXT or
                                        OPTIONAL.match(symbol)):
            problems.append(f"{short} needs {symbol}: only src/port asks the system")
print("\n".join(sorted(set(problems))) or f"{counts} objects are clean")
sys.exit(1 if problems else 0)
