"""A results file as people's tools see it: h5py, pandas, and Pagewalk's own helper.

usage: python_results_test.py WRITER ANALYSIS_FOLDER
"""

import os
import subprocess
import sys
import tempfile
import unittest

import h5py
import pandas as pd

WRITER, ANALYSIS = sys.argv[1:3]
sys.path.insert(0, ANALYSIS)
sys.dont_write_bytecode = True
import pagewalk  # noqa: E402

EVENTS = 20000  # three chunks


class PythonResults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "run.h5")
        subprocess.run([WRITER, cls.path, str(EVENTS)], check=True)
        cls.file = h5py.File(cls.path, "r")
        cls.run_ = pagewalk.load(cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.run_.close()
        cls.file.close()
        cls.folder.cleanup()

    def test_every_dataset_has_unit_and_description(self):
        datasets = []
        self.file.visititems(lambda name, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
        self.assertGreater(len(datasets), 40)
        for dataset in datasets:
            for attribute in ("unit", "description"):
                text = dataset.attrs.get(attribute)
                self.assertIsInstance(text, bytes, dataset.name)
                self.assertNotEqual(text, b"", dataset.name)

    def test_every_event_column_has_unit_and_description(self):
        for table in self.file["events"].values():
            for column in table.dtype.names:
                self.assertNotEqual(table.attrs[f"{column}_unit"], b"")
                self.assertNotEqual(table.attrs[f"{column}_description"], b"")

    def test_event_table_reads_straight_into_pandas(self):
        frame = pd.DataFrame(self.file["events/page_faults"][:])
        self.assertEqual(list(frame.columns), ["time", "address", "latency", "node", "kind"])
        self.assertEqual(len(frame), EVENTS)
        self.assertTrue((frame.time == pd.RangeIndex(EVENTS) * 1000).all())
        self.assertTrue((frame.address == 0x7F0000000000 + pd.RangeIndex(EVENTS) * 4096).all())
        self.assertEqual(frame.node.min(), -1)

    def test_event_table_is_chunked_shuffled_and_deflated(self):
        table = self.file["events/page_faults"]
        self.assertEqual(table.chunks, (8192,))
        self.assertTrue(table.shuffle)
        self.assertEqual((table.compression, table.compression_opts), ("gzip", 1))
        self.assertLess(table.id.get_storage_size(), 23 * EVENTS // 3)
        self.assertEqual(table.attrs["every"], 1)

    def test_enumerations_have_names(self):
        kind = self.file["events/page_faults"].dtype["kind"]
        self.assertEqual(h5py.check_enum_dtype(kind), {"minor": 0, "major": 1, "spurious": 2})
        self.assertEqual(list(self.run_.events("page_faults").kind[:3]), ["minor", "major", "spurious"])

    def test_default_plot_leads_to_data(self):
        item = self.file
        while "default" in item.attrs:
            item = item[item.attrs["default"]]
        self.assertEqual(item.attrs["NX_class"], b"NXdata")
        self.assertEqual(item[item.attrs["signal"]].shape, item[item.attrs["axes"]].shape)

    def test_helper_gives_summary_status_and_config(self):
        self.assertEqual(self.run_.status, "complete")
        summary = self.run_.summary
        self.assertEqual(summary["instructions"], 100000)
        self.assertEqual(summary["ipc"], 0.5)
        self.assertEqual(summary["status"], "complete")
        self.assertGreater(summary["host_mips"], 0)
        self.assertEqual(self.run_.config, {"mmu.l2_tlb.entries": "1536", "run.seed": "42"})
        self.assertEqual(self.run_.meta["command_line"], "pagewalk run sample.cfg")

    def test_helper_gives_stats(self):
        stats = self.run_.stats
        misses = stats.loc["core0/mmu/l2_tlb/misses"]
        self.assertEqual((misses.component, misses["name"], misses.value, misses.unit),
                         ("core0/mmu/l2_tlb", "misses", 1000, "count"))
        self.assertEqual(stats.loc["core0/mmu/l2_tlb/mpki"].formula, "misses * 1000 / instructions")
        self.assertTrue(pd.isna(stats.loc["core0/mmu/l2_tlb/undefined"].value))
        self.assertEqual(len(self.run_.stats_total), len(stats))

    def test_helper_gives_histograms_intervals_and_proc(self):
        histogram = self.run_.histogram("core0/mmu/l2_tlb/walk_cycles")
        self.assertEqual(histogram.counts.sum(), 1000)
        self.assertEqual(histogram.attrs["unit"], "cycles")
        self.assertIn("core0/mmu/l2_tlb/empty", self.run_.histogram_names)
        self.assertEqual(len(self.run_.histogram("core0/mmu/l2_tlb/empty")), 0)
        intervals = self.run_.intervals()
        self.assertEqual(list(intervals.columns), ["time", "instructions", "misses"])
        self.assertEqual(intervals.instructions.sum(), 100000)
        self.assertEqual(intervals.attrs["units"]["time"], "ps")
        self.assertEqual(self.run_.proc("node0/numastat"), "numa_hit 7\n")

    def test_helper_refuses_foreign_files_and_other_versions(self):
        path = os.path.join(self.folder.name, "foreign.h5")
        with h5py.File(path, "w") as file:
            file.attrs["schema"] = "pagewalk"
            file.attrs["schema_version"] = 999
        with self.assertRaisesRegex(pagewalk.NotPagewalkResults, "999"):
            pagewalk.load(path)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
