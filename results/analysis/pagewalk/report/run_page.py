"""The page of one run."""

import math

import pandas as pd

from .. import hardware, memory, proc_text
from ..run import attribute
from . import kernel_parts, page

PAGE = 4096
MOST_SLICES = 2000


def events_of(run, name):
    """Has the run events of that table?"""
    return name in run.event_names and run.event_count(name) > 0


def overview(run):
    meta, host = run.meta, run.host
    facts = {
        "workload": meta["workload"], "machine": meta["machine"], "status": f"{run.status}: {meta['status_text']}",
        "seed": meta["seed"], "simulated time": f"{meta['simulated_time'] / 1e9:.3f} ms",
        "host time": f"{host['host_seconds']:.1f} s", "command": host["command_line"],
        "Pagewalk": f"{meta['version']} ({meta['git_revision']})",
    }
    rows = pd.DataFrame({"fact": facts.keys(), "value": [str(value) for value in facts.values()]})
    units = {name: attribute(item, "unit") for name, item in run.file["summary"].items()}
    summary = [(name, value, units.get(name, "")) for name, value in run.summary.items() if not isinstance(value, str)]
    return [
        page.table("Run", rows, name="facts"),
        page.table("Summary", pd.DataFrame(summary, columns=["key", "value", "unit"]), name="summary"),
    ]


def cycles(run):
    stack = hardware.cpi_stack(run)
    stack = stack[stack.sum(axis=1) > 0.002 * stack.to_numpy().sum()]
    parts = [page.bars("Cycles per instruction, by cause", stack, "cycles/instruction", stacked=True,
                       text="Both modes together are the machine's CPI; causes below 0.2 % are left out.")]
    rows = run.intervals("machine") if "machine" in run.interval_names else pd.DataFrame()
    if len(rows) > 1:
        all_cycles = (rows.cpu_user_cycles + rows.cpu_kernel_cycles).clip(lower=1)
        over_time = pd.DataFrame({"IPC": rows.cpu_user_instructions / all_cycles,
                                  "share of cycles in the kernel": rows.cpu_kernel_cycles / all_cycles})
        parts.append(page.lines("Over time", over_time.set_axis(rows.time / 1e9), "simulated time, ms", ""))
    return parts


def translation(run):
    mpki = hardware.tlb_mpki(run)
    if len(mpki) == 2:  # one CPU, which is the machine
        mpki = mpki.loc[["machine"]]
    parts = [page.bars("TLB misses", mpki, "per 1000 instructions", text="Misses of l2_tlb are page walks.")]
    walks = hardware.walk_latency(run) if any(n.endswith("/mmu/walk_latency") for n in run.histogram_names) else pd.DataFrame()
    if len(walks):
        parts.append(page.lines("Latency of page walks", walks[walks.index > 0][["cumulative"]].rename(columns={"cumulative": "walks"}),
                                "cycles", "share at or below", log_x=True, step=True))
    return parts


def faults(run):
    latency = memory.fault_latency(run)
    if latency.empty:
        return []
    counts = memory.fault_latency(run, cumulative=False)
    rows = pd.DataFrame({"kind": counts.columns, "number": counts.sum().to_numpy()})
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
        rows[name] = [(latency[kind] >= share).idxmax() for kind in counts.columns]
    return [
        page.lines("Latency of page faults", latency[latency.max(axis=1).shift(-1, fill_value=1) > 0], "ns", "share at or below", log_x=True, step=True),
        page.table("By kind", rows, {"number": "count", "p50": "ns", "p90": "ns", "p99": "ns"}, name="faults"),
    ]


def allocations(run):
    parts = []
    if events_of(run, "allocations"):
        tails = memory.allocation_tails(run)
        share = tails.attrs["sampled"]
        parts.append(page.bars("Page allocations by the path that served them", tails[["p50", "p99", "max"]], "ns", log=True,
                               text="" if share == 1 else f"Of a sample: {100 * share:.3g} % of the events."))
        parts.append(page.table("Tails", tails.rename_axis("path").reset_index(), tails.attrs["units"], name="allocations"))
    return parts


def free_memory(run):
    rows = run.intervals("buddyinfo") if "buddyinfo" in run.interval_names else pd.DataFrame()
    if len(rows) < 2:
        return []
    rows = rows.set_axis(rows.time / 1e9)
    orders = [column for column in rows.columns if column.startswith("order")]
    free = pd.DataFrame({o: rows[o].astype(float) * 2 ** int(o[5:]) * PAGE / (1 << 20) for o in orders})
    change = free - free.iloc[0]
    change = change.loc[:, (change != 0).any()]
    parts = kernel_parts.fragmentation(rows, "simulated time, ms")
    if len(change.columns):
        parts.append(page.lines("Change since the first interval", change, "simulated time, ms", "MiB", text="Orders that changed."))
    return [*parts, steals(run)]


def steals(run):
    """Allocations that came from another migratetype's blocks or waited for compaction, over time: None where there were none."""
    if not events_of(run, "allocations"):
        return None
    events = run.sampled("allocations")
    events = events[events.source.isin(["fallback_steal", "direct_compaction", "direct_reclaim"])]
    if events.empty:
        return None
    counts = events.groupby([pd.cut(events.time.astype(float) / 1e9, 100, labels=False), "source"], observed=True).size().unstack(fill_value=0)
    counts.index = counts.index * (events.time.max() / 1e9) / 100
    return page.lines("Fallbacks, compaction and reclaim", counts.astype(float), "simulated time, ms", "allocations", step=True,
                      text="Page allocations that a steal, direct compaction or direct reclaim served.")


