"""Linux's tracepoints that our event tables hold: their fields as Linux 6.1 lays them out, and how they print.

Source: the format files of Debian's 6.1.192 (events/*/*/format); those of ours say less in their print format only where the kernel
prints values that a simulation does not have.
"""

import collections

import numpy as np

from .. import gfp

Field = collections.namedtuple("Field", "type name dtype")
# print_format is the kernel's, for trace.dat; line is the same as text: a function of the fields' values in their order.
Tracepoint = collections.namedtuple("Tracepoint", "system name number fields print_format line")

COMMON = [Field("unsigned short", "common_type", "u2"), Field("unsigned char", "common_flags", "u1"),
          Field("unsigned char", "common_preempt_count", "u1"), Field("int", "common_pid", "i4")]
STRING_BYTES = 32  # room of a text behind a record's fields
_GFP = '(REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|", ' + ", ".join(
    f'{{0x{bits:x}UL, "{name}"}}' for bits, name in gfp.NAMES) + ') : "none"'
_OBJECT = [Field("unsigned long", "call_site", "u8"), Field("const void *", "ptr", "u8")]
_OBJECT_ALLOCATION = [*_OBJECT, Field("size_t", "bytes_req", "u8"), Field("size_t", "bytes_alloc", "u8"),
                      Field("unsigned long", "gfp_flags", "u8"), Field("int", "node", "i4")]
_OBJECT_FORMAT = ('"call_site=%pS ptr=%p bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d accounted=%s", (void *)REC->call_site, '
                  'REC->ptr, REC->bytes_req, REC->bytes_alloc, ' + _GFP + ', REC->node, ')
_CACHED_PAGE = [Field("unsigned long", "pfn", "u8"), Field("unsigned long", "i_ino", "u8"), Field("unsigned long", "index", "u8"),
                Field("dev_t", "s_dev", "u4"), Field("unsigned char", "order", "u1")]
_CACHED_PAGE_FORMAT = ('"dev %d:%d ino %lx pfn=0x%lx ofs=%lu order=%u", ((unsigned int) ((REC->s_dev) >> 20)), ((unsigned int) '
                       '((REC->s_dev) & ((1U << 20) - 1))), REC->i_ino, REC->pfn, REC->index << 12, REC->order')
_REQUEST = [Field("dev_t", "dev", "u4"), Field("sector_t", "sector", "u8"), Field("unsigned int", "nr_sector", "u4")]
ACCOUNT = 0x400000


def _object_line(site, ptr, asked, got, mask, node, accounted=None):
    accounted = mask & ACCOUNT if accounted is None else accounted
    return (f"call_site={site:#x} ptr={ptr:#x} bytes_req={asked} bytes_alloc={got} gfp_flags={gfp.text(mask)} node={node} "
            f"accounted={'true' if accounted else 'false'}")


def _cached_page_line(pfn, inode, index, device, order):
    return f"dev {device >> 20}:{device & 0xfffff} ino {inode:x} pfn={pfn:#x} ofs={index << 12} order={order}"


def _issue_line(device, sector, sectors, size, rwbs, comm, command):
    return f"{device >> 20},{device & 0xfffff} {rwbs} {size} () {sector} + {sectors} [{comm}]"


def _complete_line(device, sector, sectors, error, rwbs, command):
    return f"{device >> 20},{device & 0xfffff} {rwbs} () {sector} + {sectors} [{error}]"


def _page_line(pfn, order, mask, migratetype):
    return f"page={0xffffea0000000000 + (pfn << 6):#x} pfn={pfn:#x} order={order} migratetype={migratetype} gfp_flags={gfp.text(mask)}"


