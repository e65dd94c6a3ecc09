"""What a page cache did for those who read files, and what the best one could have done."""

import heapq

import numpy as np
import pandas as pd

from .memory import PAGE


def read_pages(run):
    """Pages in the order in which system calls have read them: i_ino, index (page of the file), a row for each page of each read.
    Wants events.file_reads = 1."""
    reads = run.events("file_reads")
    if reads.attrs["every"] != 1:
        raise ValueError("read_pages wants every event: events.file_reads = 1")
    reads = reads.sort_values("time", kind="stable")
    counts = reads.pages.to_numpy(dtype=int)
    first = np.repeat(reads["index"].to_numpy(dtype=int), counts)
    begins = np.repeat(counts.cumsum() - counts, counts)
    return pd.DataFrame({"i_ino": np.repeat(reads.i_ino.to_numpy(), counts), "index": first + np.arange(counts.sum()) - begins})


def ideal_hits(pages, capacity):
    """How many of `pages` (any sequence of hashable names) a cache of `capacity` pages would have had that always drops what is
    used again last, or never. Source: Belady, A study of replacement algorithms for a virtual-storage computer, 1966."""
    never = len(pages)
    next_use = np.full(len(pages), never)
    seen = {}
    for at in range(len(pages) - 1, -1, -1):
        next_use[at] = seen.get(pages[at], never)
        seen[pages[at]] = at
    cached, order, hits = {}, [], 0  # page -> its next use; a heap of the same, with entries that hold no more
    for at, page in enumerate(pages):
        if page in cached:
            hits += 1
        elif len(cached) == capacity:
            use, victim = heapq.heappop(order)
            while cached.get(victim) != -use:
                use, victim = heapq.heappop(order)
            del cached[victim]
        cached[page] = int(next_use[at])
        heapq.heappush(order, (-cached[page], page))
    return hits


def page_cache_bound(run, capacity=None):
    """Of the pages that system calls have read, the share that was not fetched from a disk for it (hit_ratio), and what that share
    would have been with the best choice of what to drop (ideal), for `capacity` pages; None: as many as the page cache had at the
    run's end. Wants events.file_reads = 1, and a run without warm-up whose files nobody else reads."""
    pages = read_pages(run)
    value = run.stats.value
    if capacity is None:
        capacity = int(value["kernel/nr_file_pages"])
    fetched = value["kernel/pgpgin"] * 1024 / PAGE - value["kernel/pswpin"]
    names = list(zip(pages.i_ino, pages["index"]))
    return pd.Series({"hit_ratio": 1 - fetched / len(names), "ideal": ideal_hits(names, capacity) / len(names), "capacity": capacity})
