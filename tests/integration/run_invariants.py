"""What must hold between the figures of any run, whatever the machine."""

import re

import h5py
import numpy

LARGEST = 2**62  # more is a difference that went below zero
LINE = 64


class Figures:
    def __init__(self, file):
        self.stats = {}
        self.histograms = {}
        self.radix = "page_table = radix" in file["meta/config"].asstr()[()]
        file["stats"].visititems(lambda name, item: self.stats.update({name: item[()]})
                                 if isinstance(item, h5py.Dataset) and item.shape == () else None)
        if "histograms" in file:
            file["histograms"].visititems(lambda name, item: self.histograms.update({name: item[:]})
                                          if isinstance(item, h5py.Dataset) else None)

    def __getitem__(self, name):
        return int(self.stats.get(name, 0))

    def sum(self, pattern):
        """Of all statistics whose whole name matches."""
        return sum(int(value) for name, value in self.stats.items() if re.fullmatch(pattern, name))

    def components(self, pattern):
        return sorted({found.group(0) for name in self.stats if (found := re.match(pattern, name))})


def broken(path):
    """The invariants that a results file breaks, a line each."""
    with h5py.File(path) as file:
        figures = Figures(file)
        faults = []

        def equal(what, left, right):
            if left != right:
                faults.append(f"{what}: {left} is not {right}")

        def at_most(what, left, right):
            if left > right:
                faults.append(f"{what}: {left} is more than {right}")

        for name, value in figures.stats.items():
            if numpy.issubdtype(type(value), numpy.integer) and not 0 <= int(value) < LARGEST:
                faults.append(f"{name} is {value}")
            # A mean of nothing is no number.
            if numpy.issubdtype(type(value), numpy.floating) and not numpy.isnan(value) and not 0 <= value < LARGEST:
                faults.append(f"{name} is {value}")
        for cpu in figures.components(r"cpu\d+"):
            check_core(figures, cpu, equal)
            check_translation(figures, cpu, equal, at_most)
            check_caches(figures, cpu, equal, at_most)
        check_memory(figures, equal, at_most)
        check_kernel(file, figures, equal)
        check_histograms(figures, equal)
        return faults


def check_core(figures, cpu, equal):
    stack = {mode: figures.sum(rf"{cpu}/cpi_stack/{mode}/\w+") for mode in ("user", "kernel")}
    for mode, cycles in stack.items():
        equal(f"{cpu}: causes of {mode} cycles", cycles, figures[f"{cpu}/{mode}_cycles"])
    equal(f"{cpu}: user, kernel and idle cycles", sum(stack.values()) + figures[f"{cpu}/idle_cycles"],
          figures[f"{cpu}/cycles"])


def check_translation(figures, cpu, equal, at_most):
    mmu = f"{cpu}/mmu"
    missed = figures[f"{mmu}/itlb_misses"] + figures[f"{mmu}/dtlb_misses"]
    second = figures[f"{mmu}/l2_tlb_hits"] + figures[f"{mmu}/l2_tlb_misses"]
    equal(f"{mmu}: first-level misses and second-level look-ups", missed, second)
    equal(f"{mmu}: hits of the second-level TLBs", figures.sum(rf"{mmu}/l2_tlb(_1g)?/hits"), figures[f"{mmu}/l2_tlb_hits"])
    # Walks of other formats begin at no level.
    (equal if figures.radix else at_most)(f"{mmu}: where walks began", figures.sum(rf"{mmu}/walk_cache/(\w+_hits|misses)"),
          figures[f"{mmu}/walks"] + figures[f"{mmu}/walks_ahead"])
    equal(f"{mmu}: entries read by the level they were found in", figures.sum(rf"{mmu}/references_\w+"),
          figures[f"{mmu}/walk_references"])
    read = figures[f"{mmu}/walk_references"] + figures[f"{mmu}/ahead_references"]
    through_l1 = figures.sum(rf"{cpu}/l1[di]/walk_accesses")
    # Below L1 they go through L2, or pass by it to the LLC where it lacks the line.
    (equal if through_l1 else at_most)(f"{mmu}: walks through the caches", through_l1 or figures[f"{cpu}/l2/walk_accesses"], read)
    at_most(f"{mmu}: walks that faulted", figures[f"{mmu}/faults"], figures[f"{mmu}/walks"])


