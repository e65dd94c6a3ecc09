"""CPUs that refill and drain per-CPU lists wait for each other at the zone's lock; those that only hit their lists do not.

usage: zone_lock_test.py PAGEWALK SOURCE_FOLDER
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import h5py  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])


def mean_latencies(cpus):
    """Mean ns of an allocation by path, with as many threads as CPUs."""
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "run.h5"
        subprocess.run([PROGRAM, "run", SOURCE / "configs/experiments/zone_lock.cfg", "-o", results, "--set", f"machine.cpus={cpus}",
                        "--set", f"synthetic.threads={cpus}", "--set", "synthetic.alloc_churn.operations=40"],
                       check=True, stdout=subprocess.DEVNULL)
        with h5py.File(results) as file:
            kernel = file["histograms/kernel"]
            return {path: kernel[f"allocation_latency_{path}"].attrs["mean"] / 1000 for path in ("pcp_hit", "pcp_refill")}


class Contention(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.by_cpus = {cpus: mean_latencies(cpus) for cpus in (1, 4, 8)}
        for cpus, latencies in cls.by_cpus.items():
            print(f"{cpus} CPUs: " + ", ".join(f"{path} {mean:.0f} ns" for path, mean in latencies.items()))

    def test_refills_wait_for_each_other(self):
        refill = [self.by_cpus[cpus]["pcp_refill"] for cpus in (1, 4, 8)]
        self.assertGreater(refill[1], refill[0])
        self.assertGreater(refill[2], 1.2 * refill[1])

    def test_hits_do_not(self):
        self.assertLess(self.by_cpus[8]["pcp_hit"], 1.25 * self.by_cpus[1]["pcp_hit"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