def physical_memory(run):
    if "page_blocks" not in run.proc_names:
        return []
    blocks = proc_text.page_blocks(run.proc("page_blocks"))
    return [page.memory_map("Physical memory by page block", blocks, text="At the run's end; rows begin at the address beside them.")]


def kernel_memory(run):
    parts = []
    if "meminfo" in run.proc_names:
        parts += kernel_parts.memory_use(proc_text.counters(run.proc("meminfo")))
    if "slabinfo" in run.proc_names:
        parts += kernel_parts.slab(run.proc("slabinfo"))
    return parts


def reclaim(run):
    parts = []
    if events_of(run, "reclaim"):
        parts.append(page.lines("Passes of reclaim", memory.reclaim_activity(run).drop(columns="by"), "simulated time, ms", "pages so far", step=True))
    if events_of(run, "filemap") and attribute(run.file["events/filemap"], "every") == 1:
        parts.append(page.lines("Page cache", memory.page_cache_activity(run)[["cached"]].astype(float), "simulated time, ms",
                                "pages since power-on", step=True))
    if "vmstat" in run.proc_names:
        parts += kernel_parts.activity(proc_text.counters(run.proc("vmstat")), "From power-on.")
    return parts


def numa(run):
    if int(run.config["machine.sockets"]) < 2 or not events_of(run, "allocations"):
        return []
    nodes = hardware.numa_ratios(run)
    nodes.index = [f"node {node}" for node in nodes.index]
    remote = nodes.attrs["remote_walk_references"]
    served = pd.DataFrame({"for its own CPUs": nodes.allocations * nodes.local.fillna(0), "for others": nodes.allocations * (1 - nodes.local.fillna(0))})
    return [
        page.bars("Page allocations by node", served, "allocations", stacked=True),
        page.bars("Memory traffic by node", (nodes[["bytes"]] / (1 << 20)).rename(columns={"bytes": "read and written"}), "MiB",
                  text="" if math.isnan(remote) else f"{100 * remote:.3g} % of page walks' references left the socket."),
    ]


def kernel_timeline(run):
    """Calls of kernel functions that nobody traced has called, else page faults, by CPU: the longest MOST_SLICES."""
    if events_of(run, "functions"):
        calls = run.sampled("functions")
        calls = calls[calls.depth == 0].astype({"function": str})
        slices = pd.DataFrame({"row": calls.cpu, "begin": calls.time, "length": calls.duration, "name": calls.function})
        what = "Calls of kernel functions"
    elif events_of(run, "page_faults"):
        faults = run.sampled("page_faults").astype({"kind": str})
        slices = pd.DataFrame({"row": faults.cpu, "begin": faults.time, "length": faults.latency, "name": faults.kind})
        what = "Page faults (events.functions = 1 has all kernel functions)"
    else:
        return []
    kept = slices.nlargest(MOST_SLICES, "length").sort_values("begin")
    kept = pd.DataFrame({"row": "cpu" + kept.row.astype(str), "begin": kept.begin / 1e6, "end": (kept.begin + kept.length) / 1e6, "name": kept.name})
    which = "" if len(kept) == len(slices) else f", the longest {len(kept)} of {len(slices)}"
    return [page.timeline("Kernel activity by CPU", kept, text=f"{what}{which}; sleeps included. Ctrl and wheel, or the slider, zoom.")]


def traffic(run):
    if "machine" not in run.interval_names or len(run.intervals("machine")) < 2:
        return []
    return [page.lines("Memory bandwidth", hardware.bandwidth(run), "simulated time, ms", "GB/s")]


def processes(run):
    group = run.file["stats"].get("process", {})
    rows = []
    for number in sorted(group, key=int):
        process = group[number]
        row = {"process": int(number), "command": attribute(process, "command", "")}
        for name in ("instructions", "user_cycles", "kernel_cycles", "page_faults", "system_calls", "peak_rss", "exit_status"):
            row[name] = process[name][()] if name in process else None
        rows.append(row)
    units = {"instructions": "instructions", "user_cycles": "cycles", "kernel_cycles": "cycles", "peak_rss": "bytes"}
    return [page.table("Processes", pd.DataFrame(rows), units, name="processes", text="Process 0 is the kernel's own work.")] if rows else []


def render(run, name):
    sections = [("Overview", overview(run))]
    if hardware.counters(run, r"cpu\d+", "user_instructions").sum() > 0:  # else it was killed before it had begun
        sections += [
            ("Cycles", cycles(run)), ("TLBs and page walks", translation(run)), ("Page faults", faults(run)),
            ("Allocations", allocations(run)), ("Free memory", free_memory(run)), ("Physical memory", physical_memory(run)),
            ("Kernel memory", kernel_memory(run)), ("Page cache and reclaim", reclaim(run)), ("Memory traffic", traffic(run)),
            ("NUMA", numa(run)), ("Kernel timeline", kernel_timeline(run)), ("Processes", processes(run)),
        ]
    return page.render(name, run.meta["workload"], sections)
