"""What a CPI stack charges to a cause against the cycles that go when the cause is taken away.

usage: cpi_stack_test.py PAGEWALK SOURCE_FOLDER

Causes overlap, and what is taken away uncovers what lay behind it: the two agree about, not exactly. Each case says how far apart they
may be, as a share of all cycles.
"""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
MEMORY = ("llc", "remote_cache", "memory", "remote_memory")


def run(generator, settings):
    return SimulatedRun(
        PROGRAM, SOURCE / "configs/machines/default.cfg",
        {"machine.cpus": 1, "os.timing": "off", "os.thp.enabled": "never", "workload.kind": "synthetic", "workload.synthetic": generator,
         "synthetic.first_touch": "pages", "synthetic.instructions": 0, "run.warmup": 400_000, "run.instructions": 400_000, **settings})


class RemovedCauses(unittest.TestCase):
    def check(self, generator, causes, option, allowed, settings=None):
        settings = settings or {}
        with_it, without = run(generator, settings), run(generator, {**settings, option: "on"})
        cycles = with_it["cpu0/cycles"]
        charged = sum(with_it[f"cpu0/cpi_stack/user/{cause}"] for cause in causes) / cycles
        removed = 1 - without["cpu0/cycles"] / cycles
        print(f"{generator:14} {option:22} charged {100 * charged:5.1f} %, removed {100 * removed:5.1f} %")
        self.assertAlmostEqual(charged, removed, delta=allowed)

    def test_mispredictions(self):
        self.check("btree", ("branch",), "core.perfect_branches", 0.15)

    def test_translations(self):
        self.check("gups", ("dtlb",), "mmu.perfect", 0.10)

    def test_misses_of_l2(self):
        self.check("pointer_chase", MEMORY, "cache.perfect_l2", 0.10)

    def test_a_cycle_more_of_penalty_shows_as_a_cycle_a_miss(self):
        short, long = (run("btree", {"core.mispredict_penalty": penalty}) for penalty in (12, 22))
        grown = long["cpu0/cycles"] - short["cpu0/cycles"]
        charged = long["cpu0/cpi_stack/user/branch"] - short["cpu0/cpi_stack/user/branch"]
        print(f"btree          10 cycles more penalty charged {charged:.0f}, took {grown:.0f}")
        self.assertAlmostEqual(charged / grown, 1, delta=0.3)


unittest.main(argv=sys.argv[:1], verbosity=2)
