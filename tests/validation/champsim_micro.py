"""Pagewalk against ChampSim on hand-made traces that isolate one cause each, with one configuration for all.

usage: champsim_micro.py PAGEWALK SOURCE_FOLDER [--set KEY=VALUE]... [TRACE]...

Prints for each trace the cycles of both and the difference.
"""

import argparse
import csv
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402


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
    folder = arguments.source.parent / "shared/groundtruth/champsim/micro"
    for row in csv.DictReader((folder / "cycles.csv").open()):
        if arguments.traces and row["trace"] not in arguments.traces:
            continue
        ours = cycles(arguments.program, arguments.source, folder, row, settings)
        theirs = int(row["champsim_cycles"])
        print(f"{row['trace']:14} {theirs:9} {ours:9.0f} {100 * (ours / theirs - 1):+7.1f} %   "
              f"{row['champsim_cycles_with_8192_registers']:>9}", flush=True)


main()
