#!/usr/bin/python3
"""bad_input_campaign.py PROGRAM [--seed N] [--scale F] [--only KIND,...] [--keep DIR]: bad inputs of every kind, kills and random machines.

An input is refused in one paragraph of ours with exit status 1 or 2, or taken; nothing crashes, hangs (60 s of host CPU time), takes more
than 6 GiB or changes an older result. Each kind tries its number (NUMBERS) times F; its row is printed, failing inputs are kept in DIR.
Exit status 1 where there was a fault."""

import argparse
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

import h5py

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "tests/integration"), str(SOURCE / "tests/support")]
import option_ends  # noqa: E402
import random_machines  # noqa: E402
import run_invariants  # noqa: E402

NUMBERS = {"options": 400, "configs": 100, "traces": 300, "recordings": 300, "results": 300, "captures": 300, "kills": 100, "machines": 300}
HOST_SECONDS, HOST_BYTES = 60, 6 << 30
SMALL = "[machine]\ncpus = 1\nmemory = 256MiB\n"
SYNTHETIC = SMALL + "[workload]\nkind = synthetic\n[synthetic]\ninstructions = 20k\nfirst_touch = off\n[synthetic.gups]\ntable = 4MiB\n"
OPTION_ELSEWHERE = ("sweep.", "slurm.", "axis.")
CORPUS, DATA = SOURCE / "tests/fuzz/corpus", SOURCE / "tests/data"
VIEWS = (["--json"], ["--stats"], ["--histograms"], ["--config"], ["--events", "page_faults"], ["--proc", "pagetypeinfo"])
PROC_FILES = ("zoneinfo", "buddyinfo", "pagetypeinfo", "slabinfo", "sys_kernel_slab", "vmallocinfo")


def damaged(data, draw):
    """Bits turned, a piece cut, doubled, made zero or noise, or the end missing."""
    data = bytearray(data)
    at = draw.randrange(len(data) + 1)
    piece = slice(at, at + draw.choice((1, 4, 64, 1000)))
    match draw.randrange(6):
        case 0:
            for _ in range(draw.choice((1, 1, 8))):
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        case 1:
            del data[piece]
        case 2:
            data[at:at] = data[piece]
        case 3:
            data[piece] = bytes(len(data[piece]))
        case 4:
            data[piece] = draw.randbytes(len(data[piece]))
        case 5:
            del data[at:]
    return bytes(data)


