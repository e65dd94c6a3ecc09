"""Texts of /proc, simulated or a real machine's, as frames. Lines that are not understood raise ValueError."""

import io
import re

import pandas as pd

ORDERS = 11  # of Linux 6.1


def buddyinfo(text):
    """Free blocks: a row a zone, indexed by node and zone, columns order0 to order10."""
    rows = {}
    for line in text.splitlines():
        found = re.fullmatch(r"Node\s+(\d+), zone\s+(\w+)\s+([\d\s]+)", line)
        if not found:
            raise ValueError(f"no line of buddyinfo: {line[:60]!r}")
        rows[int(found[1]), found[2]] = [int(count) for count in found[3].split()]
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.columns = [f"order{order}" for order in frame.columns]
    frame.index = pd.MultiIndex.from_tuples(frame.index, names=["node", "zone"])
    return frame


def counters(text):
    """Series of name -> number, of vmstat and meminfo (there in kB)."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.replace(":", " ").partition(" ")
        values[name] = int(rest.split()[0])
    return pd.Series(values, dtype="int64")


def pageblock_types(text):
    """Number of page blocks of each migratetype, by node and zone, from pagetypeinfo."""
    head, _, body = text.partition("Number of blocks type")
    rows, types = {}, None
    while body:
        lines = body.splitlines()
        types = lines[0].split()
        for line in lines[1:]:
            found = re.fullmatch(r"Node\s+(\d+), zone\s+(\w+)\s+([\d\s]+)", line)
            if found:
                rows[int(found[1]), found[2]] = [int(count) for count in found[3].split()]
        head, _, body = body.partition("Number of blocks type")
        body = body.strip(" ")
    if types is None:
        raise ValueError("no page blocks in pagetypeinfo")
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=types)
    frame.index = pd.MultiIndex.from_tuples(frame.index, names=["node", "zone"])
    return frame


def slabinfo(text):
    """A row a cache: active, total, size (bytes of an object), pages and memory (bytes of its slabs)."""
    rows = []
    for line in text.splitlines():
        words = line.split()
        if line.startswith(("slabinfo", "#")) or len(words) < 15:
            continue
        slabs = int(words[words.index("slabdata") + 2])
        rows.append((words[0], int(words[1]), int(words[2]), int(words[3]), slabs * int(words[5]), slabs * int(words[5]) * 4096))
    return pd.DataFrame(rows, columns=["cache", "active", "total", "size", "pages", "memory"])


def page_blocks(text):
    """Runs of equal page blocks: first_pfn, blocks, node, zone, type, and frames of each block by use. Pagewalk's own text."""
    return pd.read_csv(io.StringIO(text), sep=" ")
