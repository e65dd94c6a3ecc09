"""Devices that move data by themselves, in whole runs: all at once, their faults, and what a configuration may not ask of them."""

import unittest

import h5py

from pagewalk_case import SOURCE, PagewalkCase, text

EXPERIMENTS = SOURCE / "configs" / "experiments"


class Devices(PagewalkCase):
    def run_experiment(self, name, **settings):
        """The messages on stderr, and the results."""
        words = [word for key, value in settings.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
        done = self.succeed("run", EXPERIMENTS / name, "-o", "run.h5", *words)
        run = h5py.File(self.path("run.h5"), "r")
        self.addCleanup(run.close)
        self.assertEqual(text(run["meta/status"]), "complete")
        return done.stderr, {path: run[f"stats_total/{path}"][()].item() for path in self.paths(run["stats_total"])}

    @staticmethod
    def paths(group):
        found = []
        group.visititems(lambda path, item: found.append(path) if isinstance(item, h5py.Dataset) and item.shape == () else None)
        return found

    def assert_moved_bytes_are_accesses(self, stats):
        """Every line that a device moved, or read of a table on the way, is an access of the last-level cache."""
        lines = sum(stats.get(path, 0) for path in ("disk/lines_read", "disk/lines_written", "disk/ring_lines", "nic/lines_read",
                                                    "nic/lines_written", "nic/ring_lines", "iommu/walk_loads"))
        self.assertEqual(stats["llc0/device_accesses"], lines)

    def test_a_file_server_a_hog_and_a_stream_at_once(self):
        _, stats = self.run_experiment("device_mix.cfg", synthetic__net_receive__messages=200, synthetic__file_reads__operations=500,
                                       synthetic__kvstore__requests=500)
        self.assert_moved_bytes_are_accesses(stats)
        self.assertGreaterEqual(stats["kernel/net/message_bytes"], 200 * 65536)  # who has ended begins again
        self.assertGreater(stats["kernel/pswpout"], 1000)
        self.assertGreater(stats["disk/bytes_read"], 500 * 4096)
        self.assertEqual(stats["kernel/oom_kill"], 0)
        self.assertEqual(stats["iommu/faults"], 0)
        for device in ("disk", "nic"):
            self.assertGreater(stats[f"kernel/dma/iommu/{device}/mappings"], 0)

    def test_a_faulting_block_device_loses_nothing(self):
        settings = {"device.kind": "nvme", "iommu.mode": "strict", "synthetic.block_io.operations": 300}
        messages, stats = self.run_experiment("block_device.cfg", **settings, **{"iommu.fault_at": 5000})
        self.assertRegex(messages, r"IOMMU: the block device writes to I/O address 0x[0-9a-f]+, which no driver has mapped")
        self.assertEqual(stats["iommu/faults"], 1)
        self.assertEqual(stats["disk/resets"], 1)
        self.assertGreaterEqual(stats["kernel/block/retries"], 1)
        self.assertEqual(stats["kernel/block/errors"], 0)
        self.assertEqual(stats["disk/bytes_read"], 300 * 4096)
        with h5py.File(self.path("run.h5")) as run:
            self.assertIn("which no driver has mapped", text(run["proc/kmsg"]))

    def test_a_faulting_nic_goes_on(self):
        messages, stats = self.run_experiment("net_receive.cfg", iommu__mode="lazy", iommu__fault_at=20000,
                                              synthetic__net_receive__messages=5)
        self.assertIn("IOMMU: the NIC writes to", messages)
        self.assertEqual(stats["nic/resets"], 1)
        self.assertEqual(stats["kernel/net/resets"], 1)
        self.assertGreater(stats["nic/missed"], 0)
        self.assertEqual(stats["kernel/net/messages"], 4 * 5)

    def test_what_is_sent_has_left(self):
        for segmentation in ("nic", "kernel"):
            with self.subTest(segmentation=segmentation):
                _, stats = self.run_experiment("net_send.cfg", synthetic__net_send__messages=8, os__net_segmentation=segmentation)
                self.assert_moved_bytes_are_accesses(stats)
                self.assertEqual(stats["kernel/net/send/bytes"], 4 * 8 * 65536)
                self.assertLessEqual(stats["nic/bytes_sent"], 4 * 8 * 65536)
                # The run ends with the tasks: what they have sent last may still be in sockets' buffers.
                self.assertGreaterEqual(stats["nic/bytes_sent"], 4 * 8 * 65536 - 4 * 212992)

    def test_a_generator_without_a_nic_is_refused_before_the_run(self):
        for generator in ("net_receive", "net_send"):
            config = self.config(f"[workload]\nkind = synthetic\nsynthetic = {generator}\n")
            done = self.call("run", config, "-o", "run.h5")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"workload.synthetic = {generator}: wants a NIC: set nic.rate", done.stderr)
            self.assertEqual([file.name for file in self.folder.iterdir()], ["test.cfg"])


if __name__ == "__main__":
    unittest.main()
