"""Sweeps as their user meets them: points, resuming, failures, kills, bad input."""

import contextlib
import os
import pathlib
import random
import signal
import subprocess
import time
import unittest

import h5py

from pagewalk_case import PAGEWALK, SOURCE, SYNTHETIC, PagewalkCase, contents, text

KILLS = int(os.environ.get("PAGEWALK_KILLS", 50))
SEED = int(os.environ.get("PAGEWALK_SEED", 1))

FEW = SYNTHETIC.replace("instructions = 200k", "instructions = 50k")
SWEEP = FEW + """
[sweep]
baseline = entries=128
[axis.entries]
option = mmu.l2_tlb.entries
range = 128 to 512 times 2
[axis.slab]
option = os.slab
values = slub, slob
"""
# A point that runs for as long as it may, one that fails, one that ends.
UNEVEN = """
[machine]
cpus = 1
memory = 256MiB
[sweep]
name = {program}
timeout = 5s
[axis.program]
option = workload.program
values = true, 'sleep 30', /absent/program
names = ends, lasts, fails
"""


class SweepCase(PagewalkCase):
    def sweep(self, *words, config=SWEEP, name="sweep.cfg"):
        return self.call("sweep", self.config(config, name), "-o", "out", *words)

    def index(self):
        return h5py.File(self.path("out/index.h5"), "r")

    def texts(self, dataset):
        return [value.decode() for value in dataset[:]]

    def results(self):
        return sorted(self.path("out/points").glob("*.h5"))


