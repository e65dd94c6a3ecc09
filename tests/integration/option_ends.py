"""For every option that `pagewalk options` prints: values at the ends of what it allows, and values that it does not allow; and the
settings beside which an option has its effect."""

import re

from random_machines import SUFFIX, number

# Of free texts: nothing, not a number, not a list, not UTF-8, long, and what a shell or a terminal would act upon.
ODD_TEXTS = ("", "no_such_thing", "-1", ",", ";", "1,2,3", "0", "18446744073709551616", "$(true)", "\x1b[31m", "\udcff", "x" * 5000)
WRONG_KINDS = ("", "many", "-1", "1e3", "0x10", "1.5.2", "18446744073709551616", "99999999999999999999999999", "4 parsecs", "\udcff", "9" * 5000)

# Where an option's key begins so, it has its effect beside these. The first that fits holds.
BESIDE = (
    ("machine.memory", {"dram.channels": "64", "dram.ranks": "8", "dram.device": "ddr4_3200_16gb_x4"}),
    ("machine.firmware_tables", {"machine.firmware": "pc"}),
    ("machine.(sockets|clusters)", {"machine.cpus": "64", "machine.memory": "1GiB"}),
    ("core.branch_predictor.btb", {"core.branch_predictor.direction": "tage"}),
    ("mmu.champsim_seed", {"mmu.champsim_frames": "4096"}),
    ("mmu.victim_tlb", {"mmu.design": "victim_tlb"}),
    ("mmu.tlb_prefetch", {"mmu.design": "distance_prefetch"}),
    ("mmu.coalesced_tlb", {"mmu.design": "coalesced_tlb"}),
    ("mmu.pom_tlb", {"mmu.design": "pom_tlb", "machine.memory": "8GiB"}),
    ("mmu.victima", {"mmu.design": "victima"}),
    ("mmu.range_tlb", {"mmu.design": "range_tlb"}),
    ("mmu.spot", {"mmu.design": "spot"}),
    ("mmu.asap", {"mmu.design": "asap"}),
    ("mmu.vm", {"mmu.vm.pages": "4k"}),
    ("mmu.walk_cache.formats", {"os.page_table": "flattened"}),
    ("mmu.walk_cache.pml5e", {"mmu.levels": "5"}),
    ("cache.l1d.port_span", {"cache.l1d.ports": "2"}),
    ("cache.l1i.port_span", {"cache.l1i.ports": "2"}),
    ("cache.l2.port_span", {"cache.l2.ports": "2"}),
    ("cache.l1d.prefetch_", {"cache.l1d.prefetcher": "stride"}),
    ("cache.l1i.prefetch_", {"cache.l1i.prefetcher": "next_line"}),
    ("cache.l2.prefetch_", {"cache.l2.prefetcher": "stride"}),
    ("llc.prefetch_", {"llc.prefetcher": "stride"}),
    ("dram.page_timeout", {"dram.page_policy": "timeout"}),
    ("socket_link", {"machine.sockets": "2", "machine.cpus": "2"}),
    ("cluster_link", {"machine.clusters": "2", "machine.cpus": "2"}),
    ("core.ipi_latency", {"machine.cpus": "2", "synthetic.threads": "2"}),
    ("core.invlpg_cycles", {"workload.synthetic": "alloc_churn"}),
    ("cxl.", {"cxl.memory": "256MiB"}),
    ("os.time_slice", {"synthetic.threads": "3"}),
    ("os.thp", {"machine.memory": "1GiB"}),
    ("os.khugepaged", {"machine.memory": "1GiB"}),
    ("os.swap", {"os.swap": "256MiB"}),
    ("os.slab.historical_sizes", {"os.slab": "slab"}),
    ("os.slab.remote_defrag_percent", {"machine.sockets": "2", "machine.cpus": "2"}),
    ("os.slab", {"workload.synthetic": "kernel_objects", "synthetic.kernel_objects.operations": "500"}),
    ("os.huge_vmalloc", {"workload.synthetic": "kernel_objects", "synthetic.kernel_objects.from": "vmalloc"}),
    ("os.io_", {"workload.synthetic": "block_io", "device.kind": "nvme"}),
    ("os.disk_", {"workload.synthetic": "block_io"}),
    ("device.(revolution|settle|full_seek)", {"workload.synthetic": "block_io", "device.kind": "disk"}),
    ("device.", {"workload.synthetic": "block_io", "device.kind": "nvme"}),
    ("trace.", {"workload.kind": "trace", "workload.trace": "TRACE"}),
    ("workload.(program|directory|scratch|setup|input|output)", {"workload.kind": "program", "workload.program": "true"}),
    ("synthetic.(gups|stream|pointer_chase|alloc_churn|block_io|btree|kernel_objects|kvstore).", {"workload.synthetic": r"\1"}),
    ("program.", {"workload.kind": "program", "program.1.synthetic": "gups"}),
)


def beside(option, trace):
    """The settings beside which the option has an effect."""
    for begin, settings in BESIDE:
        if found := re.match(begin.replace(".", r"\."), option.key):
            return {key: found.expand(value).replace("TRACE", str(trace)) for key, value in settings.items() if key != option.key}
    return {}


def is_number(option):
    return option.allowed.startswith("at least ") or re.match(r"\S+ to \S+(,|$)", option.allowed) is not None


def ends(option):
    """The least and the greatest that a number may be, in its smallest unit."""
    found = re.match(r"(\S+) to ([^,\s]+)|at least (\S+)", option.allowed)
    least = number(found.group(1) or found.group(3))
    return least, number(found.group(2)) if found.group(2) else 2**64 - 1


def written(option, value):
    return f"{value}{SUFFIX.get(option.unit, '')}"


def allowed(option):
    """Every name of a choice, both ends of a number's range. Free texts have odd_texts()."""
    if option.allowed == "text":
        return []
    if is_number(option):
        return [written(option, value) for value in dict.fromkeys(ends(option))]
    return option.allowed.split(", ")


def not_allowed(option):
    """One beyond each end of a number, what is no power of two, and values of another kind."""
    if option.allowed == "text":
        return []
    values = list(WRONG_KINDS)
    if is_number(option):
        least, most = ends(option)
        values += [written(option, most + 1)] + ([written(option, least - 1)] if least > 0 else [])
        if "a power of two" in option.allowed:
            values.append(written(option, most - 1))
    return values
