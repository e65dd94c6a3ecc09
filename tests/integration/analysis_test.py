"""The Python package's helpers on real runs and a real sweep: figures agree with one another and with the summary."""

import os
import subprocess
import sys
import time
import unittest

import h5py
import numpy as np
import pandas as pd

from pagewalk_case import SOURCE, SYNTHETIC, PagewalkCase

sys.path.insert(0, str(SOURCE / "results/analysis"))
import pagewalk  # noqa: E402
from pagewalk.repeats import t_95  # noqa: E402

NUMA = SYNTHETIC.replace("cpus = 1", "cpus = 2\nsockets = 2") + "[run]\ninterval = 20k\n[events]\ntlb_misses = 1\n"
SWEEP = SYNTHETIC + """
[sweep]
repeats = 3
baseline = entries=128
[axis.entries]
option = mmu.l2_tlb.entries
values = 128, 512
"""


class Helpers(PagewalkCase):
    @classmethod
    def setUpClass(cls):
        case = cls("test_means_of_one_run_agree_with_its_summary")
        case.setUp()
        cls.addClassCleanup(case.doCleanups)
        cls.file = case.run_to_file(config=NUMA)
        cls.run_ = pagewalk.load(cls.file)
        cls.addClassCleanup(cls.run_.close)
        case.succeed("sweep", case.config(SWEEP, "sweep.cfg"), "-o", "sweep")
        cls.sweep = pagewalk.load(case.path("sweep"))
        cls.addClassCleanup(cls.sweep.close)

    def test_means_of_one_run_agree_with_its_summary(self):
        summary = self.run_.summary
        self.assertAlmostEqual(pagewalk.tlb_mpki(self.run_).loc["machine", "l2_tlb"], summary["stlb_mpki"])
        self.assertAlmostEqual(pagewalk.cpi_stack(self.run_).to_numpy().sum(), 1 / summary["ipc"], places=3)
        self.assertEqual(pagewalk.walk_latency(self.run_).walks.sum(), summary["walks"])

    def test_distributions_end_at_one(self):
        for frame in (pagewalk.walk_latency(self.run_).cumulative, pagewalk.contiguity(self.run_).cumulative,
                      pagewalk.fault_latency(self.run_).iloc[:, 0]):
            self.assertAlmostEqual(frame.iloc[-1], 1)
            self.assertTrue(frame.is_monotonic_increasing)

    def test_fault_counts_are_the_summarys(self):
        faults = pagewalk.fault_latency(self.run_, cumulative=False)
        self.assertEqual(faults.to_numpy().sum(), self.run_.summary["page_faults"])

    def test_allocations_are_all_there(self):
        tails = pagewalk.allocation_tails(self.run_)
        self.assertEqual(tails.number.sum(), len(self.run_.events("allocations")))
        self.assertTrue((tails.p50 <= tails.p99).all() and (tails["p99.9"] <= tails["max"]).all())

    def test_nodes_account_for_all_traffic(self):
        nodes = pagewalk.numa_ratios(self.run_)
        summary = self.run_.summary
        self.assertEqual(nodes.bytes.sum(), summary["dram_read_bytes"] + summary["dram_write_bytes"])
        self.assertTrue((nodes.local.dropna() <= 1).all())

    def test_bandwidth_adds_up_to_the_bytes(self):
        rows = pagewalk.bandwidth(self.run_)
        seconds = rows.index.to_series().diff().fillna(rows.index[0]) / 1e3
        total = self.run_.intervals("machine").dram_read_bytes.sum()
        self.assertAlmostEqual((rows.read * seconds).sum() * 1e9 / total, 1)

    def test_mapped_frames_are_the_tables_pages_once_each(self):
        frames = pagewalk.mapped_frames(self.run_)
        self.assertGreaterEqual(len(frames), 4 << 20 >> 12)  # the table, and what else was written
        self.assertTrue(frames.pfn.is_unique)
        memory = pagewalk.contiguity(self.run_).memory.sum()
        self.assertEqual(memory, len(frames) * 4096)

    def test_fragmentation_follows_from_buddyinfo(self):
        frame = pagewalk.fragmentation(self.run_, order=0)
        self.assertTrue((frame.unusable == 0).all())
        self.assertTrue((pagewalk.fragmentation(self.run_, order=10).unusable > 0).all())

    def test_reclaim_and_page_cache_follow_their_events(self):
        config = (SYNTHETIC.replace("gups", "kvstore").replace("memory = 256MiB", "memory = 128MiB").replace("table = 4MiB", "entries = 130000")
                  .replace("instructions = 200k", "instructions = 600k").replace("first_touch = off", "first_touch = pages"))
        file = self.run_to_file(config=config + "[os]\nswap = 256MiB\ntiming = off\n[events]\nfilemap = 1\n")
        with pagewalk.load(file) as run:
            reclaim, events = pagewalk.reclaim_activity(run), run.events("reclaim")
            self.assertGreater(len(reclaim), 1)
            self.assertEqual(reclaim.reclaimed.iloc[-1], events.reclaimed.sum())
            self.assertLessEqual(set(reclaim.by), {"kswapd", "direct"})
            cache = pagewalk.page_cache_activity(run)
            self.assertEqual(len(cache), len(run.events("filemap")))
            self.assertTrue((cache.cached == cache.added - cache.removed).all())

    def test_no_policy_beats_the_ideal_one(self):
        self.assertEqual(pagewalk.ideal_hits("abcabdacbd", 2), 3)
        self.assertEqual(pagewalk.ideal_hits("aaaa", 1), 3)
        reads = SYNTHETIC.replace("gups", "file_reads").replace("memory = 256MiB", "memory = 128MiB").replace("instructions = 200k", "instructions = 0")
        reads = reads.replace("table = 4MiB", "file = 256MiB\nblock = 4096\noperations = 50000\nzipf = 60")
        for policy in ("lru", "mglru"):
            file = self.run_to_file(config=reads + f"[os]\nfile_cache = cold\ntiming = off\nreclaim = {policy}\n[events]\nfile_reads = 1\n")
            with pagewalk.load(file) as run:
                self.assertEqual(len(pagewalk.read_pages(run)), 50000)
                self.assertGreater(run.stats.value["kernel/pgsteal_file"], 0)
                bound = pagewalk.page_cache_bound(run)
                self.assertGreater(bound.ideal, bound.hit_ratio)
                self.assertGreater(bound.hit_ratio, 0.1)

    def test_units_are_told(self):
        for helper in (pagewalk.tlb_mpki, pagewalk.cpi_stack, pagewalk.bandwidth, pagewalk.allocation_tails,
                       pagewalk.fragmentation, pagewalk.numa_ratios, pagewalk.fault_latency):
            frame = helper(self.run_)
            self.assertEqual(set(frame.columns) - set(frame.attrs["units"]), set(), helper.__name__)

    def test_sweep_has_means_and_differences(self):
        points = self.sweep.points
        self.assertEqual(len(points), 6)
        self.assertEqual(points.attrs["units"]["cycles"], "cycles")
        means = self.sweep.means("stlb_mpki")
        self.assertEqual(list(means.index), [128, 512])
        self.assertEqual(list(means.n), [3, 3])
        self.assertTrue((means.low <= means["mean"]).all())
        differences = self.sweep.differences("stlb_mpki")
        self.assertEqual(differences.loc[128, "mean"], 0)
        self.assertLess(differences.loc[512, "high"], 0)
        with self.assertRaisesRegex(KeyError, "there are instructions"):
            self.sweep.means("speed")

    def test_a_sweeps_runs_are_runs(self):
        for name, run in self.sweep.runs():
            self.assertEqual(run.summary["cycles"], self.sweep.points.cycles[name])
        first, last = self.sweep.run("entries=128,repeat=1"), self.sweep.run("entries=512,repeat=1")
        change = pagewalk.cpi_difference(first, last)
        self.assertAlmostEqual(change.to_numpy().sum(), 1 / last.summary["ipc"] - 1 / first.summary["ipc"], places=3)

    def test_notebooks_show_tables(self):
        self.assertIn("<table>", self.run_._repr_html_())
        self.assertIn("sweep", self.sweep._repr_html_())


