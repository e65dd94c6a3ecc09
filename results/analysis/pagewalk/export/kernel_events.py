"""A run's event tables as Linux's tracepoints, all CPUs in one order of time."""

import collections

import numpy as np
import pandas as pd

from ..command_line import InputError
from ..run import attribute
from .tracepoints import BY_NAME

DISK = 254 << 20  # device 254:0, as virtio-blk has
MAPPED = ["copy_on_write", "copy_of_zero", "reuse", "make_writable", "huge_reuse"]  # the entry was there: a fault of protection
MIGRATETYPES = {"Unmovable": 0, "Movable": 1, "Reclaimable": 2, "HighAtomic": 3, "CMA": 4, "Isolate": 4}  # of Debian's 6.1
ERROR_WRITE, ERROR_USER, ERROR_FETCH = 0x2, 0x4, 0x10  # Intel SDM vol. 3A, 4.7
FIRST_FUNCTION = 0xFFFFFFFFC0000000  # addresses that functions get in traces, beyond the kernel's text

# Occurrences of one tracepoint: arrays of ps, CPU and task, and one array a field, texts included.
Events = collections.namedtuple("Events", "tracepoint time cpu task values")


def _of(name, frame, *values, time=None):
    count = len(frame)
    columns = [np.broadcast_to(np.asarray(value), count) for value in values]
    return Events(BY_NAME[name], np.asarray(frame.time if time is None else time, dtype=np.int64), frame.cpu.to_numpy(),
                  frame.task.to_numpy() if "task" in frame else np.zeros(count, dtype=np.int64), columns)


def allocations(frame):
    served = frame[frame.source != "failed"]
    return [_of("mm_page_alloc", served, served.pfn, served.order, served.gfp, served.migratetype.map(MIGRATETYPES).astype(int))]


def kmem(frame):
    found = []
    for call in ("kmalloc", "kmem_cache_alloc"):
        rows = frame[(frame.call == call) & (frame.ptr != 0)]
        more = [(rows.gfp_flags & 0x400000) != 0] if call == "kmem_cache_alloc" else []
        found.append(_of(call, rows, rows.call_site, rows.ptr, rows.bytes_req, rows.bytes_alloc, rows.gfp_flags, rows.node, *more))
    rows = frame[frame.call == "kfree"]
    found.append(_of("kfree", rows, rows.call_site, rows.ptr))
    rows = frame[frame.call == "kmem_cache_free"]
    return [*found, _of("kmem_cache_free", rows, rows.call_site, rows.ptr, rows.cache.astype(str))]


def page_faults(frame):
    code = (ERROR_USER + ERROR_WRITE * (frame.access == "write") + ERROR_FETCH * (frame.access == "execute") + frame.kind.isin(MAPPED))
    return [_of("page_fault_user", frame, frame.address, 0, code)]


def filemap(frame):
    return [_of(call, rows, rows.pfn, rows.i_ino, rows["index"], DISK, 0)
            for call in ("mm_filemap_add_to_page_cache", "mm_filemap_delete_from_page_cache")
            for rows in [frame[frame.call == call]]]


def reclaim(frame):
    direct, kswapd = frame[frame.by == "direct"], frame[frame.by == "kswapd"]
    return [
        _of("mm_vmscan_direct_reclaim_begin", direct, direct.order, 0),
        _of("mm_vmscan_direct_reclaim_end", direct, direct.reclaimed, time=direct.time + direct.latency),
        _of("mm_vmscan_kswapd_wake", kswapd, kswapd.node, 0, kswapd.order),
    ]


def block_requests(frame):
    kind = frame.call.map({"read": "R", "write": "W", "flush": "FF"}).astype(str)
    return [
        _of("block_rq_issue", frame, DISK, frame.sector, frame.nr_sector, frame.nr_sector * 512, kind, "pagewalk", ""),
        _of("block_rq_complete", frame, DISK, frame.sector, frame.nr_sector, 0, kind, "", time=frame.time + frame.latency),
    ]


TABLES = {"allocations": allocations, "kmem": kmem, "page_faults": page_faults, "filemap": filemap, "reclaim": reclaim,
          "block_requests": block_requests}


