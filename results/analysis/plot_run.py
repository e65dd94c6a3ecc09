#!/usr/bin/python3
"""One picture of a run: where its cycles went over time, its page walks and its page faults.

    plot_run.py RUN.h5 -o RUN.png
"""

import argparse
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import pagewalk

LEVELS = ["L1", "L2", "LLC", "remote_cache", "memory", "remote_memory"]


def cpi_stack(axes, run):
    """Cycles per instruction by cause, user and kernel, over the whole measurement."""
    stack = run.stats[lambda stats: stats.component.str.contains("/cpi_stack/")].copy()
    stack["mode"] = stack.component.str.extract(r"cpi_stack/(user|kernel)", expand=False)
    stack["value"] = stack.value.astype(float)
    table = stack.groupby(["name", "mode"]).value.sum().unstack(fill_value=0) / run.summary["instructions"]
    table = table[table.sum(axis=1) > 0.002 * table.sum().sum()]
    table = table.loc[table.sum(axis=1).sort_values().index]
    left = np.zeros(len(table))
    for mode, colour in (("user", "#3b6fb6"), ("kernel", "#d1693c")):
        if mode in table:
            axes.barh(table.index, table[mode], left=left, color=colour, label=mode)
            left += table[mode].to_numpy()
    axes.set_xlabel("cycles per instruction")
    axes.set_title(f"CPI stack (IPC {run.summary['ipc']:.2f})")
    axes.legend(frameon=False, loc="lower right")


def over_time(axes, run):
    """IPC and page faults, an interval a point."""
    rows = run.intervals("machine")
    if len(rows) < 2:
        axes.axis("off")
        return
    time = rows.time / 1e9
    cycles = rows.cpu_user_cycles + rows.cpu_kernel_cycles
    axes.plot(time, rows.cpu_user_instructions / cycles.clip(lower=1), color="#3b6fb6")
    axes.set_xlabel("simulated time, ms")
    axes.set_ylabel("IPC", color="#3b6fb6")
    faults = axes.twinx()
    faults.fill_between(time, rows.kernel_pgfault, color="#d1693c", alpha=0.4, step="pre")
    faults.set_ylabel("page faults an interval", color="#d1693c")
    axes.set_title("over time")


def walks(axes, run):
    """Latency of page walks, by where the last reference hit."""
    if "tlb_misses" not in run.event_names:
        axes.axis("off")
        return
    events = run.events("tlb_misses")
    if events.empty:
        axes.axis("off")
        return
    hits = np.stack([events[f"hit{i}"].cat.codes for i in range(5)])
    last = hits[np.clip(events.levels.to_numpy() - 1, 0, 4), np.arange(len(events))]
    bins = np.geomspace(1, max(events.latency.max(), 10), 40)
    data = [events.latency[last == level] for level in range(len(LEVELS))]
    used = [i for i in range(len(LEVELS)) if len(data[i])]
    axes.hist([data[i] for i in used], bins=bins, stacked=True, label=[LEVELS[i] for i in used])
    axes.set_xscale("log")
    axes.set_xlabel("latency, cycles")
    axes.set_ylabel("walks recorded")
    axes.set_title("page walks by where the last reference hit")
    axes.legend(frameon=False)


def faults(axes, run):
    """Latency of page faults by kind."""
    if "page_faults" not in run.event_names:
        axes.axis("off")
        return
    events = run.events("page_faults")
    kinds = [(kind, rows.latency / 1e6) for kind, rows in events.groupby("kind", observed=True) if len(rows)]
    kinds.sort(key=lambda item: -len(item[1]))
    axes.boxplot([latency for _, latency in kinds], vert=False, whis=(1, 99), showfliers=False)
    axes.set_yticks(range(1, len(kinds) + 1), [f"{kind} ({len(latency)})" for kind, latency in kinds])
    axes.set_xscale("log")
    axes.set_xlabel("latency, µs (box: quartiles, whiskers: 1 and 99 %)")
    axes.set_title("page faults")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()
    with pagewalk.load(arguments.run) as run:
        figure, axes = plt.subplots(2, 2, figsize=(11, 7))
        cpi_stack(axes[0][0], run)
        over_time(axes[0][1], run)
        walks(axes[1][0], run)
        faults(axes[1][1], run)
        figure.suptitle(run.meta["workload"], fontsize=10)
        figure.tight_layout()
        figure.savefig(arguments.output, dpi=80)


if __name__ == "__main__":
    main()
