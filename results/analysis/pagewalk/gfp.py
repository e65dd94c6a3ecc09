"""Allocation masks as Linux 6.1 prints them. Source of names, values and order: tracepoint format files of 6.1."""

_IO_FS = 0x40 | 0x80
_RECLAIM = 0x400 | 0x800
_USER = _RECLAIM | _IO_FS | 0x100000
_TRANSHUGE_LIGHT = (_USER | 0x2 | 0x8 | 0x40000 | 0x80000 | 0x2000) & ~_RECLAIM

# Whole masks first: the first that a mask holds names these bits.
NAMES = [
    (_TRANSHUGE_LIGHT | 0x400, "GFP_TRANSHUGE"), (_TRANSHUGE_LIGHT, "GFP_TRANSHUGE_LIGHT"),
    (_USER | 0x2 | 0x8, "GFP_HIGHUSER_MOVABLE"), (_USER | 0x2, "GFP_HIGHUSER"), (_USER, "GFP_USER"),
    (_RECLAIM | _IO_FS | 0x400000, "GFP_KERNEL_ACCOUNT"), (_RECLAIM | _IO_FS, "GFP_KERNEL"), (_RECLAIM | 0x40, "GFP_NOFS"),
    (0x20 | 0x200 | 0x800, "GFP_ATOMIC"), (_RECLAIM, "GFP_NOIO"), (0x800, "GFP_NOWAIT"), (0x1, "GFP_DMA"),
    (0x2, "__GFP_HIGHMEM"), (0x4, "GFP_DMA32"), (0x20, "__GFP_HIGH"), (0x200, "__GFP_ATOMIC"), (0x40, "__GFP_IO"),
    (0x80, "__GFP_FS"), (0x2000, "__GFP_NOWARN"), (0x4000, "__GFP_RETRY_MAYFAIL"), (0x8000, "__GFP_NOFAIL"),
    (0x10000, "__GFP_NORETRY"), (0x40000, "__GFP_COMP"), (0x100, "__GFP_ZERO"), (0x80000, "__GFP_NOMEMALLOC"),
    (0x20000, "__GFP_MEMALLOC"), (0x100000, "__GFP_HARDWALL"), (0x200000, "__GFP_THISNODE"), (0x10, "__GFP_RECLAIMABLE"),
    (0x8, "__GFP_MOVABLE"), (0x400000, "__GFP_ACCOUNT"), (0x1000, "__GFP_WRITE"), (_RECLAIM, "__GFP_RECLAIM"),
    (0x400, "__GFP_DIRECT_RECLAIM"), (0x800, "__GFP_KSWAPD_RECLAIM"), (0x800000, "__GFP_ZEROTAGS"),
]


def text(mask):
    """GFP_KERNEL|__GFP_ZERO; what has no name in hexadecimal; none for 0."""
    names, left = [], mask
    for bits, name in NAMES:
        if left & bits == bits:
            names.append(name)
            left &= ~bits
    if left:
        names.append(hex(left))
    return "|".join(names) or "none"
