# SPDX-License-Identifier: Apache-2.0
"""Files given to a runtime in a child process, with limits; what became of each."""
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
KINDS = ["reject", "accept", "crash", "hang", "memory", "outside"]
CPU_SECONDS, WAIT_SECONDS = 10, 40     # of processor time; of doing nothing at all
ADDRESS_SPACE = 8 << 30
RESIDENT = 1 << 30                     # more than the process held before, for a file of a few kilobytes


def peak(pid):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return 0


def forget_peak(pid):
    try:
        with open(f"/proc/{pid}/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def cpu(pid):
    try:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


class Runtime:
    """a child that answers one line of JSON for each file; started again when it dies"""

    def __init__(self, name, command, ours=False, sanitized=False):
        self.name, self.command, self.ours, self.sanitized = name, command, ours, sanitized
        self.child, self.log, self.base = None, None, 0
        self.folder = tempfile.mkdtemp(prefix="robustness-")

    def start(self):
        def limits():
            if not self.sanitized:
                resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.log = open(os.path.join(self.folder, "stderr"), "w+b")
        env = dict(os.environ, OMP_NUM_THREADS="1", TF_CPP_MIN_LOG_LEVEL="3", PYTHONWARNINGS="ignore",
                   ASAN_OPTIONS="allocator_may_return_null=1:detect_leaks=1:exitcode=99", UBSAN_OPTIONS="print_stacktrace=1")
        self.child = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
                                      preexec_fn=limits, env=env, bufsize=0)
        if not self.ours and not self.line(time.monotonic() + 120):
            raise SystemExit(f"{self.name} does not start: {self.words()}")

    def words(self):
        self.log.seek(0)
        return self.log.read()[-3000:].decode("utf-8", "replace")

    def line(self, until):
        """a line, or None when the child is gone or the time is over"""
        text = b""
        while not text.endswith(b"\n"):
            if time.monotonic() > until or not select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))[0]:
                return None
            got = os.read(self.child.stdout.fileno(), 65536)
            if not got:
                return None
            text += got
        return text

    def end(self):
        """closes the child; the text of what it complains about at its end (leaks)"""
        if not self.child:
            return ""
        self.child.stdin.close()
        try:
            code = self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        text = self.words() if code else ""
        self.child = None
        return f"exit {code}: {text}" if code else ""

    def give(self, path, marker=None):
        """(kind, seconds of processor time, peak bytes above the start, text)"""
        if not self.child:
            self.start()
        pid, out = self.child.pid, os.path.join(self.folder, "out")
        forget_peak(pid)
        self.base = peak(pid)
        before = cpu(pid)
        self.log.seek(0)
        self.log.truncate()
        request = path
        if self.ours:
            shutil.rmtree(out, ignore_errors=True)
            request = json.dumps({"model": path, **({"output_dir": out} if marker else {})})
        try:
            self.child.stdin.write(request.encode() + b"\n")
        except BrokenPipeError:
            pass
        start, answer, kind, text = time.monotonic(), b"", None, ""
        while not answer.endswith(b"\n"):
            if select.select([self.child.stdout], [], [], 0.05)[0]:
                got = os.read(self.child.stdout.fileno(), 65536)
                if not got:
                    break
                answer += got
                continue
            used = cpu(pid) - before
            if used > CPU_SECONDS * (4 if self.sanitized else 1) or time.monotonic() - start > WAIT_SECONDS and used < 1:
                kind = "hang"
                break
            if peak(pid) - self.base > RESIDENT * (3 if self.sanitized else 1):
                kind = "memory"
                break
        used, grown = cpu(pid) - before, peak(pid) - self.base
        if kind:
            self.child.kill()
            self.child.wait()
            self.child = None
            return kind, used, grown, ""
        if not answer.endswith(b"\n"):
            code = self.child.wait()
            text = self.words()
            self.child = None
            if code == -signal.SIGKILL or "bad_alloc" in text or "out of memory" in text.lower():
                return "memory", used, grown, text
            return "crash", used, grown, f"exit {code}: {text}"
        found = json.loads(answer)
        if grown > RESIDENT * (3 if self.sanitized else 1):
            return "memory", used, grown, found["error"]
        head = bytes.fromhex(found.get("head", [""])[0]) if found.get("head") else b""
        if self.ours and marker and found["exit"] == 0:
            head = pathlib.Path(out, "0.npy").read_bytes()
        if marker and marker in head:
            return "outside", used, grown, ""
        if self.ours and found["exit"] not in (0, 2, 3, 4):
            return "crash", used, grown, f"exit code {found['exit']} for a file's content: {found['error']}"
        return ("accept" if found["exit"] == 0 else "reject"), used, grown, found["error"]


def edgert(path, name="edgert", sanitized=False, seconds=5, more=()):
    return Runtime(name, [str(path), "run", "--batch", "-", "--timeout", str(seconds * (3 if sanitized else 1)), "--max-memory", "512M",
                          *more], ours=True, sanitized=sanitized)


def peer(name):
    return Runtime(name, [sys.executable, str(HERE / "child.py"), name])
