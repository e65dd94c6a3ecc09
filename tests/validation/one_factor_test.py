"""One factor of the hardware at a time: does what it should move, in the right direction and by a plausible amount?

usage: one_factor_test.py PAGEWALK SOURCE_FOLDER [NAME]...

Each experiment runs the same work on the same machine twice, with one option (or one group) changed between, and holds the ratio of one
figure, changed over unchanged, against what the option's meaning allows. Prints a table. What is allowed follows from the two values, not
from a measurement: a resource that work is bound by moves it in proportion at most; a latency by its share of what is waited for.
"""

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

MACHINE = {"os.timing": "off", "os.thp.enabled": "never"}


def trace(name, warmup=40_000, instructions=100_000):
    """A hand-made trace that isolates one cause (tests/data/champsim/micro)."""
    return {"trace": f"micro/{name}.champsimtrace.xz", "run.warmup": warmup, "run.instructions": instructions}


def gzip():
    return {"trace": "gzip.champsimtrace.xz", "run.warmup": 500_000, "run.instructions": 1_000_000}


def btree():
    return {"trace": "btree.champsimtrace.xz", "run.warmup": 500_000, "run.instructions": 1_000_000}


APART = 4160  # bytes: neighbours are in different pages and in different sets of every cache


def generator(name, threads=1, warmup=300_000, instructions=600_000, **settings):
    return {"workload.kind": "synthetic", "workload.synthetic": name, "synthetic.threads": threads, "synthetic.first_touch": "pages",
            "synthetic.instructions": (warmup + instructions) * threads + 10_000_000, "run.warmup": warmup * threads,
            "run.instructions": instructions * threads, **settings}


