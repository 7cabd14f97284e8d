"""Pictures: their size and colours, what they say about people, and their pixels, scaled."""

import contextlib
import datetime
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from mlops_kit.data.media.apart import Unusable
from mlops_kit.data.media.source import CONTENT, Media

if TYPE_CHECKING:
    import numpy
    from PIL import Image

# Tags of EXIF that say who, by what or when, by their numbers.
MAKE, MODEL, ARTIST, COPYRIGHT, OWNER, TAKEN = 0x10F, 0x110, 0x13B, 0x8298, 0xA430, 0x9003
NAMING = {ARTIST: "Artist", COPYRIGHT: "Copyright", 0x9C9D: "XPAuthor", OWNER: "CameraOwnerName",
          0xA431: "BodySerialNumber", 0xA435: "LensSerialNumber", 0x927C: "MakerNote",
          0xA420: "ImageUniqueID"}  # fmt: skip
GPS, EXIF = 0x8825, 0x8769
# Texts of PNG and WebP that say the same.
TEXTS = ("author", "artist", "copyright", "comment", "description", "title")
CLEAR = ("P", "PA", "LA", "La", "RGBa", "RGBA")  # may be
SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")


class Images(Media):
    """A folder of pictures: JPEG, PNG, GIF, TIFF, WebP, BMP or AVIF, told by content.

    `pixels` holds the picture turned upright, on white where it is clear, scaled so that each pixel
    is the mean of the area that it stands for: row by row, in whole numbers from 0 to 255.
    """

    kind: Literal["images"]  # type: ignore[assignment]
    width: int = Field(32, ge=1, le=1024)
    """Of `pixels`."""
    height: int = Field(32, ge=1, le=1024)
    """Of `pixels`."""
    grey: bool = True
    """Whether a pixel is one number, its brightness; else red, green and blue."""
    most_pixels: int = Field(50_000_000, ge=1)
    """A picture of more is named and not unpacked: some small files unpack to gigabytes."""

    side: int = Field(512, ge=1)
    """Longest side of a copy that `mlops data pack` writes."""

    packed: ClassVar[str] = "png"
    library: ClassVar[str] = "PIL"
    group: ClassVar[str] = "images"
    kinds: ClassVar[tuple[str, ...]] = ("image",)
    called: ClassVar[str] = "image"
    facts = {
        "width": "int64",
        "height": "int64",
        "colours": "string",
        "frames": "int64",
        "taken_at": "timestamp",
        "author": "string",
        "device": "string",
        "latitude": "double",
        "longitude": "double",
        "pixels": "integers",
    }

    def look(self, stream: BinaryIO, wanted: frozenset[str]) -> dict[str, Any]:
        """Read the facts of a picture, all of which is unpacked to see that it is whole."""
        with _opened(stream, self.most_pixels) as picture:
            found: dict[str, Any] = {
                "width": picture.width,
                "height": picture.height,
                "colours": picture.mode,
                "frames": getattr(picture, "n_frames", 1),
            }
            picture.load()
            found |= _said(picture)
            if "pixels" in wanted:
                found["pixels"] = self.pixels(picture).ravel().tolist()
            if CONTENT in wanted:
                found[CONTENT] = self.bare(picture)
        return found

    def bare(self, picture: "Image.Image") -> bytes:
        """Return a PNG of nothing but the pixels, no larger than `side`."""
        import numpy as np
        from PIL import Image

        small = self.upright(picture)
        small.thumbnail((self.side, self.side), Image.Resampling.BOX, reducing_gap=None)
        written = io.BytesIO()
        Image.fromarray(np.asarray(small)).save(written, format="PNG")  # no tag is in an array
        return written.getvalue()

    def pixels(self, picture: "Image.Image") -> "numpy.ndarray":
        """Scale a picture, shape (height, width) or (height, width, 3), from 0 to 255."""
        import numpy as np
        from PIL import Image

        size = (self.width, self.height)
        return np.asarray(self.upright(picture).resize(size, Image.Resampling.BOX))

    def upright(self, picture: "Image.Image") -> "Image.Image":
        """Turn a picture as it is to be seen, on white, and grey if so."""
        import numpy as np
        from PIL import Image, ImageOps

        upright = ImageOps.exif_transpose(picture)
        if upright.mode in SIXTEEN:  # Pillow would cut off all above 255
            upright = Image.fromarray((np.asarray(upright).astype(np.uint16) >> 8).astype(np.uint8))
        elif upright.mode in ("I", "F"):
            raise Unusable(f"its pixels have no known largest value ({upright.mode})")
        if upright.mode in CLEAR or "transparency" in upright.info:
            upright = upright.convert("RGBA")
            white = Image.new("RGBA", upright.size, "white")
            upright = Image.alpha_composite(white, upright)
        return upright.convert("L" if self.grey else "RGB")


@contextlib.contextmanager
def _opened(stream: BinaryIO, most_pixels: int) -> "Iterator[Image.Image]":
    """Open a picture; what a library says of a damaged one may hold a value, and is not told."""
    from PIL import Image, UnidentifiedImageError

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, most_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(stream) as picture:
                if picture.width * picture.height > most_pixels:
                    raise Image.DecompressionBombError
                yield picture
    except Unusable:
        raise
    except Image.DecompressionBombError:
        raise Unusable(f"more than most_pixels ({most_pixels:,})") from None
    except UnidentifiedImageError:
        raise Unusable("damaged, or of a type that is not read here") from None
    except MemoryError:
        raise
    except Exception as error:  # each of its readers has its own
        cut = "truncated" in str(error).lower()
        raise Unusable("truncated" if cut else "damaged") from None
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _said(picture: "Image.Image") -> dict[str, Any]:
    """Read what a picture says of who took it, where, when and by what."""
    exif = picture.getexif()
    tags = {**exif.get_ifd(EXIF), **exif}
    place = exif.get_ifd(GPS)
    info = {str(name).lower(): value for name, value in picture.info.items()}
    packet = info.get("xmp", info.get("xml:com.adobe.xmp", b""))
    packet = packet.encode() if isinstance(packet, str) else bytes(packet)
    gps = bool(place) or b"GPSLatitude" in packet
    names = [name for tag, name in NAMING.items() if tags.get(tag)]
    names += [text for text in TEXTS if info.get(text)]
    names += ["XMP"] if packet else []
    device = " ".join(_text(tags[tag]) for tag in (MAKE, MODEL) if tags.get(tag))
    return {
        "gps": gps,
        "personal": ", ".join((["GPS"] if gps else []) + names) or None,
        "author": _text(tags.get(ARTIST) or info.get("author") or info.get("artist")) or None,
        "device": device or None,
        "taken_at": _moment(tags.get(TAKEN)),
        "latitude": _degrees(place.get(2), place.get(1), "S"),
        "longitude": _degrees(place.get(4), place.get(3), "W"),
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ")


def _moment(value: Any) -> datetime.datetime | None:
    with contextlib.suppress(ValueError):
        return datetime.datetime.strptime(_text(value), "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    return None


def _degrees(parts: Any, side: Any, negative: str) -> float | None:
    """Turn degrees, minutes and seconds into degrees; None where they are not."""
    with contextlib.suppress(TypeError, ValueError, ZeroDivisionError):
        degrees, minutes, seconds = map(float, parts)
        value = degrees + minutes / 60 + seconds / 3600
        if value <= 180:
            return -value if _text(side).upper() == negative else value
    return None


SOURCE = Images
