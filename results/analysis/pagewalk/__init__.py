"""Pagewalk's results in pandas.

    import pagewalk
    run = pagewalk.load("run.h5")                     # one run
    run.summary["ipc"]; run.stats; run.events("page_faults")
    sweep = pagewalk.load("results/sweeps/l2_tlb")     # a sweep's folder or its index.h5
    sweep.points; sweep.means("ipc"); sweep.differences("ipc")

docs/analysis.md shows every helper with its figure.
"""

import pathlib

import h5py

from .hardware import bandwidth, cpi_difference, cpi_stack, numa_ratios, tlb_mpki, walk_latency
from .memory import (
    allocation_tails, contiguity, fault_latency, fragmentation, fragmentation_by_order, mapped_frames, page_cache_activity,
    reclaim_activity,
)
from .page_cache import ideal_hits, page_cache_bound, read_pages
from .repeats import mean_interval, paired_difference
from .run import NotPagewalkResults, Run, attribute
from .sweep import SWEEP_SCHEMA, Sweep

__all__ = [
    "NotPagewalkResults", "Run", "Sweep", "allocation_tails", "attribute", "bandwidth", "contiguity", "cpi_difference",
    "cpi_stack", "fault_latency", "fragmentation", "fragmentation_by_order", "ideal_hits", "load", "mapped_frames", "mean_interval",
    "numa_ratios", "page_cache_activity", "page_cache_bound", "paired_difference", "read_pages", "reclaim_activity", "tlb_mpki", "walk_latency",
]


def load(path):
    """A Run of a results file; a Sweep of a sweep's folder or index. Raises OSError for what is not HDF5,
    NotPagewalkResults for other HDF5 files."""
    path = pathlib.Path(path)
    if path.is_dir():
        return Sweep(path / "index.h5")
    with h5py.File(path, "r") as file:
        is_sweep = attribute(file, "schema") == SWEEP_SCHEMA
    return Sweep(path) if is_sweep else Run(path)
