#!/usr/bin/python3
"""The figures of docs/shipped_sweeps.md: a metric of each shipped sweep against its axes.

    sweep_figures.py SWEEPS_FOLDER -o docs/figures [NAME...]
"""

import argparse
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import pagewalk
from helper_figures import COLOURS

# Sweep: metric (or "metric / axis"), axis of the figure's x, axes of its lines.
FIGURES = {
    "tlb_reach": ("ipc", "entries", ["footprint", "pages"]),
    "walk_caches": ("walk_refs_mean", "pde", ["upper"]),
    "thp_policies": ("cycles", "policy", ["asks"]),
    "allocator_choice": ("cycles / threads", "threads", ["allocator"]),
    "numa_placement": ("ipc", "policy", ["link"]),
    "reclaim_policy": ("page_faults", "policy", ["entries"]),
    "dram_generation": ("ipc", "device", ["program"]),
    "zone_lock": ("cycles / cpus", "cpus", ["lists"]),
}
MARKERS = "os^Dv<"


def fitting(labels):
    """Labels of an axis; where they are long together, each is broken at the underscore nearest to its middle."""
    if sum(map(len, labels)) <= 50:
        return labels
    places = [min((i for i, letter in enumerate(label) if letter == "_"), key=lambda i: abs(i - len(label) / 2), default=None)
              for label in labels]
    return [label if at is None else label[:at] + "\n" + label[at + 1:] for label, at in zip(labels, places)]


def draw(sweep, metric, x, lines):
    """Means over repeats with 95 % intervals, a line a combination of `lines`; bars where x is no number."""
    metric, _, divisor = metric.partition(" / ")
    means = sweep.means(metric)
    if divisor:
        means = means.div(means.index.get_level_values(divisor).astype(float), axis=0)
    labels = sweep.labels
    order = list(dict.fromkeys(labels[x]))
    values = list(dict.fromkeys(sweep.points[x]))
    figure, axes = plt.subplots(figsize=(6, 3.4))
    other = [axis for axis in sweep.axes if axis not in (x, *lines)]  # zipped with one of the others
    frame = means.reset_index().drop(columns=other)
    groups = list(frame.groupby(lines if len(lines) > 1 else lines[0], sort=False))
    is_number = sweep.points[x].dtype.kind == "u"
    for number, (key, rows) in enumerate(groups):
        rows = rows.set_index(x).reindex(values)
        key = key if isinstance(key, tuple) else (key,)
        name = ", ".join(f"{axis} {labels[axis][sweep.points[axis] == value].iloc[0]}" for axis, value in zip(lines, key))
        half = (rows.high - rows["mean"]).fillna(0)
        if is_number:
            axes.errorbar(range(len(order)), rows["mean"], half, label=name, color=COLOURS[number], marker=MARKERS[number], capsize=3)
        else:
            width = 0.8 / len(groups)
            axes.bar([i + (number - (len(groups) - 1) / 2) * width for i in range(len(order))], rows["mean"], width, yerr=half,
                     label=name, color=COLOURS[number], hatch=["", "//", "..", "xx"][number % 4], edgecolor="white", capsize=3)
    axes.set_xticks(range(len(order)), fitting(order))
    unit = sweep.points.attrs["units"][metric]
    axes.set_xlabel(x)
    axes.set_ylabel((metric if unit in ("1", metric) else f"{metric}, {unit}") + (f", by {divisor}" if divisor else ""))
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=2, frameon=False)
    axes.grid(axis="y", alpha=0.3)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweeps", type=pathlib.Path, help="folder of the sweeps' folders: results/sweeps")
    parser.add_argument("names", nargs="*", default=list(FIGURES))
    parser.add_argument("-o", "--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    for name in arguments.names:
        with pagewalk.load(arguments.sweeps / name) as sweep:
            figure = draw(sweep, *FIGURES[name])
        figure.savefig(arguments.output / f"sweep_{name}.png", dpi=110, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
