"""Documents and recordings made by code, with what a person's devices write into them."""

import fractions
import io
from collections.abc import Mapping, Sequence

import av
import numpy as np

AUTHOR = "Carla Quiroga"
PLACE = "-34.6034-058.3816/"


def sound(pitch: float, seconds: float, rate: int = 22_050, seed: int = 0) -> np.ndarray:
    """Make a tone with noise, shape (n,), from -1 to 1."""
    times = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, len(times))
    return (0.5 * np.sin(2 * np.pi * pitch * times) + noise).clip(-1, 1)


def encoded_sound(
    samples: np.ndarray,
    rate: int = 22_050,
    container: str = "wav",
    codec: str = "pcm_s16le",
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """Return the bytes of a recording of one channel."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as written:
        written.metadata.update(tags or {})
        track = written.add_stream(codec, rate=rate, layout="mono")
        whole = (samples * 32767).astype(np.int16)
        fifo = av.AudioFifo()
        resampler = av.AudioResampler(format=track.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(whole[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, fractions.Fraction(1, rate), 0
        for each in (*resampler.resample(frame), *resampler.resample(None)):
            fifo.write(each)
        while (each := fifo.read(track.frame_size or 1024, partial=True)) is not None:
            written.mux(track.encode(each))
        written.mux(track.encode(None))
    return stream.getvalue()


def moving(
    width: int, height: int, frames: int, across: bool, seed: int = 0
) -> Sequence[np.ndarray]:
    """Make frames of a bright square that moves across, or down, shape (height, width, 3) each."""
    chance = np.random.default_rng(seed)
    made = []
    for number in range(frames):
        frame = chance.normal(60, 10, (height, width, 3)).clip(0, 255).astype(np.uint8)
        side, way = height // 4, number / max(frames - 1, 1)
        x = int((width - side) * (way if across else 0.5))
        y = int((height - side) * (0.5 if across else way))
        frame[y : y + side, x : x + side] = 230
        made.append(frame)
    return made


def encoded_video(
    frames: Sequence[np.ndarray],
    container: str = "mp4",
    codec: str = "mpeg4",
    tags: Mapping[str, str] | None = None,
    between_keys: int = 5,
    rate: int = 10,
) -> bytes:
    """Return the bytes of a video with a key frame every so many."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as written:
        written.metadata.update(tags or {})
        track = written.add_stream(codec, rate=rate)
        track.height, track.width = frames[0].shape[:2]
        track.pix_fmt, track.gop_size = "yuv420p", between_keys
        for each in frames:
            written.mux(track.encode(av.VideoFrame.from_ndarray(each, format="rgb24")))
        written.mux(track.encode(None))
    return stream.getvalue()


def document(pages: Sequence[str], tags: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes of a PDF with a line of text on each page, none where it is empty."""
    count = len(pages)
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(count))
    info = " ".join(f"/{name} ({value})" for name, value in (tags or {}).items())
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, text in enumerate(pages):
        shown = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET" if text else ""
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
        page += f"/Resources << /Font << /F1 3 0 R >> >> /Contents {5 + 2 * number} 0 R >>"
        objects += [page, f"<< /Length {len(shown)} >>\nstream\n{shown}\nendstream"]
    objects.append(f"<< {info} >>")
    out, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode("cp1252")
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    return out + f"trailer\n{trailer}\nstartxref\n{start}\n%%EOF\n".encode()
