"""Frames between a jail and its owner: magic, kind, length, payload. Never pickle.

    magic b"ARJ1" | kind u8 | length u32 little-endian | payload

Control payloads are JSON, arrays are raw little-endian float32. Every kind has a cap on its length,
so neither side can make the other allocate without bound.
"""

from __future__ import annotations

import json
import struct
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | memoryview
MAGIC = b"ARJ1"
HEAD = struct.Struct("<4sBI")
_HEADER_LENGTH = struct.Struct("<I")


class Kind(IntEnum):
    """Kinds of frames. The owner sends LOAD and CALL, the jail the others."""

    HELLO = 1
    LOAD = 2
    LOADED = 3
    CALL = 4
    VALUES = 5
    FAIL = 6


CAPS = {
    Kind.HELLO: 4 << 10,
    Kind.LOAD: 4 << 20,
    Kind.LOADED: 16 << 10,
    Kind.CALL: 1 << 30,
    Kind.VALUES: 1 << 28,
    Kind.FAIL: 16 << 10,
}


class FrameError(ValueError):
    """Bytes that are not a frame: wrong magic, unknown kind, or longer than its kind may be."""


def pack(kind: Kind, *parts: Buffer) -> list[Buffer]:
    """Return a frame as a list of buffers, without copying large payloads."""
    return [HEAD.pack(MAGIC, kind, sum(len(part) for part in parts)), *parts]


def pack_json(kind: Kind, data: dict[str, Any]) -> list[Buffer]:
    """Return a frame with a JSON payload."""
    return pack(kind, json.dumps(data).encode())


def parse_head(head: bytes) -> tuple[Kind, int]:
    """Return the kind and payload length of a frame head.

    Raises:
        FrameError: The bytes are no frame head or announce more than the kind's cap.
    """
    magic, number, length = HEAD.unpack(head)
    if magic != MAGIC or number not in Kind.__members__.values():
        raise FrameError("not a frame")
    kind = Kind(number)
    if length > CAPS[kind]:
        raise FrameError(f"{kind.name} frame of {length} bytes is over its cap of {CAPS[kind]}")
    return kind, length


def to_bytes(array: NDArray[np.float32]) -> memoryview:
    """Return an array's raw little-endian float32 bytes, without a copy where it is laid out so."""
    return np.ascontiguousarray(array, dtype="<f4").reshape(-1).view(np.uint8).data


def pack_call(header: dict[str, Any], arrays: list[NDArray[np.float32]]) -> list[Buffer]:
    """Return a CALL frame: header length, JSON header with the arrays' shapes, raw arrays."""
    text = json.dumps({**header, "shapes": [array.shape for array in arrays]}).encode()
    return pack(Kind.CALL, _HEADER_LENGTH.pack(len(text)), text, *map(to_bytes, arrays))


def parse_call(payload: bytearray) -> tuple[dict[str, Any], list[NDArray[np.float32]]]:
    """Return the header and the arrays (views into `payload`) of a CALL frame."""
    (length,) = _HEADER_LENGTH.unpack_from(payload)
    offset = _HEADER_LENGTH.size
    header = json.loads(payload[offset : offset + length])
    offset += length
    arrays = []
    for shape in header["shapes"]:
        count = int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(payload, "<f4", count, offset).reshape(shape))
        offset += 4 * count
    return header, arrays
