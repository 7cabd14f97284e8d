"""Audio: how long, by which codec, what its tags say about people, and where its energy lies."""

import io
import wave
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from mlops_kit.data.media import recordings
from mlops_kit.data.media.apart import Unusable
from mlops_kit.data.media.source import CONTENT, Media

if TYPE_CHECKING:
    import numpy

FLOOR = 1e-10  # of power: -100 decibels


class Audio(Media):
    """A folder of recordings: WAV, FLAC, MP3, AAC, Ogg, AIFF or MP4, told by content.

    `spectrogram` is made of all channels mixed into one and resampled to `rate`: the mean power in
    each of `bands` of pitch, equally wide on the mel scale, in each of `parts` equally long parts
    of the recording, in hundredths of a decibel: part by part, the lowest band first.
    """

    kind: Literal["audio"]  # type: ignore[assignment]
    rate: int = Field(16_000, ge=1_000, le=192_000)
    """Samples a second that a recording is resampled to."""
    bands: int = Field(16, ge=1, le=256)
    """Of pitch, up to half of `rate`."""
    parts: int = Field(8, ge=1, le=256)
    """Of time."""
    most_seconds: int = Field(3_600, ge=1)
    """A longer recording is named and not read."""

    packed: ClassVar[str] = "wav"
    library: ClassVar[str] = "av"
    group: ClassVar[str] = "media"
    kinds: ClassVar[tuple[str, ...]] = ("audio",)
    called: ClassVar[str] = "audio"
    facts = {
        **recordings.FACTS,
        "sample_rate": "int64",
        "channels": "int64",
        "loudness": "double",
        "spectrogram": "integers",
    }

    def look(self, stream: BinaryIO, wanted: frozenset[str]) -> dict[str, Any]:
        """Read the facts of a recording, all of which is decoded to see that it is whole."""
        with recordings.opened(stream) as container:
            if not container.streams.audio:
                raise Unusable("without sound")
            sound = container.streams.audio[0]
            told, alone = recordings.told_seconds(container, sound, self.most_seconds)
            found = recordings.said(container)
            found |= {
                "codec": sound.codec_context.name,
                "sample_rate": sound.sample_rate,
                "channels": sound.channels,
            }
            powers, samples = Powers(self.rate, self.bands), 0
            kept: list[numpy.ndarray] = []
            for block in self._blocks(container):
                samples += len(block)
                if CONTENT in wanted:
                    kept.append(block)
                if samples > self.most_seconds * self.rate:
                    raise recordings.longer(self.most_seconds)
                powers.add(block)
        if not samples:
            raise Unusable("without sound")
        found["seconds"] = round(samples / self.rate, 3)
        recordings.check_whole(told, samples / self.rate, alone)
        found["loudness"] = powers.loudness()
        if "spectrogram" in wanted:
            found["spectrogram"] = powers.spectrogram(self.parts).ravel().tolist()
        if CONTENT in wanted:
            found[CONTENT] = self.bare(kept)
        return found

    def bare(self, blocks: "list[numpy.ndarray]") -> bytes:
        """Return a WAV of nothing but the samples: one channel, 16 bits, at `rate`."""
        import numpy as np

        whole = np.rint(np.concatenate(blocks).clip(-1, 1) * 32767).astype("<i2")
        stream = io.BytesIO()
        with wave.open(stream, "wb") as written:
            written.setparams((1, 2, self.rate, 0, "NONE", ""))
            written.writeframes(whole.tobytes())
        return stream.getvalue()

    def _blocks(self, container: Any) -> "Iterator[numpy.ndarray]":
        """Decode as one channel at `rate`, shape (n,) each, from -1 to 1."""
        import av

        resampler = av.AudioResampler(format="flt", layout="mono", rate=self.rate)
        for frame in container.decode(audio=0):
            for resampled in resampler.resample(frame):
                yield resampled.to_ndarray()[0]
        for resampled in resampler.resample(None):
            yield resampled.to_ndarray()[0]


class Powers:
    """The power of windows of a sound, band by band; windows are half as far apart as long."""

    def __init__(self, rate: int, bands: int) -> None:
        import numpy as np

        self.window = 2 ** round(np.log2(rate * 0.032))  # about 32 ms
        self.filters = mel_filters(rate, self.window, bands)
        self.rest = np.zeros(0, np.float32)
        self.found: list[numpy.ndarray] = []
        self.squares, self.samples = 0.0, 0

    def add(self, block: "numpy.ndarray") -> None:
        """Take up samples, shape (n,)."""
        import numpy as np

        self.squares += float(np.square(block, dtype=np.float64).sum())
        self.samples += len(block)
        self.rest = np.concatenate([self.rest, block])
        step = self.window // 2
        count = (len(self.rest) - self.window) // step + 1
        if count > 0:
            self._windows(count)
            self.rest = self.rest[count * step :]

    def loudness(self) -> float:
        """Return the mean power in decibels, of which a full wave of the largest height has -3."""
        import numpy as np

        return round(float(10 * np.log10(max(self.squares / max(self.samples, 1), FLOOR))), 2)

    def spectrogram(self, parts: int) -> "numpy.ndarray":
        """Return the mean power of each part and band, shape (parts, bands), in 0.01 decibels.

        A sound of fewer windows than parts shows a window in several of them.
        """
        import numpy as np

        if len(self.rest) and not self.found:  # shorter than a window
            self.rest = np.pad(self.rest, (0, self.window - len(self.rest)))
            self._windows(1)
        powers = np.concatenate(self.found)
        edges = np.linspace(0, len(powers), parts + 1)
        means = [
            powers[int(start) : max(int(end), int(start) + 1)].mean(axis=0)
            for start, end in zip(edges, edges[1:], strict=False)
        ]
        return np.rint(1000 * np.log10(np.maximum(means, FLOOR))).astype(int)

    def _windows(self, count: int) -> None:
        import numpy as np

        step = self.window // 2
        shape = np.lib.stride_tricks.sliding_window_view(self.rest, self.window)[::step][:count]
        weights = np.hanning(self.window + 1)[:-1]
        spectra = np.abs(np.fft.rfft(shape * weights, axis=1)) ** 2 / (weights.sum() / 2) ** 2
        self.found.append((spectra @ self.filters).astype(np.float32))


def mel_filters(rate: int, window: int, bands: int) -> "numpy.ndarray":
    """Return triangular filters of pitch, shape (window // 2 + 1, bands), each with sum 1.

    The mel scale is 2595 log10(1 + f / 700) (O'Shaughnessy 1987).
    """
    import numpy as np

    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    pitches = np.linspace(0, rate / 2, window // 2 + 1)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (pitches - low) / (middle - low), (high - pitches) / (high - middle)
    filters = np.maximum(0, np.minimum(rising, falling))
    nearest = np.abs(pitches - middle).argmin(axis=0)  # a band may be narrower than two pitches
    filters[nearest, np.arange(bands)] = np.maximum(filters[nearest, np.arange(bands)], 1e-9)
    return filters / filters.sum(axis=0)


SOURCE = Audio
