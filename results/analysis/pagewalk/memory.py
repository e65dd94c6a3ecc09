"""What the kernel's memory management did: faults, allocations, fragmentation. Units in attrs["units"]."""

import numpy as np
import pandas as pd

PAGE = 4096
TAILS = [0.5, 0.9, 0.99, 0.999, 1.0]


def fault_latency(run, cumulative=True):
    """Latency of page faults by kind, from the histograms: lower_edge (ns) as index, a kind a column; the share of that
    kind's faults at or below (an empirical CDF), or with cumulative=False their number."""
    return _latencies(run, "kernel/fault_latency_", cumulative)


def allocation_tails(run):
    """Latency of page allocations by the path that served them, from their events: number, p50 to p99.9 and the largest, ns.
    Of runs that keep every Nth event, of those; of a table of millions, of a sample (attrs["sampled"])."""
    events = run.sampled("allocations")
    groups = (events.latency / 1000).groupby(events.source, observed=True)
    frame = groups.quantile(TAILS).unstack()
    frame.columns = ["p50", "p90", "p99", "p99.9", "max"]
    frame.insert(0, "number", groups.size())
    frame.attrs["sampled"] = events.attrs["sampled"]
    frame.attrs["units"] = {"number": "count"} | {column: "ns" for column in frame.columns[1:]}
    return frame


def fragmentation(run, order=9):
    """Free memory over time, from /intervals/buddyinfo: free (bytes), and unusable and index as fragmentation_of has them."""
    rows = run.intervals("buddyinfo")
    frame = fragmentation_of(rows, order).set_axis(pd.Index(rows.time / 1e9, name="time"))
    frame.attrs["units"] = {"time": "ms", "free": "bytes", "unusable": "1", "index": "1"}
    return frame


def fragmentation_of(rows, order):
    """Of numbers of free blocks (columns order0 and so on): free (bytes), unusable (share of it in blocks too small for
    `order`), index (the kernel's fragmentation index: towards 0 such a request fails for lack of memory, towards 1 for
    fragmentation; NaN where it would succeed). Source: mm/vmstat.c's documentation in extfrag_index, Gorman, "Measuring the
    impact of the Linux memory manager", 2005."""
    orders = np.arange(sum(column.startswith("order") for column in rows.columns))
    blocks = rows[[f"order{o}" for o in orders]].to_numpy(dtype=float)
    pages = blocks * 2.0**orders
    free, usable = pages.sum(axis=1), pages[:, order:].sum(axis=1)
    total_blocks = blocks.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        index = 1 - (1 + free / 2.0**order) / total_blocks
        unusable = (free - usable) / free
    return pd.DataFrame({"free": free * PAGE, "unusable": unusable, "index": np.where(usable > 0, np.nan, index)}, index=rows.index)


def fragmentation_by_order(rows, what):
    """"unusable" or "index" of fragmentation_of for every order above 0, a column each."""
    orders = sum(column.startswith("order") for column in rows.columns)
    return pd.DataFrame({f"order {order}": fragmentation_of(rows, order)[what] for order in range(1, orders)}, index=rows.index)


def reclaim_activity(run):
    """Passes of reclaim: time (ms) as index, kswapd or direct as "by", and pages scanned, reclaimed, written and refilled so far, by both
    together. Of a table of millions, of a sample's passes."""
    events = run.sampled("reclaim").sort_values("time")
    columns = ["scanned", "reclaimed", "written", "refilled"]
    frame = events[columns].astype(float).cumsum().set_index(pd.Index(events.time / 1e9, name="time"))
    frame.insert(0, "by", events.by.astype(str).to_numpy())
    frame.attrs["units"] = {"time": "ms", "by": "", **dict.fromkeys(columns, "pages")}
    return frame


def page_cache_activity(run):
    """Pages that page caches got and lost so far: time (ms) as index, added, removed, cached (the difference). Wants
    events.filemap = 1."""
    events = run.events("filemap").sort_values("time", kind="stable")
    if events.attrs["every"] != 1:
        raise ValueError("page_cache_activity wants every event: events.filemap = 1")
    added = (events.call == "mm_filemap_add_to_page_cache").to_numpy()
    frame = pd.DataFrame({"added": added.cumsum(), "removed": (~added).cumsum()}, index=pd.Index(events.time / 1e9, name="time"))
    frame["cached"] = frame.added - frame.removed
    frame.attrs["units"] = {"time": "ms", "added": "pages", "removed": "pages", "cached": "pages"}
    return frame


def mapped_frames(run):
    """Where anonymous faults' pages lie, from events: task, address and pfn. Wants events.page_faults = 1 and
    events.allocations = 1: the page of a fault is the user's one that its task was given while the fault lasted."""
    faults, pages = run.events("page_faults"), run.events("allocations")
    for table in (faults, pages):
        if table.attrs["every"] != 1:
            raise ValueError("mapped_frames wants every event: events.page_faults = 1 and events.allocations = 1")
    faults = faults[faults.kind.isin(["anonymous_write", "copy_of_zero", "copy_on_write"])].sort_values("time")
    pages = pages[pages.purpose.isin(["anonymous", "copy_on_write"])].sort_values("time")
    # Times are beyond what merge_asof compares as unsigned.
    faults, pages = faults.astype({"time": "int64"}), pages.astype({"time": "int64"})
    joined = pd.merge_asof(
        pages[["time", "task", "pfn"]], faults[["time", "latency", "task", "address"]].assign(begin=faults.time), on="time", by="task"
    ).dropna(subset=["begin"])
    joined = joined[joined.time <= joined.begin + joined.latency]
    frame = joined[["task", "address", "pfn"]].astype({"address": "int64"})
    frame["address"] -= frame.address % PAGE
    frame = frame.drop_duplicates(["task", "address"], keep="last").reset_index(drop=True)
    frame.attrs["units"] = {"address": "bytes", "pfn": "frame"}
    return frame


def contiguity(run):
    """How far mapped memory is contiguous: pages (length of runs that are contiguous in addresses and in frames) as
    index, memory (bytes in such runs), cumulative (share of memory in runs at most that long). From mapped_frames."""
    frames = mapped_frames(run).sort_values(["task", "address"])
    step = frames.diff()
    begins = ~((step.task == 0) & (step.address == PAGE) & (step.pfn == 1))
    lengths = begins.cumsum().value_counts()
    memory = (lengths.value_counts().sort_index() * lengths.value_counts().sort_index().index) * PAGE
    frame = memory.rename_axis("pages").to_frame("memory")
    frame["cumulative"] = frame.memory.cumsum() / frame.memory.sum()
    frame.attrs["units"] = {"pages": "pages", "memory": "bytes", "cumulative": "1"}
    return frame


def _latencies(run, prefix, cumulative):
    columns = {}
    for name in run.histogram_names:
        if not name.startswith(prefix):
            continue
        histogram = run.histogram(name)
        if histogram.attrs["count"]:
            scale = {"ps": 1000, "ns": 1}[histogram.attrs["unit"]]
            columns[name.removeprefix(prefix)] = histogram.counts.set_axis(histogram.lower_edge / scale)
    frame = pd.DataFrame(columns).sort_index().fillna(0).rename_axis("lower_edge")
    unit = "count"
    if cumulative:
        frame, unit = frame.cumsum() / frame.sum(), "1"
    frame.attrs["units"] = {"lower_edge": "ns"} | {column: unit for column in frame.columns}
    return frame
