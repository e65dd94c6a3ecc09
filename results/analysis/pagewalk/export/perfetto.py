"""A trace for Perfetto (ui.perfetto.dev): TracePackets of protobuf, with tracks of tasks, slices and counters.

Source of field numbers: protos/perfetto/trace of Perfetto's repository; of the encoding: protobuf.dev/programming-guides/encoding.
"""

import struct

import pandas as pd

from . import kernel_events
from .varint import varint

VARINT, FIXED64, BYTES = 0, 1, 2
SLICE_BEGIN, SLICE_END, COUNTER = 1, 2, 4
SEQUENCE = 1
STATE_CLEARED = 1
PROCESS_TRACK, FIRST_COUNTER_TRACK, FIRST_TASK_TRACK = 1, 2, 1000


def field(number, value):
    """One field: an int, a float (double), a text, or the bytes of a message."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value & (1 << 64) - 1)
    if isinstance(value, float):
        return varint(number << 3 | FIXED64) + struct.pack("<d", value)
    encoded = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | BYTES) + varint(len(encoded)) + encoded


def packet(body, time=None, first=False):
    """A TracePacket in its Trace; time in ns."""
    stamp = b"" if time is None else field(8, time)
    return field(1, stamp + field(10, SEQUENCE) + (field(13, STATE_CLEARED) if first else b"") + body)


def track(number, name, *more):
    return field(60, field(1, number) + field(2, name) + b"".join(more))


def event(kind, number, *more):
    return field(11, field(9, kind) + field(11, number) + b"".join(more))


def arguments(values):
    """Debug annotations, which Perfetto shows as a slice's arguments."""
    return b"".join(field(4, field(10, name) + (field(3, value) if isinstance(value, int) else field(6, str(value))))
                    for name, value in values.items())


def slices(run):
    """Page faults and, inside them, calls of functions (page allocations where the run traced no calls): a frame with time, end (ps),
    task, name and arguments, outer before inner."""
    parts = []
    if "page_faults" in run.event_names and run.event_count("page_faults"):
        faults = run.events("page_faults")
        parts.append(pd.DataFrame({
            "time": faults.time.astype("int64"), "end": (faults.time + faults.latency).astype("int64"), "task": faults.task,
            "name": "page fault: " + faults.kind.astype(str), "level": 0,
            "arguments": [{"address": hex(a), "access": x, "cpu": c} for a, x, c in zip(faults.address.tolist(), faults.access, faults.cpu.tolist())]}))
    calls = kernel_events.calls(run)
    if len(calls):
        parts.append(pd.DataFrame({"time": calls.time, "end": calls.end, "task": calls.task, "name": calls.function.astype(str),
                                   "level": calls.depth + 1, "arguments": [{"cpu": c} for c in calls.cpu.tolist()]}))
    elif "allocations" in run.event_names and run.event_count("allocations"):
        pages = run.events("allocations")
        parts.append(pd.DataFrame({
            "time": pages.time.astype("int64"), "end": (pages.time + pages.latency).astype("int64"), "task": pages.task,
            "name": "page allocation: " + pages.source.astype(str), "level": 1,
            "arguments": [{"order": o, "purpose": p, "pfn": hex(f), "cpu": c}
                          for o, p, f, c in zip(pages.order.tolist(), pages.purpose, pages.pfn.tolist(), pages.cpu.tolist())]}))
    if not parts:
        return pd.DataFrame(columns=["time", "end", "task", "name", "level", "arguments"])
    return pd.concat(parts).sort_values(["task", "time", "level"], kind="stable")


def begins_and_ends(rows):
    """(time, begin, row) of one task's slices, properly nested: what reaches beyond the slice around it ends with that."""
    open_slices = []
    for row in rows.itertuples(index=False):
        while open_slices and open_slices[-1] <= row.time:
            yield open_slices.pop(), False, None
        end = min(row.end, open_slices[-1]) if open_slices else row.end
        yield row.time, True, row
        open_slices.append(end)
    while open_slices:
        yield open_slices.pop(), False, None


def counters(run):
    """Frames of time series in ps by name: counts of each interval, and free memory."""
    found = {}
    for name in run.interval_names:
        rows = run.intervals(name)
        for column in rows.columns:
            if column not in ("time", "instructions") and len(rows):
                found[f"{name}: {column}"] = (rows.attrs["units"][column], rows[["time", column]].astype("int64"))
    return found


def write(run, path):
    """Returns how many events there are."""
    names, count = kernel_events.task_names(run), 0
    rows = slices(run)
    with open(path, "wb") as file:
        file.write(packet(track(PROCESS_TRACK, run.meta["workload"], field(3, field(1, 1) + field(6, run.meta["workload"]))), first=True))
        for number, (name, (unit, series)) in enumerate(counters(run).items(), FIRST_COUNTER_TRACK):
            file.write(packet(track(number, name, field(5, PROCESS_TRACK), field(8, field(6, unit)))))
            for time, value in series.itertuples(index=False):
                file.write(packet(event(COUNTER, number, field(30, value)), time // 1000))
                count += 1
        for task, members in rows.groupby("task"):
            number = FIRST_TASK_TRACK + int(task)
            thread = field(1, 1) + field(2, int(task)) + field(5, kernel_events.name_of(names, int(task)))
            file.write(packet(track(number, kernel_events.name_of(names, int(task)), field(4, thread))))
            for time, begins, row in begins_and_ends(members):
                more = (field(23, row.name), arguments(row.arguments)) if begins else ()
                file.write(packet(event(SLICE_BEGIN if begins else SLICE_END, number, *more), time // 1000))
                count += begins
    return count
