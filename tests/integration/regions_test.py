"""Markers, and regions of a run that begin and end at one, at an address or after so many instructions."""

import subprocess
import unittest

import h5py

from pagewalk_case import PagewalkCase, program, text

ROUNDS = 100  # of the program's second phase
WORK = 1000  # iterations of a round


class Regions(PagewalkCase):
    def run_markers(self, *settings, rounds=ROUNDS, expect=0):
        words = [word for setting in settings for word in ("--set", setting)]
        done = self.call("run", self.config(), *words, "-o", "run.h5", "--", program("markers"), rounds)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done, self.summary(self.path("run.h5")) if expect == 0 else None

    def address_of(self, symbol):
        listed = subprocess.run(["nm", program("markers")], text=True, stdout=subprocess.PIPE, check=True).stdout
        return "0x" + next(line.split()[0] for line in listed.splitlines() if line.endswith(" " + symbol))

    def test_a_region_between_two_markers_has_what_lies_between_them(self):
        _, once = self.run_markers("run.begin_at=marker:2", "run.end_at=marker:3")
        _, twice = self.run_markers("run.begin_at=marker:2", "run.end_at=marker:3", rounds=2 * ROUNDS)
        self.assertEqual((once["status"], once["region"]), ("region_end", "complete"))
        a_round = (twice["instructions"] - once["instructions"]) / ROUNDS
        self.assertGreater(a_round, 3 * WORK)
        self.assertAlmostEqual(once["instructions"] / ROUNDS / a_round, 1, delta=0.001)
        self.assertEqual(once["page_faults"], 0)
        _, first = self.run_markers("run.begin_at=marker:1", "run.end_at=marker:2")
        self.assertEqual(first["page_faults"], 64)
        _, again = self.run_markers("run.begin_at=marker:2@2")
        self.assertEqual((again["status"], again["region"], again["exit_status"]), ("complete", "complete", 0))
        self.assertLess(again["instructions"], 20_000)

    def test_a_region_begins_at_an_instruction(self):
        _, whole = self.run_markers("run.begin_at=marker:2", "run.end_at=marker:3")
        _, half = self.run_markers(f"run.begin_at=pc:{self.address_of('work')}@{ROUNDS // 2 + 1}", "run.end_at=marker:3")
        self.assertAlmostEqual(half["instructions"] / whole["instructions"], 0.5, delta=0.001)
        _, rounds = self.run_markers("run.begin_at=marker:2", f"run.end_at=pc:{self.address_of('work')}@11")
        self.assertAlmostEqual(rounds["instructions"] / whole["instructions"], 0.1, delta=0.001)

    def test_a_region_begins_and_ends_after_instructions(self):
        _, summary = self.run_markers("run.begin_at=instructions:200k", "run.end_at=instructions:300k")
        self.assertAlmostEqual(summary["instructions"], 100_000, delta=100)
        _, summary = self.run_markers("run.begin_at=instructions:200k", "run.warmup=50k", "run.instructions=70k")
        self.assertAlmostEqual(summary["instructions"], 70_000, delta=100)
        self.assertEqual(summary["status"], "instruction_limit")
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertAlmostEqual(int(run["stats_total/cpu0/user_instructions"][()]), 320_000, delta=200)

    def test_the_operating_system_does_the_same_before_the_region(self):
        faults, rest = [], []
        for settings in ((), ("run.begin_at=marker:3",), ("run.begin_at=marker:3", "run.warming=none")):
            self.run_markers("events.markers=1", *settings)
            with h5py.File(self.path("run.h5"), "r") as run:
                marker = run["markers/3"]
                faults.append({name: int(value[()]) for name, value in marker["stats/kernel"].items()
                               if name.startswith(("faults_", "pgfault", "nr_", "pgalloc"))})
                rest.append([text(marker["proc/buddyinfo"]), text(marker["proc/meminfo"]), int(marker["instructions"][()])])
        self.assertEqual(faults[0], faults[1])
        self.assertEqual(faults[0], faults[2])
        self.assertEqual(rest[0], rest[1])
        self.assertEqual(rest[0], rest[2])

    def test_warming_fills_caches_and_tlbs(self):
        region = ("run.begin_at=marker:2", "run.end_at=marker:3")
        _, warm = self.run_markers(*region)
        _, cold = self.run_markers(*region, "run.warming=none")
        self.assertLess(warm["l1d_mpki"], cold["l1d_mpki"])
        self.assertLess(warm["walks"], cold["walks"])

    def test_each_marker_saves_statistics_and_proc_texts(self):
        done, _ = self.run_markers("events.markers=1")
        self.assertIn("1 markers had a number beyond 65535 and were ignored", done.stderr)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual([int(number) for number in run["events/markers"]["number"]], [1, 2, 3, 2])
            self.assertEqual(int(run["stats/kernel/markers"][()]), 4)
            self.assertEqual(int(run["stats/kernel/markers_out_of_range"][()]), 1)
            markers = run["markers"]
            self.assertEqual(sorted(markers), ["1", "2", "2@2", "3"])
            between = int(markers["2/stats/kernel/pgfault"][()]) - int(markers["1/stats/kernel/pgfault"][()])
            self.assertEqual(between, 64)
            task = str(int(markers["2/task"][()]))
            self.assertIn("rw-p", text(markers["2/proc"][task]["maps"]))
            self.assertIn("pgfault ", text(markers["2/proc/vmstat"]))
            self.assertIn("MemFree:", text(markers["2/proc/meminfo"]))
            self.assertIn("Node 0, zone", text(markers["2/proc/zoneinfo"]))
        self.run_markers("events.markers=2")
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual(sorted(run["markers"]), ["2", "2@2"])
        self.run_markers()
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertNotIn("markers", run)

    def test_a_region_that_never_began_or_ended_is_said(self):
        done, summary = self.run_markers("run.begin_at=marker:9")
        self.assertEqual((summary["status"], summary["region"]), ("complete", "never_began"))
        self.assertIn("run.begin_at = marker:9", done.stderr)
        done, summary = self.run_markers("run.begin_at=marker:2", "run.end_at=marker:9")
        self.assertEqual((summary["status"], summary["region"]), ("complete", "never_ended"))
        self.assertIn("run.end_at = marker:9", done.stderr)

    def test_positions_that_are_none_are_refused_before_the_run(self):
        for setting in ("run.begin_at=marker:65536", "run.end_at=pc:12", "run.begin_at=half", "run.end_at=instructions:0"):
            done, _ = self.run_markers(setting, expect=2)
            self.assertIn(setting.split("=")[0], done.stderr)
            self.assertIn("wants marker:N", done.stderr)
            self.assertFalse(self.path("run.h5").exists())

    def test_a_recording_has_the_markers(self):
        self.succeed("record", "-o", "m.pwt", "--", program("markers"), ROUNDS)
        self.succeed("run", self.config(), "-o", "run.h5", "--trace", "m.pwt", "--set", "run.begin_at=marker:2", "--set",
                     "run.end_at=marker:3")
        self.assertEqual(self.summary(self.path("run.h5"))["region"], "complete")

    def test_python_makes_the_call_of_the_header(self):
        script = "import ctypes; ctypes.CDLL(None).prctl(0x5057, 3, 0, 0, 0)"
        self.succeed("run", self.config(), "-o", "run.h5", "--set", "run.begin_at=marker:3", "--", "/usr/bin/python3", "-c",
                     script)
        self.assertEqual(self.summary(self.path("run.h5"))["region"], "complete")


if __name__ == "__main__":
    unittest.main()
