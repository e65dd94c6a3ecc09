"""What a line costs that several CPUs update at once: a transfer from one's caches to the next's each time, at every quantum.

usage: contended_lines_test.py PAGEWALK SOURCE_FOLDER

Threads update one word, or one line's words at random, on four cores of machines of configs/machines. On skylake_sp_6140 a transfer
within the socket takes 50 ns (Intel MLC: HITM).
"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
QUANTA = ("3ns", "250ns", "2us")
MACHINES = {"default": 3.2, "skylake_sp_6140": 3.0}  # GHz
TRANSFERS = {"skylake_sp_6140": 50.0}  # ns
INSTRUCTIONS_AN_UPDATE = 8


def totals(machine, threads, instructions, quantum, atomic, table):
    run = SimulatedRun(
        PROGRAM, SOURCE / f"configs/machines/{machine}.cfg",
        {"machine.cpus": 4, "machine.sockets": 1, "machine.memory": "256MiB", "run.quantum": quantum, "workload.kind": "synthetic",
         "workload.synthetic": "gups", "synthetic.threads": threads, "synthetic.instructions": instructions,
         "synthetic.gups.table": table, "synthetic.gups.updates_per_word": "1M", "synthetic.gups.atomic": atomic})
    updates = run.over_cpus("user_instructions") / INSTRUCTIONS_AN_UPDATE
    return updates, run.over_cpus("user_cycles") / MACHINES[machine]


def update_ns(machine, threads, quantum, atomic="on", table="8B"):
    """What an update takes the thread that makes it, once all are under way."""
    few, many = (totals(machine, threads, threads * each, quantum, atomic, table) for each in (200_000, 600_000))
    return (many[1] - few[1]) / (many[0] - few[0])


class ContendedLines(unittest.TestCase):
    def measure(self, machine, threads, **how):
        found = {quantum: update_ns(machine, threads, quantum, **how) for quantum in QUANTA}
        print(f"\n{machine}, {threads} threads, {how}: " + ", ".join(f"{ns:.1f} ns at {quantum}" for quantum, ns in found.items()))
        return found

    def test_atomics_take_turns(self):
        for machine in MACHINES:
            turns = []
            for threads in (2, 3, 4):
                found = self.measure(machine, threads)
                turns.append(found["3ns"] / threads)
                with self.subTest(machine=machine, threads=threads):
                    for ns in found.values():
                        self.assertLess(abs(ns / found["3ns"] - 1), 0.02)
                    self.assertLess(abs(turns[-1] / turns[0] - 1), 0.05)  # each waits for all others
                    if machine in TRANSFERS:
                        self.assertLess(abs(turns[-1] / TRANSFERS[machine] - 1), 0.2)

    def test_stores_to_a_shared_line_wait_for_it_at_every_quantum(self):
        for machine in MACHINES:
            alone = update_ns(machine, 1, "250ns", atomic="off", table="64B")
            for threads in (2, 4):
                shared = self.measure(machine, threads, atomic="off", table="64B")
                with self.subTest(machine=machine, threads=threads):
                    for ns in shared.values():
                        self.assertGreater(ns, 5 * alone)
                        self.assertLess(abs(ns / shared["3ns"] - 1), 0.4)


unittest.main(argv=sys.argv[:1], verbosity=2)
