"""Video: its length, size and codec, what its tags say about people, and pixels of key frames."""

from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from mlops_kit.data.media import recordings
from mlops_kit.data.media.apart import Unusable
from mlops_kit.data.media.source import Media


class Video(Media):
    """A folder of videos: MP4, QuickTime, Matroska, WebM, AVI, Ogg or MPEG, told by content.

    `pixels` holds the brightness of `frames` key frames, from the first to the last at even
    distances, each scaled: frame by frame, row by row, in whole numbers from 0 to 255. A video of
    fewer key frames shows some of them again.
    """

    kind: Literal["video"]  # type: ignore[assignment]
    width: int = Field(16, ge=1, le=512)
    """Of a frame in `pixels`."""
    height: int = Field(16, ge=1, le=512)
    """Of a frame in `pixels`."""
    frames: int = Field(4, ge=1, le=64)
    """How many key frames are taken."""
    most_pixels: int = Field(35_000_000, ge=1)
    """A video of larger frames is named and not read."""
    most_seconds: int = Field(14_400, ge=1)
    """The same for a longer one."""

    library: ClassVar[str] = "av"
    group: ClassVar[str] = "media"
    kinds: ClassVar[tuple[str, ...]] = ("video",)
    called: ClassVar[str] = "video"
    facts = {
        **recordings.FACTS,
        "width": "int64",
        "height": "int64",
        "frames": "int64",
        "key_frames": "int64",
        "frame_rate": "double",
        "sound": "bool",
        "pixels": "integers",
    }

    def look(self, stream: BinaryIO, wanted: frozenset[str]) -> dict[str, Any]:
        """Read the facts of a video: every packet is looked at, and some key frames are decoded."""
        with recordings.opened(stream) as container:
            if not container.streams.video:
                raise Unusable("without pictures")
            shown = container.streams.video[0]
            told, alone = recordings.told_seconds(container, shown, self.most_seconds)
            if shown.width * shown.height > self.most_pixels:
                raise Unusable(f"more than most_pixels ({self.most_pixels:,})")
            packets = [
                (packet.pts, packet.duration or 0, packet.is_keyframe)
                for packet in container.demux(shown)
                if packet.pts is not None
            ]
            if not packets:
                raise Unusable("without pictures")
            first = min(pts for pts, _, _ in packets)
            last = max(pts + duration for pts, duration, _ in packets)
            seconds = float((last - first) * shown.time_base)
            recordings.check_whole(told, seconds, alone)
            keys = sorted(pts for pts, _, is_key in packets if is_key)
            found = recordings.said(container) | {
                "codec": shown.codec_context.name,
                "seconds": round(seconds, 3),
                "width": shown.width,
                "height": shown.height,
                "frames": len(packets),
                "key_frames": len(keys),
                "frame_rate": float(shown.average_rate) if shown.average_rate else None,
                "sound": bool(container.streams.audio),
            }
        if "pixels" in wanted:
            with recordings.opened(stream) as container:
                found["pixels"] = self._pixels(container, keys)
        return found

    def _pixels(self, container: Any, keys: list[int]) -> list[int]:
        """Decode the key frames that are nearest to even distances, each once and by itself."""
        import numpy as np

        if not keys:
            raise Unusable("without key frames")
        places = np.linspace(0, len(keys) - 1, self.frames).round().astype(int)
        chosen = [keys[place] for place in places]
        seen: dict[int, list[int]] = {}
        shown = container.streams.video[0]
        decoder = shown.codec_context
        for packet in container.demux(shown):
            if packet.pts not in chosen or packet.pts in seen:
                continue
            frames = [*decoder.decode(packet), *decoder.decode(None)]
            decoder.flush_buffers()
            if not frames:
                raise Unusable("damaged")
            scaled = frames[0].reformat(
                self.width, self.height, format="gray", interpolation="AREA"
            )
            seen[packet.pts] = scaled.to_ndarray().ravel().tolist()
        return [value for pts in chosen for value in seen[pts]]


SOURCE = Video