def stream(threads=1):
    return generator("stream", threads, 400_000 // threads, 400_000, **{"synthetic.stream.array": "8MiB"})


def gups(table="64MiB"):
    return generator("gups", 1, 300_000, 500_000, **{"synthetic.gups.table": table})


def chase(footprint, stride=64, warmup=200_000, instructions=200_000, **settings):
    return generator("pointer_chase", 1, warmup, instructions,
                     **{"synthetic.pointer_chase.footprint": footprint, "synthetic.pointer_chase.stride": stride,
                        "synthetic.pointer_chase.cycles": 1_000_000, **settings})


METRICS = {
    "cycles": lambda run: run["cpu0/cycles"],
    "branch misses": lambda run: run.sum("/branch_misses"),
    "L1D misses": lambda run: run["cpu0/l1d/misses"],
    "L2 misses": lambda run: run["cpu0/l2/misses"],
    "LLC misses": lambda run: run["llc0/misses"],
    "walks": lambda run: run["cpu0/mmu/walks"],
    "L2 TLB hits": lambda run: run["cpu0/mmu/l2_tlb_hits"],
    "cycles of a walk": lambda run: run["cpu0/mmu/walk_cycles"] / run["cpu0/mmu/walks"],
    "entries read by a walk": lambda run: run["cpu0/mmu/walk_references"] / run["cpu0/mmu/walks"],
    "DRAM reads": lambda run: run.sum("dram0/reads"),
    "row hits": lambda run: run["dram0/row_hits"] / (run["dram0/row_hits"] + run["dram0/row_misses"] + run["dram0/row_conflicts"]),
}


@dataclass
class Experiment:
    name: str
    work: dict
    change: dict
    metric: str
    least: float
    most: float
    base: dict = field(default_factory=dict)
    machine: str = "default"


MLP, REGISTERS = trace("mlp20n", 700_001, 200_000), trace("mlp80", 700_003, 200_002)
WIDE = {"dram.channels": 4}  # memory does not bound one core
NODE_1 = {"workload.mempolicy": "bind:1"}
CXL = {"machine.cpus": 1, "cxl.memory": "1GiB"}
EXPERIMENTS = [
    # The core.
    Experiment("reorder buffer: 512 to 128", MLP, {"core.rob_entries": 128}, "cycles", 1.8, 4.0),
    Experiment("scheduler: 160 to 8", gups(), {"core.scheduler_entries": 8}, "cycles", 1.2, 20),
    Experiment("load queue: 192 to 4", MLP, {"core.load_queue_entries": 4}, "cycles", 2.0, 4.5),
    Experiment("store queue: 114 to 4", stream(), {"core.store_queue_entries": 4}, "cycles", 1.2, 20),
    Experiment("integer registers: 280 to 100", REGISTERS, {"core.integer_registers": 100}, "cycles", 1.3, 8),
    Experiment("dispatch: 6 to 2 a cycle", trace("alu_indep"), {"core.dispatch_width": 2}, "cycles", 2.4, 2.6),
    Experiment("fetch: 6 to 2 a cycle", trace("alu_indep"), {"core.fetch_width": 2}, "cycles", 2.4, 2.6),
    Experiment("commit: 8 to 2 a cycle", trace("alu_indep"), {"core.commit_width": 2}, "cycles", 2.4, 2.6),
    Experiment("ALU ports: 5 to 1", trace("alu_indep"), {"core.ports.int_alu": "0"}, "cycles", 4.9, 5.1),
    Experiment("load ports: 3 to 1", trace("load_indep"), {"core.ports.load": "2"}, "cycles", 2.7, 3.1),
    Experiment("misprediction: 12 to 32 cycles", trace("mp_alu20"), {"core.mispredict_penalty": 32}, "cycles", 1.2, 2.3),
    Experiment("branches: tage to bimodal", gzip(), {"core.branch_predictor.direction": "bimodal"}, "branch misses", 1.0, 2.0),
    Experiment("branches: to perfect", gzip(), {"core.perfect_branches": "on"}, "cycles", 0.3, 0.95),
    Experiment("branch target buffer: 3 levels to 16 branches", gzip(),
               {"core.branch_predictor.btb.level1.entries": 16, "core.branch_predictor.btb.level2.entries": 0,
                "core.branch_predictor.btb.level3.entries": 0}, "cycles", 1.005, 3),
    Experiment("forwarding: 5 to 10 cycles", trace("st_ld_fwd"), {"core.forward_latency": 10}, "cycles", 1.4, 2.1),
    # Private caches.
    Experiment("L1D: 48 KiB to 12 KiB", chase("32KiB"), {"cache.l1d.sets": 16}, "cycles", 2.0, 2.9),
    Experiment("L1D look-up: 5 to 10 cycles", chase("32KiB"), {"cache.l1d.latency": 10}, "cycles", 1.5, 2.01),
    Experiment("L1D MSHRs: 16 to 2", MLP, {"cache.l1d.mshrs": 2}, "cycles", 4, 8.1),
    Experiment("L1D ports: no limit to 1", trace("load_indep"), {"cache.l1d.ports": 1}, "cycles", 1.01, 3.1),
    Experiment("L2: 1.25 MiB to 320 KiB", chase("512KiB"), {"cache.l2.sets": 256}, "cycles", 1.5, 5.5),
    Experiment("L2 ways: 20 to 8", chase("1MiB"), {"cache.l2.ways": 8}, "L2 misses", 2, float("inf")),
    Experiment("L2 look-up: 9 to 18 cycles", chase("512KiB"), {"cache.l2.latency": 18}, "cycles", 1.3, 1.65),
    Experiment("L2 replacement: LRU to random, just too large", chase("1536KiB"), {"cache.l2.replacement": "random"}, "L2 misses", 0.3, 0.9),
    Experiment("L2 replacement: LRU to SRRIP, just too large", chase("1536KiB"), {"cache.l2.replacement": "srrip"}, "L2 misses", 0.1, 1.0),
    Experiment("L2 replacement: LRU to tree PLRU", btree(), {"cache.l2.replacement": "tree_plru"}, "L2 misses", 0.9, 1.2,
               base={"cache.l2.ways": 16}),
    Experiment("L2 prefetcher: none to stride", stream(), {"cache.l2.prefetcher": "stride", "cache.l2.prefetch_distance": 8}, "cycles", 0.3, 0.98,
               base=WIDE),
    Experiment("L1D prefetcher: none to next line, small window", stream(), {"cache.l1d.prefetcher": "next_line"}, "cycles", 0.3, 0.95,
               base={"core.rob_entries": 48, **WIDE}),
    Experiment("walks: through L1D to LLC", chase("16MiB", 4096, 60_000, 50_000), {"cache.walks_through": "llc"}, "cycles of a walk", 1.5, 10),
    # Last-level cache.
    Experiment("LLC: 1.5 MiB to 384 KiB", gups("1MiB"), {"llc.sets": 512}, "LLC misses", 1.1, float("inf"), base={"cache.l2.sets": 64}),
    Experiment("LLC look-up: 40 to 80 of its cycles", chase("1MiB"), {"llc.latency": 80}, "cycles", 1.4, 2.0, base={"cache.l2.sets": 64}),
    Experiment("LLC slices: 1 to 4, streams of 4 cores", stream(4), {"llc.slices": 4}, "cycles", 0.1, 0.98, base=WIDE),
    # Translation.
    Experiment("L1 DTLB: 64 to 16 entries, 48 pages", chase(48 * APART, APART, 20_000, 50_000), {"mmu.l1d_4k.entries": 16}, "cycles", 1.5, 2.41),
    Experiment("L2 TLB: 2048 to 512 entries, 1024 pages", chase(1024 * APART, APART, 60_000, 50_000), {"mmu.l2_tlb.entries": 512}, "walks", 10, float("inf")),
    Experiment("L2 TLB hit: 7 to 14 cycles, 512 pages", chase(512 * APART, APART, 60_000, 50_000), {"mmu.l2_latency": 14}, "cycles", 1.2, 1.6),
    Experiment("walkers: 4 to 1", gups("512MiB"), {"mmu.walkers": 1}, "cycles", 1.1, 4, base=WIDE),
    Experiment("PDE cache: 32 entries to none", gups("512MiB"), {"mmu.walk_cache.pde.entries": 0}, "entries read by a walk", 1.3, 2.1),
    Experiment("table levels: 4 to 5, no walk caches", chase("16MiB", 4096, 60_000, 50_000), {"mmu.levels": 5}, "entries read by a walk", 1.25, 1.25,
               base={f"mmu.walk_cache.{level}.entries": 0 for level in ("pde", "pdpte", "pml4e", "pml5e")}),
    Experiment("translation: to perfect, random", gups("512MiB"), {"mmu.perfect": "on"}, "cycles", 0.3, 0.95, base=WIDE),
    # Memory.
    Experiment("DDR4-3200 to DDR4-2400, streams of 4 cores", stream(4), {"dram.device": "ddr4_2400_8gb_x8"}, "cycles", 1.1, 1.4),
    Experiment("DDR4-3200 to DDR5-4800 (2 subchannels), streams", stream(4), {"dram.device": "ddr5_4800_16gb_x8", "dram.channels": 2},
               "cycles", 0.6, 0.95),
    Experiment("channels: 1 to 4, streams of 4 cores", stream(4), {"dram.channels": 4}, "cycles", 0.24, 0.8),
    Experiment("ranks: 1 to 2, random", gups("512MiB"), {"dram.ranks": 2}, "cycles", 0.7, 1.01),
    Experiment("page policy: open to closed, random chase", chase("64MiB", 64, 100_000, 50_000), {"dram.page_policy": "closed"}, "cycles", 0.8, 0.99),
    Experiment("page policy: open to closed, one stream", stream(), {"dram.page_policy": "closed"}, "row hits", 0, 0.95),
    Experiment("mapping: bank groups to rows first, 1 stream", stream(), {"dram.mapping": "row_interleave"}, "cycles", 1.01, 2.0),
    Experiment("bank hash: on to off, stream of 3 arrays", stream(), {"dram.bank_hash": "off"}, "row hits", 0.2, 1.0),
    Experiment("tCL: 22 to 44 clocks, random chase", chase("64MiB", 64, 100_000, 50_000), {"dram.timing.t_cl": 44}, "cycles", 1.05, 1.3),
    Experiment("refresh: 7.8 us to 3.9 us", gups(), {"dram.timing.t_refi": "3900ns"}, "cycles", 1.005, 1.1),
    Experiment("controller: 10 to 50 ns, random chase", chase("64MiB", 64, 100_000, 50_000), {"dram.controller_latency": "50ns"}, "cycles", 1.2, 1.6),
    Experiment("write queue: drained at 48 to at 4, stream", stream(4), {"dram.write_high": 4, "dram.write_low": 0}, "cycles", 1.0, 1.8),
    # Other nodes.
    Experiment("memory: own node to the other socket's", chase("64MiB", 64, 100_000, 50_000), NODE_1, "cycles", 1.3, 2.2, machine="dual_socket"),
    Experiment("socket link: 30 to 60 ns one way", chase("64MiB", 64, 100_000, 50_000), {"socket_link.latency": "60ns"}, "cycles", 1.2, 1.6,
               base=NODE_1, machine="dual_socket"),
    Experiment("memory: own node to CXL", chase("64MiB", 64, 100_000, 50_000), NODE_1, "cycles", 2.0, 3.5, base=CXL),
    Experiment("CXL link: 29.6 to 7.4 GB/s, 1 stream", stream(), {"cxl.bandwidth": "7.4GB/s"}, "cycles", 1.1, 4.1, base={**CXL, **NODE_1}),
]


def run(program, source, experiment, change):
    settings = {**MACHINE, **experiment.work, **experiment.base, **change}
    name = settings.pop("trace", None)
    return SimulatedRun(program, source / f"configs/machines/{experiment.machine}.cfg", settings,
                        trace=name and source / "tests/data/champsim" / name)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("names", nargs="*", help="those whose name contains one of these")
    arguments = parser.parse_args()
    failures = []
    print("| factor | figure | unchanged | changed | ratio | plausible |\n| --- | --- | --: | --: | --: | --: |")
    for experiment in EXPERIMENTS:
        if arguments.names and not any(name in experiment.name for name in arguments.names):
            continue
        metric = METRICS[experiment.metric]
        before, after = (metric(run(arguments.program, arguments.source, experiment, change)) for change in ({}, experiment.change))
        ratio = after / before if before else float("inf")
        right = before != after and experiment.least <= ratio <= experiment.most
        plausible = f"above {experiment.least:g}" if experiment.most == float("inf") else f"{experiment.least:g} to {experiment.most:g}"
        shown = f"{ratio:.2f}" if right else f"**{ratio:.2f}**"
        print(f"| {experiment.name} | {experiment.metric} | {before:.6g} | {after:.6g} | {shown} | {plausible} |", flush=True)
        if not right:
            failures.append(experiment.name)
    print("\nFAILED: " + "; ".join(failures) if failures else f"\nall as expected: {len(EXPERIMENTS)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