_ALL = [
    Tracepoint("kmem", "mm_page_alloc", 547,
               [Field("unsigned long", "pfn", "u8"), Field("unsigned int", "order", "u4"), Field("unsigned long", "gfp_flags", "u8"),
                Field("int", "migratetype", "i4")],
               '"page=%p pfn=0x%lx order=%d migratetype=%d gfp_flags=%s", (void *)((REC->pfn << 6) + 0xffffea0000000000UL), REC->pfn, '
               'REC->order, REC->migratetype, ' + _GFP, _page_line),
    Tracepoint("kmem", "kmalloc", 552, _OBJECT_ALLOCATION,
               _OBJECT_FORMAT + f'(REC->gfp_flags & {ACCOUNT:#x}UL) ? "true" : "false"', _object_line),
    Tracepoint("kmem", "kmem_cache_alloc", 553, [*_OBJECT_ALLOCATION, Field("bool", "accounted", "u1")],
               _OBJECT_FORMAT + 'REC->accounted ? "true" : "false"', _object_line),
    Tracepoint("kmem", "kfree", 551, _OBJECT, '"call_site=%pS ptr=%p", (void *)REC->call_site, REC->ptr',
               lambda site, ptr: f"call_site={site:#x} ptr={ptr:#x}"),
    Tracepoint("kmem", "kmem_cache_free", 550, [*_OBJECT, Field("__data_loc char[]", "name", "i4")],
               '"call_site=%pS ptr=%p name=%s", (void *)REC->call_site, REC->ptr, __get_str(name)',
               lambda site, ptr, name: f"call_site={site:#x} ptr={ptr:#x} name={name}"),
    Tracepoint("exceptions", "page_fault_user", 118,
               [Field("unsigned long", "address", "u8"), Field("unsigned long", "ip", "u8"), Field("unsigned long", "error_code", "u8")],
               '"address=0x%lx ip=0x%lx error_code=0x%lx", REC->address, REC->ip, REC->error_code',
               lambda address, ip, code: f"address={address:#x} ip={ip:#x} error_code={code:#x}"),
    Tracepoint("filemap", "mm_filemap_add_to_page_cache", 502, _CACHED_PAGE, _CACHED_PAGE_FORMAT, _cached_page_line),
    Tracepoint("filemap", "mm_filemap_delete_from_page_cache", 503, _CACHED_PAGE, _CACHED_PAGE_FORMAT, _cached_page_line),
    Tracepoint("vmscan", "mm_vmscan_direct_reclaim_begin", 534,
               [Field("int", "order", "i4"), Field("unsigned long", "gfp_flags", "u8")],
               '"order=%d gfp_flags=%s", REC->order, ' + _GFP, lambda order, mask: f"order={order} gfp_flags={gfp.text(mask)}"),
    Tracepoint("vmscan", "mm_vmscan_direct_reclaim_end", 531, [Field("unsigned long", "nr_reclaimed", "u8")],
               '"nr_reclaimed=%lu", REC->nr_reclaimed', lambda pages: f"nr_reclaimed={pages}"),
    Tracepoint("vmscan", "mm_vmscan_kswapd_wake", 536,
               [Field("int", "nid", "i4"), Field("int", "zid", "i4"), Field("int", "order", "i4")],
               '"nid=%d order=%d", REC->nid, REC->order', lambda node, zone, order: f"nid={node} order={order}"),
    Tracepoint("block", "block_rq_issue", 1042,
               [*_REQUEST, Field("unsigned int", "bytes", "u4"), Field("char[8]", "rwbs", "S8"), Field("char[16]", "comm", "S16"),
                Field("__data_loc char[]", "cmd", "i4")],
               '"%d,%d %s %u (%s) %llu + %u [%s]", ((unsigned int) ((REC->dev) >> 20)), ((unsigned int) ((REC->dev) & ((1U << 20) - 1))), '
               'REC->rwbs, REC->bytes, __get_str(cmd), (unsigned long long)REC->sector, REC->nr_sector, REC->comm', _issue_line),
    Tracepoint("block", "block_rq_complete", 1045,
               [*_REQUEST, Field("int", "error", "i4"), Field("char[8]", "rwbs", "S8"), Field("__data_loc char[]", "cmd", "i4")],
               '"%d,%d %s (%s) %llu + %u [%d]", ((unsigned int) ((REC->dev) >> 20)), ((unsigned int) ((REC->dev) & ((1U << 20) - 1))), '
               'REC->rwbs, __get_str(cmd), (unsigned long long)REC->sector, REC->nr_sector, REC->error', _complete_line),
    Tracepoint("ftrace", "funcgraph_entry", 11, [Field("unsigned long", "func", "u8"), Field("int", "depth", "i4")],
               '"--> %ps (%d)", (void *)REC->func, REC->depth', None),
    Tracepoint("ftrace", "funcgraph_exit", 10,
               [Field("unsigned long", "func", "u8"), Field("int", "depth", "i4"), Field("unsigned int", "overrun", "u4"),
                Field("unsigned long long", "calltime", "u8"), Field("unsigned long long", "rettime", "u8")],
               '"<-- %ps (%d) (start: %llx  end: %llx) over: %d", (void *)REC->func, REC->depth, REC->calltime, REC->rettime, REC->depth',
               None),
]
BY_NAME = {tracepoint.name: tracepoint for tracepoint in _ALL}


def layout(tracepoint):
    """numpy's dtype of a record: each field at a multiple of its size, as C lays it out; a text's bytes behind them."""
    names, formats, offsets, at = [], [], [], 0
    for field in [*COMMON, *tracepoint.fields]:
        dtype = np.dtype(field.dtype)
        step = 1 if dtype.kind == "S" else dtype.itemsize
        at = -(-at // step) * step
        names.append(field.name)
        formats.append(dtype)
        offsets.append(at)
        at += dtype.itemsize
    if any(field.type.startswith("__data_loc") for field in tracepoint.fields):
        names.append("text")
        formats.append(np.dtype(f"S{STRING_BYTES}"))
        offsets.append(at)
        at += STRING_BYTES
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": -(-at // 4) * 4})


def format_text(tracepoint):
    """The tracepoint's format file, as libtraceevent and trace-cmd read it."""
    record = layout(tracepoint)
    lines = [f"name: {tracepoint.name}", f"ID: {tracepoint.number}", "format:"]
    for field in [*COMMON, *tracepoint.fields]:
        dtype, offset = record.fields[field.name][:2]
        base, bracket, count = field.type.partition("[")
        declared = f"{base} {field.name}{bracket}{count}" if count[:1].isdigit() else f"{field.type} {field.name}"
        lines.append(f"\tfield:{declared};\toffset:{offset};\tsize:{dtype.itemsize};\tsigned:{int(dtype.kind in 'iS')};")
        if field is COMMON[-1]:
            lines.append("")
    return "\n".join([*lines, "", f"print fmt: {tracepoint.print_format}", ""])
