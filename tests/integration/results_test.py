"""A results file holds what it promises, and its numbers agree with each other."""

import unittest

import h5py
import pandas

from pagewalk_case import SMALL, SYNTHETIC, PagewalkCase, program, text

FIXED_KEYS = ["instructions", "cycles", "ipc", "host_seconds", "host_mips", "l1i_mpki", "l1d_mpki", "l2_mpki", "llc_mpki",
              "dtlb_mpki", "stlb_mpki", "branch_mpki", "walks", "walk_cycles_mean", "walk_refs_mean", "page_faults",
              "fault_cycles_p50", "fault_cycles_p99", "allocations", "alloc_cycles_p50", "alloc_cycles_p99",
              "dram_read_bytes", "dram_write_bytes", "dram_row_hit_rate", "status", "exit_status", "died_of", "killed_by",
              "region"]


class Results(PagewalkCase):
    def measure(self, *words, config=SYNTHETIC):
        file = self.run_to_file("--set", "events.tlb_misses=1", *words, config=config)
        return self.summary(file), h5py.File(file, "r")

    def total(self, run, name, components="cpu"):
        return sum(int(group[name][()]) for component, group in run["stats"].items()
                   if component.startswith(components) and name in group)

    def inner_total(self, run, component, name):
        return sum(int(group[component][name][()]) for key, group in run["stats"].items() if key.startswith("cpu"))

    def check_agreement(self, summary, run):
        self.assertEqual(list(summary), [*FIXED_KEYS, "programs", "processes"])
        self.assertEqual([key for key, value in summary.items() if value is None and key not in FIXED_KEYS[-4:]], [])
        user, kernel = self.total(run, "user_cycles"), self.total(run, "kernel_cycles")
        self.assertEqual(summary["instructions"], self.total(run, "user_instructions"))
        self.assertEqual(summary["cycles"], user + kernel)
        self.assertEqual(summary["ipc"], summary["instructions"] / summary["cycles"])
        for ring, cycles in (("user", user), ("kernel", kernel)):
            stack = sum(int(value[()]) for component, group in run["stats"].items() if component.startswith("cpu")
                        for value in group["cpi_stack"][ring].values())
            self.assertEqual(stack, cycles)
        for key, component in (("l1i_mpki", "l1i"), ("l1d_mpki", "l1d"), ("l2_mpki", "l2")):
            self.assertAlmostEqual(summary[key], 1000 * self.inner_total(run, component, "misses") / summary["instructions"])
        self.assertAlmostEqual(summary["dtlb_mpki"], 1000 * self.inner_total(run, "mmu", "dtlb_misses") / summary["instructions"])
        walks = self.inner_total(run, "mmu", "walks")
        self.assertEqual(summary["walks"], walks)
        self.assertAlmostEqual(summary["walk_cycles_mean"], self.inner_total(run, "mmu", "walk_cycles") / walks)
        kernel_stats = run["stats/kernel"]
        faults = sum(int(value[()]) for name, value in kernel_stats.items() if name.startswith("faults_"))
        self.assertEqual(faults, kernel_stats["pgfault"][()])
        # Faults of the kernel's own accesses to the program's buffers are counted, but have no row and no latency of their own.
        copies = kernel_stats["copied_to_user"][()] + kernel_stats["copied_from_user"][()]
        self.assertIn(summary["page_faults"], range(faults - (faults // 10 if copies else 0), faults + 1))
        self.assertEqual(run["histograms/kernel/fault_latency"].attrs["count"], summary["page_faults"])
        self.assertEqual(len(run["events/page_faults"]), summary["page_faults"])
        self.assertEqual(run["histograms/kernel/allocation_latency"].attrs["count"], summary["allocations"])
        self.assertEqual(run["histograms/kernel/allocation_latency/counts"][:].sum(), summary["allocations"])
        self.assertEqual(len(run["events/allocations"]), summary["allocations"])
        self.assertEqual(len(run["events/tlb_misses"]), walks)
        self.assertEqual(summary["dram_read_bytes"], self.total(run, "read_bytes", "dram"))
        self.assertEqual(summary["dram_write_bytes"], self.total(run, "write_bytes", "dram"))

    def test_numbers_of_a_generator_agree(self):
        self.check_agreement(*self.measure())

    def test_numbers_of_threads_on_four_cpus_agree(self):
        self.check_agreement(*self.measure("--set", "machine.cpus=4", "--set", "synthetic.threads=6"))

    def test_numbers_of_a_program_that_forks_agree(self):
        self.check_agreement(*self.measure("--", program("forks"), config=SMALL))

    def test_no_counter_wraps_below_zero(self):
        _, run = self.measure("--", program("forks"), config=SMALL)
        wrapped = []
        run["stats"].visititems(lambda name, item: wrapped.append(name)
                                if isinstance(item, h5py.Dataset) and item.dtype.kind == "u" and item[()] > 1 << 62 else None)
        self.assertEqual(wrapped, [])

    def test_every_dataset_has_unit_and_description(self):
        _, run = self.measure()
        datasets = []
        run.visititems(lambda name, item: datasets.append(item) if isinstance(item, h5py.Dataset) else None)
        self.assertGreater(len(datasets), 200)
        for dataset in datasets:
            self.assertTrue(dataset.attrs["description"], dataset.name)
            if dataset.name.startswith("/events/"):
                for column in dataset.dtype.names:
                    self.assertIn(column + "_unit", dataset.attrs)
                    self.assertTrue(dataset.attrs[column + "_description"], dataset.name + column)
            else:
                self.assertTrue(dataset.attrs["unit"], dataset.name)

    def test_pandas_opens_event_tables(self):
        _, run = self.measure()
        for name in ("allocations", "page_faults", "tlb_misses"):
            table = pandas.DataFrame(run["events"][name][:])
            self.assertGreater(len(table), 50)
            # Walks begin out of order, as the core's loads do.
            self.assertTrue(name == "tlb_misses" or table["time"].is_monotonic_increasing, name)
        allocations = pandas.DataFrame(run["events/allocations"][:])
        self.assertTrue((allocations["pfn"] < (256 << 20 >> 12) + (1 << 20)).all())

    def test_sampled_events_are_every_nth(self):
        _, every = self.measure()
        file = self.run_to_file("--set", "events.tlb_misses=10", "--set", "events.allocations=0", output="n.h5", config=SYNTHETIC)
        with h5py.File(file, "r") as sampled:
            self.assertEqual(len(sampled["events/tlb_misses"]), len(every["events/tlb_misses"]) // 10)
            self.assertEqual(sampled["events/tlb_misses"].attrs["every"], 10)
            self.assertEqual(sampled["histograms/kernel/allocation_latency"].attrs["count"],
                             every["histograms/kernel/allocation_latency"].attrs["count"])
            self.assertEqual(len(sampled.get("events/allocations", [])), 0)

    def test_intervals_sum_to_the_run(self):
        _, run = self.measure("--set", "run.interval=10k")
        series = run["intervals/machine"]
        rows = len(series["instructions"])
        self.assertGreaterEqual(rows, 15)
        steps = series["instructions"][1:] - series["instructions"][:-1]
        self.assertTrue((steps > 0).all())
        self.assertEqual(series["cpu_user_instructions"][:].sum(), series["instructions"][-1])
        self.assertLessEqual(series["time"][-1], run["meta/simulated_time"][()])

    def test_no_interval_means_no_rows(self):
        _, run = self.measure("--set", "run.interval=0")
        for series in run["intervals"].values():
            self.assertEqual(len(series["instructions"]), 0)

    def test_buddyinfo_is_a_time_series(self):
        _, run = self.measure("--set", "run.interval=10k")
        series, machine = run["intervals/buddyinfo"], run["intervals/machine"]
        self.assertEqual(list(series["instructions"]), list(machine["instructions"]))
        self.assertEqual(list(series["time"]), list(machine["time"]))
        free = sum(series[f"order{order}"][:].astype(int) << order for order in range(11))
        self.assertGreater(free[0], free[-1])  # the program's table comes out of it
        self.assertGreater(free[-1] << 12, 100 << 20)
        self.assertLess(free[0] << 12, 256 << 20)

    def test_proc_texts_parse(self):
        _, run = self.measure()
        buddyinfo = text(run["proc/buddyinfo"])
        free = sum(int(count) << order for line in buddyinfo.splitlines()
                   for order, count in enumerate(line.split()[4:]))
        self.assertGreater(free << 12, 100 << 20)
        self.assertLess(free << 12, 256 << 20)


class MeasuredRegion(PagewalkCase):
    # One iteration of a generator is a block of at most this many instructions.
    BLOCK = 64

    def test_instructions_bound_the_measurement(self):
        file = self.run_to_file("--set", "run.instructions=50k", config=SYNTHETIC)
        instructions = self.summary(file)["instructions"]
        self.assertGreaterEqual(instructions, 50_000)
        self.assertLess(instructions, 50_000 + self.BLOCK)

    def test_warmup_comes_before_the_measurement(self):
        file = self.run_to_file("--set", "run.warmup=70k", "--set", "run.instructions=50k", config=SYNTHETIC)
        instructions = self.summary(file)["instructions"]
        self.assertGreaterEqual(instructions, 50_000)
        self.assertLess(instructions, 50_000 + self.BLOCK)
        with h5py.File(file, "r") as run:
            total = run["stats_total/cpu0/user_instructions"][()]
            self.assertGreaterEqual(total, 120_000)
            self.assertLess(total, 120_000 + 2 * self.BLOCK)

    def test_several_cpus_stop_within_a_quantum(self):
        file = self.run_to_file("--set", "run.instructions=50k", "--set", "machine.cpus=4", "--set", "synthetic.threads=4",
                                config=SYNTHETIC)
        instructions = self.summary(file)["instructions"]
        self.assertGreaterEqual(instructions, 50_000)
        self.assertLess(instructions, 50_000 + 4 * 6 * 800)

    def test_a_program_that_ends_within_the_warmup_says_so(self):
        done = self.call("run", self.config(SYNTHETIC), "-o", "run.h5", "--set", "run.warmup=900M")
        self.assertEqual(done.returncode, 0)
        self.assertIn("run.warmup = 900000000", done.stderr)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertIn("warm-up", text(run["meta/status_text"]))

    def test_a_program_killed_for_want_of_memory_says_so(self):
        done = self.call("run", self.config(SYNTHETIC), "-o", "run.h5", "--set", "machine.memory=128MiB",
                         "--set", "synthetic.gups.table=256MiB", "--set", "synthetic.instructions=1M")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("Out of memory: Killed process", done.stderr)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual(text(run["meta/status"]), "program_died")
            self.assertEqual(text(run["meta/killed_by"]), "simulated kernel: OOM")
            self.assertIn("Out of memory: Killed process", text(run["meta/status_text"]))
            self.assertGreater(run["stats/kernel/allocations_failed"][()], 0)


if __name__ == "__main__":
    unittest.main()
