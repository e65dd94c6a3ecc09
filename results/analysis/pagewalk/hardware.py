"""What cores, TLBs, page walkers and memory did: frames for one run, units in attrs["units"]."""

import pandas as pd

TLBS = {"dtlb": "dtlb_misses", "itlb": "itlb_misses", "l2_tlb": "l2_tlb_misses"}
LEVELS = ["l1", "l2", "llc", "remote_cache", "memory", "remote_memory"]


def counters(run, component, name):
    """Values of a counter, indexed by component. `component` is a regular expression of its whole path."""
    stats = run.stats
    chosen = stats[stats.component.str.fullmatch(component) & (stats.name == name)]
    return pd.Series(chosen.value.astype(float).to_numpy(), index=chosen.component)


def tlb_mpki(run):
    """Misses a thousand program instructions, a row a CPU and "machine", a column a TLB: dtlb and itlb are first-level,
    l2_tlb's are walks."""
    instructions = counters(run, r"cpu\d+", "user_instructions")
    instructions["machine"] = instructions.sum()
    instructions = instructions[instructions > 0]
    columns = {}
    for tlb, counter in TLBS.items():
        misses = counters(run, r"cpu\d+/mmu", counter)
        misses.index = misses.index.str.removesuffix("/mmu")
        misses["machine"] = misses.sum()
        columns[tlb] = misses * 1000 / instructions
    frame = pd.DataFrame(columns).dropna()
    frame.attrs["units"] = {tlb: "1/kinstr" for tlb in TLBS}
    return frame


def walk_latency(run):
    """Distribution of page walks' latency over all CPUs: lower_edge (cycles) as index, walks, share at or below."""
    parts = [run.histogram(name) for name in run.histogram_names if name.endswith("/mmu/walk_latency")]
    frame = pd.concat(parts).groupby("lower_edge").counts.sum().to_frame("walks")
    frame["cumulative"] = frame.walks.cumsum() / frame.walks.sum()
    frame.attrs["units"] = {"lower_edge": "cycles", "walks": "count", "cumulative": "1"}
    return frame


def cpi_stack(run):
    """Cycles a program instruction by cause, columns user and kernel; the sum of all is the machine's CPI."""
    stats = run.stats
    stack = stats[stats.component.str.fullmatch(r"cpu\d+/cpi_stack/(user|kernel)")]
    mode = stack.component.str.rpartition("/")[2]
    table = stack.value.astype(float).groupby([stack.name, mode.rename("mode")]).sum().unstack(fill_value=0)
    frame = table.rename_axis(index="cause", columns=None) / counters(run, r"cpu\d+", "user_instructions").sum()
    frame = frame.loc[frame.sum(axis=1).sort_values(ascending=False).index]
    frame.attrs["units"] = {"user": "cycles/instruction", "kernel": "cycles/instruction"}
    return frame


def cpi_difference(before, after):
    """cpi_stack of `after` less that of `before`, the causes that changed most first."""
    change = cpi_stack(after).sub(cpi_stack(before), fill_value=0)
    frame = change.loc[change.sum(axis=1).abs().sort_values(ascending=False).index]
    frame.attrs["units"] = {"user": "cycles/instruction", "kernel": "cycles/instruction"}
    return frame


def numa_ratios(run):
    """A row a node: allocations that it served (of those kept as events), the share of them for its own CPUs, bytes of
    its memory read and written. attrs["remote_walk_references"]: share of page walks' references that left the socket."""
    events, config = run.sampled("allocations"), run.config
    cpus_of_node = max(1, int(config["machine.cpus"]) // int(config["machine.sockets"]))
    local = (events.cpu.astype(int) // cpus_of_node == events.node.astype(int)).groupby(events.node).agg(["size", "mean"])
    nodes = range(int(config["machine.sockets"]))
    traffic = [sum(counters(run, f"dram{node}", name).sum() for name in ("read_bytes", "write_bytes")) for node in nodes]
    frame = local.reindex(nodes).set_axis(["allocations", "local"], axis=1).assign(bytes=traffic).rename_axis("node")
    frame["allocations"] = frame.allocations.fillna(0)
    references = {level: counters(run, r"cpu\d+/mmu", f"references_{level}").sum() for level in LEVELS}
    total, remote = sum(references.values()), references["remote_cache"] + references["remote_memory"]
    frame.attrs["remote_walk_references"] = remote / total if total else float("nan")
    frame.attrs["units"] = {"allocations": "count", "local": "1", "bytes": "bytes"}
    return frame


def bandwidth(run):
    """Memory bandwidth in each interval: time (ms, its end) as index, read and write in GB/s."""
    rows = run.intervals("machine")
    seconds = rows.time.astype(float).diff().fillna(rows.time.astype(float)) / 1e12
    frame = pd.DataFrame(
        {"read": rows.dram_read_bytes / seconds / 1e9, "write": rows.dram_write_bytes / seconds / 1e9}
    ).set_index(pd.Index(rows.time / 1e9, name="time"))
    frame.attrs["units"] = {"time": "ms", "read": "GB/s", "write": "GB/s"}
    return frame
