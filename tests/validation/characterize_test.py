"""`pagewalk characterize` on a machine that others measured: what was predicted, not fitted, is near what they saw.

usage: characterize_test.py PAGEWALK SOURCE_FOLDER
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
import h5py  # noqa: E402

PROGRAM, SOURCE = Path(sys.argv[1]), Path(sys.argv[2])
MACHINE = SOURCE / "configs/machines/skylake_sp_6140.cfg"


class Characterize(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as scratch:
            table = Path(scratch) / "table.h5"
            tables = "tlb,idle_latency,bandwidth,node_bandwidth,cache_to_cache,loaded_latency"
            done = subprocess.run([PROGRAM, "characterize", MACHINE, "--only", tables, "-o", table],
                                  check=True, capture_output=True, text=True)
            print(done.stdout)
            with h5py.File(table) as file:
                columns = {name: file[f"table/{name}"][()] for name in ("name", "figure", "published", "error", "fitted")}
        cls.rows = {name.decode(): {key: column[i] for key, column in columns.items()} for i, name in enumerate(columns["name"])}

    def assert_near(self, name, allowed):
        row = self.rows[name]
        self.assertLessEqual(abs(row["error"]), allowed, f"{name}: {row['figure']:.1f}, published {row['published']:.1f}")

    def test_what_was_fitted_is_met(self):
        for name in ("idle_latency.0.0", "idle_latency.0.1", "cache_to_cache.local_hitm"):
            self.assertEqual(self.rows[name]["fitted"], 1)
            self.assert_near(name, 0.02)

    def test_bandwidth_is_predicted(self):
        for name in ("bandwidth.reads", "bandwidth.3:1", "bandwidth.2:1", "bandwidth.1:1", "node_bandwidth.0.0", "node_bandwidth.0.1"):
            self.assertEqual(self.rows[name]["fitted"], 0)
            self.assert_near(name, 0.07)

    def test_lines_of_the_other_socket(self):
        for name in ("cache_to_cache.remote_hitm_writer", "cache_to_cache.remote_hitm_reader"):
            self.assert_near(name, 0.10)

    def test_loaded_latency_below_nine_tenths_of_the_peak(self):
        for name, row in self.rows.items():
            if name.startswith("loaded_latency at") and float(name.split()[2]) < 0.9 * 211:
                self.assert_near(name, 0.10)

    def test_tlbs_have_their_sizes(self):
        self.assertEqual(self.rows["tlb.l1_4k"]["figure"], 64)
        self.assertEqual(self.rows["tlb.l2_4k"]["figure"], 1536)
        self.assertAlmostEqual(self.rows["tlb.l2_hit"]["figure"], 9, delta=1)


unittest.main(argv=sys.argv[:1], verbosity=2)
