#!/usr/bin/python3
"""Random programs on random machines, cut short or killed at random: no run hangs, none leaves a process, a file or shared
memory behind, and what each says of its end agrees with its exit status. A failure names the seed that repeats it.

Usage: random_live_runs.py PAGEWALK [--count N] [--seed FIRST] [--limit SECONDS]"""

import argparse
import datetime
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))
from live_programs_list import FILES, PROGRAMS  # noqa: E402
from random_machines import machine, options  # noqa: E402

# Those that are over within seconds, and leave nothing in their folder that a later run would stumble over.
SMALL = ("true", "perl", "go hello", "rust threads", "openmp, passive waiting", "musl, static", "musl, dynamic", "glibc, static",
         "sqlite", "git log", "pipelines", "30 processes", "xargs", "find, grep", "c++ containers", "timeout, signals",
         "python threads", "stress-ng fork", "stress-ng vforkmany", "stress-ng malloc", "stress-ng pipe", "stress-ng pthread")
MARK = "PAGEWALK_RANDOM_RUN"
GOOD = ("complete", "instruction_limit", "region_end")
BAD = ("program_died", "interrupted", "incomplete", "failed")


def settings_of(every_option, rng):
    drawn = machine(every_option, rng)
    kept = {key: value for key, value in drawn.items() if not key.startswith(("workload.", "synthetic", "events."))}
    kept["run.instructions"] = rng.choice((0, 0, rng.randrange(1, 20_000), rng.randrange(1, 5_000_000)))
    kept["run.warmup"] = rng.choice((0, 0, 0, rng.randrange(1, 1_000_000)))
    if rng.random() < 0.2:
        kept["workload.memory_limit"] = f"{rng.choice((1, 2, 4, 16, 64))}MiB"
    return kept


