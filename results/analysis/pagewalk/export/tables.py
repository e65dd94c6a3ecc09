"""Any table of a run or a sweep as CSV or Parquet."""

import itertools

import pandas as pd

from ..command_line import InputError
from . import parquet

ROWS = 1 << 19  # of an event table that are in memory at a time


def names(results):
    if hasattr(results, "points"):
        return ["points"]
    return ["summary", "stats", "stats_total", *(f"events/{name}" for name in results.event_names),
            *(f"intervals/{name}" for name in results.interval_names), *(f"histograms/{name}" for name in results.histogram_names)]


def frames(results, name):
    """The table in parts that fit into memory, each a frame with attrs["units"]; one part, without rows, of an empty table."""
    if name not in names(results):
        known = [known for known in names(results) if not known.startswith("histograms/")]
        raise InputError(f"{results.path} has no table '{name}'; there are {', '.join(known)}"
                         + ("" if hasattr(results, "points") else " and histograms/NAME"))
    kind, _, rest = name.partition("/")
    if kind == "events":
        for begin in range(0, max(1, results.event_count(rest)), ROWS):
            yield results.events(rest, slice(begin, begin + ROWS))
    elif kind == "intervals":
        yield results.intervals(rest)
    elif kind == "histograms":
        frame = results.histogram(rest)
        frame.attrs = {"units": {"lower_edge": frame.attrs["unit"], "counts": "count"}}
        yield frame
    elif kind == "points":
        yield results.points.reset_index()
    elif kind == "summary":
        values = {key: str(value) for key, value in results.summary.items()}
        yield pd.DataFrame({"key": values.keys(), "value": values.values()})
    else:
        frame = getattr(results, kind).reset_index()
        yield frame.astype({"value": float, **{column: str for column in frame.columns if column != "value"}})


def write_csv(results, path, name):
    """Columns are named as in the file; units are what `pagewalk events` and results/schema.md say. Returns the number of rows."""
    count = 0
    for number, frame in enumerate(frames(results, name)):
        frame.to_csv(path, mode="a" if number else "w", header=not number, index=False)
        count += len(frame)
    return count


def write_parquet(results, path, name):
    """Units are in the file's metadata, a key unit:COLUMN each. Returns the number of rows."""
    parts = frames(results, name)
    first = next(parts)
    with parquet.Writer(path, first.attrs.get("units", {})) as writer:
        for frame in itertools.chain([first], parts):
            writer.append(frame)
        return writer.rows
