"""The variable-length integers that protobuf and Thrift share."""


def varint(value):
    """Seven bits a byte, low ones first. Wants 0 <= value."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
