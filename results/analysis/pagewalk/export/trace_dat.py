"""A trace.dat of version 6, which trace-cmd and KernelShark open. Source: trace-cmd.dat.v6(5), Documentation/trace/ring-buffer-design."""

import itertools
import struct

import numpy as np

from . import kernel_events
from .tracepoints import BY_NAME, STRING_BYTES, format_text, layout

PAGE = 4096
PAGE_HEADER = struct.Struct("<QQ")  # time stamp, bytes of data
LONGEST_BY_TYPE = 28  # words of a record whose length is in its type
TIME_EXTEND = 30
DELTA_BITS = 27
HEADER_PAGE = (
    "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
    "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;\n")
HEADER_EVENT = (
    "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n\n"
    "\tpadding     : type == 29\n\ttime_extend : type == 30\n\ttime_stamp : type == 31\n\tdata max type_len  == 28\n")


def records(made):
    """The events' records, one after another, and the size of each."""
    dtype = layout(made.tracepoint)
    rows = np.zeros(len(made.time), dtype=dtype)
    rows["common_type"] = made.tracepoint.number
    rows["common_pid"] = made.task
    for field, values in zip(made.tracepoint.fields, made.values):
        if field.type.startswith("__data_loc"):
            rows["text"] = [text.encode()[: STRING_BYTES - 1] for text in values.tolist()]
            rows[field.name] = [((len(text) + 1) << 16) | dtype.fields["text"][1] for text in rows["text"].tolist()]
        else:
            rows[field.name] = np.char.encode(values.astype(str)) if field.dtype.startswith("S") else values
    return rows.tobytes(), dtype.itemsize


def pages(events):
    """The ring buffer's pages of one CPU. `events` are (ns, record) in the order of time."""
    data, begin, last = bytearray(), 0, 0
    for time, record in events:
        words = len(record) // 4
        head = [words << 0 if words <= LONGEST_BY_TYPE else 0]
        length = b"" if head[0] else struct.pack("<I", len(record) + 4)
        if not data:
            begin = last = time
        delta = time - last
        extend = delta >> DELTA_BITS
        size = 4 + len(length) + len(record) + (8 if extend else 0)
        if PAGE_HEADER.size + len(data) + size > PAGE:
            yield PAGE_HEADER.pack(begin, len(data)) + data.ljust(PAGE - PAGE_HEADER.size, b"\0")
            data, begin, delta, extend = bytearray(), time, 0, 0
        if extend:
            data += struct.pack("<II", TIME_EXTEND | (delta & ((1 << DELTA_BITS) - 1)) << 5, extend)
            delta = 0
        data += struct.pack("<I", head[0] | delta << 5) + length + record
        last = time
    if data:
        yield PAGE_HEADER.pack(begin, len(data)) + data.ljust(PAGE - PAGE_HEADER.size, b"\0")


def header(run, addresses, cpus):
    """Everything before the CPUs' pages but the table that says where these are."""

    def sized(text, form="<Q"):
        return struct.pack(form, len(text)) + text.encode()

    parts = [b"\x17\x08\x44tracing6\0", struct.pack("<BBI", 0, 8, PAGE)]
    parts += [b"header_page\0", sized(HEADER_PAGE), b"header_event\0", sized(HEADER_EVENT)]
    systems = {system: list(members) for system, members in
               itertools.groupby(sorted(BY_NAME.values(), key=lambda t: t.system), key=lambda t: t.system)}
    ftrace = systems.pop("ftrace")
    parts += [struct.pack("<I", len(ftrace)), *(sized(format_text(tracepoint)) for tracepoint in ftrace)]
    parts.append(struct.pack("<I", len(systems)))
    for system, members in systems.items():
        parts += [system.encode() + b"\0", struct.pack("<I", len(members)), *(sized(format_text(member)) for member in members)]
    parts.append(sized("".join(f"{address:016x} T {name}\n" for name, address in addresses.items()), "<I"))
    parts.append(sized("", "<I"))  # formats of printk
    names = kernel_events.task_names(run)
    tasks = sorted({*names} - {0})
    parts.append(sized("".join(f"{task} {names[task]}\n" for task in tasks)))
    parts += [struct.pack("<I", cpus), b"options  \0", struct.pack("<H", 0), b"flyrecord\0"]
    return b"".join(parts)


def write(run, path):
    """Events of all tables that have tracepoints, and calls of functions as the function_graph tracer's. Returns how many."""
    graph, in_order, addresses = kernel_events.function_graph(run)
    sources = [*graph, *kernel_events.events(run)]
    packed = [records(made) for made in sources]
    cpus = int(run.config["machine.cpus"])
    by_cpu = [[] for _ in range(cpus)]
    times, places = [(made.time // 1000).tolist() for made in sources], [made.cpu.tolist() for made in sources]
    order = kernel_events.merged(sources, in_order)
    for source, row in order:
        data, size = packed[source]
        by_cpu[places[source][row]].append((times[source][row], data[row * size : (row + 1) * size]))
    start = header(run, addresses, cpus)
    with open(path, "wb") as file:
        file.write(start + bytes(16 * cpus))
        table = []
        for events in by_cpu:
            file.write(bytes(-file.tell() % PAGE))
            begin = file.tell()
            for page in pages(events):
                file.write(page)
            table.append((begin, file.tell() - begin))
        file.seek(len(start))
        file.write(b"".join(struct.pack("<QQ", *place) for place in table))
    return len(order)
