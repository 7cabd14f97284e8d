"""What a file is, told by its content, and the texts and columns that it holds.

Standard library only: the pre-commit hook reads with it. What needs more is imported where it is
read. A file that cannot be read whole is never called clean: its reader raises `Unreadable`.
"""

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    import polars as pl

MAX_DEPTH = 4
# What is read at once (a JSON text, a member of a zip, an unpacked stream), in bytes.
MAX_WHOLE = 256 * 2**20
BLOCK = 2**20
PIECE = 2**13  # of plain text: rules look faster into short pieces
# In a lock file: addresses without a user, hashes, versions and times of public packages.
LOCKED = re.compile(
    r'"https?://[^"\s@]*"|"\w+[:-][0-9a-fA-F]{32,}"|(?:version|upload-time) = "[^"\s@]*"'
)
MAX_LINE = 8 * BLOCK  # longer than any address or name


class Text(NamedTuple):
    """A text; `line` is the number of its first line in the file, 0 when lines mean nothing."""

    place: str
    text: str
    line: int = 0


class Column(NamedTuple):
    """Values that share a name: a column of a table, or a path of a JSON or XML document."""

    place: str
    name: str
    values: "Sequence[Any] | pl.Series"
    first_row: int = 1


class Known(NamedTuple):
    """What the reader itself knows to be personal, such as the place where a picture was taken."""

    place: str
    entity: str


Piece = Text | Column | Known