class Sweeps(SweepCase):
    def test_index_reaches_every_point(self):
        done = self.sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("6 of 6 points finished", done.stdout)
        self.assertEqual(done.stderr, "")  # quiet in a pipe
        with self.index() as index:
            table = index["table"]
            self.assertEqual(set(self.texts(table["outcome"])), {"finished"})
            self.assertEqual(list(table["axes/entries"][:]), [128, 128, 256, 256, 512, 512])
            self.assertEqual(list(table["baseline"][:]), [0, 1, 0, 1, 0, 1])
            for row, name in enumerate(self.texts(table["name"])):
                self.assertEqual(index["points"][name]["summary/cycles"][()], table["summary/cycles"][row])
            walks = table["summary/walks"][:]
            self.assertGreater(walks[0], walks[4])  # a larger TLB misses less

    def test_points_are_the_runs_that_they_say(self):
        self.assertEqual(self.sweep().returncode, 0)
        config = self.config(FEW + "[mmu.l2_tlb]\nentries = 256\n[os]\nslab = slob\n")
        self.succeed("run", config, "-o", "single.h5")
        self.assertEqual(contents(self.path("out/points/entries=256,slab=slob.h5")), contents(self.path("single.h5")))

    def test_a_terminal_shows_progress_and_time_left(self):
        ours, its = os.openpty()
        self.addCleanup(os.close, ours)
        process = self.start("sweep", self.config(SWEEP), "-o", "out", "-j", "1", stderr=its)
        os.close(its)
        shown = b""
        with contextlib.suppress(OSError):  # at its end the terminal hangs up
            while chunk := os.read(ours, 65536):
                shown += chunk
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertRegex(shown.decode(), r"\d of 6 points  1 running  \d+ s left")

    def test_dry_run_lists_points_and_cost_and_writes_nothing(self):
        done = self.sweep("--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("entries=512,slab=slob", done.stdout)
        self.assertIn("6 points", done.stdout)
        self.assertRegex(done.stdout, r"cost: \d+ s of host time")
        self.assertFalse(self.path("out").exists())

    def test_resume_runs_what_is_missing(self):
        self.assertEqual(self.sweep().returncode, 0)
        gone, *kept = self.results()
        gone.unlink()
        times = [file.stat().st_mtime_ns for file in kept]
        refused = self.sweep()
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--resume", refused.stderr)
        done = self.sweep("--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("5 of 6 points are there, 1 to run", done.stderr)
        self.assertEqual([file.stat().st_mtime_ns for file in kept], times)
        self.assertTrue(gone.exists())

    def test_resume_says_what_changed(self):
        self.assertEqual(self.sweep().returncode, 0)
        changed = SWEEP.replace("50k", "60k")
        refused = self.sweep("--resume", config=changed)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("synthetic.instructions: 50k -> 60k (6 points)", refused.stderr)
        done = self.sweep("--resume", "--rerun-changed", config=changed)
        self.assertEqual(done.returncode, 0, done.stderr)
        fewer = self.sweep("--resume", config=changed.replace("slub, slob", "slub"))
        self.assertEqual(fewer.returncode, 0, fewer.stderr)
        self.assertIn("3 results", fewer.stderr)

    def test_failed_and_late_points_are_told_and_the_rest_kept(self):
        done = self.sweep("-j", "3", config=UNEVEN)
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 of 3 points finished, 2 failed", done.stdout)
        self.assertRegex(done.stderr, r"point fails failed: exit status 2; .*\n.*(?s:.)*/absent/program")
        self.assertIn("point lasts took longer than sweep.timeout", done.stderr)
        with self.index() as index:
            self.assertEqual(self.texts(index["table/outcome"]), ["finished", "timed_out", "failed"])
            self.assertEqual(list(index["points"]), ["ends"])
        again = self.sweep("--resume", config=UNEVEN.replace("timeout = 5s", "timeout = 4s"))
        self.assertIn("1 of 3 points are there, 2 to run", again.stderr)

    def test_interrupt_stops_cleanly(self):
        process = self.start("sweep", self.config(UNEVEN.replace("5s", "60s")), "-o", "out", "-j", "3")
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 60
        while len(list(self.path("out").glob("points/lasts.h5"))) == 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("--resume runs the rest", out)
        self.assertEqual([file for file in os.listdir(self.path("out/points")) if file.endswith((".lock", ".tmp"))], [])


class Shipped(SweepCase):
    def test_reach_of_the_second_level_tlb_shows(self):
        shipped = (SOURCE / "configs/sweeps/l2_tlb_reach.cfg").read_text()
        shipped = shipped.replace("base = ..", f"base = {SOURCE}/configs").replace("repeats = 3", "filter = footprint == 16MiB")
        config = self.config(shipped, "sweep.cfg")
        done = self.call("sweep", config, "-o", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        walks = {}
        for file in self.results():
            with h5py.File(file, "r") as run:
                walks[file.name.split(",")[0]] = int(run["stats/cpu0/mmu/walks"][()])
        self.assertGreater(walks["entries=1024"], 10_000)
        self.assertEqual(walks["entries=4096"], 0)


class Kills(SweepCase):
    """Whatever is killed when: what is finished stays, and what there is can be read."""

    def finished(self):
        found = {}
        for file in self.results():
            with h5py.File(file, "r") as run:  # one that does not open fails the test
                if text(run["meta/status"]) == "complete":
                    found[file] = file.stat().st_ino
        return found

    def children(self, process):
        listing = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True)
        return [int(line) for line in listing.stdout.split()]

    def test_random_kills_lose_nothing(self):
        draw = random.Random(SEED)
        config = self.config(SWEEP, "sweep.cfg")
        before = {}
        for kill in range(KILLS):
            process = self.start("sweep", config, "-o", "out", "--resume", "-j", "2")
            time.sleep(draw.uniform(0, 0.6))
            points = self.children(process)
            if points and draw.random() < 0.5:
                with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                    os.kill(draw.choice(points), signal.SIGKILL)
                time.sleep(draw.uniform(0, 0.1))
            process.kill()
            process.communicate()
            for point in points:  # they die with the sweep; the kernel takes a moment
                while os.path.exists(f"/proc/{point}/exe"):
                    time.sleep(0.01)
            after = self.finished() if self.path("out/points").exists() else {}
            with self.subTest(kill=kill, seed=SEED):
                self.assertEqual({file: after.get(file) for file in before}, before)
            if self.path("out/index.h5").exists():
                self.index().close()
            before = after
            if len(before) == 6:  # all there: once more from the start
                for file in self.results()[draw.randrange(3):]:
                    file.unlink()
                    before.pop(file)
        self.assertEqual(self.sweep("--resume").returncode, 0)
        whole = {file.name: contents(file) for file in self.results()}
        self.assertEqual(self.call("sweep", config, "-o", "other").returncode, 0)
        for file in sorted(self.path("other/points").glob("*.h5")):
            self.assertEqual(whole[file.name], contents(file))


class Cost(SweepCase):
    def test_a_sweep_keeps_two_cores_busy_and_adds_little(self):
        config = self.config(SYNTHETIC.replace("instructions = 200k", "instructions = 2M") + """
[sweep]
repeats = 10
[axis.entries]
option = mmu.l2_tlb.entries
values = 256, 512
""", "sweep.cfg")
        process = self.start("sweep", config, "-o", "out", "-j", "2", stdout=subprocess.DEVNULL)
        running, ticks = [], [0, 0]
        while process.poll() is None:
            try:
                place = pathlib.Path(f"/proc/{process.pid}")
                stat = (place / "stat").read_text().rpartition(")")[2].split()
                children = (place / f"task/{process.pid}/children").read_text().split()
            except OSError:
                break
            ticks = [int(stat[11]) + int(stat[12]), int(stat[13]) + int(stat[14])]  # its own, its points'
            running.append(len(children))
            time.sleep(0.02)
        self.assertEqual(process.wait(), 0, process.communicate()[1])
        # CPU time and numbers of processes: others may load the machine.
        self.assertLess(ticks[0] / ticks[1], 0.02)
        # Between the first pair of points and the last. How soon an ended point is followed by the next is
        # up to the host as well: one point at a time would be 0, a sweep that looks every second 0.5.
        pairs = [index for index, count in enumerate(running) if count >= 2]
        self.assertGreater(len(pairs) / (pairs[-1] - pairs[0] + 1) if pairs else 0, 0.75)


class BadInput(SweepCase):
    def refuse(self, *named, config=SWEEP, words=()):
        done = self.sweep(*words, config=config)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertTrue(done.stderr.startswith("pagewalk: "), done.stderr)
        for word in named:
            self.assertIn(word, done.stderr)

    def test_wrong_sweep_files_are_refused_before_anything_is_written(self):
        for broken, *named in (
            (SWEEP.replace("option = os.slab", "option = os.slub"), "os.slub", "did you mean"),
            (SWEEP.replace("slub, slob", "slub, slop"), "slop", "allowed: slub"),
            (SWEEP.replace("128 to 512", "128 to 200000"), "out of range"),
            (SWEEP.replace("slub, slob", ""), "wants either values or range"),
            (SWEEP.replace("[sweep]", "[sweep]\nfilter = entries > 1000"), "leaves no point"),
            (SWEEP.replace("[sweep]", "[sweep]\nrepeats = 0"), "sweep.repeats"),
            (FEW, "nothing to sweep"),
        ):
            with self.subTest(named=named):
                self.refuse(*named, config=broken)
                self.assertFalse(self.path("out").exists())

    def test_words(self):
        self.refuse("-j wants", words=["-j", "0"])
        self.refuse("--resume", words=["--rerun-changed"])
        done = self.call("sweep")
        self.assertIn("usage: pagewalk sweep", done.stderr)
        self.assertEqual(self.call("sweep", "absent.cfg").returncode, 2)

    def test_folders_that_cannot_be_used(self):
        self.path("out").mkdir()
        self.path("out/thesis.tex").touch()
        self.refuse("thesis.tex")
        self.path("out/thesis.tex").unlink()
        done = self.call("sweep", self.config(SWEEP), "-o", "/proc/out")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("/proc/out", done.stderr)

    def test_a_full_disk_keeps_what_is_finished(self):
        self.assertEqual(self.sweep().returncode, 0)
        for file in self.results()[:2]:
            file.unlink()
        kept = {file: file.read_bytes() for file in self.results()}
        command = f"ulimit -f 60; exec '{PAGEWALK}' sweep sweep.cfg -o out --resume"
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual({file: file.read_bytes() for file in kept}, kept)
        self.assertEqual(self.sweep("--resume").returncode, 0)

    def test_damaged_results_run_again(self):
        self.assertEqual(self.sweep().returncode, 0)
        victim = self.results()[0]
        victim.write_bytes(victim.read_bytes()[:1000])
        done = self.sweep("--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("damaged", done.stderr)
        self.assertIn("5 of 6 points are there", done.stderr)


if __name__ == "__main__":
    unittest.main()
