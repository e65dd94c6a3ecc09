"""What a line costs that several CPUs update at once: a transfer from one's caches to the next's each time, at every quantum.

usage: contended_lines_test.py PAGEWALK SOURCE_FOLDER

Threads update one word, or one line's words at random, on four cores of configs/machines/skylake_sp_6140.cfg, where a transfer within
the socket takes 50 ns (Intel MLC: HITM).
"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
QUANTA = ("3ns", "250ns", "2us")
TRANSFER = 50.0  # ns
GHZ = 3.0
INSTRUCTIONS_AN_UPDATE = 8


def totals(threads, instructions, quantum, atomic, table):
    run = SimulatedRun(
        PROGRAM, SOURCE / "configs/machines/skylake_sp_6140.cfg",
        {"machine.cpus": 4, "machine.sockets": 1, "machine.memory": "256MiB", "run.quantum": quantum, "workload.kind": "synthetic",
         "workload.synthetic": "gups", "synthetic.threads": threads, "synthetic.instructions": instructions,
         "synthetic.gups.table": table, "synthetic.gups.updates_per_word": "1M", "synthetic.gups.atomic": atomic})
    updates = run.over_cpus("user_instructions") / INSTRUCTIONS_AN_UPDATE
    return updates, run.over_cpus("user_cycles") / GHZ


def update_ns(threads, quantum, atomic="on", table="8B"):
    """What an update takes the thread that makes it, once all are under way."""
    few, many = (totals(threads, threads * each, quantum, atomic, table) for each in (200_000, 600_000))
    return (many[1] - few[1]) / (many[0] - few[0])


class ContendedLines(unittest.TestCase):
    def measure(self, threads, **how):
        found = {quantum: update_ns(threads, quantum, **how) for quantum in QUANTA}
        print(f"\n{threads} threads, {how}: " + ", ".join(f"{ns:.1f} ns at {quantum}" for quantum, ns in found.items()))
        return found

    def test_atomics_take_turns(self):
        for threads in (2, 4):
            found = self.measure(threads)
            for quantum, ns in found.items():
                with self.subTest(threads=threads, quantum=quantum):
                    self.assertGreater(ns, 0.9 * threads * TRANSFER)
                    self.assertLess(ns, 1.3 * threads * TRANSFER)
                    self.assertLess(abs(ns / found["3ns"] - 1), 0.02)

    def test_stores_to_a_shared_line_wait_for_it_at_every_quantum(self):
        alone = update_ns(1, "250ns", atomic="off", table="64B")
        shared = self.measure(4, atomic="off", table="64B")
        for quantum, ns in shared.items():
            with self.subTest(quantum=quantum):
                self.assertGreater(ns, 5 * alone)


unittest.main(argv=sys.argv[:1], verbosity=2)
