#!/usr/bin/python3
"""What the kernel's allocators cost in runs of the kernel_objects workload.

    kernel_memory.py RUN.h5 ...               a line a run and path of the object allocator
    kernel_memory.py --by-size RUN.h5 ...     a line a size, a column a run
    kernel_memory.py --space RUN.h5 ...       a line a run: misses, and where the memory went

Latencies are in ns of simulated time.
"""

import argparse
import pathlib
import sys

import pandas as pd

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import pagewalk

CACHED = ["cache_allocate", "cache_free"]


def label(run):
    config = run.config
    prefix = "synthetic.kernel_objects."
    return f"{config['os.slab']} {config[prefix + 'from']} {config[prefix + 'pattern']}"


def by_path(runs):
    tables = []
    for run in runs:
        events = run.events("kmem")
        # The driver's own: what the rest of the kernel asks for is another matter.
        if "cache" in label(run).split()[1]:
            events = events[events.cache == "created_later"]
        groups = events.assign(ns=events.latency / 1000).groupby(["call", "path"], observed=True).ns
        table = groups.agg(number="count", mean="mean", p50="median", p99=lambda ns: ns.quantile(0.99))
        tables.append(pd.concat({label(run): table}, names=["run"]))
    return pd.concat(tables).round(1)


def by_size(runs):
    columns = {}
    for run in runs:
        events = run.events("driver")
        events = events[~events.call.isin(["cache_create", "cache_destroy"])]
        frees = events.call.isin(["cache_free", "kfree", "vfree", "free_pages"])
        for name, part in (("allocate", events[~frees]), ("free", events[frees])):
            columns[(label(run).split()[1], name)] = (part.latency / 1000).groupby(part.bytes).median()
    return pd.DataFrame(columns).round(1).rename_axis("bytes")


def space(runs):
    lines = {}
    for run in runs:
        summary = run.summary
        driver = run.stats[run.stats.component == "kernel/driver"].set_index("name").value.astype(float)
        live, slots = driver["live_bytes"], driver["live_slot_bytes"]
        held = driver["slab_pages"] * 4096
        lines[label(run)] = {
            "cycles": summary["cycles"],
            "L1D misses": sum(run.stats.query("component.str.endswith('/l1d') and name == 'misses'").value),
            "dTLB misses": sum(run.stats.query("component.str.endswith('/mmu') and name == 'dtlb_misses'").value),
            "live KiB": live / 1024,
            "held KiB": held / 1024,
            "internal %": 100 * (1 - live / slots) if slots else 0.0,
            "external %": 100 * (1 - slots / held) if held else 0.0,
        }
    return pd.DataFrame(lines).T.round(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--by-size", action="store_true")
    view.add_argument("--space", action="store_true")
    parser.add_argument("run", nargs="+", help="results files")
    arguments = parser.parse_args()
    try:
        runs = [pagewalk.load(path) for path in arguments.run]
        table = by_size(runs) if arguments.by_size else space(runs) if arguments.space else by_path(runs)
    except (OSError, KeyError, pagewalk.NotPagewalkResults) as error:
        sys.exit(f"kernel_memory.py: {error}")
    print(table.to_string())


if __name__ == "__main__":
    main()
