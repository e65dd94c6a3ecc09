#!/usr/bin/python3
"""The figures of docs/analysis.md: one of each helper of the package.

    helper_figures.py RUN.h5 OTHER.h5 OVERCOMMITTED.h5 READER.h5 SWEEP_FOLDER -o docs/figures
"""

import argparse
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import pagewalk

# Okabe and Ito's colours, which colour-blind readers tell apart.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#000000"]


def tlb_mpki(axes, run, **_):
    pagewalk.tlb_mpki(run).plot.bar(ax=axes, rot=0, xlabel="", ylabel="misses per 1000 instructions")


def walk_latency(axes, run, **_):
    pagewalk.walk_latency(run).cumulative.plot(ax=axes, logx=True, xlabel="cycles", ylabel="share of walks at or below")


def cpi_stack(axes, run, **_):
    pagewalk.cpi_stack(run).head(8).iloc[::-1].plot.barh(ax=axes, stacked=True, xlabel="cycles per instruction", ylabel="")


def cpi_difference(axes, run, other, **_):
    pagewalk.cpi_difference(run, other).head(6).iloc[::-1].plot.barh(
        ax=axes, stacked=True, xlabel="cycles per instruction, other less run", ylabel=""
    )


def bandwidth(axes, run, **_):
    pagewalk.bandwidth(run).plot(ax=axes, xlabel="simulated time, ms", ylabel="GB/s")


def numa_ratios(axes, run, **_):
    pagewalk.numa_ratios(run).bytes.div(1 << 20).plot.bar(ax=axes, rot=0, xlabel="node", ylabel="MiB read and written")


def fault_latency(axes, run, **_):
    latency = pagewalk.fault_latency(run)
    latency[latency.index > 100].plot(ax=axes, logx=True, xlabel="ns", ylabel="share of faults at or below", drawstyle="steps-post")


def allocation_tails(axes, run, **_):
    pagewalk.allocation_tails(run)[["p50", "p99", "p99.9", "max"]].plot.bar(ax=axes, logy=True, rot=0, xlabel="", ylabel="ns")


def fragmentation(axes, run, **_):
    for order in (4, 9, 10):
        pagewalk.fragmentation(run, order).unusable.plot(
            ax=axes, label=f"order {order}", xlabel="simulated time, ms", ylabel="share of free memory in smaller blocks"
        )
    axes.legend()


def contiguity(axes, run, **_):
    pagewalk.contiguity(run).cumulative.plot(
        ax=axes, logx=True, drawstyle="steps-post", xlabel="pages in a contiguous run", ylabel="share of memory at or below"
    )


def reclaim_activity(axes, overcommitted, **_):
    frame = pagewalk.reclaim_activity(overcommitted).drop(columns="by")
    frame.plot(ax=axes, drawstyle="steps-post", xlabel="simulated time, ms", ylabel="pages so far")


def page_cache_activity(axes, reader, **_):
    frame = pagewalk.page_cache_activity(reader)
    frame.plot(ax=axes, drawstyle="steps-post", xlabel="simulated time, ms", ylabel="pages so far")


def means(axes, sweep, **_):
    for footprint, rows in sweep.means("cycles").groupby(level="footprint"):
        rows = rows.droplevel("footprint")
        axes.errorbar(rows.index, rows["mean"], yerr=rows["high"] - rows["mean"], marker="o", capsize=3, label=f"{footprint >> 20} MiB")
    axes.set_xscale("log", base=2)
    axes.set_xticks(rows.index, rows.index)
    axes.set(xlabel="entries of the second-level TLB", ylabel="cycles")
    axes.legend(title="footprint")


def differences(axes, sweep, **_):
    rows = sweep.differences("cycles").share.unstack("footprint") * 100
    rows.columns = [f"{footprint >> 20} MiB" for footprint in rows.columns]
    rows.plot.bar(ax=axes, rot=0, xlabel="entries of the second-level TLB", ylabel="cycles, % of the baseline's")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("other")
    parser.add_argument("overcommitted")
    parser.add_argument("reader")
    parser.add_argument("sweep")
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=COLOURS)
    plt.rcParams["font.size"] = 9
    arguments.output.mkdir(parents=True, exist_ok=True)
    with (pagewalk.load(arguments.run) as run, pagewalk.load(arguments.other) as other,
          pagewalk.load(arguments.overcommitted) as overcommitted, pagewalk.load(arguments.reader) as reader,
          pagewalk.load(arguments.sweep) as sweep):
        for draw in (tlb_mpki, walk_latency, cpi_stack, cpi_difference, bandwidth, numa_ratios, fault_latency, allocation_tails,
                     fragmentation, contiguity, reclaim_activity, page_cache_activity, means, differences):
            figure, axes = plt.subplots(figsize=(4.6, 2.9))
            draw(axes, run=run, other=other, overcommitted=overcommitted, reader=reader, sweep=sweep)
            axes.spines[["top", "right"]].set_visible(False)
            figure.tight_layout()
            figure.savefig(arguments.output / f"{draw.__name__}.png", dpi=70)
            plt.close(figure)


if __name__ == "__main__":
    main()
