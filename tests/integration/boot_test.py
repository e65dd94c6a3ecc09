"""`pagewalk boot` prints the page allocator of a machine that has just booted; `replay` takes captures."""

import re
import tarfile
import unittest

from pagewalk_case import SMALL, PagewalkCase, evidence

CAPTURE = evidence("linux/c-static.tar.xz")

TWO_NODES = "[machine]\ncpus = 2\nsockets = 2\nmemory = 6GiB\n"


class Boot(PagewalkCase):
    def boot(self, *words, config=SMALL):
        return self.succeed("boot", self.config(config), *words).stdout

    def free_pages(self, buddyinfo):
        """By (node, zone)."""
        return {(fields[1].rstrip(","), fields[3]): sum(int(count) << order for order, count in enumerate(fields[4:]))
                for fields in map(str.split, buddyinfo.splitlines())}

    def test_prints_every_file_by_default(self):
        printed = self.boot()
        for name in ("buddyinfo", "iomem", "pagetypeinfo", "zoneinfo", "zonelists"):
            self.assertIn(f"==> /proc/{name} <==\n{self.boot('--proc', name)}", printed)

    def test_small_machine_has_the_low_zones_alone(self):
        free = self.free_pages(self.boot("--proc", "buddyinfo"))
        self.assertEqual(set(free), {("0", "DMA"), ("0", "DMA32")})
        self.assertLess(sum(free.values()), 256 << 8)

    def test_second_node_has_normal_memory_alone(self):
        free = self.free_pages(self.boot("--proc", "buddyinfo", config=TWO_NODES))
        self.assertEqual({zone for node, zone in free if node == "1"}, {"Normal"})
        self.assertGreater(free["1", "Normal"], 2 << 18)

    def test_zoneinfo_counts_the_free_pages_of_buddyinfo(self):
        free = self.free_pages(self.boot("--proc", "buddyinfo", config=TWO_NODES))
        zoneinfo = self.boot("--proc", "zoneinfo", config=TWO_NODES)
        told = {(node, zone): int(pages) for node, zone, pages in
                re.findall(r"^Node (\d+), zone +(\w+)\n(?: +per-node stats\n(?:      .*\n)+)?  pages free +(\d+)$", zoneinfo, re.MULTILINE)}
        for key, pages in free.items():
            self.assertEqual(told[key], pages, key)

    def test_walks_a_region_with_and_without_a_configuration(self):
        steps = ("--walk", "A=34KiB;free A")
        printed = self.succeed("boot", *steps).stdout
        self.assertIn("A:64 64 128 256 512", printed)
        self.assertEqual(self.boot(*steps), printed)

    def test_settings_win(self):
        free = self.free_pages(self.boot("--set", "machine.memory=128MiB", "--proc", "buddyinfo"))
        self.assertLess(sum(free.values()), 128 << 8)


class CapturedSlabs(PagewalkCase):
    def names(self, text):
        return {line.split()[0] for line in text.splitlines()[2:]}

    def test_slabinfo_names_merged_caches_as_the_kernel_did(self):
        printed = self.names(self.succeed("boot", "--from-capture", CAPTURE, "--proc", "slabinfo").stdout)
        with tarfile.open(CAPTURE) as archive:
            [member] = [name for name in archive.getnames() if name.endswith("/slabinfo")]
            real = self.names(archive.extractfile(member).read().decode())
        self.assertEqual(printed, real)

    def test_sysfs_names_them_by_their_ids(self):
        printed = self.succeed("boot", "--from-capture", CAPTURE, "--proc", "sys_kernel_slab").stdout
        self.assertIn(" -> :0000192\n", printed)


class Refusals(PagewalkCase):
    def refuse(self, *words, named=()):
        done = self.call(*words)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertTrue(done.stderr.startswith("pagewalk: "), done.stderr)
        self.assertEqual(done.stdout, "")
        for word in named:
            self.assertIn(word, done.stderr)

    def test_boot_names_what_is_wrong(self):
        config = self.config()
        self.refuse("boot", named=["usage"])
        self.refuse("boot", config, "--proc", "cpuinfo", named=["cpuinfo", "buddyinfo, iomem, pagetypeinfo, zoneinfo, zonelists"])
        self.refuse("boot", config, "--from-capture", self.folder, named=["one of them"])
        self.refuse("boot", "--from-capture", "absent", named=["absent"])
        self.refuse("boot", "--from-capture", self.folder, named=[str(self.folder)])
        self.refuse("boot", "--from-capture", self.folder, "--set", "machine.memory=1GiB", named=["--set"])
        self.refuse("boot", "--walk", "free A", named=["A holds nothing"])
        self.refuse("boot", "--walk", "A=1KiB", "--proc", "iomem", named=["--walk"])
        self.refuse("boot", config, "--set", "machine.cpus=3", "--set", "machine.sockets=2", named=["machine.cpus"])

    def test_replay_names_what_is_wrong(self):
        self.path("text.tar.xz").write_text("hello")
        self.refuse("replay", named=["usage"])
        self.refuse("replay", "absent", named=["absent"])
        self.refuse("replay", self.folder, named=[str(self.folder)])
        self.refuse("replay", "text.tar.xz", named=["text.tar.xz"])


if __name__ == "__main__":
    unittest.main()