def processes_of(mark):
    """Those that carry the mark in their environment."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            pass
    return found


def children_of(pid):
    try:
        return [int(child) for task in pathlib.Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return []


class Run:
    """A run in a folder of its own; `problems` has what is wrong with it."""

    def __init__(self, pagewalk, place, every_option, programs, seed, limit):
        self.rng = random.Random(seed)
        self.mark, self.place, self.limit = f"{os.getpid()}.{seed}", place, limit
        self.name, self.command, self.folder = self.rng.choice(programs)
        self.settings = settings_of(every_option, self.rng)
        self.action = self.rng.choice((None, None, ("pagewalk", signal.SIGINT), ("pagewalk", signal.SIGTERM), ("pagewalk", signal.SIGKILL),
                                       ("program", signal.SIGINT), ("program", signal.SIGTERM), ("program", signal.SIGKILL)))
        self.delay = self.rng.uniform(0, 2)
        self.problems, self.pagewalk, self.sent = [], pagewalk, False
        place.mkdir()
        (place / "tmp").mkdir()

    def start(self):
        config = "".join(f"[{key.rpartition('.')[0]}]\n{key.rpartition('.')[2]} = {value}\n" for key, value in self.settings.items())
        (self.place / "machine.cfg").write_text(config)
        environment = dict(os.environ, TMPDIR=str(self.place / "tmp"), **{MARK: self.mark})
        return subprocess.Popen([self.pagewalk, "run", str(self.place / "machine.cfg"), "-o", str(self.place / "run.h5"), "--", "bash", "-c",
                                 self.command], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=(self.place / "stderr").open("w"), start_new_session=True)

    def disturb(self, process):
        if self.action is None:
            return
        time.sleep(self.delay)
        victims = [process.pid] if self.action[0] == "pagewalk" else children_of(process.pid)
        if process.poll() is not None or not victims:
            return
        try:
            os.kill(self.rng.choice(victims), self.action[1])
            self.sent = True
        except ProcessLookupError:
            pass

    def check_end(self, status):
        """What the run's file says against its exit status."""
        file, stderr = self.place / "run.h5", (self.place / "stderr").read_text(errors="replace")
        if status == 2:
            if file.exists() or not stderr.startswith("pagewalk: "):
                self.problems.append(f"refused, with a file or without a message: {stderr[-500:]!r}")
            return
        if status < 0:
            # Before there is anything to be removed, any signal ends it at once.
            own = self.sent and self.action[0] == "pagewalk" and -status == self.action[1]
            if not own or (status != -signal.SIGKILL and file.exists()):
                self.problems.append(f"died of signal {-status}: {stderr[-1000:]!r}")
            return
        partial = self.place / "run.h5.partial"
        if not file.exists() and not partial.exists():
            self.problems.append(f"exit status {status} and no file: {stderr[-1000:]!r}")
            return
        shown = subprocess.run([self.pagewalk, "show", str(file if file.exists() else partial), "--json"], capture_output=True, text=True)
        if shown.returncode != 0:
            self.problems.append(f"its file cannot be read: {shown.stderr!r}")
            return
        summary = json.loads(shown.stdout)
        if summary["status"] not in (GOOD if status == 0 else BAD):
            self.problems.append(f"status {summary['status']} with exit status {status}: {stderr[-1000:]!r}")
        if summary["status"] == "failed":
            self.problems.append(f"failed: {stderr[-1000:]!r}")
        if summary["status"] == "interrupted" and not (self.sent and self.action[0] == "pagewalk"):
            self.problems.append("interrupted by nobody")

    def check_rest(self):
        """What is left behind."""
        until = time.monotonic() + 10
        while (left := processes_of(self.mark)) and time.monotonic() < until:
            time.sleep(0.1)
        for pid in left:
            try:
                self.problems.append(f"process {pid} is left: {pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()!r}")
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        killed = (self.action, self.sent) == (("pagewalk", signal.SIGKILL), True)
        # A killed run cannot remove its folder: the next one does, and its lock.
        files = [path for path in (self.place / "tmp").iterdir() if not (killed and path.name.startswith("pagewalk"))]
        files += [path for path in self.place.glob("run.h5.*") if path.name != "run.h5.partial" and not killed]
        self.problems += [f"{path} is left" for path in files]
        self.problems += [f"{path} is left" for path in pathlib.Path("/dev/shm").glob("*pagewalk*")]

    def do(self):
        process = self.start()
        self.disturb(process)
        try:
            status = process.wait(timeout=self.limit)
        except subprocess.TimeoutExpired:
            self.problems.append(f"hangs: {[(pid, pathlib.Path(f'/proc/{pid}/wchan').read_text()) for pid in processes_of(self.mark)]}")
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        else:
            self.check_end(status)
        self.check_rest()
        return self.problems


def prepared_programs(place):
    """Name, command and folder of each small program that is installed."""
    programs = []
    for name, needed, command, preparation in PROGRAMS:
        if name not in SMALL or shutil.which(needed) is None:
            continue
        folder = place / f"program{len(programs)}"
        folder.mkdir()
        for file, content in FILES.items():
            (folder / file).write_text(content)
        if preparation is not None:
            subprocess.run(["bash", "-c", preparation], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        programs.append((name, command, folder))
    return programs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pagewalk")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=datetime.date.today().toordinal() * 1000)
    parser.add_argument("--limit", type=float, default=300, help="seconds of a run")
    words = parser.parse_args()
    pagewalk = str(pathlib.Path(words.pagewalk).resolve())
    every_option = options(pagewalk)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="random_live_runs_") as folder:
        place = pathlib.Path(folder)
        programs = prepared_programs(place)
        for seed in range(words.seed, words.seed + words.count):
            run = Run(pagewalk, place / str(seed), every_option, programs, seed, words.limit)
            if problems := run.do():
                bad += 1
                print(f"seed {seed}: {run.name}, {run.action} after {run.delay:.2f} s, {run.settings}\n  " + "\n  ".join(problems), flush=True)
            shutil.rmtree(run.place)
    print(f"{words.count - bad} of {words.count} runs from seed {words.seed} on as they must be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
