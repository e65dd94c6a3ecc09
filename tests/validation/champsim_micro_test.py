"""Pagewalk against ChampSim on hand-made traces that isolate one cause each, with one configuration for all.

usage: champsim_micro_test.py PAGEWALK SOURCE_FOLDER [--set KEY=VALUE]... [TRACE]...

Prints for each trace the cycles of both, the difference and what is allowed of it. Exit status 77 where the reference is absent.
"""

import argparse
import csv
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

CLOSE = 0.03
# docs/accuracy.md says what each of these is.
ALLOWED = {"chase_dram": 0.13, "chase_llc": 0.06, "mp_cmpload20": 0.06, "load_indep": 0.09, "ld2st1alu1": 0.32, "dram_gap0": 0.17, "mlp20n": 0.10}


def cycles(program, source, folder, row, settings):
    run = SimulatedRun(
        program, source / "configs/machines/champsim_default.cfg",
        {"os.timing": "off", "run.warmup": row["warmup_instructions"], "run.instructions": row["instructions"], **settings},
        trace=folder / f"{row['trace']}.champsimtrace.xz")
    return run["cpu0/cycles"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("traces", nargs="*")
    arguments = parser.parse_intermixed_args()
    settings = dict(item.split("=", 1) for item in arguments.set)
    folder = arguments.source / "tests/data/champsim/micro"
    failures = []
    for row in csv.DictReader((folder / "cycles.csv").open()):
        trace = row["trace"]
        if arguments.traces and trace not in arguments.traces:
            continue
        ours, theirs = cycles(arguments.program, arguments.source, folder, row, settings), int(row["champsim_cycles"])
        difference, allowed = ours / theirs - 1, ALLOWED.get(trace, CLOSE)
        print(f"{trace:14} {theirs:9} {ours:9.0f} {100 * difference:+7.1f} %  {100 * allowed:3.0f} %  {row['what']}", flush=True)
        if abs(difference) > allowed:
            failures.append(trace)
    print("FAILED: " + ", ".join(failures) if failures else "all within what is allowed")
    return 1 if failures else 0


sys.exit(main())
