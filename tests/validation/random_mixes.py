#!/usr/bin/python3
"""A file server, a program that wants more memory than there is, and one that forks, side by side on random machines of 1 to 4 CPUs:
no mix hangs, none loses a page that it should have, and what each run says of its end is in order. A failure names the seed that
repeats it.

Usage: random_mixes.py PAGEWALK PROGRAMS [--count N] [--seed FIRST] [--limit SECONDS]
PROGRAMS: the folder of the programs p1 to p9 (tests/data/proc/bin)"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time


def machine(rng):
    """One with too little memory, and somewhere to put the rest."""
    memory = rng.choice((128, 144, 160, 192))
    lines = ["[machine]", f"cpus = {rng.randint(1, 4)}", f"memory = {memory}MiB", "[os]", f"timing = {rng.choice(('on', 'off'))}",
             f"swap = {rng.choice((256, 512))}MiB", f"swap_device = {rng.choice(('disk', 'zram'))}", "file_cache = cold",
             f"reclaim = {rng.choice(('lru', 'mglru', 'clock', 'lfu', 's3fifo'))}", f"swappiness = {rng.choice((0, 60, 100, 200))}",
             "[run]", f"seed = {rng.randint(1, 1000)}", f"instructions = {rng.choice((500, 1000, 2000))}k"]
    if rng.random() < 0.5:
        lines += ["[device]", f"kind = {rng.choice(('nvme', 'sata_ssd', 'disk', 'optane'))}"]
    return memory, lines


def mix(rng, memory, programs, place):
    """The three programs; the hog wants up to twice the memory."""
    hog = f"{programs / 'p5'} anon {memory * rng.choice((1, 2))} fwd"
    forks = f"{programs / 'p2'} {rng.choice(('many', 'cow', 'zero'))}"
    server = (f"{programs / 'p4'} write {place / 'served'}", None)[rng.randint(0, 1)]
    sections = [f"command = {hog}", f"command = {forks}", f"command = {server}" if server else "synthetic = file_reads"]
    rng.shuffle(sections)
    text = [line for number, section in enumerate(sections, 1) for line in (f"[program.{number}]", section)]
    return text + ["[synthetic]", "first_touch = off", "[synthetic.file_reads]", f"file = {2 * memory}MiB", "block = 4096",
                   f"pattern = {rng.choice(('scan', 'zipf', 'mixed'))}", "scan_every = 500", "scan_blocks = 500"]


def problem_of(pagewalk, programs, seed, limit):
    """What is wrong with this seed's mix; None where nothing is."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="pagewalk_mix_") as folder:
        place = pathlib.Path(folder)
        memory, lines = machine(rng)
        (place / "mix.cfg").write_text("\n".join(lines + mix(rng, memory, programs, place)) + "\n")
        try:
            run = subprocess.run([pagewalk, "run", place / "mix.cfg", "-o", place / "mix.h5"], capture_output=True, text=True, cwd=place,
                                 timeout=limit, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return f"not over after {limit} s"
        if run.returncode not in (0, 1):
            return f"exit status {run.returncode}: {run.stderr[-1500:]}"
        if not (place / "mix.h5").exists():
            return f"no file: {run.stderr[-1500:]}"
        shown = subprocess.run([pagewalk, "show", place / "mix.h5", "--json"], capture_output=True, text=True)
        if shown.returncode != 0:
            return f"its file cannot be read: {shown.stderr}"
        status = json.loads(shown.stdout)["status"]
        # A program may be killed because memory ran out: then the run says so.
        if status not in ("complete", "instruction_limit", "region_end", "program_died"):
            return f"status {status}: {run.stderr[-1500:]}"
        return None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("pagewalk", type=pathlib.Path)
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("--count", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--limit", type=int, default=300, help="seconds of the host for a mix")
    given = arguments.parse_args()
    failed, begin = [], time.monotonic()
    for seed in range(given.seed, given.seed + given.count):
        problem = problem_of(given.pagewalk.resolve(), given.programs.resolve(), seed, given.limit)
        if problem is not None:
            failed.append(seed)
            print(f"seed {seed}: {problem}", flush=True)
    print(f"{given.count - len(failed)} of {given.count} mixes in order, {time.monotonic() - begin:.0f} s"
          + (f"; --seed {failed[0]} --count 1 repeats the first that is not" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
