"""LZ-string for URI components: what BPJS Kesehatan packs its answers with before it encrypts them.

Here are the two functions of that one dialect, six bits per character. Encryption is in `crypto.py`.

The format has no specification; its reference is the JavaScript library `lz-string` (`compressToEncodedURIComponent`). It
works on UTF-16 code units, writes the bits of every number lowest first, and packs the bits of a character highest first.
"""

from typing import Final

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$"
_BITS_OF: Final = {ord(character): format(value, "06b") for value, character in enumerate(_ALPHABET[:64])}
# A space is what a "+" becomes where somebody has form-decoded the text; the reference takes it back, and so do we.
_BITS_OF[ord(" ")] = _BITS_OF[ord("+")]
# Padding of the reference's other dialects: carries no bits.
_BITS_OF[ord("$")] = _BITS_OF[ord("=")] = ""

# Codes that are not entries of the dictionary.
_CHARACTER_8: Final = 0
_CHARACTER_16: Final = 1
_END: Final = 2
_LITERAL_BITS: Final = {_CHARACTER_8: 8, _CHARACTER_16: 16}


class LzError(ValueError):
    """The text is not LZ-string, or ends too early. The message never holds any of it."""


class TooLargeError(LzError):
    """The text would grow beyond the limit: a fault at the agency, or a decompression bomb."""


class _Bits:
    """Reads numbers of a given width, lowest bit first."""

    def __init__(self, text: str) -> None:
        bits = text.translate(_BITS_OF)
        if bits.strip("01"):
            raise LzError("characters outside the alphabet of LZ-string")
        self._bits = bits
        self._at = 0

    def read(self, width: int) -> int:
        chunk = self._bits[self._at : self._at + width]
        if len(chunk) < width:
            raise LzError("ends before its end mark")
        self._at += width
        return int(chunk[::-1], 2)


def decompress(text: str, *, max_characters: int) -> str:
    """Unpacks `text`.

    Args:
        text: LZ-string of the URI dialect.
        max_characters: Largest output, in UTF-16 code units. The work stops as soon as it would be passed, so a bomb costs
            no more time and memory than an honest answer of that size.

    Raises:
        TooLargeError: The output would be larger than `max_characters`.
        LzError: Not LZ-string.
    """
    bits = _Bits(text)
    entries: list[str] = ["", "", ""]  # the three codes that are not entries
    output: list[str] = []
    length = 0
    width = 2
    room = 1  # additions to the dictionary until codes grow by one bit
    last = ""
    while True:
        code = bits.read(width)
        if code == _END:
            break
        if literal := _LITERAL_BITS.get(code):
            entries.append(chr(bits.read(literal)))
            code = len(entries) - 1
            room -= 1
            if room == 0:
                room, width = 1 << width, width + 1
        if code < len(entries):
            entry = entries[code]
        elif code == len(entries) and last:
            entry = last + last[0]
        else:
            raise LzError("refers to an entry that does not exist")
        length += len(entry)
        if length > max_characters:
            raise TooLargeError(f"larger than {max_characters} characters when unpacked")
        output.append(entry)
        if last:
            entries.append(last + entry[0])
            room -= 1
            if room == 0:
                room, width = 1 << width, width + 1
        last = entry
    return "".join(output).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def compress(text: str) -> str:
    """Packs `text`, bit for bit as the reference does. Only the sandbox agency packs; the connector unpacks."""
    units = text.encode("utf-16-le", "surrogatepass")
    written: list[str] = []
    entries: dict[str, int] = {}
    unwritten: set[str] = set()
    width, room, size = 2, 2, 3
    last = ""

    def write(value: int, bits: int) -> None:
        written.append(format(value, f"0{bits}b")[::-1])

    def count() -> None:
        nonlocal room, width
        room -= 1
        if room == 0:
            room, width = 1 << width, width + 1

    def put(word: str) -> None:
        if word in unwritten:
            unwritten.remove(word)
            kind = _CHARACTER_8 if ord(word[0]) < 256 else _CHARACTER_16
            write(kind, width)
            write(ord(word[0]), _LITERAL_BITS[kind])
            count()
        else:
            write(entries[word], width)
        count()

    for at in range(0, len(units), 2):
        unit = chr(int.from_bytes(units[at : at + 2], "little"))
        if unit not in entries:
            entries[unit] = size
            size += 1
            unwritten.add(unit)
        if last + unit in entries:
            last += unit
            continue
        put(last)
        entries[last + unit] = size
        size += 1
        last = unit
    if last:
        put(last)
    write(_END, width)
    bits = "".join(written)
    bits += "0" * (6 - len(bits) % 6)  # the reference pads even where nothing is missing
    return "".join(_ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))
