"""As much of protocol buffers as two small messages in a SavedModel need."""

from collections.abc import Iterator
from dataclasses import dataclass, field

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DAMAGED = "It is damaged: a message in it ends early or makes no sense."


@dataclass
class Trackable:
    """A node of a checkpoint's object graph.

    Attributes:
        children: the numbers of the nodes that it holds, by the attributes they are in.
        key: what its value is stored under, if it is a variable.
        name: what the variable was called.
    """

    children: dict[str, int] = field(default_factory=dict)
    key: str | None = None
    name: str = ""


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yields the fields of a message: their numbers and values.

    >>> list(read_fields(bytes([8, 150, 1, 18, 2, 104, 105])))
    [(1, 150), (2, b'hi')]
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            value, position = _varint(message, position)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(kind)
            if kind == _BYTES:
                size, position = _varint(message, position)
            if size is None or position + size > len(message):
                raise ValueError(_DAMAGED)
            value = message[position : position + size]
            position += size
        yield tag >> 3, value


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise ValueError(_DAMAGED)


def read_object_graph(message: bytes) -> list[Trackable]:
    """Returns the nodes of a TrackableObjectGraph; the first is the root.

    Raises:
        ValueError: if it is damaged.
    """
    nodes = [_trackable(_as_bytes(node)) for number, node in read_fields(message) if number == 1]
    if not nodes or any(n not in range(len(nodes)) for x in nodes for n in x.children.values()):
        raise ValueError(_DAMAGED)
    return nodes


def _trackable(message: bytes) -> Trackable:
    node = Trackable()
    for number, value in read_fields(message):
        if number == 1:
            child = dict(read_fields(_as_bytes(value)))
            index = child.get(1, 0)
            if not isinstance(index, int):
                raise ValueError(_DAMAGED)
            node.children[_text(child.get(2, b""))] = index
        elif number == 2:
            attribute = dict(read_fields(_as_bytes(value)))
            if attribute.get(1) == b"VARIABLE_VALUE":
                node.key, node.name = _text(attribute.get(3, b"")), _text(attribute.get(2, b""))
    return node


def read_root_metadata(message: bytes) -> str:
    """Returns the JSON that a SavedModel's keras_metadata.pb has of the model itself.

    Raises:
        ValueError: if it is damaged or has none.
    """
    for number, saved in read_fields(message):
        if number == 1:
            node = dict(read_fields(_as_bytes(saved)))
            if node.get(3) == b"root":
                return _text(node.get(5, b""))
    raise ValueError("It has no Keras model for its root.")


def _as_bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError(_DAMAGED)
    return value


def _text(value: int | bytes) -> str:
    return _as_bytes(value).decode()  # UnicodeDecodeError is a ValueError
