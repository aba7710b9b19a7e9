#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every system call of the command fails once: a clean status, words that name the file, no partial file, caches never fatal.

test_io.py EDGERT DIGITS [unittest arguments]; needs strace that may trace, else 77. One run is recorded; then each call to files or
for memory after the start of the program fails in a run of its own, and once more with all later calls of its kind.
"""
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

EDGERT = DIGITS = None
CALLS = {"openat": ["EIO", "EMFILE"], "read": ["EIO"], "pread64": ["EIO"], "fstat": ["EIO"], "newfstatat": ["EIO"], "lseek": ["EIO"],
         "mmap": ["ENOMEM"], "write": ["ENOSPC"], "writev": ["EIO"], "pwrite64": ["ENOSPC"], "close": ["EIO"],
         "rename": ["EIO"], "renameat": ["EIO"], "mkdir": ["ENOSPC"], "unlink": ["EIO"], "unlinkat": ["EIO"], "getdents64": ["EIO"],
         "madvise": ["ENOMEM"], "ftruncate": ["EIO"], "link": ["EIO"]}
ENV = dict(os.environ, EDGERT_PLUGINS="", LC_ALL="C")


def strace(log, inject, *command, cwd=None):
    options = ["strace", "-f", "-y", "-qq", "-o", str(log), "-e", "trace=" + ",".join(CALLS)]
    if inject:
        options += ["-e", "inject=" + inject]
    return subprocess.run(options + [str(x) for x in command], capture_output=True, text=True, env=ENV, timeout=60, cwd=cwd)


def calls_of(log):
    """(name, the how-manieth of its kind, the whole line) of every call, in order"""
    seen = collections.Counter()
    for line in pathlib.Path(log).read_text(errors="replace").splitlines():
        m = re.match(r"\d+\s+(\w+)\(", line)
        if m:
            seen[m[1]] += 1
            yield m[1], seen[m[1]], line


class Failing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.log = self.folder / "log"
        r = strace(self.log, None, EDGERT, "--version")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.start = collections.Counter()            # calls of the dynamic loader
        for name, number, line in calls_of(self.log):
            if name == "write":
                break
            self.start[name] = number

    def fail_everywhere(self, command, prepare, check):
        """prepare() before each run; check(result, line, forever) after each"""
        prepare()
        r = strace(self.log, None, EDGERT, *command)
        self.assertEqual(r.returncode, 0, r.stderr)
        check(r, "nothing", False)
        # a list of CPUs that can be read once and not twice is too much for libcpuinfo, which asks for it; that it is
        # missing altogether is no problem
        points = [(n, k, line) for n, k, line in calls_of(self.log) if k > self.start[n] and "/sys/devices/system/cpu/p" not in line]
        self.assertGreater(len(points), 20)
        runs = 0
        for name, number, line in points:
            for error in CALLS[name]:
                for forever in (False, True) if name in ("openat", "mmap", "write", "read") else (False,):
                    prepare()
                    r = strace(self.log, "%s:error=%s:when=%d%s" % (name, error, number, "+" if forever else ""), EDGERT, *command)
                    runs += 1
                    with self.subTest(call=line[:200], error=error, forever=forever):
                        self.assertIn(r.returncode, range(0, 6), r.stderr[-2000:])
                        if r.returncode and not (forever and name == "write"):
                            self.assertTrue(r.stderr.strip() or r.stdout.strip(), "no message")
                        check(r, line, forever)
        print("%s: %d failures" % (" ".join(map(str, command[:1])), runs), flush=True)

    def say(self, r):
        return r.stderr[-1000:] + r.stdout[-300:]

    def run_and_write(self, model):
        out = self.folder / "out"
        want = self.folder / "want"
        subprocess.run([EDGERT, "run", model, "--output-dir", want], check=True, capture_output=True, env=ENV)

        def check(r, line, forever):
            if r.returncode == 0:
                for f in want.iterdir():
                    self.assertEqual((out / f.name).read_bytes(), f.read_bytes(), line)
            elif str(out) in line and "openat" not in line or "creat" in line:
                self.assertIn(r.returncode, (1, 4), self.say(r))
            elif str(model) in line and not forever:
                self.assertIn(r.returncode, (3, 4), self.say(r))
                self.assertTrue(r.stderr.startswith(str(model)), self.say(r))
            if r.returncode:
                self.assertFalse((out / "index.json").exists(), "an index of a run that failed")
                if out.exists():
                    for f in out.iterdir():
                        self.assertEqual(f.read_bytes(), (want / f.name).read_bytes(), "a partial file")
        self.fail_everywhere(["run", model, "--output-dir", out], lambda: shutil.rmtree(out, ignore_errors=True), check)

    def test_run_edge(self):
        self.run_and_write(DIGITS / "digits_int8.edge")

    def test_run_onnx(self):
        self.run_and_write(DIGITS / "digits_f32.onnx")

    def convert(self, *more):
        folder = self.folder / "out"
        out = folder / "out.edge"
        want = self.folder / "want.edge"
        subprocess.run([EDGERT, "convert", DIGITS / "digits_f32.onnx", "-o", want, *more], check=True, capture_output=True, env=ENV)

        def prepare():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()

        def check(r, line, forever):
            there = [f.name for f in folder.iterdir()]
            if r.returncode == 0:
                self.assertEqual(there, ["out.edge"], line)
                self.assertEqual(out.read_bytes(), want.read_bytes(), line)
            elif "write(1<" in line:                      # what it says about the file that it made
                self.assertEqual(out.read_bytes(), want.read_bytes(), line)
            elif "unlink" not in line and not forever:
                self.assertEqual(there, [], "something is left after " + line)
                if "write(" in line or "rename" in line or "O_CREAT" in line:
                    self.assertEqual(r.returncode, 1, self.say(r))
        self.fail_everywhere(["convert", DIGITS / "digits_f32.onnx", "-o", out, *more], prepare, check)

    def test_convert(self):
        self.convert()

    def test_convert_prepare(self):
        self.convert("--prepare", "cpu")

    def cache(self, warm):
        cache, out, want, full = (self.folder / n for n in ("cache", "out", "want", "full"))
        model = DIGITS / "digits_f32.onnx"
        subprocess.run([EDGERT, "run", model, "--output-dir", want], check=True, capture_output=True, env=ENV)
        subprocess.run([EDGERT, "run", model, "--cache-dir", full], check=True, capture_output=True, env=ENV)
        kept = {f.name for f in full.iterdir()}

        def prepare():
            for f in (cache, out):
                shutil.rmtree(f, ignore_errors=True)
            if warm:
                shutil.copytree(full, cache)

        def check(r, line, forever):
            if str(cache) in line and not forever:
                self.assertEqual(r.returncode, 0, "a cache that fails is no error: " + line + self.say(r))
            if r.returncode == 0:
                self.assertEqual((out / "0.npy").read_bytes(), (want / "0.npy").read_bytes())
            if cache.exists() and "unlink" not in line and not forever:
                self.assertLessEqual({f.name for f in cache.iterdir()}, kept, "a temporary file is left after " + line)
        self.fail_everywhere(["run", model, "--cache-dir", cache, "--output-dir", out], prepare, check)

    def test_cache_cold(self):
        self.cache(False)

    def test_cache_warm(self):
        self.cache(True)

    def test_other_verbs(self):
        trace = self.folder / "trace.json"

        def prepare():
            trace.unlink(missing_ok=True)

        def check(r, line, forever):
            if r.returncode and "unlink" not in line and "write(1<" not in line and not forever:
                self.assertFalse(trace.exists(), "a partial file after " + line)
            if r.returncode == 0:
                json.loads(trace.read_text())
        self.fail_everywhere(["profile", DIGITS / "digits_int8.edge", "--trace", trace], prepare, check)


class Full(unittest.TestCase):
    """without strace: folders that may not be written, files that may not grow, devices that are full"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.model = DIGITS / "digits_f32.onnx"

    def command(self, *arguments, limit=None, **more):
        def small():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.run([EDGERT, *map(str, arguments)], capture_output="stdout" not in more, text=True, env=ENV, timeout=60,
                              preexec_fn=small, **more)

    def test_a_file_that_may_not_grow(self):
        for limit in (0, 1, 100, 4096):
            out, npy = self.folder / "out.edge", self.folder / "out"
            r = self.command("convert", self.model, "-o", out, limit=limit)
            self.assertEqual(r.returncode, 1, r.stderr)
            self.assertIn("out.edge", r.stderr)
            self.assertEqual([f for f in self.folder.iterdir() if f.name.startswith("out.edge")], [])
            r = self.command("run", self.model, "--output-dir", npy, limit=limit if limit < 100 else 1)
            self.assertEqual(r.returncode, 1, r.stderr)
            self.assertEqual(list(npy.iterdir()), [])
            r = self.command("run", self.model, "--cache-dir", self.folder / "cache", limit=limit)
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertEqual(list((self.folder / "cache").iterdir()), [])

    def test_a_file_that_is_there_survives_a_failure(self):
        out = self.folder / "out.edge"
        out.write_bytes(b"what was there before")
        r = self.command("convert", self.model, "-o", out, limit=100)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertEqual(out.read_bytes(), b"what was there before")

    def test_a_full_device(self):
        self.assertEqual(self.command("convert", self.model, "-o", "/dev/full").returncode, 1)
        self.assertTrue(pathlib.Path("/dev/full").is_char_device())
        for verb in (["run", self.model, "--json"], ["inspect", self.model], ["devices"]):
            with open("/dev/full", "w") as full:
                r = self.command(*verb, stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(r.returncode, 1, verb)
            self.assertIn("written", r.stderr)

    def test_a_folder_that_may_not_be_written(self):
        folder = self.folder / "closed"
        folder.mkdir()
        file = self.folder / "file"
        file.write_text("no folder")
        folder.chmod(0o500)
        self.addCleanup(folder.chmod, 0o700)
        closed = [file] + ([folder] if not os.access(folder, os.W_OK) else [])
        closed += [pathlib.Path("/proc/self/nothing")] if sys.platform == "linux" else []
        for place in closed:
            self.assertEqual(self.command("convert", self.model, "-o", place / "out.edge").returncode, 1)
            self.assertEqual(self.command("run", self.model, "--output-dir", place / "out").returncode, 1)
            r = self.command("run", self.model, "--cache-dir", place / "cache")
            self.assertEqual(r.returncode, 0, r.stderr)

    def test_odd_files(self):
        pipe, folder, gone = self.folder / "pipe", self.folder / "folder", self.folder / "link"
        os.mkfifo(pipe)
        folder.mkdir()
        gone.symlink_to("nowhere")
        for path in (pipe, folder, gone, "/dev/null", "/dev/zero", self.folder / "nothing"):
            for verb in ("run", "inspect"):
                r = self.command(verb, path)
                self.assertEqual(r.returncode, 3, r.stderr)
                self.assertTrue(r.stderr.startswith(str(path)), r.stderr)


def may_trace():
    if not shutil.which("strace"):
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as folder:
        r = strace(pathlib.Path(folder, "log"), "write:error=EIO:when=1000", "true")
        return r.stderr.strip() or "tracing is not allowed" if r.returncode else ""


if __name__ == "__main__":
    EDGERT, DIGITS = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    if any(a.startswith("Failing") for a in sys.argv[3:]):
        why = may_trace()
        if why:
            print("skipped: " + why)
            sys.exit(77)
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
