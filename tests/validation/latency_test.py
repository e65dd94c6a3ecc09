"""Cycles of one access of a pointer chase, against the sum of the configured latencies.

usage: latency_test.py PAGEWALK SOURCE_FOLDER

One dependent load at a time on the machine of configs/machines/champsim_default.cfg, whose caches share the core's clock: what each costs
follows from the configuration. Page placement and kernel cost nothing here (os.timing = off).
"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
INSTRUCTIONS_AN_ACCESS = 3  # load, count, branch

# Load to use. Below L1: the look-up, and the fills of the levels above.
L1 = 5
L2 = L1 + 6 + 3
LLC = L2 + 11 + 5
MEMORY = LLC + 10
SECOND_LEVEL_TLB = 8
OTHER_ROW = 190  # tRP + tRCD + tCL + burst: 76 clocks of 0.625 ns at 4 GHz
REFRESH_WAIT = 130 / 3000 * 130 / 2 * 4  # 130 ns every 3 us


def cycles_an_access(elements, stride, warm_rounds=2):
    """Of a chase over `elements` places `stride` bytes apart, in the steady state."""
    measured = 3 * max(elements, 20000)
    run = SimulatedRun(
        PROGRAM, SOURCE / "configs/machines/champsim_default.cfg",
        {"os.timing": "off", "mmu.champsim_frames": 0, "dram.bank_hash": "off", "workload.kind": "synthetic", "workload.synthetic": "pointer_chase",
         "synthetic.instructions": 0, "synthetic.pointer_chase.footprint": elements * stride,
         "synthetic.pointer_chase.stride": stride, "synthetic.pointer_chase.cycles": 1000000,
         "synthetic.first_touch": "pages",
         "run.warmup": INSTRUCTIONS_AN_ACCESS * warm_rounds * elements + 100000, "run.instructions": measured})
    cycles = INSTRUCTIONS_AN_ACCESS * run["cpu0/cycles"] / run["cpu0/user_instructions"]
    print(f"{elements:8} elements {stride:5} bytes apart: {cycles:7.2f} cycles an access")
    return cycles


class Plateaus(unittest.TestCase):
    def test_l1(self):
        self.assertAlmostEqual(cycles_an_access(256, 64), L1, delta=0.1)

    def test_l2(self):
        self.assertAlmostEqual(cycles_an_access(4096, 64), L2, delta=0.5)

    def test_last_level_cache(self):
        # 1 MiB is 256 pages: three accesses of four miss the 64 entries of the first-level TLB.
        self.assertAlmostEqual(cycles_an_access(16384, 64), LLC + 0.75 * SECOND_LEVEL_TLB, delta=0.5)

    def test_memory(self):
        # 256 lines, one in 128 KiB, fight for two sets of LLC; all are in one bank, two in a row. One access in 23 meets a
        # refresh and waits for half of it. Their pages fight for 64 entries of the second-level TLB: each access walks, to an entry in L2.
        expected = MEMORY + L2 + OTHER_ROW + REFRESH_WAIT
        self.assertAlmostEqual(cycles_an_access(256, 128 * 1024), expected, delta=8)


class TlbReach(unittest.TestCase):
    # A line in each page, all of them in L1.
    def test_first_level_tlb(self):
        self.assertAlmostEqual(cycles_an_access(48, 4096 + 64), L1, delta=0.2)

    def test_second_level_tlb(self):
        self.assertAlmostEqual(cycles_an_access(512, 4096 + 64), L1 + SECOND_LEVEL_TLB, delta=0.5)

    def test_walks(self):
        # The 4096 lines are in L2, and so are many of their 520 lines of page-table entries, one of which a walk reads.
        expected = L2 + SECOND_LEVEL_TLB + L2
        self.assertAlmostEqual(cycles_an_access(4096, 4096 + 64), expected, delta=8)


unittest.main(argv=sys.argv[:1], verbosity=2)
