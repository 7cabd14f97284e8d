"""What audio and video have in common: a container, its streams, and what its tags say."""

import contextlib
import datetime
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from mlops_kit.data.media.apart import Unusable

# A place as ISO 6709 writes it: +48.8577+002.295/
PLACE = re.compile(r"([+-]\d+(?:\.\d+)?)([+-]\d+(?:\.\d+)?)")
GPS = ("location", "com.apple.quicktime.location")
NAMING = ("artist", "author", "album_artist", "composer", "performer", "copyright", "comment",
          "description", "title", "synopsis", "lyrics")  # fmt: skip
AUTHOR = ("artist", "author", "album_artist", "performer", "com.apple.quicktime.author")
FACTS = {
    "seconds": "double",
    "codec": "string",
    "made_at": "timestamptz",
    "author": "string",
    "title": "string",
    "device": "string",
    "latitude": "double",
    "longitude": "double",
}


@contextlib.contextmanager
def opened(stream: BinaryIO) -> Iterator[Any]:
    """Open a container; what a library says of a damaged one is not told."""
    import av

    av.logging.set_level(None)
    check_size(stream)
    try:
        with av.open(stream, metadata_errors="replace") as container:
            yield container
    except (Unusable, MemoryError):
        raise
    except Exception:
        raise Unusable("damaged") from None


def said(container: Any) -> dict[str, Any]:
    """Read what the tags of a recording say of who made it, where, when and by what."""
    tags: dict[str, str] = {}
    for each in (*(stream.metadata for stream in container.streams), container.metadata):
        tags |= {str(name).lower(): str(value) for name, value in each.items() if value}
    where = next((value for name, value in tags.items() if name.startswith(GPS)), None)
    named = [name for name in tags if name.partition("-")[0] in NAMING]
    place = PLACE.match(where or "")
    make, model = (_first(tags, (one, f"com.apple.quicktime.{one}")) for one in ("make", "model"))
    return {
        "gps": where is not None,
        "personal": ", ".join((["GPS"] if where else []) + sorted(named)) or None,
        "author": _first(tags, AUTHOR),
        "title": tags.get("title"),
        "device": " ".join(one for one in (make, model) if one) or None,
        "made_at": _moment(tags.get("creation_time", "")),
        "latitude": float(place[1]) if place else None,
        "longitude": float(place[2]) if place else None,
    }


def check_size(stream: BinaryIO) -> None:
    """Refuse a WAV, AVI or AIFF that is shorter than it says itself; FFmpeg takes what is there.

    Raises
    ------
    Unusable
        As said.
    """
    stream.seek(0)
    form, size = stream.read(4), stream.read(4)
    length = stream.seek(0, 2)
    stream.seek(0)
    told = int.from_bytes(size, "big" if form == b"FORM" else "little")
    # Of what was never finished, or is too large for four bytes, nothing is told.
    if form in (b"RIFF", b"FORM") and told not in (0, 0xFFFFFFFF) and told + 8 > length:
        raise Unusable("truncated")


def check_whole(told: float | None, seconds: float, alone: bool) -> None:
    """Refuse a recording of which less is there than its header tells.

    Parameters
    ----------
    alone : bool
        Whether no other stream may be meant.

    Raises
    ------
    Unusable
        Where more is missing than encoders leave out: a tenth of a second and a hundredth of all,
        or, where the header tells of the longest of several streams, ten times that.
    """
    if told is not None and told - seconds > max(0.1, told / 100) * (1 if alone else 10):
        raise Unusable("truncated")


def told_seconds(container: Any, stream: Any, most: int) -> tuple[float | None, bool]:
    """Return how long a stream is by its header, and whether the header means it alone.

    None where it is a guess: of a raw mp3 or aac, and of mpeg, FFmpeg goes by the size.

    Raises
    ------
    Unusable
        When it is longer than `most` seconds.
    """
    if container.format.name in ("mp3", "aac", "mpeg", "mpegvideo", "mpegts"):
        return None, True
    told, alone = None, len(container.streams) == 1
    if stream.duration is not None and stream.time_base is not None:
        told, alone = float(stream.duration * stream.time_base), True
    elif container.duration is not None:
        told = container.duration / 1e6
    if told is not None and told > most:
        raise longer(most)
    return told, alone


def longer(most: int) -> Unusable:
    """Say that a recording is longer than may be."""
    return Unusable(f"longer than most_seconds ({most:,})")


def _first(tags: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((tags[name] for name in names if tags.get(name)), None)


def _moment(text: str) -> datetime.datetime | None:
    with contextlib.suppress(ValueError):
        found = datetime.datetime.fromisoformat(text)
        return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
    return None
