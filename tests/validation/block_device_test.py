"""Block devices at the points of their data sheets: throughput, and latency at queue depth 1.

usage: block_device_test.py PAGEWALK SOURCE_FOLDER [--table | --curves]

--table prints every point beside the data sheet's figure, --curves throughput and latency by queue depth.
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import h5py  # noqa: E402
import numpy  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])

KB, MB, SPAN_DISK = 1024, 1_000_000, "16700GiB"
# Device, what, its settings, the data sheet's figure and its unit. Sources: models/device/block_device_config.cpp.
SHEET = [
    ("nvme", "random read, 4 KiB, depth 1", dict(operations=400), 82, "us"),
    ("nvme", "random write, 4 KiB, depth 1", dict(read=0, operations=600), 15, "us"),
    ("nvme", "random read, 4 KiB, depth 256", dict(queue_depth=32, threads=8, operations=2500), 930e3, "IOPS"),
    ("nvme", "random write, 4 KiB, depth 256", dict(read=0, queue_depth=32, threads=8, operations=1000), 190e3, "IOPS"),
    ("nvme", "sequential read, 128 KiB, depth 128",
     dict(pattern="sequential", block_size=128 * KB, queue_depth=128, operations=1500), 7000, "MB/s"),
    ("nvme", "sequential write, 128 KiB, depth 128",
     dict(pattern="sequential", read=0, block_size=128 * KB, queue_depth=128, operations=1500), 4194, "MB/s"),
    ("sata_ssd", "random read, 4 KiB, depth 1", dict(operations=400), 13e3, "IOPS"),
    ("sata_ssd", "random write, 4 KiB, depth 1", dict(read=0, operations=600), 36e3, "IOPS"),
    ("sata_ssd", "random read, 4 KiB, depth 32", dict(queue_depth=32, operations=3000), 98e3, "IOPS"),
    ("sata_ssd", "random write, 4 KiB, depth 32", dict(read=0, queue_depth=32, operations=3000), 88e3, "IOPS"),
    ("sata_ssd", "sequential read, 128 KiB, depth 32",
     dict(pattern="sequential", block_size=128 * KB, queue_depth=32, operations=600), 560, "MB/s"),
    ("sata_ssd", "sequential write, 128 KiB, depth 32",
     dict(pattern="sequential", read=0, block_size=128 * KB, queue_depth=32, operations=600), 530, "MB/s"),
    ("disk", "random read, 4 KiB, depth 16", dict(queue_depth=16, span=SPAN_DISK, operations=600), 170, "IOPS"),
    ("disk", "sequential read, 128 KiB, depth 16",
     dict(pattern="sequential", block_size=128 * KB, queue_depth=16, span=SPAN_DISK, operations=600), 270, "MB/s"),
    ("optane", "random read, 4 KiB, depth 1", dict(operations=1000), 5, "us"),
    ("optane", "random write, 4 KiB, depth 1", dict(read=0, operations=1000), 5, "us"),
    ("optane", "random read, 4 KiB, depth 128", dict(queue_depth=16, threads=8, operations=2500), 1500e3, "IOPS"),
    ("optane", "random write, 4 KiB, depth 128", dict(read=0, queue_depth=16, threads=8, operations=2500), 1500e3, "IOPS"),
    ("optane", "sequential read, 128 KiB, depth 64",
     dict(pattern="sequential", block_size=128 * KB, queue_depth=64, operations=1500), 7200, "MB/s"),
    ("optane", "sequential write, 128 KiB, depth 64",
     dict(pattern="sequential", read=0, block_size=128 * KB, queue_depth=64, operations=1500), 6200, "MB/s"),
]


class Job:
    """A run of configs/experiments/block_device.cfg; what it did once the device's caches were full."""

    def __init__(self, device, threads=1, settings=(), **io):
        with tempfile.TemporaryDirectory() as scratch:
            results = Path(scratch) / "run.h5"
            command = [PROGRAM, "run", SOURCE / "configs/experiments/block_device.cfg", "-o", results,
                       "--set", f"device.kind={device}", "--set", f"synthetic.threads={threads}", *settings]
            for key, value in io.items():
                command += ["--set", f"synthetic.block_io.{key}={value}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with h5py.File(results) as file:
                rows = file["events/block_requests"][:]
                self.stats = {path: int(file[f"stats/{path}"][()]) for path in (
                    "disk/lines_read", "disk/lines_written", "disk/ring_lines", "disk/bytes_read", "disk/bytes_written",
                    "llc0/device_accesses")}
        ended = rows["time"] + rows["latency"]
        rows, ended = rows[numpy.argsort(ended)], numpy.sort(ended)
        first, last = len(rows) * 2 // 5, len(rows) * 19 // 20
        self.bytes = int(rows["nr_sector"][0]) * 512
        self.iops = (last - first) / ((ended[last] - ended[first]) * 1e-12)
        self.latencies = (rows["waited"] + rows["latency"])[first:last] / 1e6

    def figure(self, unit):
        return {"us": self.latencies.mean(), "IOPS": self.iops, "MB/s": self.iops * self.bytes / MB}[unit]


def print_table():
    print("| device | | data sheet | ours | error | p50, p99, us |\n| --- | --- | --: | --: | --: | --: |")
    for device, what, io, expected, unit in SHEET:
        job = Job(device, **io)
        ours = job.figure(unit)
        p50, p99 = numpy.percentile(job.latencies, (50, 99))
        print(f"| {device} | {what} | {expected:.0f} {unit} | {ours:.{1 if ours < 100 else 0}f} | {100 * (ours / expected - 1):+.1f} % "
              f"| {p50:.1f}, {p99:.1f} |", flush=True)


def print_curves():
    print("| device | | depth 1 | 4 | 16 | 64 | 256 |\n| --- | --- | --: | --: | --: | --: | --: |")
    for device in ("nvme", "sata_ssd", "optane"):
        for read, kind in ((100, "read"), (70, "70 % read"), (0, "write")):
            cells = []
            for depth in (1, 4, 16, 64, 256):
                threads = min(depth, 8)
                job = Job(device, threads=threads, read=read, queue_depth=depth // threads, operations=max(300, 32000 // threads))
                cells.append(f"{job.iops / 1000:.1f}, {numpy.percentile(job.latencies, 50):.0f}, {numpy.percentile(job.latencies, 99):.0f}")
            print(f"| {device} | {kind} | " + " | ".join(cells) + " |", flush=True)


class DataSheets(unittest.TestCase):
    def check(self, device):
        for sheet_device, what, io, expected, unit in SHEET:
            if sheet_device != device:
                continue
            with self.subTest(device=device, what=what):
                job = Job(device, **io)
                self.assertAlmostEqual(job.figure(unit), expected, delta=0.1 * expected)
                # Every byte that the device moved is in the memory system's counters.
                moved = job.stats["disk/bytes_read"] + job.stats["disk/bytes_written"]
                self.assertEqual(moved, 64 * (job.stats["disk/lines_read"] + job.stats["disk/lines_written"]))
                self.assertEqual(job.stats["llc0/device_accesses"],
                                 sum(job.stats[f"disk/{name}"] for name in ("lines_read", "lines_written", "ring_lines")))

    def test_nvme(self):
        self.check("nvme")

    def test_sata_ssd(self):
        self.check("sata_ssd")

    def test_disk(self):
        self.check("disk")

    def test_optane(self):
        self.check("optane")


class Options(unittest.TestCase):
    def test_a_scheduler_that_sorts_spares_a_disk_seeks(self):
        """Without the disk's own queueing; deeper than its queue the order is the scheduler's."""
        rates = [Job("disk", queue_depth=64, span=SPAN_DISK, operations=300,
                     settings=("--set", "device.queue_depth=1", "--set", f"os.io_scheduler={scheduler}")).iops
                 for scheduler in ("none", "mq-deadline")]
        self.assertGreater(rates[1], 1.3 * rates[0])

    def test_polling_is_faster_than_an_interrupt(self):
        latencies = [Job("optane", operations=500, settings=("--set", f"os.io_polling={polling}")).iops for polling in ("off", "on")]
        self.assertGreater(latencies[1], 1.05 * latencies[0])


if __name__ == "__main__":
    if "--table" in sys.argv:
        print_table()
    elif "--curves" in sys.argv:
        print_curves()
    else:
        unittest.main(argv=sys.argv[:1], verbosity=2)
