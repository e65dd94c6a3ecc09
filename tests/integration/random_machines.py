"""Random valid configurations: for every option a value from its documented range, near its default where the range is
wide, so that a run stays short."""

import math
import re
import subprocess
from dataclasses import dataclass

SCALES = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12, "Hz": 1, "kHz": 10**3, "MHz": 10**6, "GHz": 10**9,
          "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "B": 1, "k": 10**3, "M": 10**6, "G": 10**9, "%": 1,
          "B/s": 1, "kB/s": 10**3, "MB/s": 10**6, "GB/s": 10**9, "": 1}
# What a drawn value is written in, by the option's unit.
SUFFIX = {"ps": "ps", "Hz": "Hz", "bytes/s": "B/s", "%": "%"}

# The size of the run and what it is called, not the machine. Regions need a program with markers.
LEFT_ALONE = re.compile(r"run\.(instructions|warmup|begin_at|end_at|warming|seed|interval)|machine\.|workload\.|synthetic\.|os\.cost\."
                        r"|core\.ports\.|events\.|program\.|sweep\.|axis\.|slurm\."
                        # what only one device has, and is refused with the others
                        r"|device\.")
SPREAD = 8  # most that a number is drawn above or below its default, as a factor
# A node of several GiB is booted in the time that its descriptors take; CPUs cost host time each.
CPUS = (1, 1, 2, 3, 4, 8)
MEMORIES = ("128MiB", "256MiB", "768MiB", "4GiB", "65GiB")
WORKLOADS = (
    {"synthetic": "gups", "synthetic.gups.table": "16MiB"},
    {"synthetic": "stream", "synthetic.stream.array": "1MiB", "synthetic.stream.repeats": "2"},
    {"synthetic": "pointer_chase", "synthetic.pointer_chase.footprint": "4MiB"},
    {"synthetic": "alloc_churn", "synthetic.alloc_churn.operations": "300"},
    {"synthetic": "btree", "synthetic.btree.keys": "20k", "synthetic.btree.lookups": "500"},
    {"synthetic": "kvstore", "synthetic.kvstore.entries": "2k", "synthetic.kvstore.requests": "500"},
    {"synthetic": "kernel_objects", "synthetic.kernel_objects.slots": "500", "synthetic.kernel_objects.operations": "2k"},
)


@dataclass
class Option:
    key: str
    default: str
    allowed: str
    unit: str


def options(program):
    """Every option that `pagewalk options` prints."""
    printed = subprocess.run([program, "options"], capture_output=True, text=True, check=True).stdout
    entry = re.compile(r"^(\S+) = (.*)\n.*\n    allowed: (.*?)(?:; unit: (\S+))?; source:", re.M)
    return [Option(key, default, allowed, unit or "") for key, default, allowed, unit in entry.findall(printed)]


def number(text):
    digits, suffix = re.fullmatch(r"([0-9.]+)([A-Za-z%/]*)", text).groups()
    return int(float(digits) * SCALES[suffix])


def draw(option, rng):
    """A value, or nothing for options of free text."""
    if option.allowed == "text":
        return None
    found = re.match(r"(\S+) to (\S+?)(,|$)|at least (\S+)", option.allowed)
    if not found:
        return rng.choice(option.allowed.split(", "))
    low = number(found.group(1) or found.group(4))
    high = number(found.group(2)) if found.group(2) else 2**62
    default = number(option.default)
    if default == 0:  # off, or from elsewhere
        return "0" if low == 0 else str(low)
    low, high = max(low, default // SPREAD), min(high, default * SPREAD)
    value = round(math.exp(rng.uniform(math.log(max(low, 1)), math.log(max(high, 1)))))
    if low == 0 and rng.random() < 0.1:
        value = 0
    if "a power of two" in option.allowed and value:
        value = 1 << (value.bit_length() - 1)
    return f"{min(max(value, low), high)}{SUFFIX.get(option.unit, '')}"


def agree(settings, rng):
    """Options that depend on one another: entries of a TLB are its ways times a power of two, the thresholds of the write
    queue ascend."""
    for key in list(settings):
        name, _, last = key.rpartition(".")
        if name.startswith("mmu.") and last in ("entries", "ways"):
            ways, sets = rng.randrange(1, 17), 1 << rng.randrange(6)
            settings.update({f"{name}.ways": ways, f"{name}.entries": rng.choice((ways * sets, ways * sets, 0))})
    if any(key.startswith("dram.write_") for key in settings):
        low, high, queue = sorted(rng.sample(range(1, 200), 3))
        settings.update({"dram.write_low": low, "dram.write_high": high, "dram.write_queue": queue})


def machine(every_option, rng):
    """Settings by key: a few CPUs, a workload, and a dozen options of the machine and the kernel changed."""
    settings = {"machine.cpus": rng.choice(CPUS), "machine.memory": rng.choice(MEMORIES), "workload.kind": "synthetic",
                "run.seed": rng.randrange(2**32), "synthetic.instructions": rng.choice(("20k", "60k")),
                "synthetic.threads": rng.choice((1, 1, 2, 4)),
                "synthetic.first_touch": rng.choice(("off", "pages", "lines"))}
    for key, value in rng.choice(WORKLOADS).items():
        settings["workload.synthetic" if key == "synthetic" else key] = value
    sockets = rng.choice((1, 1, 2))
    if settings["machine.cpus"] % sockets == 0:
        settings["machine.sockets"] = sockets
    for option in rng.sample([each for each in every_option if not LEFT_ALONE.match(each.key)], 12):
        if (value := draw(option, rng)) is not None:
            settings[option.key] = value
    agree(settings, rng)
    if settings["machine.memory"] == "65GiB":  # more than a rank of the default device holds
        settings.update({"dram.channels": 4, "dram.ranks": 4})
    for table in ("allocations", "page_faults", "kmem", "driver", "functions", "tlb_misses"):
        settings[f"events.{table}"] = rng.choice((0, 1, 7))
    return settings