class Campaign:
    def __init__(self, program, folder, draw, keep):
        self.program, self.folder, self.draw, self.keep = program, folder, draw, keep
        self.faults, self.taken, self.refused = [], 0, 0
        (folder / "small.cfg").write_text(SMALL)
        (folder / "synthetic.cfg").write_text(SYNTHETIC)

    def call(self, *words):
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (HOST_SECONDS, HOST_SECONDS))
            resource.setrlimit(resource.RLIMIT_AS, (HOST_BYTES, HOST_BYTES))

        return subprocess.run([self.program, *map(str, words)], cwd=self.folder, capture_output=True, stdin=subprocess.DEVNULL,
                              preexec_fn=limit, timeout=20 * HOST_SECONDS, check=False)

    def judge(self, done, *inputs):
        """Counts an outcome; what is neither taken nor refused well is a fault, and its inputs are kept."""
        said = done.stderr.decode(errors="surrogateescape")
        message = "\n".join(line for line in said.splitlines() if " no effect: " not in line).strip()
        if done.returncode == 0:
            self.taken += 1
            return True
        if done.returncode in (1, 2) and "pagewalk: " in message and len(message) < 3000 and "\n\n" not in message:
            self.refused += 1
            return False
        return self.fault(f"status {done.returncode}: {message[-400:]!r}", done.args, *inputs)

    def fault(self, what, words, *inputs):
        place = ""
        if self.keep and inputs:
            place = self.keep / f"{len(list(self.keep.iterdir()))}_{inputs[0].name}"
            shutil.copytree(inputs[0], place) if inputs[0].is_dir() else shutil.copy(inputs[0], place)
        self.faults.append(f"{what} {words} {place}")
        return False

    def file(self, name, data):
        file = self.folder / name
        file.write_bytes(data)
        return file

    def run(self, config, *words):
        done = self.call("run", config, "-o", "run.h5", *words)
        (self.folder / "run.h5").unlink(missing_ok=True)
        (self.folder / "run.h5.partial").unlink(missing_ok=True)
        return done

    def options(self, number):
        every = [option for option in random_machines.options(self.program) if not option.key.startswith(OPTION_ELSEWHERE)]
        trace = DATA / "btree_60k.champsimtrace.xz"
        for _ in range(number):
            chosen = {}
            for option in self.draw.sample(every, self.draw.randrange(1, 4)):
                values = [*option_ends.allowed(option), *option_ends.not_allowed(option), *(option_ends.ODD_TEXTS if option.allowed == "text" else ())]
                chosen |= option_ends.beside(option, trace) | {option.key.replace(".N.", ".1."): self.draw.choice(values)}
            words = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
            self.judge(self.run("synthetic.cfg", "--set", "run.instructions=3k", *words))

    def configs(self, number):
        texts = [file.read_bytes() for folder in (CORPUS / "config", SOURCE / "configs/machines", SOURCE / "configs/experiments")
                 for file in folder.glob("*.cfg")] + [SYNTHETIC.encode()] * 10
        for _ in range(number):
            file = self.file("bad.cfg", damaged(self.draw.choice(texts), self.draw))
            self.judge(self.run(file, "--set", "run.instructions=3k", "--set", "workload.kind=synthetic", "--set", "synthetic.instructions=3k",
                                "--set", "machine.memory=256MiB"), file)

    def traces(self, number):
        whole = [file for file in (CORPUS / "trace").iterdir()] + [DATA / "btree_60k.champsimtrace.xz"]
        for _ in range(number):
            chosen = self.draw.choice(whole)
            file = self.file("bad" + "".join(chosen.suffixes), damaged(chosen.read_bytes(), self.draw))
            self.judge(self.run("small.cfg", "--trace", file, "--set", "run.instructions=3k",
                                "--set", f"trace.kernel_addresses={self.draw.choice(('refuse', 'user_pages'))}"), file)

    def recordings(self, number):
        subprocess.run([self.program, "record", "-o", "fresh.pwt", "--", "/bin/true"], cwd=self.folder, check=True)
        whole = [file for file in (CORPUS / "recording").iterdir()] + [self.folder / "fresh.pwt"] * 2
        for _ in range(number):
            file = self.file("bad.pwt", damaged(self.draw.choice(whole).read_bytes(), self.draw))
            self.judge(self.run("small.cfg", "--trace", file, "--set", "run.instructions=20k"), file)

    def results(self, number):
        self.call("run", "synthetic.cfg", "-o", "whole.h5")
        whole = (self.folder / "whole.h5").read_bytes()
        good = {tuple(view): self.call("show", "whole.h5", *view).stdout for view in VIEWS}
        for _ in range(number):
            file, view = self.file("bad.h5", damaged(whole, self.draw)), self.draw.choice(VIEWS)
            done = self.call("show", "bad.h5", *view)
            if self.judge(done, file) and done.stdout.replace(b"bad.h5", b"whole.h5") != good[tuple(view)]:
                self.fault("shows something else", done.args, file)
            done = self.call("compare", "whole.h5", "bad.h5")
            if done.returncode not in (0, 1, 2) or b"whole.h5 cannot be read" in done.stderr:
                self.fault(f"compare: status {done.returncode}: {done.stderr[-300:]}", done.args, file)

    def captures(self, number):
        for name in ("c-static", "c1-w1"):
            with tarfile.open(DATA / "linux" / f"{name}.tar.xz") as archive:
                archive.extractall(self.folder / "captures")
        for i in range(number):
            is_replay = i % 10 == 0  # takes seconds
            whole, bad = self.folder / "captures" / ("c1-w1" if is_replay else "c-static"), self.folder / "bad_capture"
            shutil.rmtree(bad, ignore_errors=True)
            shutil.copytree(whole, bad)
            file = self.draw.choice([file for file in bad.rglob("*") if file.is_file() and file.stat().st_size])
            file.write_bytes(damaged(file.read_bytes(), self.draw))
            self.judge(self.call("replay", bad) if is_replay else self.call("boot", "--from-capture", bad, "--proc", self.draw.choice(PROC_FILES)), bad)

    def kills(self, number):
        """Of a run that would replace an older result: that stays, and a whole one or none takes its place."""
        words = ["run", "synthetic.cfg", "-o", "kept.h5", "--set", "synthetic.instructions=300k"]
        begin = time.monotonic()
        self.call(*words)
        lasts = time.monotonic() - begin
        for _ in range(number):
            process = subprocess.Popen([self.program, *words], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(self.draw.uniform(0, 1.1 * lasts))
            process.send_signal(self.draw.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)))
            process.wait()
            try:
                with h5py.File(self.folder / "kept.h5") as run:
                    whole = run["meta/status"][()] == b"complete"
            except OSError as error:
                whole = False
                self.fault(str(error), words, self.folder / "kept.h5")
            if whole:
                self.taken += 1
            else:
                self.fault("an older result is lost", words)
        done = self.call(*words)
        if done.returncode != 0:
            self.fault(f"a run after the kills: {done.stderr[-300:]}", words)

    def machines(self, number):
        every = random_machines.options(self.program)
        for _ in range(number):
            seed = self.draw.randrange(2**31)
            settings = random_machines.machine(every, random.Random(seed))
            text = "".join(f"[{key.rpartition('.')[0]}]\n{key.rpartition('.')[2]} = {value}\n" for key, value in settings.items())
            file = self.file("machine.cfg", text.encode())
            done = self.call("run", file, "-o", "machine.h5")
            if self.judge(done, file) and (broken := run_invariants.broken(self.folder / "machine.h5")):
                self.fault(f"seed {seed}: {broken}", done.args, file)
            (self.folder / "machine.h5").unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--only", default=",".join(NUMBERS))
    parser.add_argument("--keep", type=pathlib.Path)
    words = parser.parse_args()
    if words.keep:
        words.keep.mkdir(parents=True, exist_ok=True)
    faults = 0
    print("| kind | tried | taken | refused | faults | host CPU |\n| --- | --: | --: | --: | --: | --: |")
    for kind in words.only.split(","):
        with tempfile.TemporaryDirectory(prefix="pagewalk_campaign_") as folder:
            campaign = Campaign(words.program, pathlib.Path(folder), random.Random(f"{kind} {words.seed}"), words.keep)
            before, number = os.times(), max(1, round(NUMBERS[kind] * words.scale))
            getattr(campaign, kind)(number)
            after = os.times()
            seconds = after.children_user + after.children_system - before.children_user - before.children_system
            print(f"| {kind} | {number} | {campaign.taken} | {campaign.refused} | {len(campaign.faults)} | {seconds:.0f} s |", flush=True)
            for each in campaign.faults:
                print(f"    {each}", file=sys.stderr, flush=True)
            faults += len(campaign.faults)
    return faults != 0


if __name__ == "__main__":
    sys.exit(main())
