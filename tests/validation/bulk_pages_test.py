"""Bulk allocation by several CPUs beside the Linux page allocator measured on a Xeon Gold 5320: the shape of the curves is held, the
ratio to the measured figures is printed.

usage: bulk_pages_test.py PAGEWALK SOURCE_FOLDER
"""

import csv
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import h5py  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
MEASURED = SOURCE / "tests/data/hardware/llfree/allocators.csv"
CPUS = (1, 2, 4, 8)
# Order: what a call asks for, and how many each CPU holds.
SHARES = {0: ("4KiB", 4096), 9: ("2MiB", 64)}
ALLOCATE, FREE = 8, 9  # the driver's calls in the event table


def mean_latencies(order, cpus, batch):
    """Mean ns of alloc_pages and __free_pages."""
    size, slots = SHARES[order]
    settings = {"machine.cpus": cpus, "synthetic.threads": cpus, "synthetic.kernel_objects.sizes": size,
                "synthetic.kernel_objects.slots": slots, "synthetic.kernel_objects.operations": 2 * slots,
                "synthetic.kernel_objects.batch": batch}
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "run.h5"
        command = [PROGRAM, "run", SOURCE / "configs/experiments/bulk_pages.cfg", "-o", results]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with h5py.File(results) as file:
            rows = file["events/driver"][:]
    assert (rows["address"] != 0).all(), "an allocation failed"
    return tuple(float(rows["latency"][rows["call"] == call].mean()) / 1000 for call in (ALLOCATE, FREE))


def measured_latencies():
    """By order and cores."""
    if not MEASURED.is_file():
        return {}
    with MEASURED.open() as file:
        rows = [row for row in csv.DictReader(file) if row["allocator"] == "linux_buddy" and row["benchmark"] == "bulk"]
    return {(int(row["order"]), int(row["cores"])): (float(row["get_ns"]), float(row["put_ns"])) for row in rows}


class BulkPages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = {(order, cpus): mean_latencies(order, cpus, 64) for order in SHARES for cpus in CPUS}
        measured = measured_latencies()
        for (order, cpus), (get, put) in cls.ours.items():
            line = f"order {order}, {cpus} CPUs: allocate {get:.0f} ns, free {put:.0f} ns"
            if real := measured.get((order, cpus)):
                line += f"; measured {real[0]:.0f} and {real[1]:.0f}, ratio {get / real[0]:.2f} and {put / real[1]:.2f}"
            print(line)

    def test_two_cpus_do_not_wait_for_each_other(self):
        self.assertLess(self.ours[0, 2][0], 1.15 * self.ours[0, 1][0])
        self.assertLess(self.ours[0, 2][1], 1.15 * self.ours[0, 1][1])

    def test_a_full_lock_makes_calls_wait_in_proportion(self):
        for order in SHARES:
            self.assertGreater(self.ours[order, 8][0], 1.7 * self.ours[order, 4][0])

    def test_the_size_of_the_batch_is_no_matter_where_the_lock_is_free(self):
        for order in SHARES:
            for batched, single in zip(self.ours[order, 1], mean_latencies(order, 1, 1)):
                self.assertLess(abs(batched / single - 1), 0.03)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
