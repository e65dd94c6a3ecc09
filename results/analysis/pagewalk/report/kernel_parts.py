"""Panels of what the kernel's memory management did, of a run and of a real machine's /proc texts alike."""

import pandas as pd

from .. import memory, proc_text
from . import page

PAGE = 4096
MIB = 1 << 20
# Counters of vmstat that tell of each activity.
ACTIVITY = {
    "Reclaim": ["pgscan_kswapd", "pgscan_direct", "pgsteal_kswapd", "pgsteal_direct", "pgrefill", "pgactivate", "pgdeactivate",
                "workingset_refault_file", "workingset_refault_anon", "pswpin", "pswpout", "allocstall_normal", "allocstall_movable",
                "slabs_scanned", "kswapd_inodesteal", "pageoutrun"],
    "Compaction and migration": ["compact_stall", "compact_success", "compact_fail", "compact_migrate_scanned", "compact_free_scanned",
                                 "compact_isolated", "compact_daemon_wake", "pgmigrate_success", "pgmigrate_fail"],
    "Huge pages": ["thp_fault_alloc", "thp_fault_fallback", "thp_collapse_alloc", "thp_collapse_alloc_failed", "thp_split_page", "thp_split_pmd"],
}
LRU = ["Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable"]
CACHE = ["Cached", "Buffers", "Dirty", "Writeback", "Mapped", "AnonPages", "Shmem", "Slab", "SReclaimable", "SUnreclaim", "PageTables", "KernelStack"]


def fragmentation(rows, x):
    """Pictures of fragmentation: `rows` has order0 and so on, over time."""
    orders = [column for column in rows.columns if column.startswith("order")]
    free = pd.DataFrame({f"order {o[5:]}": rows[o].astype(float) * 2 ** int(o[5:]) * PAGE / MIB for o in orders}, index=rows.index)
    parts = [
        page.heat("Free memory by order", free, x, "MiB", log=True, text="In blocks of each order; orders without any are left blank."),
        page.heat("Unusable free space", 100 * memory.fragmentation_by_order(rows, "unusable"), x, "%", limits=[0, 100],
                  text="Share of free memory in blocks too small for a request of the order."),
    ]
    index = memory.fragmentation_by_order(rows, "index")
    if index.notna().any().any():
        parts.append(page.heat("Fragmentation index", index, x, "", limits=[0, 1],
                               text="Where a request of the order would fail: towards 0 for lack of memory, towards 1 for fragmentation."))
    return parts


def huge_page_success(vmstat, x):
    """Faults that got a huge page, of those that asked for one: over time, or None. `vmstat` has a row a moment."""
    wanted = [name for name in ("thp_fault_alloc", "thp_fault_fallback") if name in vmstat]
    if len(wanted) < 2 or len(vmstat) < 2:
        return None
    change = vmstat[wanted].diff().iloc[1:]
    asked = change.sum(axis=1)
    if not asked.any():
        return None
    return page.lines("Huge page faults that got one", (100 * change.thp_fault_alloc / asked).to_frame("success").dropna(), x, "%")


def activity(vmstat, text):
    """Bars of the kernel's counters that are not zero. `vmstat` is a series of name -> number."""
    parts = []
    for title, names in ACTIVITY.items():
        values = vmstat.reindex(names).dropna()
        values = values[values > 0]
        if len(values):
            parts.append(page.bars(title, values.to_frame("vmstat"), "events or pages", log=True, text=text))
    return parts


def memory_use(meminfo):
    """LRU lists and what memory is used for. `meminfo` is a series in kB."""
    parts = []
    for title, names in (("LRU lists", LRU), ("What memory is used for", CACHE)):
        values = meminfo.reindex(names).dropna() / 1024
        values = values[values > 0]
        if len(values):
            parts.append(page.bars(title, values.to_frame("meminfo"), "MiB"))
    return parts


def slab(text):
    caches = proc_text.slabinfo(text).sort_values("memory", ascending=False)
    if caches.empty:
        return []
    most = caches.head(12).set_index("cache")
    bars = pd.DataFrame({"in use": most.active * most["size"] / 1024, "free": (most.memory - most.active * most["size"]).clip(lower=0) / 1024})
    units = {"size": "bytes", "pages": "pages", "memory": "bytes"}
    return [page.bars("Object caches", bars, "KiB", stacked=True, text="Memory of the twelve largest: objects in use, and the rest of their slabs."),
            page.table("All caches", caches, units, name="slab")]