class Unreadable(Exception):
    """The file, or a part of it, cannot be read: why, in words, and what to do."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place}: {why}")
        self.place, self.why = place, why


class Opened(NamedTuple):
    """Bytes to read: a file or what was inside one, where it is, its name, and how deep."""

    stream: BinaryIO
    place: str
    name: str
    depth: int = 0


MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PAR1", "parquet"),
    (0, b"SQLite format 3\0", "sqlite"),
    (0, b"PK\3\4", "zip"),
    (0, b"PK\5\6", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"ARROW1", "arrow"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (0, b"II*\0", "image"),
    (0, b"MM\0*", "image"),
    (8, b"WEBP", "image"),
    (0, b"%PDF-", "pdf"),
    (8, b"WAVE", "media"),
    (8, b"AVI ", "media"),
    (4, b"ftyp", "media"),
    (0, b"OggS", "media"),
    (0, b"fLaC", "media"),
    (0, b"ID3", "media"),
    (0, b"\x1aE\xdf\xa3", "media"),
)
# Who reads a kind: module and function; those of optional groups say which group is missing.
READERS = {
    "parquet": ("columnar", "parquet"),
    "arrow": ("columnar", "arrow"),
    "npy": ("columnar", "numpy_array"),
    "sqlite": ("archives", "sqlite"),
    "zip": ("archives", "zipped"),
    "gzip": ("archives", "gzipped"),
    "png": ("archives", "png"),
    "image": ("media_tags", "image"),
    "pdf": ("media_tags", "pdf"),
    "media": ("media_tags", "media"),
    "table": ("json_csv", "table"),
    "json": ("json_csv", "json_document"),
    "jsonl": ("json_csv", "json_lines"),
    "notebook": ("json_csv", "notebook"),
    "html": ("markup", "html_page"),
    "xml": ("markup", "xml_document"),
}
# A name that promises one of these and holds something else is a damaged file.
PROMISES = {
    ".parquet": "parquet",
    ".sqlite": "sqlite",
    ".db": "sqlite",
    ".zip": "zip",
    ".skops": "zip",
    ".npz": "zip",
    ".gz": "gzip",
    ".npy": "npy",
    ".arrow": "arrow",
    ".png": "png",
    ".jpg": "image",
    ".jpeg": "image",
    ".gif": "image",
    ".pdf": "pdf",
    ".mp3": "media",
    ".mp4": "media",
    ".wav": "media",
}
TEXTS = {
    ".csv": "table",
    ".tsv": "table",
    ".json": "json",
    ".sarif": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".ipynb": "notebook",
    ".html": "html",
    ".htm": "html",
    ".xml": "xml",
    ".svg": "xml",
}
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS = re.compile(rb"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
POINTER = b"version https://git-lfs.github.com/spec/"


def pieces_of_file(path: Path, place: str) -> Iterator[Piece]:
    """Return everything that a file holds, with its name in the project as the place."""
    try:
        with path.open("rb") as stream:
            yield from pieces(Opened(stream, place, path.name))
    except OSError as error:
        raise Unreadable(place, f"cannot be opened ({error.strerror or 'unknown'})") from error


def pieces_of_bytes(content: bytes, place: str, name: str, depth: int = 0) -> Iterator[Piece]:
    """Return everything that bytes hold, such as a staged file or a member of a zip."""
    yield from pieces(Opened(io.BytesIO(content), place, name, depth))


def pieces(opened: Opened) -> Iterator[Piece]:
    """Return the texts and columns of one stream.

    Raises
    ------
    Unreadable
        For an unknown or damaged format, a lock without its key, a bomb, or a missing group. The
        sentence never repeats what the library said: that could hold a value.
    """
    if opened.depth > MAX_DEPTH:
        raise Unreadable(opened.place, f"is packed more than {MAX_DEPTH} times; unpack it")
    kind = kind_of(opened)
    try:
        if kind == "text":
            yield from plain_text(opened)
        else:
            module, reader = READERS[kind]
            yield from getattr(import_module(f".{module}", __package__), reader)(opened)
    except (Unreadable, KeyboardInterrupt):
        raise
    except RecursionError as error:
        raise Unreadable(opened.place, "is nested too deeply; flatten it") from error
    except MemoryError as error:
        raise Unreadable(opened.place, "does not fit into memory; split it") from error
    except Exception as error:
        raise Unreadable(
            opened.place, f"is a damaged {kind} file ({type(error).__name__}); mend or remove it"
        ) from error


def kind_of(opened: Opened) -> str:
    """Name what a stream holds; the content decides, and a name that promises more is a finding."""
    head = opened.stream.read(len(POINTER))
    opened.stream.seek(0)
    suffix = PurePosixPath(opened.name.lower()).suffix
    kind = next((k for at, magic, k in MAGIC if head[at : at + len(magic)] == magic), "")
    promised = PROMISES.get(suffix)
    if promised and kind != promised and not (promised == "sqlite" and not head):
        raise Unreadable(
            opened.place, f"is named {suffix} and is no {promised} file; mend or remove it"
        )
    if kind or promised:
        return kind or "text"
    if head.startswith(POINTER):
        raise Unreadable(opened.place, "is only a pointer of Git LFS; run `git lfs pull` first")
    if head[:1] == b"\x80" and head[1:2] in b"\2\3\4\5":
        raise Unreadable(opened.place, "is a pickle, which may hold anything; store it otherwise")
    return TEXTS.get(suffix, "text")


def whole(opened: Opened) -> bytes:
    """Return all bytes of a stream that must be read at once."""
    content = opened.stream.read(MAX_WHOLE + 1)
    if len(content) > MAX_WHOLE:
        raise Unreadable(opened.place, f"is larger than {MAX_WHOLE // 2**20} MB; split it")
    return content


def whole_text(opened: Opened) -> str:
    """Return a whole stream as text."""
    encoding = encoding_of(opened)
    return whole(opened).decode(encoding)


def encoding_of(opened: Opened) -> str:
    """Return the encoding in which a stream is text: marked, UTF-8, UTF-16, or Windows-1252.

    Raises
    ------
    Unreadable
        When it is no text in any of them.
    """
    stream = opened.stream
    head = stream.read(BLOCK)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "")
    guesses = [marked] if marked else ["utf-8"]
    if not marked and head.count(0) > len(head) // 4:
        # Any bytes can be read as UTF-16; in a text, mostly every second byte is zero, no other.
        zeros = {"utf-16-le": head[1::2].count(0), "utf-16-be": head[::2].count(0)}
        most = max(zeros, key=lambda name: zeros[name])
        is_text = zeros[most] == head.count(0) and CONTROLS.search(head.replace(b"\0", b"")) is None
        guesses = [most] if is_text else []
    elif not marked and CONTROLS.search(head) is None:
        guesses += ["cp1252", "latin-1"]
    for encoding in guesses:
        decoder = codecs.getincrementaldecoder(encoding)()
        stream.seek(0)
        try:
            while block := stream.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        finally:
            stream.seek(0)
        if encoding == "utf-8" and len(CONTROLS.findall(head)) > len(head) // 20:
            break
        return encoding
    raise Unreadable(opened.place, "has a format that is not known here; convert or remove it")


def plain_text(opened: Opened) -> Iterator[Piece]:
    """Read text in pieces that end with a line, so that a long log needs little memory."""
    encoding = encoding_of(opened)
    start = opened.stream.read(1)
    opened.stream.seek(0)
    if start in (b"{", b"["):  # JSON under another name, such as a folder list of DVC
        with_path = import_module(".json_csv", __package__).json_or_nothing(opened, encoding)
        if with_path is not None:
            yield from with_path
            return
    reader = io.TextIOWrapper(opened.stream, encoding=encoding, newline=None)
    line, size, parts = 1, 0, list[str]()
    is_lock = opened.name.endswith(".lock")
    while block := reader.read(PIECE):
        cut = block.rfind("\n") + 1
        if cut:
            text = "".join([*parts, block[:cut]])
            yield Text(opened.place, LOCKED.sub("", text) if is_lock else text, line)
            line, parts, size = line + text.count("\n"), [], 0
        parts.append(block[cut:])
        size += len(block) - cut
        if size > MAX_LINE:
            raise Unreadable(opened.place, f"has a line over {MAX_LINE // 2**20} MB; break it")
    if size:
        yield Text(opened.place, "".join(parts), line)
    reader.detach()
