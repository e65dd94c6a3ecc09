"""Machines of configs/machines/qemu_*.cfg and of captures against the real machines' /proc files.

usage: qemu_machines_test.py PAGEWALK SOURCE_FOLDER
"""

import re
import subprocess
import sys
import tarfile
import unittest
from pathlib import Path

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
CAPTURES = SOURCE / "tests/data/linux"
SHAPES = {"a": "a-static", "c": "c-static", "d": "d-static", "h2": "h2-static32"}

# What the kernel keeps for itself, up to a tenth of these machines' zones, is only roughly known without a capture.
WATERMARK_SHARE = 0.02


def captured(shape, name):
    with tarfile.open(CAPTURES / f"{SHAPES[shape]}.tar.xz") as archive:
        return archive.extractfile(f"{SHAPES[shape]}/{name}").read().decode()


def boot(*words):
    return subprocess.run([PROGRAM, "boot", *map(str, words)], capture_output=True, text=True, check=True).stdout


def zones(zoneinfo):
    """Sizes and watermarks by (node, zone)."""
    found = {}
    for line in zoneinfo.splitlines():
        if head := re.match(r"Node (\d+), zone +(\w+)$", line):
            zone = found.setdefault(head.groups(), {})
        elif value := re.match(r" +(min|low|high|spanned|present|managed|start_pfn:) +(\d+)$", line):
            zone[value[1].rstrip(":")] = int(value[2])
    return found


def memory_lines(iomem):
    """Lines about memory and the kernel's image; devices are nothing that a memory map tells."""
    return [line for line in iomem.splitlines() if re.search(r" : (System RAM|Reserved|ACPI .*|Kernel \w+)$", line)]


def cache_geometry(sys_kernel_slab):
    """Lines without the columns that count slabs and objects, which a machine without tasks has none of."""
    names = sys_kernel_slab.splitlines()[0].split("|")
    counts = {"slabs", "objects", "partial", "cpu_slabs", "slabs_cpu_partial"}
    kept = [i for i, name in enumerate(names) if name not in counts]
    rows = [line.split("|") for line in sys_kernel_slab.splitlines()]
    return sorted([row[i] for i in kept] if len(row) > 1 else row for row in rows)


class QemuMachines(unittest.TestCase):
    def test_configured_zones_are_the_real_ones(self):
        for shape in SHAPES:
            real = zones(captured(shape, "zoneinfo"))
            ours = zones(boot(SOURCE / f"configs/machines/qemu_{shape}.cfg", "--proc", "zoneinfo"))
            self.assertEqual(ours.keys(), real.keys())
            for zone, values in real.items():
                for name in ("spanned", "present", "start_pfn"):
                    self.assertEqual(ours[zone].get(name), values.get(name), (shape, zone, name))

    def test_configured_watermarks_are_close(self):
        for shape in SHAPES:
            real = zones(captured(shape, "zoneinfo"))
            ours = zones(boot(SOURCE / f"configs/machines/qemu_{shape}.cfg", "--proc", "zoneinfo"))
            for zone, values in real.items():
                for name in ("min", "low", "high"):
                    print(f"{shape:3} {zone[0]} {zone[1]:8} {name:5} {values[name]:7} {ours[zone][name]:7}")
                    self.assertAlmostEqual(ours[zone][name], values[name], delta=2 + WATERMARK_SHARE * values[name],
                                           msg=(shape, zone, name))

    def test_captured_iomem_is_the_real_one(self):
        for shape, capture in SHAPES.items():
            ours = boot("--from-capture", CAPTURES / f"{capture}.tar.xz", "--proc", "iomem")
            self.assertEqual(ours.splitlines(), memory_lines(captured(shape, "iomem")), shape)

    def test_captured_caches_are_the_real_ones(self):
        for shape in ("a", "c", "d"):
            ours = boot("--from-capture", CAPTURES / f"{SHAPES[shape]}.tar.xz", "--proc", "sys_kernel_slab")
            self.assertEqual(cache_geometry(ours), cache_geometry(captured(shape, "sys_kernel_slab")), shape)

    def test_configured_iomem_has_the_real_memory(self):
        for shape in SHAPES:
            ours = boot(SOURCE / f"configs/machines/qemu_{shape}.cfg", "--proc", "iomem")
            without_image = [line for line in memory_lines(captured(shape, "iomem")) if "Kernel" not in line]
            self.assertEqual([line for line in ours.splitlines() if "Kernel" not in line], without_image, shape)

    def test_fallback_order_is_the_one_of_dmesg(self):
        for shape in ("a", "c", "d"):
            real = re.findall(r"Fallback order for Node .*", captured(shape, "dmesg"))
            ours = boot(SOURCE / f"configs/machines/qemu_{shape}.cfg", "--proc", "zonelists")
            self.assertEqual(ours.splitlines(), real, shape)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
