"""Files of text as UTF-8, however they are packed and whatever encoding they have."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mlops_kit.core.errors import MlopsError

PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
OPENERS: dict[str, Any] = {"none": open, "gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open}
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip",
         b"\x28\xb5\x2f\xfd": "zstd"}  # fmt: skip
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
BLOCK = 2**20  # characters that are encoded at once
BYTE_ORDER_MARK = "\ufeff"
# ISO 8859 has no letters there; Windows has, and often says that it is ISO 8859.
WINDOWS_LETTERS = re.compile("[\x80-\x9f]")


def compression_of(file: Path, declared: str | None = None) -> str:
    """How a file is packed: as declared, or as its ending says."""
    return declared or PACKED.get(file.suffix.lower(), "none")


def open_packed(file: Path, mode: str = "rb", compression: str | None = None) -> IO[bytes]:
    """Open a file for its bytes, unpacked."""
    return OPENERS[compression_of(file, compression)](file, mode)


@contextlib.contextmanager
def open_utf8(file: Path, encoding: str = "utf-8", compression: str | None = None) -> Iterator[Any]:
    """Open a file as a stream of UTF-8, unpacked, whatever it was written with.

    Raises
    ------
    MlopsError
        When it is damaged, packed in another way, or not written with this encoding.
    """
    packed = compression_of(file, compression)
    _check_packing(file, packed)
    try:
        with open_packed(file, "rb", packed) as stream:
            if encoding == "utf-8" and stream.read(2) in UTF_16:
                raise UnicodeError("utf-16")
            stream.seek(0)
            yield stream if encoding == "utf-8" else io.BufferedReader(_Encoded(stream, encoding))
    except UnicodeError as error:
        likely = "utf-16" if encoding == "utf-8" else "cp1252"
        raise MlopsError(
            f"{file.as_posix()} is not written in {encoding}: name its encoding, such as "
            f"`encoding: {likely}`, at its table in conf/sources.yaml."
        ) from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        if packed == "none" or (isinstance(error, OSError) and error.errno):
            raise
        raise MlopsError(
            f"{file.as_posix()} is damaged or no whole {packed} file; replace it by a whole one."
        ) from error


def byte_lines(stream: Any) -> Iterator[str]:
    """Return lines of which each character is one byte, so that their lengths give positions."""
    text = io.TextIOWrapper(stream, encoding="latin-1", newline="")
    yield from text
    text.detach()


class _Encoded(io.RawIOBase):
    """A stream of text as UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._text = io.TextIOWrapper(stream, encoding=encoding, newline="")  # type: ignore[arg-type]
        self._old = encoding.startswith(("iso8859", "latin"))
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            text = self._text.read(BLOCK)
            if self._old and WINDOWS_LETTERS.search(text):
                raise UnicodeError("letters of Windows")
            self._left = text.encode()
        some = self._left[: len(buffer)]
        buffer[: len(some)] = some
        self._left = self._left[len(some) :]
        return len(some)


def _check_packing(file: Path, expected: str) -> None:
    with file.open("rb") as stream:
        start = stream.read(8)
    found = next((kind for mark, kind in MAGIC.items() if start.startswith(mark)), "none")
    if start and found != expected:
        what = "is not packed" if found == "none" else f"is packed with {found}"
        unpack = found not in OPENERS or expected != "none"
        mend = "unpack it" if unpack else f"declare `compression: {found}` at its table"
        raise MlopsError(
            f"{file.as_posix()} {what}, which its name does not say; {mend}, or give it the name "
            "of what it is."
        )