def events(run):
    """Events of every table that has some, without calls of functions. Tables that keep one event in N give these."""
    found = [made for name, convert in TABLES.items() if name in run.event_names and run.event_count(name)
             for made in convert(run.events(name))]
    return [made for made in found if len(made.time)]


def function_names(run):
    table = run.events("functions", slice(0, 0)) if "functions" in run.event_names else pd.DataFrame()
    return list(table.function.cat.categories) if "function" in table else []


def calls(run):
    """Calls of kernel functions in the order of entry: time, end (ps), task, cpu, depth and function. An empty frame where the run
    traced none. Raises InputError where it kept one call in N: callers and callees no longer belong together."""
    if "functions" not in run.event_names or not run.event_count("functions"):
        return pd.DataFrame(columns=["time", "end", "task", "cpu", "depth", "function"])
    if attribute(run.file["events/functions"], "every") != 1:
        raise InputError(f"{run.path} keeps one call in {attribute(run.file['events/functions'], 'every')}; nesting wants "
                         "events.functions = 1")
    frame = run.events("functions").astype({"time": "int64", "duration": "int64", "depth": "int64"})
    frame["end"] = frame.time + frame.duration
    return frame


def nested(frame):
    """Rows of calls in the order in which they are entered and left, by task: (row, True for an entry)."""
    order = []
    for _, rows in frame.groupby("task", sort=False):
        open_rows = []
        for row, depth in zip(rows.index.tolist(), rows.depth.tolist()):
            while len(open_rows) > 0 and open_rows[-1][1] >= depth:
                order.append((open_rows.pop()[0], False))
            order.append((row, True))
            open_rows.append((row, depth))
        order += [(row, False) for row, _ in reversed(open_rows)]
    return order


def function_graph(run):
    """funcgraph_entry and funcgraph_exit of every call, in order by task: as Events of both kinds, and the names by address."""
    names = function_names(run)
    frame = calls(run)
    order = nested(frame)
    addresses = {name: FIRST_FUNCTION + 16 * number for number, name in enumerate(names)}
    found = []
    for name, is_entry in (("funcgraph_entry", True), ("funcgraph_exit", False)):
        rows = frame.loc[[row for row, entry in order if entry == is_entry]]
        function = rows.function.astype(str).map(addresses).to_numpy(dtype=np.uint64)
        times = (0, rows.time // 1000, rows.end // 1000)
        found.append(_of(name, rows, function, rows.depth, *([] if is_entry else times), time=rows.time if is_entry else rows.end))
    place = {True: iter(range(len(frame))), False: iter(range(len(frame)))}
    return found, [(not entry, next(place[entry])) for _, entry in order], addresses


def merged(sources, ordered=()):
    """(source, row) of every event in the order of time. `ordered` are those of the first two sources whose order at equal times is
    given."""
    source = np.concatenate([np.full(len(made.time), number) for number, made in enumerate(sources)])
    row = np.concatenate([np.arange(len(made.time)) for made in sources])
    time = np.concatenate([made.time for made in sources])
    if len(ordered):
        count = len(ordered)
        source[:count], row[:count] = np.array([s for s, _ in ordered], dtype=int), np.array([r for _, r in ordered], dtype=int)
        time[:count] = np.where(source[:count] == 0, sources[0].time[np.minimum(row[:count], len(sources[0].time) - 1)],
                                sources[1].time[np.minimum(row[:count], len(sources[1].time) - 1)])
    order = np.argsort(time, kind="stable")
    return list(zip(source[order].tolist(), row[order].tolist()))


def task_names(run):
    """Names of tasks as /proc/<pid>/comm has them, as far as the run knows them; others are task-N."""
    names = {0: "<idle>"}
    for process in run.file["stats"].get("process", {}).values():
        words = (attribute(process, "command", "") or "").split()
        if "pid" in process and words:
            names[int(process["pid"][()])] = words[0].rpartition("/")[2][:15]
    return names


def name_of(names, task):
    return names.get(task, f"task-{task}")
