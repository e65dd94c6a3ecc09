"""Programs that real kernels were captured running do the same live on the simulated kernel.

usage: program_replay_test.py PAGEWALK SOURCE_FOLDER
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
CAPTURES = Path(os.environ.get("PAGEWALK_CAPTURES", SOURCE / "tests/data"))
BIN = CAPTURES / "proc/bin"

# Jobs of which everything that repeats on the real machine is the same, by pack. Of those that fork none: without real-time priorities
# which process runs first depends on the host.
EXACT = {
    "placement/captures/a-p1.tar.xz": ["advise", "brk", "order-fwd", "order-rand", "order-rev", "rand1", "rand101-64", "rand106-2048", "remap", "split", "stack",
                                         "topdown"],
    "placement/captures/c1-p1.tar.xz": ["rand1", "remap", "split"],
    "placement/captures/a-big.tar.xz": ["order-4096", "order-rand4096"],
    "placement/captures/b-p6.tar.xz": ["touch-always", "touch-madvise"],
    "proc/captures/p6.tar.xz": ["touch-always", "touch-madvise-none", "touch-never"],
    "proc/captures/p4.tar.xz": ["back4k", "rand4k", "seq1m", "seq4k-random", "seq4k-sequential", "seq64k", "two4k"],
    "proc/captures/p3.tar.xz": ["read-tmpfs", "sparse-tmpfs"],
    "proc/captures/p7.tar.xz": ["first", "move", "policy"],
    "proc/captures/p9.tar.xz": ["memfd"],
    "proc/captures/p1n.tar.xz": ["brk", "order-fwd", "order-rand", "order-rev", "rand101-64", "rand103-256", "remap", "split", "stack"],
}


def replay(pack, *words, programs=BIN):
    return subprocess.run([PROGRAM, "replay", CAPTURES / pack, "--programs", programs, *words], capture_output=True, text=True)


class ProgramReplay(unittest.TestCase):
    def test_exact_jobs_stay_exact(self):
        for pack, jobs in EXACT.items():
            for job in jobs:
                with self.subTest(pack=pack, job=job):
                    result = replay(pack, "--job", job)
                    self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_a_difference_is_told_and_is_the_exit_status(self):
        result = replay("proc/captures/p1n.tar.xz", "--job", "kinds")  # a mapping at an address that the host does not give
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stdout, r"kinds: \d+ markers, differs: ")
        self.assertRegex(result.stdout, r": real .*, ours ")
        self.assertRegex(result.stdout, r"\nareas \d+ of \d+; sizes \d+ of \d+; exact counters \d+ of \d+; faults \d+ of \d+; 1 jobs\n$")
        first = replay("proc/captures/p1n.tar.xz", "--job", "kinds", "--first-difference")
        self.assertEqual(len(re.findall(": real ", first.stdout)), 1)

    def test_what_cannot_be_run_is_said(self):
        with tempfile.TemporaryDirectory() as empty:
            result = replay("proc/captures/p1n.tar.xz", "--job", "split", programs=empty)
        self.assertEqual(result.returncode, 1)
        self.assertIn("split: not compared: there is no program", result.stdout)
        self.assertIn("0 jobs, 1 not compared", result.stdout)

    def test_an_unknown_job_is_a_mistake(self):
        result = replay("proc/captures/p1n.tar.xz", "--job", "nothing")
        self.assertEqual(result.returncode, 2)
        self.assertIn("has no job 'nothing'; there are: brk, ", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
