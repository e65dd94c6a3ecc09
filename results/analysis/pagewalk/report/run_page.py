"""The page of one run."""

import pandas as pd

from .. import hardware, memory
from ..run import attribute
from . import page

PAGE = 4096


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
    if "allocations" in run.event_names and len(run.events("allocations", slice(0, 1))):
        tails = memory.allocation_tails(run)
        parts.append(page.bars("Page allocations by the path that served them", tails[["p50", "p99", "max"]], "ns", log=True))
        parts.append(page.table("Tails", tails.rename_axis("path").reset_index(), tails.attrs["units"], name="allocations"))
    return parts


def free_memory(run):
    rows = run.intervals("buddyinfo") if "buddyinfo" in run.interval_names else pd.DataFrame()
    if len(rows) < 2:
        return []
    orders = [column for column in rows.columns if column.startswith("order")]
    free = pd.DataFrame({o: rows[o].astype(float) * 2 ** int(o[5:]) * PAGE / (1 << 20) for o in orders})
    free = free.set_axis(rows.time / 1e9)
    change = free - free.iloc[0]
    change = change.loc[:, (change != 0).any()]
    parts = [page.lines("Free blocks by order", free, "simulated time, ms", "MiB", stacked=True)]
    if len(change.columns):
        parts.append(page.lines("Change since the first interval", change, "simulated time, ms", "MiB", text="Orders that changed."))
    return parts


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
            ("Allocations", allocations(run)), ("Free memory", free_memory(run)), ("Memory traffic", traffic(run)),
            ("Processes", processes(run)),
        ]
    return page.render(name, run.meta["workload"], sections)