class LargeSweep(PagewalkCase):
    def test_ten_thousand_points_give_a_metrics_frame_in_seconds(self):
        self.succeed("sweep", self.config(SWEEP, "sweep.cfg"), "-o", "sweep")
        count, points = 10_000, self.path("sweep/points")
        one = next(points.glob("*.h5"))
        with h5py.File(self.path("sweep/index.h5"), "r+") as index:
            columns = []
            index["table"].visititems(lambda path, item: columns.append(path) if isinstance(item, h5py.Dataset) else None)
            for path in columns:
                values, attributes = index["table"][path][:], dict(index["table"][path].attrs)
                made = [f"point{i}".encode() for i in range(count)] if path == "name" else np.resize(values, count)
                del index["table"][path]
                index["table"].create_dataset(path, data=np.array(made))
                for key, value in attributes.items():
                    text = isinstance(value, bytes)
                    index["table"][path].attrs[key] = np.array(value, dtype=f"S{max(1, len(value))}") if text else value
            for i in range(count):
                os.link(one, points / f"point{i}.h5")
                index["points"][f"point{i}"] = h5py.ExternalLink(f"points/point{i}.h5", "/")
        begin = time.process_time()  # others may load the machine
        with pagewalk.load(self.path("sweep")) as sweep:
            means = sweep.means("stlb_mpki")
            last = sweep.run("point9999").summary["cycles"]
        self.assertLess(time.process_time() - begin, 10)
        self.assertEqual(means.n.sum(), count)
        self.assertGreater(last, 0)


class Repeats(unittest.TestCase):
    def test_interval_is_students(self):
        # Worked by hand: mean 3, s = sqrt(2.5), t(4) = 2.776.
        row = pagewalk.mean_interval([1, 2, 3, 4, 5])
        self.assertAlmostEqual(row["high"] - 3, 2.776 * np.sqrt(2.5 / 5))
        self.assertTrue(np.isnan(pagewalk.mean_interval([1])["low"]))

    def test_pairs_take_out_what_both_share(self):
        row = pagewalk.paired_difference(pd.Series([1.0, 10, 100]), pd.Series([2.0, 11, 101]))
        self.assertEqual((row["mean"], row["low"], row["high"]), (1, 1, 1))

    def test_quantile_goes_on_beyond_its_table(self):
        self.assertAlmostEqual(t_95(31), 2.040, places=2)
        self.assertAlmostEqual(t_95(120), 1.980, places=3)


class Package(unittest.TestCase):
    def test_pip_installs_it(self):
        case = PagewalkCase()
        case.setUp()
        self.addCleanup(case.doCleanups)
        source = case.path("analysis")
        subprocess.run(["cp", "-r", str(SOURCE / "results/analysis"), str(source)], check=True)
        subprocess.run(["/usr/bin/python3", "-m", "pip", "install", "-q", "--no-build-isolation", "--no-deps", "--no-index",
                        "--target", str(case.path("site")), str(source)], check=True, capture_output=True, timeout=100)
        done = subprocess.run(["/usr/bin/python3", "-c", "import pagewalk; print(pagewalk.__file__)"], capture_output=True,
                              text=True, env={"PYTHONPATH": str(case.path("site"))}, cwd="/")
        self.assertIn(str(case.path("site")), done.stdout, done.stderr)


if __name__ == "__main__":
    unittest.main()
