"""Writes Parquet files: flat columns without nulls, plain encoding, gzip. Debian 12 has no library that does.

Source: github.com/apache/parquet-format (README, parquet.thrift) and Thrift's compact protocol.
"""

import gzip
import struct

from .varint import varint

MAGIC = b"PAR1"
INT32, INT64, DOUBLE, BYTE_ARRAY = 1, 2, 5, 6
UTF8 = 0
CONVERTED = {"u1": 11, "u2": 12, "u4": 13, "u8": 14, "i1": 15, "i2": 16, "i4": 17, "i8": 18}
REQUIRED, PLAIN, RLE, GZIP, DATA_PAGE = 0, 0, 3, 2, 0
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12


def encoded(kind, value):
    if kind in (I32, I64):
        return varint(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == BINARY:
        raw = value.encode() if isinstance(value, str) else value
        return varint(len(raw)) + raw
    if kind == LIST:
        member, values = value
        head = bytes([len(values) << 4 | member]) if len(values) < 15 else bytes([0xF0 | member]) + varint(len(values))
        return head + b"".join(encoded(member, one) for one in values)
    return value  # a structure's bytes


def structure(*fields):
    """Thrift's compact encoding of (number, kind, value), numbers rising."""
    made, last = bytearray(), 0
    for number, kind, value in fields:
        made.append(number - last << 4 | kind)
        made += encoded(kind, value)
        last = number
    return bytes(made) + b"\0"


def physical(series):
    """Physical and converted type of a column, and its values as Parquet's plain encoding has them."""
    if series.dtype.kind in "iub":
        width = 4 if series.dtype.itemsize < 8 else 8
        values = series.to_numpy().astype(f"<i{width}" if series.dtype.kind != "u" else f"<u{width}")
        return (INT32 if width == 4 else INT64), CONVERTED.get(series.dtype.str[1:]), values.tobytes()
    if series.dtype.kind == "f":
        return DOUBLE, None, series.to_numpy().astype("<f8").tobytes()
    texts = [("" if text is None else str(text)).encode() for text in series]
    return BYTE_ARRAY, UTF8, b"".join(struct.pack("<I", len(text)) + text for text in texts)


class Writer:
    """Row groups of frames of the same columns. close() writes the footer; `units` go into its metadata as unit:COLUMN."""

    def __init__(self, path, units):
        self.file = open(path, "wb")
        self.file.write(MAGIC)
        self.units, self.schema, self.groups, self.rows = units, [], [], 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._footer()
        self.file.close()

    def append(self, frame):
        columns, size = [], 0
        self.schema = []
        for name in frame.columns:
            kind, converted, plain = physical(frame[name])
            self.schema.append((name, kind, converted))
            packed = gzip.compress(plain, compresslevel=1, mtime=0)
            values = structure((1, I32, len(frame)), (2, I32, PLAIN), (3, I32, RLE), (4, I32, RLE))
            head = structure((1, I32, DATA_PAGE), (2, I32, len(plain)), (3, I32, len(packed)), (5, STRUCT, values))
            at = self.file.tell()
            self.file.write(head + packed)
            meta = structure(
                (1, I32, kind), (2, LIST, (I32, [PLAIN, RLE])), (3, LIST, (BINARY, [name])), (4, I32, GZIP), (5, I64, len(frame)),
                (6, I64, len(head) + len(plain)), (7, I64, len(head) + len(packed)), (9, I64, at))
            columns.append(structure((2, I64, at), (3, STRUCT, meta)))
            size += len(plain)
        self.groups.append(structure((1, LIST, (STRUCT, columns)), (2, I64, size), (3, I64, len(frame))))
        self.rows += len(frame)

    def _footer(self):
        root = structure((4, BINARY, "schema"), (5, I32, len(self.schema)))
        columns = [structure((1, I32, kind), (3, I32, REQUIRED), (4, BINARY, name), *([] if converted is None else [(6, I32, converted)]))
                   for name, kind, converted in self.schema]
        units = [structure((1, BINARY, f"unit:{name}"), (2, BINARY, unit)) for name, unit in self.units.items() if unit]
        footer = structure((1, I32, 1), (2, LIST, (STRUCT, [root, *columns])), (3, I64, self.rows), (4, LIST, (STRUCT, self.groups)),
                           (5, LIST, (STRUCT, units)), (6, BINARY, "pagewalk"))
        self.file.write(footer + struct.pack("<I", len(footer)) + MAGIC)
