"""Pictures made by code: sound ones, and each way in which one can be bad."""

import io
import random
import struct
import zlib
from pathlib import Path

from PIL import Image, TiffImagePlugin

GPS, EXIF = 0x8825, 0x8769
LATITUDE, LONGITUDE = (34, 36, 12.34), (58, 22, 54.32)
AUTHOR, SERIAL = "Carla Quiroga", "SN-4471882"


def striped(size: tuple[int, int], across: bool, seed: int) -> Image.Image:
    """Make a picture of dark and light stripes, across or upright, with noise."""
    chance = random.Random(seed)  # noqa: S311
    width, height = size
    start, step = chance.randrange(8), chance.randrange(4, 9)
    picture = Image.new("RGB", size)
    for x in range(width):
        for y in range(height):
            bright = 190 if ((y if across else x) + start) // step % 2 else 60
            shade = max(0, min(255, bright + chance.randrange(-40, 40)))
            picture.putpixel((x, y), (shade, shade, max(0, shade - 20)))
    return picture


def with_place(picture: Image.Image, **saved: object) -> bytes:
    """Save a picture as a camera would, with its place, its owner and its serial number."""
    exif = Image.Exif()
    ratio = TiffImagePlugin.IFDRational
    exif[0x13B], exif[0x10F], exif[0x110] = AUTHOR, "Lumen", "L-20"
    exif.get_ifd(EXIF).update({0x9003: "2026:03:04 05:06:07", 0xA431: SERIAL})
    place = {1: "S", 2: tuple(ratio(int(one * 100), 100) for one in LATITUDE)}
    place |= {3: "W", 4: tuple(ratio(int(one * 100), 100) for one in LONGITUDE)}
    exif.get_ifd(GPS).update(place)
    return encoded(picture, exif=exif, **saved)


def encoded(picture: Image.Image, **saved: object) -> bytes:
    """Return the bytes of a picture, a JPEG unless told."""
    stream = io.BytesIO()
    picture.save(stream, **{"format": "JPEG", **saved})  # type: ignore[arg-type]
    return stream.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few kilobytes that unpacks to `width` times `height` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(1 + width) * height, 9)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def odd_folder(folder: Path) -> dict[str, str]:
    """Write sound and odd pictures; return by path how each is to be found, "" where not a row."""
    sound = striped((40, 30), across=True, seed=1)
    jpeg = encoded(sound)
    files: dict[str, tuple[bytes, str]] = {
        "sound.jpg": (jpeg, "ok"),
        "with place.jpg": (with_place(sound), "ok"),
        "inside/deep/sound.png": (encoded(sound, format="PNG"), "ok"),
        "really a jpeg.png": (jpeg, "ok"),
        "no ending": (jpeg, "ok"),
        "empty.jpg": (b"", "empty"),
        "truncated.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "damaged.png": (encoded(sound, format="PNG")[:60] + b"?" * 200, "damaged"),
        "document.jpg": (b"%PDF-1.7\n", "no image, but pdf"),
        "text.png": (b"hello", "no image, but unknown"),
        "bomb.png": (bomb(20_000, 20_000), "more than most_pixels (50,000,000)"),
        "notes.txt": (b"not a picture", ""),
    }
    for name, (content, _) in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "link.jpg").symlink_to(folder / "sound.jpg")
    linked = {"link.jpg": "a link: copy the file here"}
    return {name: how for name, (_, how) in files.items()} | linked
