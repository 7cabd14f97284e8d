"""What pictures, PDFs, audio and video say about people besides what they show.

Each needs a dependency group that is not installed by default. Pixels, sound and the faces in
them are not read: no rule can call them clean, and the documents say so.
"""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from mlops_kit.privacy.read.open_file import (
    Known,
    Opened,
    Piece,
    Text,
    Unreadable,
    pieces_of_bytes,
)

MOST_FRAMES = 1000
# Tags that name somebody or something alone, whatever their text looks like.
NAMED = {
    "artist": "name",
    "author": "name",
    "xpauthor": "name",
    "cameraownername": "name",
    "album_artist": "name",
    "composer": "name",
    "bodyserialnumber": "device_id",
    "lensserialnumber": "device_id",
    "cameraserialnumber": "device_id",
    "imageuniqueid": "device_id",
    "makernote": "device_id",
}
OPAQUE = ("icc_profile", "exif", "dpi", "jfif", "version", "transparency")


def _missing(opened_place: str, what: str, group: str) -> Unreadable:
    return Unreadable(
        opened_place, f"is {what}, which cannot be read here; run `uv sync --group {group}` first"
    )


def image(opened: Opened) -> Iterator[Piece]:
    """Read EXIF, GPS, comments and XMP of a picture."""
    try:
        from PIL import Image
    except ImportError as error:
        raise _missing(opened.place, "a picture", "images") from error
    start = opened.stream.read(3)
    opened.stream.seek(-2, io.SEEK_END)
    if start == b"\xff\xd8\xff" and opened.stream.read() != b"\xff\xd9":
        raise Unreadable(
            opened.place, "is cut off, or holds something after the picture; save it again"
        )
    opened.stream.seek(0)
    with Image.open(opened.stream) as picture:
        for frame in range(min(getattr(picture, "n_frames", 1), MOST_FRAMES)):
            picture.seek(frame)
            yield from _exif(picture.getexif(), opened.place)
            info = {str(k): v for k, v in picture.info.items() if str(k).lower() not in OPAQUE}
            yield from _tags(info, opened.place)


def exif_of(data: bytes, place: str) -> Iterator[Piece]:
    """Read an EXIF block that stands alone, as in a PNG."""
    try:
        from PIL import Image
    except ImportError as error:
        raise _missing(place, "a picture with EXIF tags", "images") from error
    exif = Image.Exif()
    exif.load(data)
    yield from _exif(exif, place)


def _exif(exif: Any, place: str) -> Iterator[Piece]:
    from PIL import ExifTags

    blocks = [exif, *(exif.get_ifd(block) for block in (ExifTags.IFD.Exif, ExifTags.IFD.IFD1))]
    if exif.get_ifd(ExifTags.IFD.GPSInfo):
        yield Known(f"{place}: GPS", "coordinates")
    for block in blocks:
        yield from _tags({ExifTags.TAGS.get(key, str(key)): block[key] for key in block}, place)


def _tags(tags: Mapping[str, Any], place: str) -> Iterator[Piece]:
    for name, value in tags.items():
        text = _readable(value)
        if not text:
            continue
        if name.lower() in NAMED:
            yield Known(f"{place}: tag {name}", NAMED[name.lower()])
        elif name.lower().startswith(("location", "com.apple.quicktime.location")):
            yield Known(f"{place}: tag {name}", "coordinates")
        else:
            yield Text(f"{place}: tag {name}", f"{name}: {text}")


def _readable(value: Any) -> str:
    if not isinstance(value, bytes):
        return str(value).strip("\0 ")
    wide = value.count(0) >= len(value) // 3 > 0
    return value.decode("utf-16-le" if wide else "utf-8", "replace").strip("\0 ")


def pdf(opened: Opened) -> Iterator[Piece]:
    """Read a PDF's tags, the text of its pages, and attached files."""
    try:
        import pypdfium2
        import pypdfium2.raw as pdfium
    except ImportError as error:
        raise _missing(opened.place, "a PDF", "pdf") from error
    document = pypdfium2.PdfDocument(io.BytesIO(opened.stream.read()))
    try:
        yield from _tags(document.get_metadata_dict(skip_empty=True), opened.place)
        for number, page in enumerate(document, 1):
            place = f"{opened.place}: page {number}"
            text = page.get_textpage().get_text_bounded()
            if not text.strip() and any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])):
                raise Unreadable(place, "is a picture of text, which is not read; add its text")
            yield Text(place, text, 1)
        for index in range(document.count_attachments()):
            attached = document.get_attachment(index)
            yield Text(f"{opened.place}: attachment", attached.get_name())
            content = bytes(attached.get_data())
            place = f"{opened.place}: attachment {index + 1}"
            yield from pieces_of_bytes(content, place, attached.get_name(), opened.depth + 1)
    finally:
        document.close()


def media(opened: Opened) -> Iterator[Piece]:
    """Read the tags of audio and video, such as the place of a recording."""
    try:
        import av
    except ImportError as error:
        raise _missing(opened.place, "a recording", "media") from error
    with av.open(opened.stream) as container:
        for tags in (container.metadata, *(stream.metadata for stream in container.streams)):
            yield from _tags(tags, opened.place)
