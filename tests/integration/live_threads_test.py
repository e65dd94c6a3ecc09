"""Programs with threads, signals and children, live three times and once from a recording: each ends as it does
natively, with the same output, and the simulated kernel kills none. Their sources are in PAGEWALK_CASES (or beside the
project, in ../shared/cases/programs)."""

import os
import pathlib
import subprocess
import unittest

from pagewalk_case import PagewalkCase, SOURCE

CASES = pathlib.Path(os.environ.get("PAGEWALK_CASES", SOURCE.parent / "shared" / "cases" / "programs"))

MACHINE = """
[machine]
name = four
cpus = 4
memory = 1GiB
"""

PROGRAMS = [
    "handover", "handover2", "join j 1", "join r 5", "join w 5", "cv m 2 20000", "cv m 4 5000", "cv c 2 2000", "thr300",
    "waves", "tick 10", "sig1", "sig1 1", "sig3", "forks 200", "vf", "smc2 40000", "rep b 8", "known 1000000", "omp",
]

# What it prints is how often a timer of the host's clock went off.
OWN_OUTPUT = ["alarm"]


@unittest.skipUnless(CASES.is_dir(), f"no program sources in {CASES}; PAGEWALK_CASES names their folder")
class LiveThreads(PagewalkCase):
    def build(self, name):
        flags = ["-fopenmp"] if name == "omp" else []
        level = "-O2" if name == "rep" else "-O1"
        subprocess.run(["gcc", level, "-pthread", "-w", *flags, "-o", self.path(name), CASES / f"{name}.c"], check=True)

    def check(self, words):
        name, *arguments = words.split()
        self.build(name)
        command = [self.path(name), *arguments]
        native = subprocess.run(command, cwd=self.folder, text=True, stdout=subprocess.PIPE, timeout=60)
        config = self.config(MACHINE)
        for _ in range(3):
            live = self.succeed("run", config, "-o", self.path("live.h5"), "--", *command)
            self.judge(live, native, words)
        recorded = self.succeed("record", "-o", self.path("run.pwt"), "--", *command)
        self.assertIn(f"ended with status {native.returncode}", recorded.stderr)
        if words not in OWN_OUTPUT:
            self.assertEqual(recorded.stdout, native.stdout)
        replay = self.succeed("run", config, "-o", self.path("replay.h5"), "--trace", self.path("run.pwt"))
        self.assertNotIn("the simulated kernel", replay.stderr + replay.stdout)
        self.assertIn("complete", replay.stdout)

    def judge(self, run, native, words):
        printed = run.stdout[: run.stdout.index("run  ")]
        if words not in OWN_OUTPUT:
            self.assertEqual(printed, native.stdout)
        self.assertNotIn("the simulated kernel", run.stderr + run.stdout)
        self.assertIn("complete", run.stdout)


def add(words):
    setattr(LiveThreads, "test_" + words.replace(" ", "_"), lambda self: self.check(words))


for program_words in PROGRAMS + OWN_OUTPUT:
    add(program_words)

if __name__ == "__main__":
    unittest.main()
