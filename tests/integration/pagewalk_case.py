"""A test case that runs the pagewalk program. PAGEWALK names it, PAGEWALK_PROGRAMS the folder of the test programs and
PAGEWALK_SOURCE the source tree; ctest sets all three."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import h5py

PAGEWALK = os.environ["PAGEWALK"]
PROGRAMS = pathlib.Path(os.environ["PAGEWALK_PROGRAMS"])
SOURCE = pathlib.Path(os.environ["PAGEWALK_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests/support"))
from evidence import evidence  # noqa: E402, F401

SMALL = """
[machine]
name = small
cpus = 1
memory = 256MiB
"""

# A generator that ends within a second and faults, misses TLBs and allocates.
SYNTHETIC = SMALL + """
[workload]
kind = synthetic
synthetic = gups
[synthetic]
instructions = 200k
first_touch = off
[synthetic.gups]
table = 4MiB
"""


class PagewalkCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pagewalk_test_"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return self.folder / name

    def config(self, text=SMALL, name="test.cfg"):
        file = self.path(name)
        file.write_text(text)
        return file

    def start(self, *words, **more):
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen([PAGEWALK, *map(str, words)], cwd=self.folder, text=True, **more)

    def call(self, *words, **more):
        """Runs pagewalk to its end, in the case's folder. Gives status, stdout and stderr."""
        return subprocess.run([PAGEWALK, *map(str, words)], cwd=self.folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=110, **more)

    def succeed(self, *words, **more):
        done = self.call(*words, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def run_to_file(self, *words, output="run.h5", config=SMALL):
        """`pagewalk run` of a configuration text; gives the results file's path."""
        file = self.path(output)
        self.succeed("run", self.config(config, output + ".cfg"), "-o", file, *words)
        return file

    def summary(self, file):
        return json.loads(self.succeed("show", file, "--json").stdout)


def text(dataset):
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else value


def contents(file):
    """Every group, dataset and attribute of a results file but /meta/host, by path."""
    found = {}

    def plain(value):
        return value.tobytes() if hasattr(value, "tobytes") else value

    def visit(name, item):
        if name == "meta/host" or name.startswith("meta/host/"):
            return
        if isinstance(item, h5py.Dataset):
            found[name] = (str(item.dtype), item.shape, plain(item[()]))
        else:
            found[name] = ("group", tuple(sorted(item.keys())))
        for key, value in item.attrs.items():
            found[f"{name}@{key}"] = plain(value)

    with h5py.File(file, "r") as opened:
        visit("/", opened)
        opened.visititems(visit)
    return found


def program(name):
    return PROGRAMS / f"program_{name}"
