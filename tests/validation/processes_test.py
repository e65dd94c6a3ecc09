"""Independent processes on CPUs of their own see the latencies that one sees, whatever the quantum.

usage: processes_test.py PAGEWALK SOURCE_FOLDER PROCESSES_PROGRAM
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import h5py  # noqa: E402

PROGRAM, SOURCE, PROCESSES = (Path(word) for word in sys.argv[1:4])
DEFAULT, LONG = "250ns", "2500ns"
ALLOWED = {"walk": 0.1, "l1i miss": 0.1, "fault": 0.1}
# A process has some 3,000 L1I misses, each to wherever cleared pages have left the line: of eight equal processes in one run the mean
# latencies differ by a factor of two. Many fetch the kernel's text for one another, so that their mean is below one process's.
ALLOWED_BETWEEN_QUANTA = {"walk": 0.03, "l1i miss": 0.1, "fault": 0.03}


def latencies(recording, processes, quantum=DEFAULT):
    """Of one run: mean page walk and mean L1I miss in cycles, mean page fault in ns. Each process has a CPU, and so has their parent, which is not
    counted: it executes other code. Each CPU has an LLC slice, as each core of the machine has: processes that share a smaller cache are
    not independent."""
    cpus = processes + 1
    with tempfile.TemporaryDirectory() as scratch:
        results = Path(scratch) / "run.h5"
        subprocess.run([PROGRAM, "run", SOURCE / "configs/machines/default.cfg", "-o", results,
                        "--set", f"machine.cpus={cpus}", "--set", f"llc.slices={cpus}", "--set", "dram.channels=8",
                        "--set", "os.thp.enabled=never",  # a fault for each of the pages
                        "--set", f"run.quantum={quantum}", "--trace", recording], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(results) as file:
            stats = sorted((file[f"stats/cpu{i}"] for i in range(cpus)), key=lambda cpu: cpu["mmu/walks"][()])[1:]
            walks = sum(cpu["mmu/walks"][()] for cpu in stats)
            return {"walk": sum(cpu["mmu/walk_cycles"][()] for cpu in stats) / walks,
                    "l1i miss": sum(cpu["l1i/miss_time"][()] for cpu in stats) / sum(cpu["l1i/misses"][()] for cpu in stats),
                    "fault": file["histograms/kernel/fault_latency"].attrs["mean"] / 1000}


class Processes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.means = {}
        with tempfile.TemporaryDirectory() as scratch:
            for processes in (1, 2, 4, 8):
                recording = Path(scratch) / f"{processes}.pwt"
                subprocess.run([PROGRAM, "record", "-o", recording, "--", PROCESSES, str(processes), "32768"], check=True,
                               stdout=subprocess.DEVNULL)
                cls.means[processes] = latencies(recording, processes)
            cls.long = latencies(recording, processes, LONG)
        for name, means in [*((f"{n} processes", m) for n, m in cls.means.items()), (f"{processes} processes, {LONG}", cls.long)]:
            print(f"{name:20}" + ", ".join(f"{what} {mean:.2f}" for what, mean in means.items()))

    def test_each_sees_what_one_alone_sees(self):
        for processes, means in self.means.items():
            for what, mean in means.items():
                self.assertLess(mean, (1 + ALLOWED[what]) * self.means[1][what], f"{what}, {processes} processes")

    def test_quantum_does_not_matter(self):
        for what, mean in self.means[8].items():
            self.assertLess(abs(self.long[what] - mean), ALLOWED_BETWEEN_QUANTA[what] * mean, what)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
