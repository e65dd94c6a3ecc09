"""A run that is stopped or killed leaves a file that opens and says so."""

import os
import signal
import subprocess
import time
import unittest

import h5py

from pagewalk_case import SYNTHETIC, PAGEWALK, PagewalkCase, program, text

ENDLESS = SYNTHETIC.replace("instructions = 200k", "instructions = 0") + "updates_per_word = 1000000\n"


class Interruption(PagewalkCase):
    def wait_for(self, condition, process):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertIsNone(process.poll(), "the run ended by itself")
            self.assertLess(time.monotonic(), deadline, "nothing happened for a minute")
            time.sleep(0.05)

    def start_run(self, *words, config=ENDLESS):
        process = self.start("run", self.config(config), "-o", "run.h5", *words)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def status(self):
        with h5py.File(self.path("run.h5"), "r") as run:
            return text(run["meta/status"])

    def has_instructions(self):
        if not self.path("run.h5").exists():
            return False
        with h5py.File(self.path("run.h5"), "r") as run:
            return "stats/cpu0/user_instructions" in run and run["stats/cpu0/user_instructions"][()] > 0

    def test_interrupt_keeps_what_was_measured(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                process = self.start_run()
                self.wait_for(self.path("run.h5").exists, process)
                time.sleep(1)
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 1, err)
                self.assertIn("interrupted", out)
                self.assertEqual(self.status(), "interrupted")
                self.assertTrue(self.has_instructions())
                summary = self.summary(self.path("run.h5"))
                self.assertGreater(summary["allocations"], 0)
                self.assertEqual(os.listdir(self.folder).count("run.h5"), 1)
                self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("run.h5.")], [])
                self.path("run.h5").unlink()

    def test_interrupt_ends_a_live_program(self):
        process = self.start_run("--", program("compute"), "1000000", config="[machine]\ncpus = 1\nmemory = 256MiB\n")
        self.wait_for(self.path("run.h5").exists, process)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertEqual(self.status(), "interrupted")

    def test_kill_leaves_the_last_checkpoint(self):
        process = self.start_run()
        self.wait_for(self.has_instructions, process)
        process.kill()
        process.communicate()
        self.assertEqual(self.status(), "running")
        summary = self.summary(self.path("run.h5"))
        self.assertGreater(summary["instructions"], 0)
        self.assertEqual(summary["status"], "running")

    def test_normal_end_leaves_one_file(self):
        self.run_to_file(config=SYNTHETIC)
        self.assertEqual(sorted(os.listdir(self.folder)), ["run.h5", "run.h5.cfg"])

    def test_interrupted_recording_can_be_replayed(self):
        process = self.start("record", "-o", "r.pwt", "--", program("compute"), "1000000")
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        time.sleep(2)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        files = [name for name in os.listdir(self.folder) if name.startswith("r.pwt")]
        self.assertEqual(len(files), 1, err)
        file = self.run_to_file("--trace", files[0], "--set", "run.instructions=100k")
        self.assertGreaterEqual(self.summary(file)["instructions"], 100_000)


if __name__ == "__main__":
    unittest.main()
