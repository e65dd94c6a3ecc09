"""How far results move with run.quantum, which lets CPUs run ahead of one another.

usage: quantum_test.py PAGEWALK SOURCE_FOLDER
"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
FINEST, DEFAULT = "1ns", "250ns"
COUNTS = {"cycles": "/cycles", "l1d misses": "/l1d/misses", "l2 misses": "/l2/misses", "walks": "/mmu/walks",
          "llc misses": "llc0/misses", "dram reads": "dram0/reads"}

# Counts of a few hundred move by more than a share of themselves: they may move by a two-hundredth of the accesses that could have missed.
OUT_OF = {"llc misses": "l2 misses", "dram reads": "l2 misses"}


def results(quantum, generator, threads):
    run = SimulatedRun(
        PROGRAM, SOURCE / "configs/machines/default.cfg",
        {"run.quantum": quantum, "workload.kind": "synthetic", "workload.synthetic": generator,
         "synthetic.threads": threads, "synthetic.instructions": 1000000, "synthetic.first_touch": "off",
         "synthetic.gups.table": "64MiB", "synthetic.stream.array": "4MiB", "run.warmup": 300000, "os.thp.enabled": "never"})
    values = {name: run.sum(suffix) for name, suffix in COUNTS.items()}
    values["ipc"] = run.sum("/user_instructions") / run.sum("/cycles")
    return values


class Quantum(unittest.TestCase):
    def compare(self, generator, threads, allowed):
        fine, default = results(FINEST, generator, threads), results(DEFAULT, generator, threads)
        print(f"\n{generator}, {threads} threads: {FINEST} against {DEFAULT}")
        for name, exact in fine.items():
            moved = (default[name] - exact) / exact if exact else 0.0
            print(f"{name:12} {exact:12.6g} {default[name]:12.6g} {100 * moved:+7.2f} %")
        for name, exact in fine.items():
            accesses = fine[OUT_OF[name]] if name in OUT_OF else 0
            self.assertLessEqual(abs(default[name] - exact), max(allowed * exact, allowed / 10 * accesses), name)

    def test_one_thread_does_not_move(self):
        self.compare("gups", 1, 0.002)

    def test_four_threads_of_random_updates(self):
        self.compare("gups", 4, 0.05)

    def test_four_threads_of_streams(self):
        # Mostly page faults of one address space: loads of lines that others store to are up to a quantum late. 2.7 % (IPC) was seen.
        self.compare("stream", 4, 0.05)


unittest.main(argv=sys.argv[:1], verbosity=2)
