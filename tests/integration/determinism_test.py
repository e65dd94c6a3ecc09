"""The same input gives the same file, byte for byte, but for what tells of the host."""

from pagewalk_case import SMALL, SYNTHETIC, PagewalkCase, contents, program

ALL_EVENTS = ("--set", "events.allocations=1", "--set", "events.page_faults=1", "--set", "events.tlb_misses=1")


class SameInputSameResult(PagewalkCase):
    maxDiff = 2000

    def assert_same(self, *words, config=SMALL):
        first = contents(self.run_to_file(*words, config=config, output="first.h5"))
        second = contents(self.run_to_file(*words, config=config, output="second.h5"))
        self.assertGreater(len(first), 200)
        self.assertEqual(first.keys(), second.keys())
        differing = [path for path in first if first[path] != second[path]]
        self.assertEqual(differing, [])
        self.assertIn("identical", self.succeed("compare", "first.h5", "second.h5").stdout)
        return first

    def record(self, *words):
        self.succeed("record", "-o", "r.pwt", "--", *words)
        return "--trace", "r.pwt"

    def test_recorded_program(self):
        self.assert_same(*self.record(program("compute"), "1"), *ALL_EVENTS)

    def test_recorded_threads_on_one_cpu(self):
        self.assert_same(*self.record(program("threads"), "6", "10"), *ALL_EVENTS)

    def test_recorded_threads_on_four_cpus(self):
        same = self.assert_same(*self.record(program("threads"), "6", "10"), *ALL_EVENTS, "--set", "machine.cpus=4")
        self.assertIn("events/tlb_misses", same)

    def test_recorded_threads_that_change_their_memory_beside_locks(self):
        for cpus in (1, 4):
            self.assert_same(*self.record(program("changes_beside_locks"), "6", "100"), "--set", f"machine.cpus={cpus}")

    def test_recorded_threads_on_two_sockets(self):
        self.assert_same(*self.record(program("threads"), "3", "10"), "--set", "machine.cpus=4", "--set", "machine.sockets=2")

    def test_synthetic_generator(self):
        self.assert_same(*ALL_EVENTS, config=SYNTHETIC)

    def test_synthetic_threads_on_four_cpus(self):
        self.assert_same(*ALL_EVENTS, "--set", "machine.cpus=4", "--set", "synthetic.threads=5", config=SYNTHETIC)

    def test_order_of_events_does_not_depend_on_the_time_series(self):
        threads = ("--set", "machine.cpus=4", "--set", "synthetic.threads=4", "--set", "synthetic.instructions=400k", *ALL_EVENTS)
        often = contents(self.run_to_file(*threads, "--set", "run.interval=20k", config=SYNTHETIC, output="often.h5"))
        never = contents(self.run_to_file(*threads, "--set", "run.interval=0", config=SYNTHETIC, output="never.h5"))
        for table in ("tlb_misses", "allocations", "page_faults"):
            self.assertEqual(often[f"events/{table}"], never[f"events/{table}"], table)

    def test_another_seed_gives_other_cycles(self):
        first = self.run_to_file(config=SYNTHETIC, output="first.h5")
        second = self.run_to_file("--set", "run.seed=2", config=SYNTHETIC, output="second.h5")
        self.assertNotEqual(self.summary(first)["cycles"], self.summary(second)["cycles"])
        self.assertNotIn("identical", self.call("compare", first, second).stdout)


if __name__ == "__main__":
    import unittest

    unittest.main()
