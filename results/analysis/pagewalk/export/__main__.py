"""python3 -m pagewalk.export FILE.h5|SWEEPDIR --format FORMAT [--table NAME] [--by function|cause] [-o FILE]"""

import pathlib
import sys

from ..command_line import InputError, Parser, run, written_whole

# Format: suffix, what is counted, whether it wants a table.
FORMATS = {"ftrace": (".ftrace.txt", "events", False), "trace-dat": (".dat", "events", False),
           "perfetto": (".perfetto-trace", "events", False), "perf-script": (".folded", "stacks", False),
           "csv": (".csv", "rows", True), "parquet": (".parquet", "rows", True)}


def arguments():
    parser = Parser(prog="pagewalk export", add_help=False)
    parser.add_argument("results", type=pathlib.Path)
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--table")
    parser.add_argument("--by", choices=["function", "cause"])
    parser.add_argument("-o", "--output", type=pathlib.Path)
    chosen = parser.parse_args()
    wants_table = FORMATS[chosen.format][2]
    if wants_table and not chosen.table:
        raise InputError(f"{chosen.format} wants --table NAME: events/page_faults, intervals/machine, stats, summary or, of a sweep, points")
    if chosen.table and not wants_table:
        raise InputError(f"--table goes with csv and parquet; {chosen.format} has all events")
    if chosen.by and chosen.format != "perf-script":
        raise InputError(f"--by goes with perf-script; {chosen.format} has no stacks")
    return chosen


def write(results, chosen, path):
    from . import folded, ftrace, perfetto, tables, trace_dat

    if chosen.format == "csv":
        return tables.write_csv(results, path, chosen.table)
    if chosen.format == "parquet":
        return tables.write_parquet(results, path, chosen.table)
    if hasattr(results, "points"):
        raise InputError(f"{results.path} is a sweep; {chosen.format} wants one run: a file of its points/ folder")
    if chosen.format == "perf-script":
        return folded.write(results, path, chosen.by or "function")
    return {"ftrace": ftrace, "trace-dat": trace_dat, "perfetto": perfetto}[chosen.format].write(results, path)


def main():
    chosen = arguments()
    try:
        import pagewalk
    except ImportError as error:
        raise InputError(f"{error}; Debian has it in python3-h5py, python3-pandas and python3-matplotlib") from None
    suffix, counted, _ = FORMATS[chosen.format]
    given = chosen.results
    try:
        results = pagewalk.load(given)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{given} cannot be read: {error}") from None
    with results:
        table = chosen.table.rpartition("/")[2] + suffix if chosen.table else ""
        beside = given / ("sweep" + suffix) if given.is_dir() else given.with_name(given.stem + suffix)
        target = chosen.output or (beside.with_name(f"{beside.name.removesuffix(suffix)}.{table}") if table else beside)
        with written_whole(target) as path:
            count = write(results, chosen, path)
    print(f"{target}: {count} {counted}")
    return 0


if __name__ == "__main__":
    sys.exit(run("export", main))
