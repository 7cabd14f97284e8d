"""What a file is, told by its first bytes and never by its name."""

from pathlib import PurePosixPath
from typing import NamedTuple

HEAD = 1024


class Type(NamedTuple):
    """A type of file: its name, which kinds it may be, and the endings that promise it."""

    name: str
    kinds: tuple[str, ...]
    endings: tuple[str, ...]


AUDIO, VIDEO, EITHER = ("audio",), ("video",), ("audio", "video")
# Where the mark stands, the mark, and what it says; the first that fits.
MARKS: tuple[tuple[int, bytes, Type], ...] = (
    (0, b"\xff\xd8\xff", Type("jpeg", ("image",), (".jpg", ".jpeg", ".jpe", ".jfif"))),
    (0, b"\x89PNG\r\n\x1a\n", Type("png", ("image",), (".png", ".apng"))),
    (0, b"GIF87a", Type("gif", ("image",), (".gif",))),
    (0, b"GIF89a", Type("gif", ("image",), (".gif",))),
    (0, b"II*\0", Type("tiff", ("image",), (".tif", ".tiff"))),
    (0, b"MM\0*", Type("tiff", ("image",), (".tif", ".tiff"))),
    (8, b"WEBP", Type("webp", ("image",), (".webp",))),
    (0, b"BM", Type("bmp", ("image",), (".bmp", ".dib"))),
    (4, b"ftypavif", Type("avif", ("image",), (".avif",))),
    (4, b"ftyphei", Type("heic", ("image",), (".heic", ".heif"))),
    (4, b"ftypmif1", Type("heic", ("image",), (".heic", ".heif"))),
    (8, b"WAVE", Type("wav", AUDIO, (".wav", ".wave"))),
    (0, b"fLaC", Type("flac", AUDIO, (".flac",))),
    (8, b"AIFF", Type("aiff", AUDIO, (".aif", ".aiff"))),
    (8, b"AIFC", Type("aiff", AUDIO, (".aif", ".aiff", ".aifc"))),
    (0, b"ID3", Type("mp3", AUDIO, (".mp3",))),
    (0, b"\xff\xfb", Type("mp3", AUDIO, (".mp3",))),
    (0, b"\xff\xf3", Type("mp3", AUDIO, (".mp3",))),
    (0, b"\xff\xf2", Type("mp3", AUDIO, (".mp3",))),
    (0, b"\xff\xf1", Type("aac", AUDIO, (".aac",))),
    (0, b"\xff\xf9", Type("aac", AUDIO, (".aac",))),
    (4, b"ftypM4A", Type("m4a", AUDIO, (".m4a", ".m4b"))),
    (0, b"OggS", Type("ogg", EITHER, (".ogg", ".oga", ".opus", ".ogv"))),
    (4, b"ftypqt  ", Type("mov", EITHER, (".mov", ".qt"))),
    (4, b"ftyp", Type("mp4", EITHER, (".mp4", ".m4v", ".m4a", ".3gp", ".3g2"))),
    (8, b"AVI ", Type("avi", VIDEO, (".avi",))),
    (0, b"\x1aE\xdf\xa3", Type("matroska", EITHER, (".mkv", ".webm", ".mka", ".weba"))),
    (0, b"\0\0\1\xba", Type("mpeg", VIDEO, (".mpg", ".mpeg", ".vob"))),
    (0, b"\0\0\1\xb3", Type("mpeg", VIDEO, (".mpg", ".mpeg"))),
)
PDF = Type("pdf", ("pdf",), (".pdf",))
EMPTY, UNKNOWN = Type("empty", (), ()), Type("unknown", (), ())
TYPES = (*dict.fromkeys(one for _, _, one in MARKS), PDF)


def type_of(head: bytes) -> Type:
    """Say what a file is by its first bytes, `HEAD` of them or all.

    A PDF may begin anywhere in them, as readers of PDF allow.
    """
    if not head:
        return EMPTY
    for at, mark, found in MARKS:
        if head[at : at + len(mark)] == mark:
            return found
    return PDF if b"%PDF-" in head else UNKNOWN


def ending(path: str) -> str:
    """Return the ending of a name in small letters."""
    return PurePosixPath(path.lower()).suffix


def promises(path: str, kind: str) -> bool:
    """Whether the name of a file says that it is of a kind."""
    return any(kind in one.kinds and ending(path) in one.endings for one in TYPES)
