"""The few msgpack frames that a `params` file is made of, read from a file without reading what they hold.

Lengths are checked against the file before anything is done with them, and nothing nests deeper than the caller asks,
so a hostile file can neither make it allocate nor recurse.

Source: the msgpack specification (github.com/msgpack/msgpack/blob/master/spec.md).
"""

from __future__ import annotations

from io import BufferedIOBase


class Malformed(ValueError):
    """The bytes are not what was expected here; the text says what was."""


class MsgpackReader:
    """Reads frames one after the other.

    Methods raise `Malformed` for another frame than asked for, and EOFError where the file ends too early.
    """

    def __init__(self, file: BufferedIOBase, size: int):
        self._file, self._size, self.position = file, size, 0

    @property
    def left(self) -> int:
        """Bytes up to the end of the file."""
        return self._size - self.position

    def seek(self, position: int) -> None:
        """Go to an absolute position."""
        self._file.seek(position)
        self.position = position

    def kind(self) -> str:
        """Say what comes next, without passing it: "ext", "map" or "other"."""
        byte = self._bytes(1)[0]
        self.seek(self.position - 1)
        if 0xC7 <= byte <= 0xC9 or 0xD4 <= byte <= 0xD8:
            return "ext"
        return "map" if 0x80 <= byte <= 0x8F or byte in (0xDE, 0xDF) else "other"

    def array(self, most: int = 8) -> int:
        """Enter an array and return how many items follow."""
        return self._container("array", 0x90, {0xDC: 2, 0xDD: 4}, most)

    def map(self, most: int) -> int:
        """Enter a map and return how many pairs follow."""
        return self._container("map", 0x80, {0xDE: 2, 0xDF: 4}, most)

    def text(self, most: int) -> str:
        """Read a short string (bytes are accepted, as older writers store them)."""
        byte = self._bytes(1)[0]
        if 0xA0 <= byte <= 0xBF:
            length = byte & 0x1F
        elif byte in (0xD9, 0xDA, 0xDB, 0xC4, 0xC5, 0xC6):
            length = self._unsigned(1 << (byte - (0xD9 if byte >= 0xD9 else 0xC4)))
        else:
            raise Malformed(f"expected a name, found the byte 0x{byte:02x}")
        if length > most:
            raise Malformed(f"a name has {length:,} characters")
        try:
            return self._bytes(length).decode()
        except UnicodeDecodeError as error:
            raise Malformed("a name is not text") from error

    def number(self) -> int:
        """Read a string of decimal digits, as Flax numbers the parts of a list."""
        text = self.text(12)
        if not (text.isascii() and text.isdecimal()):
            raise Malformed(f"'{text}' is not a number")
        return int(text)

    def integer(self) -> int:
        """Read an integer that is not negative."""
        byte = self._bytes(1)[0]
        if byte <= 0x7F:
            return byte
        if 0xCC <= byte <= 0xCF:
            return self._unsigned(1 << (byte - 0xCC))
        raise Malformed(f"expected a size, found the byte 0x{byte:02x}")

    def boolean(self) -> bool:
        """Read true or false."""
        byte = self._bytes(1)[0]
        if byte not in (0xC2, 0xC3):
            raise Malformed(f"expected true or false, found the byte 0x{byte:02x}")
        return byte == 0xC3

    def binary(self) -> int:
        """Enter a binary blob; return where it ends."""
        byte = self._bytes(1)[0]
        if byte not in (0xC4, 0xC5, 0xC6):
            raise Malformed(f"expected bytes, found the byte 0x{byte:02x}")
        return self._end(self._unsigned(1 << (byte - 0xC4)))

    def extension(self) -> tuple[int, int]:
        """Enter an extension; return its type code and where it ends."""
        byte = self._bytes(1)[0]
        if 0xC7 <= byte <= 0xC9:
            length = self._unsigned(1 << (byte - 0xC7))
        elif 0xD4 <= byte <= 0xD8:
            length = 1 << (byte - 0xD4)
        else:
            raise Malformed(f"expected an array, found the byte 0x{byte:02x}")
        code = self._unsigned(1)
        return code, self._end(length)

    def _container(self, what: str, fixed: int, long: dict[int, int], most: int) -> int:
        byte = self._bytes(1)[0]
        if fixed <= byte <= fixed | 0x0F:
            count = byte & 0x0F
        elif byte in long:
            count = self._unsigned(long[byte])
        else:
            raise Malformed(f"expected a msgpack {what}, found the byte 0x{byte:02x}")
        if count > most:
            raise Malformed(f"a msgpack {what} has {count:,} entries where at most {most:,} make sense")
        return count

    def _end(self, length: int) -> int:
        if length > self.left:
            raise EOFError
        return self.position + length

    def _unsigned(self, width: int) -> int:
        return int.from_bytes(self._bytes(width), "big")

    def _bytes(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) != count:
            raise EOFError
        self.position += count
        return found
