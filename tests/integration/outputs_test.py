"""Outputs: runs side by side do not meet, only Pagewalk's own files are replaced, and only by whole ones."""

import os
import re
import signal
import time
import unittest

import h5py

from pagewalk_case import SMALL, SOURCE, SYNTHETIC, PagewalkCase, program, text

ENDLESS = SYNTHETIC.replace("instructions = 200k", "instructions = 0") + "updates_per_word = 1000000\n"
TRACE = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"


class Outputs(PagewalkCase):
    def start_endless(self, *words):
        process = self.start("run", self.config(ENDLESS, "endless.cfg"), *words)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, *names):
        deadline = time.monotonic() + 60
        while not all(self.path(name).exists() for name in names):
            self.assertLess(time.monotonic(), deadline, names)
            time.sleep(0.02)

    def refuse(self, *words, named):
        done = self.call(*words)
        self.assertEqual(done.returncode, 2, done.stderr)
        for word in named:
            self.assertIn(word, done.stderr)

    def status(self, name):
        with h5py.File(self.path(name), "r") as run:
            return text(run["meta/status"])

    def instructions(self, name):
        with h5py.File(self.path(name), "r") as run:
            return int(run["summary/instructions"][()])

    def test_runs_side_by_side_get_names_of_their_own(self):
        config = self.config(SYNTHETIC)
        runs = [self.start("run", config) for _ in range(6)]
        for run in runs:
            _, err = run.communicate(timeout=110)
            self.assertEqual(run.returncode, 0, err)
        names = os.listdir(self.path("results/runs"))
        self.assertEqual(len(names), 6, names)
        self.assertEqual({self.status(f"results/runs/{name}") for name in names}, {"complete"})

    def test_a_file_that_another_run_writes_is_refused_and_says_who_writes_it(self):
        first = self.start_endless("-o", "run.h5")
        self.wait_for("run.h5")
        self.refuse("run", self.config(SYNTHETIC), "-o", "run.h5", named=["run.h5", f"process {first.pid} on ", "is writing it"])
        self.assertIsNone(first.poll())

    def test_what_a_killed_run_left_is_cleaned_up_by_the_next(self):
        first = self.start_endless("-o", "run.h5")
        self.wait_for("run.h5")
        first.send_signal(signal.SIGKILL)
        first.communicate()
        self.path("run.h5.tmp").write_bytes(b"half a checkpoint")
        self.run_to_file(config=SYNTHETIC)
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if name.startswith("run.h5")), ["run.h5", "run.h5.cfg"])
        self.assertEqual(self.status("run.h5"), "complete")

    def test_two_users_run_the_first_command_of_the_readme(self):
        tmp = self.path("tmp")
        tmp.mkdir()
        words = ("--set", "run.instructions=100k", "-o")
        runs = [self.start("run", SOURCE / "configs/experiments/quickstart.cfg", *words, f"{user}.h5", env={**os.environ, "TMPDIR": str(tmp)})
                for user in range(2)]
        for run in runs:
            _, err = run.communicate(timeout=110)
            self.assertEqual(run.returncode, 0, err)
        self.assertEqual(os.listdir(tmp), [])

    def test_inputs_and_foreign_files_are_never_replaced(self):
        config = self.config(SYNTHETIC)
        trace = self.path("trace.xz")
        trace.write_bytes(TRACE.read_bytes())
        notes = self.path("notes.txt")
        notes.write_text("precious")
        for target in (config, trace, notes):
            before = target.read_bytes()
            self.refuse("run", config, "--trace", trace, "-o", target, named=[str(target), "would be lost"])
            self.refuse("record", "-o", target, "--", program("compute"), "1", named=[str(target), "would be lost"])
            self.assertEqual(target.read_bytes(), before)
        os.symlink(notes, self.path("run.h5.tmp"))
        self.refuse("run", config, "-o", "run.h5", named=["run.h5.tmp is in the way"])
        self.assertEqual(notes.read_text(), "precious")

    def test_results_and_recordings_do_not_replace_each_other(self):
        self.run_to_file(config=SYNTHETIC)
        self.refuse("record", "-o", "run.h5", "--", program("compute"), "1", named=["would be lost"])
        self.succeed("record", "-o", "r.pwt", "--", program("compute"), "1")
        self.refuse("run", self.config(SMALL), "--trace", "r.pwt", "-o", "r.pwt", named=["would be lost"])

    def test_earlier_results_stay_when_a_rerun_fails_or_is_stopped(self):
        self.run_to_file(config=SYNTHETIC)
        before = self.path("run.h5").read_bytes()
        cut = self.path("cut.xz")
        cut.write_bytes(TRACE.read_bytes()[:8000])
        done = self.call("run", self.config(), "--trace", cut, "-o", "run.h5")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("run.h5.partial", done.stderr)
        self.assertEqual(self.status("run.h5.partial"), "failed")
        self.assertEqual(self.path("run.h5").read_bytes(), before)

        stopped = self.start_endless("-o", "run.h5")
        time.sleep(2)
        stopped.send_signal(signal.SIGINT)
        _, err = stopped.communicate(timeout=60)
        self.assertEqual(stopped.returncode, 1, err)
        self.assertIn("run.h5 keeps its earlier results", err)
        self.assertEqual(self.status("run.h5.partial"), "interrupted")
        self.assertEqual(self.path("run.h5").read_bytes(), before)

        self.run_to_file("--set", "synthetic.instructions=100k", config=SYNTHETIC)
        self.assertLess(self.instructions("run.h5"), 200_000)
        self.assertFalse(self.path("run.h5.partial").exists())

    def test_a_recording_gets_its_name_when_it_is_whole(self):
        process = self.start("record", "-o", "r.pwt", "--", program("compute"), "1000000")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.wait_for("r.pwt.partial")
        time.sleep(2)
        self.assertFalse(self.path("r.pwt").exists())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = self.call("run", self.config(), "--trace", "r.pwt.partial", "-o", "run.h5")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.status("run.h5"), "incomplete")
        self.succeed("record", "-o", "r.pwt", "--", program("compute"), "1")
        self.assertEqual([name for name in os.listdir(self.folder) if re.match(r"r\.pwt", name)], ["r.pwt"])


if __name__ == "__main__":
    unittest.main()