def check_caches(figures, cpu, equal, at_most):
    for level in ("l1i", "l1d", "l2"):
        cache = f"{cpu}/{level}"
        at_most(f"{cache}: misses and merges", figures[f"{cache}/misses"] + figures[f"{cache}/merges"],
                figures[f"{cache}/accesses"])
        at_most(f"{cache}: useful prefetches", figures[f"{cache}/prefetches_useful"], figures[f"{cache}/prefetches"])
    through_l1 = figures[f"{cpu}/l1d/walk_accesses"] != 0
    own_walks = 0 if through_l1 else figures[f"{cpu}/l2/walk_accesses"]
    below = figures.sum(rf"{cpu}/l1[id]/misses") + own_walks
    equal(f"{cpu}/l2: accesses and misses above", figures[f"{cpu}/l2/accesses"], below)
    equal(f"{cpu}: lines written back to L2", figures.sum(rf"{cpu}/l1[id]/write_backs_out"),
          figures[f"{cpu}/l2/write_backs_in"])


def check_memory(figures, equal, at_most):
    for llc in figures.components(r"llc\d+"):
        at_most(f"{llc}: misses and merges", figures[f"{llc}/misses"] + figures[f"{llc}/merges"],
                figures[f"{llc}/accesses"])
    equal("lines written back to LLCs", figures.sum(r"cpu\d+/l2/write_backs_out"), figures.sum(r"llc\d+/write_backs_in"))
    for node in figures.components(r"dram\d+"):
        requests = figures[f"{node}/reads"] + figures[f"{node}/writes"]
        rows = figures.sum(rf"{node}/row_(hits|misses|conflicts)")
        at_most(f"{node}: accesses of rows", rows, requests)
        equal(f"{node}: bytes read", figures[f"{node}/read_bytes"], figures[f"{node}/reads"] * LINE)
        equal(f"{node}: bytes written", figures[f"{node}/write_bytes"], figures[f"{node}/writes"] * LINE)
    at_most("lines written to memory", figures.sum(r"llc\d+/write_backs_out"), figures.sum(r"dram\d+/writes"))


def check_kernel(file, figures, equal):
    equal("page faults by kind", figures.sum(r"kernel/faults_\w+"), figures["kernel/pgfault"])
    instructions = figures.sum(r"cpu\d+/user_instructions")
    equal("instructions of all processes", figures.sum(r"process/\d+/instructions"), instructions)
    events = file.get("events", {})
    for table, total in (("allocations", r"kernel/allocations_\w+"), ("page_faults", "kernel/pgfault")):
        if table in events and events[table].attrs["every"] == 1:
            equal(f"rows of /events/{table}", len(events[table]), figures.sum(total))


def check_histograms(figures, equal):
    """Each value that is counted has a place in its histogram."""
    for name, counts in figures.histograms.items():
        component, _, histogram = name.removesuffix("/counts").rpartition("/")
        if not name.endswith("/counts"):
            continue
        if histogram in ("walk_latency", "walk_levels"):
            equal(name, int(counts.sum()), figures[f"{component}/walks"])
        if histogram == "read_latency":
            equal(name, int(counts.sum()), figures[f"{component}/reads"])
        kind = histogram.removeprefix("fault_latency_")
        if kind != histogram and kind != "kill":
            equal(name, int(counts.sum()), figures[f"kernel/faults_{kind}"])
        kind = histogram.removeprefix("allocation_latency_")
        if kind != histogram:
            equal(name, int(counts.sum()), figures[f"kernel/allocations_{kind}"])
