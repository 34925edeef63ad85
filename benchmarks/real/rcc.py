"""Reads the files inside a Qt resource archive (.rcc, format versions 1 to 3)."""

import struct
import zlib

COMPRESSED, FOLDER, ZSTANDARD = 1, 2, 4


def files_of(path):
    """The contents of the files in the archive, by name; what Zstandard packed is left out."""
    content = path.read_bytes()
    if content[:4] != b"qres":
        raise ValueError(f"{path} begins with {content[:4]!r}, not with b'qres'.")
    version, tree, data, names = struct.unpack(">4I", content[4:20])
    entry, found = 22 if version >= 2 else 14, {}

    def walk(index, parents):
        at = tree + index * entry
        name_at, flags = struct.unpack_from(">IH", content, at)
        here = [*parents, _name(content, names + name_at)] if index else parents
        if flags & FOLDER:
            count, first = struct.unpack_from(">II", content, at + 6)
            for child in range(first, first + count):
                walk(child, here)
        elif not flags & ZSTANDARD:
            (start,) = struct.unpack_from(">I", content, at + 10)
            (size,) = struct.unpack_from(">I", content, data + start)
            packed = content[data + start + 4 : data + start + 4 + size]
            found["/".join(here)] = zlib.decompress(packed[4:]) if flags & COMPRESSED else packed

    walk(0, [])
    return found


def _name(content, at):
    (length,) = struct.unpack_from(">H", content, at)
    return content[at + 6 : at + 6 + 2 * length].decode("utf-16-be")
