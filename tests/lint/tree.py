# SPDX-License-Identifier: Apache-2.0
"""tree.py SOURCE CHECK: rules about the source tree that a compiler does not know. CHECK is one of the functions below
whose name starts with check_."""
import pathlib
import re
import subprocess
import sys

source = pathlib.Path(sys.argv[1]).resolve()
problems = []
LONG_FILES_OK = {"src/ops/ops.def", "tests/api/abi.c"}
SKIPPED = ("build", ".git/", ".cache/")


def report(path, line, text):
    problems.append(f"{path.relative_to(source)}{f':{line}' if line else ''}: {text}")


def files(*patterns):
    """Tracked files (all files where there is no git), matching any of the patterns."""
    try:
        out = subprocess.run(["git", "-C", str(source), "ls-files", "-z"], capture_output=True, check=True).stdout
        names = [source / n for n in out.decode().split("\0") if n]
    except (OSError, subprocess.CalledProcessError):
        names = [p for p in source.rglob("*") if not str(p.relative_to(source)).startswith(SKIPPED)]
    return sorted(p for p in names if p.is_file() and any(p.match(q) for q in patterns))


def code(path):
    """Lines of a C file without comments; numbers stay."""
    text = path.read_text(errors="replace")
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return [re.sub(r"//.*", "", line) for line in text.split("\n")]


def includes(path):
    for number, line in enumerate(code(path), 1):
        m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if m:
            yield number, m.group(1) == '"', m.group(2)


def resolve(path, name):
    """The file of the tree that a quoted include means, or None."""
    for base in (path.parent, source):
        p = (base / name).resolve()
        if p.exists() and source in p.parents:
            return p.relative_to(source).as_posix()
    return None


OS_HEADERS = re.compile(r"^(sys/|linux/|mach/|windows\.h|pthread\.h|unistd\.h|fcntl\.h|dlfcn\.h|sched\.h|io\.h|"
                        r"process\.h|time\.h|signal\.h|dirent\.h|poll\.h|netinet/|arpa/)")


def check_includes():
    """Who may include whom: section 2 of the design, rules 1 to 5."""
    for path in files("*.c", "*.h", "*.inl", "*.def"):
        name = path.relative_to(source).as_posix()
        for line, quoted, target in includes(path):
            inside = resolve(path, target) if quoted else ("include/" + target if target.startswith("edge/") else None)
            if quoted and inside is None and not name.startswith("tests/"):
                report(path, line, f"includes {target}, which is not in the tree")
            if name.startswith("include/edge/"):
                if target not in ("stddef.h", "stdint.h") and not target.startswith("edge/"):
                    report(path, line, f"a public header includes {target}")
            elif name.startswith("kernels/"):
                ok = (inside or "").startswith("kernels/") or target == "edge/types.h"
                foreign = OS_HEADERS.match(target) or target in ("stdio.h", "stdlib.h", "errno.h")
                ok = ok or not (inside or foreign)
                if not ok:
                    report(path, line, f"a kernel includes {target}: only its own headers and edge/types.h")
            elif name.startswith("backends/"):
                own = "/".join(name.split("/")[:2]) + "/"
                ok = inside is None or inside.startswith((own, "include/edge/")) or name == "backends/backends.def"
                if name.startswith("backends/cpu/"):
                    ok = ok or inside.startswith("kernels/")
                ok = ok or (inside or "").endswith(".inl") and inside == "src/ops/requantize.inl"
                if not ok:
                    report(path, line, f"a backend includes {target}: only edge/*.h and itself")
            elif name.startswith("src/"):
                if (inside or "").startswith("kernels/"):
                    report(path, line, f"src includes the kernels' {target}")
                if (inside or "").startswith("backends/") and inside != "backends/backends.def":
                    report(path, line, f"src includes the backends' {target}")
                if OS_HEADERS.match(target) and not name.startswith(("src/port/", "src/tools/")) and not inside:
                    report(path, line, f"the system's {target} outside src/port")
                runtime = not name.startswith(("src/import/", "src/tools/", "src/compress/", "src/lm/", "src/port/"))
                if runtime and (inside or "").startswith(("src/import/", "src/tools/", "src/compress/", "src/lm/")):
                    report(path, line, f"the runtime includes {target} of the tools")
                if runtime and target in ("stdio.h", "locale.h"):
                    report(path, line, f"the runtime includes {target}")
            elif name.startswith("examples/"):
                if (inside or "").startswith(("src/", "kernels/", "backends/")):
                    report(path, line, f"an example includes {target}: only the public headers")


def check_spdx():
    """A license line at the top of each source file."""
    for path in files("*.c", "*.h", "*.inl", "*.def", "*.py", "*.sh", "*.cmake", "CMakeLists.txt", "*.fbs"):
        head = "\n".join(path.read_text(errors="replace").split("\n")[:3])
        if "SPDX-License-Identifier: Apache-2.0" not in head:
            report(path, 1, "no SPDX line")


def check_length():
    """No file of code above 800 lines, no line above 120 columns (scripts: 160)."""
    for path in files("*.c", "*.h", "*.inl", "*.py", "*.sh"):
        lines = path.read_text(errors="replace").split("\n")
        name = path.relative_to(source).as_posix()
        if len(lines) > 801 and name not in LONG_FILES_OK:
            report(path, 0, f"{len(lines) - 1} lines: 400 are wanted, 800 the limit")
        for number, line in enumerate(lines, 1):
            if len(line) > (160 if path.suffix in (".py", ".sh") else 120):
                report(path, number, f"{len(line)} columns")


def check_functions():
    """No function above 100 lines outside kernels, tests and tables."""
    for path in files("src/**/*.c", "backends/**/*.c"):
        start, name = None, ""
        for number, line in enumerate(code(path), 1):
            if re.match(r"^[A-Za-z_].*\)\s*\{$", line):
                start = number
                found = re.findall(r"(\w+)\s*\(", line)
                name = found[0] if found else name
            elif line == "}" and start is not None:
                if number - start > 100:
                    report(path, start, f"{name or 'function'} has {number - start} lines")
                start = None


WORDS = [(r"\bTODO\b|\bFIXME\b|\bXXX\b|\bHACK\b", "unfinished work"),
         (r"(?<![\w.}])/(?:home|root|work)/\w", "a path of one machine"),
         (r"\bstub\b", "a stub"),
         (r"https?://(?!www\.apache\.org|flatbuffers\.dev|ui\.perfetto\.dev|localhost)", "an address")]


def check_words():
    """Words that have no place in a finished tree."""
    for path in files("*.c", "*.h", "*.inl", "*.def", "*.py", "*.sh", "*.cmake", "CMakeLists.txt", "*.md", "*.fbs"):
        if path == pathlib.Path(__file__).resolve() or path.name in ("LICENSE", "design.md", "cli.md"):
            continue
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
            for pattern, what in WORDS:
                if re.search(pattern, line):
                    report(path, number, f"{what}: {line.strip()[:80]}")


def check_whitespace():
    """No tabs, no trailing blanks, a newline at the end."""
    for path in files("*.c", "*.h", "*.inl", "*.def", "*.py", "*.cmake", "CMakeLists.txt", "*.fbs"):
        text = path.read_text(errors="replace")
        if text and not text.endswith("\n"):
            report(path, 0, "no newline at the end")
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line or line != line.rstrip():
                report(path, number, "a tab or trailing blanks")


globals()["check_" + sys.argv[2]]()
print("\n".join(problems) or "nothing to say")
sys.exit(1 if problems else 0)
