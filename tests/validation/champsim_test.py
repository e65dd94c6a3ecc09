"""Pagewalk against ChampSim: the same traces on the machine of ChampSim's default configuration.

usage: champsim_test.py PAGEWALK SOURCE_FOLDER [TRACE]...

Without a trace: gzip and btree, and gups too where PAGEWALK_LONG_TESTS is set. Prints each comparison as a table and fails where a
difference is beyond what docs/accuracy.md says of it. Exit status 77 where the reference is absent.
"""

import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from simulated_run import SimulatedRun  # noqa: E402

WARM_UP, MEASURED = 1_000_000, 10_000_000
DEMAND = ("LOAD", "RFO", "WRITE")


class ChampSim:
    """ChampSim's own results of one trace."""

    def __init__(self, folder, trace):
        roi = json.loads((folder / f"{trace}.reference.json").read_text())[0]["roi"]
        self._roi, self._core = roi, roi["cores"][0]

    def count(self, component, kinds, what):
        """Of an access kind, `what` is hit, miss or mshr_merge; ChampSim's misses include its merges."""
        return sum(self._roi[component][kind][what][0] for kind in kinds)

    def accesses(self, component, kinds):
        return self.count(component, kinds, "hit") + self.count(component, kinds, "miss")

    def misses(self, component, kinds):
        return self.count(component, kinds, "miss") - self.count(component, kinds, "mshr_merge")

    def latency(self, component):
        return self._roi[component]["miss latency"]

    def values(self):
        dram = self._roi["DRAM"][0]
        walks = self.misses("cpu0_STLB", ("LOAD",))
        references = self.accesses("cpu0_L1D", ("TRANSLATION",))
        return {
            "ipc": self._core["instructions"] / self._core["cycles"],
            "branch misses": sum(self._core["mispredict"].values()),
            "l1d accesses": self.accesses("cpu0_L1D", DEMAND),
            "l1d misses": self.misses("cpu0_L1D", DEMAND),
            "l1i misses": self.misses("cpu0_L1I", DEMAND),
            "l2 misses": self.misses("cpu0_L2C", ("LOAD", "RFO")),
            "l2 write-backs in": self.accesses("cpu0_L2C", ("WRITE",)),
            "llc misses": self.misses("LLC", ("LOAD", "RFO")),
            "llc write-backs in": self.accesses("LLC", ("WRITE",)),
            "dtlb misses": self.misses("cpu0_DTLB", ("LOAD",)),
            "stlb misses": walks,
            "walk references": references,
            "l1d miss latency": self.latency("cpu0_L1D"),
            "llc miss latency": self.latency("LLC"),
            "walk latency": self.latency("cpu0_STLB") or 0,
            "dram reads": dram["RQ ROW_BUFFER_HIT"] + dram["RQ ROW_BUFFER_MISS"],
            "dram writes": dram["WQ ROW_BUFFER_HIT"] + dram["WQ ROW_BUFFER_MISS"],
        }


def pagewalk_values(run):
    stat = run.__getitem__

    def demand(component, what):
        return stat(f"{component}/{what}") - stat(f"{component}/walk_{what}")

    cycle = 250.0  # ps
    # A walk that finds no page looks up and walks again after the kernel, and reads nothing twice; ChampSim's does so once.
    faults = stat("cpu0/mmu/faults")
    walks = stat("cpu0/mmu/walks") - faults
    return {
        "ipc": stat("cpu0/user_instructions") / stat("cpu0/cycles"),
        "branch misses": stat("cpu0/branch_misses"),
        "l1d accesses": demand("cpu0/l1d", "accesses"),
        "l1d misses": demand("cpu0/l1d", "misses"),
        "l1i misses": stat("cpu0/l1i/misses"),
        "l2 misses": demand("cpu0/l2", "misses"),
        "l2 write-backs in": stat("cpu0/l2/write_backs_in"),
        "llc misses": demand("llc0", "misses"),
        "llc write-backs in": stat("llc0/write_backs_in"),
        "dtlb misses": stat("cpu0/mmu/dtlb_misses") - faults,
        "stlb misses": walks,
        "walk references": stat("cpu0/mmu/walk_references"),
        "l1d miss latency": stat("cpu0/l1d/miss_time") / max(1, stat("cpu0/l1d/misses")),
        "llc miss latency": stat("llc0/miss_time") / cycle / max(1, stat("llc0/misses")),
        "walk latency": (stat("cpu0/mmu/walk_cycles") + stat("cpu0/mmu/walker_wait_cycles")) / max(1, walks),
        "dram reads": stat("dram0/reads"),
        "dram writes": stat("dram0/writes"),
    }


# Largest relative difference allowed; docs/accuracy.md explains what is left out and what is wide.
CLOSE = 0.01
TOLERANCE = {
    "gzip": {"ipc": 0.05, "branch misses": CLOSE, "l1d misses": CLOSE, "l1i misses": 0.05, "l2 write-backs in": 0.03,
             "llc misses": CLOSE, "dtlb misses": 0.05, "stlb misses": 0.04, "l1d miss latency": 0.12, "llc miss latency": 0.05,
             "walk latency": 0.05, "dram reads": CLOSE},
    "btree": {"ipc": 0.05, "branch misses": CLOSE, "l1d misses": CLOSE, "l2 misses": CLOSE, "llc misses": CLOSE,
              "dtlb misses": CLOSE, "stlb misses": CLOSE, "walk references": CLOSE, "l1d miss latency": 0.05,
              "llc miss latency": 0.05, "walk latency": 0.03, "dram reads": CLOSE},
    "gups": {"ipc": 0.10, "l1d miss latency": 0.03, "llc miss latency": 0.03, "walk latency": 0.03, "l1d accesses": CLOSE,
             "l1d misses": CLOSE, "l2 misses": CLOSE, "l2 write-backs in": CLOSE,
             "llc misses": CLOSE, "llc write-backs in": CLOSE, "dtlb misses": CLOSE, "stlb misses": CLOSE,
             "walk references": 0.02, "dram reads": 0.02, "dram writes": CLOSE},
}
def compare(program, source, folder, trace):
    reference = ChampSim(folder, trace).values()
    ours = pagewalk_values(SimulatedRun(
        program, source / "configs/machines/champsim_default.cfg",
        {"os.timing": "off", "run.warmup": WARM_UP, "run.instructions": MEASURED},
        trace=folder / f"{trace}.champsimtrace.xz"))
    failures = []
    print(f"\n{trace}\n{'':20} {'ChampSim':>12} {'Pagewalk':>12} {'difference':>11} {'allowed':>8}")
    for name, theirs in reference.items():
        mine = ours[name]
        difference = (mine - theirs) / theirs if theirs else None
        allowed = TOLERANCE[trace].get(name)
        shown = "-" if difference is None else f"{100 * difference:+.1f} %"
        print(f"{name:20} {theirs:12.6g} {mine:12.6g} {shown:>11} {'' if allowed is None else f'{100 * allowed:.3g} %':>8}")
        if allowed is not None and (difference is None or abs(difference) > allowed):
            failures.append(f"{trace}: {name} is {mine:.6g}, ChampSim has {theirs:.6g}")
    return failures


def main():
    program, source = Path(sys.argv[1]), Path(sys.argv[2])
    folder = source / "tests/data/champsim"
    traces = sys.argv[3:] or ["gzip", "btree"] + (["gups"] if os.environ.get("PAGEWALK_LONG_TESTS") else [])
    failures = []
    for trace in traces:
        failures += compare(program, source, folder, trace)
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


sys.exit(main())
