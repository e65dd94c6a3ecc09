"""The Slurm executor on a cluster of this host: munged, slurmctld and slurmd that the test starts."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import h5py

from pagewalk_case import PAGEWALK, SOURCE, SYNTHETIC, PagewalkCase, contents, text

sys.path.insert(0, str(SOURCE / "tests/support"))
from slurm_cluster import SlurmCluster, is_installed  # noqa: E402

ROUNDS = int(os.environ.get("PAGEWALK_KILLS", 4))  # of cancelled tasks and killed daemons

SWEEP = SYNTHETIC.replace("instructions = 200k", "instructions = 50k") + """
[axis.entries]
option = mmu.l2_tlb.entries
values = 128, 256
[slurm]
partition = other
launcher = env PAGEWALK_LAUNCHED=1
"""
UNEVEN = """
[machine]
cpus = 1
memory = 256MiB
[sweep]
name = {program}
[axis.program]
option = workload.program
values = true, 'sleep 60', /absent/program
names = ends, lasts, fails
"""


@unittest.skipUnless(is_installed(), "wants root, and Slurm and munge of scripts/packages-test.txt")
class Slurm(PagewalkCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory(prefix="pagewalk_slurm_")
        cls.addClassCleanup(cls.place.cleanup)
        # Ports of their own for tests side by side.
        cls.cluster = SlurmCluster(cls.place.name, 20000 + os.getpid() % 6000 * 2)
        cls.addClassCleanup(cls.cluster.__exit__)
        try:
            cls.cluster.__enter__()
        except RuntimeError as error:
            raise unittest.SkipTest(f"Slurm does not come up on this host: {error}") from None

    def sweep(self, config, *words):
        return self.call("sweep", self.config(config, "sweep.cfg"), "-o", "out", "--executor", "slurm", *words,
                         env=self.cluster.environment)

    def outcomes(self):
        with h5py.File(self.path("out/index.h5")) as index:
            return [text.decode() for text in index["table/outcome"][:]]

    def test_points_run_as_an_array_and_are_those_of_a_local_sweep(self):
        done = self.sweep(SWEEP)
        self.assertEqual(done.returncode, 0, done.stderr + self.cluster.logs())
        self.assertIn("2 of 2 points finished", done.stdout)
        tasks = self.path("out/slurm/tasks.txt").read_text().splitlines()
        self.assertEqual(len(tasks), 2)
        self.assertIn("env PAGEWALK_LAUNCHED=1", tasks[0])
        self.succeed("sweep", self.path("sweep.cfg"), "-o", "local")
        for file in self.path("local/points").glob("*.h5"):
            self.assertEqual(contents(file), contents(self.path("out/points") / file.name))

    def test_failed_and_late_points_are_told(self):
        done = self.sweep(UNEVEN.replace("name = {program}", "name = {program}\ntimeout = 5s") + "[slurm]\noptions = --comment=x\n")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("point fails failed: exit status 2", done.stderr)
        self.assertIn("/absent/program", done.stderr)
        self.assertEqual(self.outcomes(), ["finished", "timed_out", "failed"])

    def test_interrupt_cancels_the_array_and_resume_goes_on(self):
        process = self.start("sweep", self.config(UNEVEN.replace(", /absent/program", "").replace(", fails", ""), "sweep.cfg"),
                             "-o", "out", "--executor", "slurm", env=self.cluster.environment)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 90
        while not (self.path("out/points/lasts.h5").exists() and self.path("out/slurm/0.end").exists()):
            self.assertLess(time.monotonic(), deadline, self.cluster.logs())
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertEqual(self.outcomes(), ["finished", "stopped"])
        self.assertIn("1 of 2 points finished", out)

    def test_cancelled_tasks_and_a_killed_slurmd_lose_nothing(self):
        draw = random.Random(1)
        config = self.config(SWEEP.replace("128, 256", "64, 128, 256, 512").replace("instructions = 50k", "instructions = 500k"), "sweep.cfg")
        before = {}
        for round_number in range(ROUNDS):
            process = self.start("sweep", config, "-o", "out", "--resume", "--executor", "slurm", env=self.cluster.environment)
            self.addCleanup(process.kill)
            ended = lambda: process.poll() is not None  # noqa: E731
            self.cluster.wait_for(lambda: ended() or self.cluster.ask("squeue", "-h", "-o", "%A"), "array in the queue")
            time.sleep(draw.uniform(0, 1.5))
            if round_number % 2:
                self.cluster.kill_slurmd()
                time.sleep(draw.uniform(0, 1))
                self.cluster.start_slurmd()
            else:
                jobs = self.cluster.ask("squeue", "-h", "-r", "-o", "%i").split()
                self.cluster.ask("scancel", draw.choice(jobs)) if jobs else None
            process.communicate(timeout=200)
            after = self.finished()
            with self.subTest(round=round_number):
                self.assertEqual({file: after.get(file) for file in before}, before)
            before = after
            if len(before) == 4:  # all there: two go on another time
                for file in sorted(before)[:2]:
                    file.unlink()
                    before.pop(file)
        done = self.sweep(config.read_text(), "--resume")
        self.assertEqual(done.returncode, 0, done.stderr + self.cluster.logs())
        self.succeed("sweep", config, "-o", "local")
        for file in self.path("local/points").glob("*.h5"):
            self.assertEqual(contents(file), contents(self.path("out/points") / file.name))

    def finished(self):
        """Files of finished points; one that does not open fails the test."""
        found = {}
        for file in self.path("out/points").glob("*.h5"):
            with h5py.File(file, "r") as run:
                if text(run["meta/status"]) == "complete":
                    found[file] = file.stat().st_ino
        return found

    def test_refusals_are_the_users(self):
        done = self.sweep(SWEEP.replace("partition = other", "partition = absent"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("Slurm refuses the array", done.stderr)


class WithoutSlurm(PagewalkCase):
    def test_missing_commands_are_told(self):
        config = self.config(SWEEP, "sweep.cfg")
        done = subprocess.run([PAGEWALK, "sweep", config, "-o", "out", "--executor", "slurm"], cwd=self.folder, text=True,
                              capture_output=True, env={"PATH": "/nowhere"})
        self.assertEqual(done.returncode, 2)
        self.assertIn("no sbatch here", done.stderr)
        done = self.call("sweep", config, "--executor", "pbs")
        self.assertIn("allowed: local, slurm", done.stderr)


if __name__ == "__main__":
    unittest.main()
