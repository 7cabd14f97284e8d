"""Documents, audio and video as tables: what is read of them, and what cannot be used is said."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import databases
import numpy as np
import pytest
import recorded
import scipy.signal
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.media import apart
from mlops_kit.data.sources.kinds.audio import Audio, Powers, mel_filters
from mlops_kit.data.sources.kinds.pdf import Pdf
from mlops_kit.data.sources.kinds.video import Video

TAGS = {
    "artist": recorded.AUTHOR,
    "location": recorded.PLACE,
    "creation_time": "2026-03-04T05:06:07Z",
}
ADDRESS = "data/restricted/raw/files"
OF_ARROW = {"int64": "integer", "double": "number", "bool": "boolean"}
KINDS: dict[str, Any] = {"pdf": Pdf, "audio": Audio, "video": Video}
TONE = recorded.sound(440, 2.0)
SHOWN = recorded.moving(64, 48, 20, across=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / ADDRESS
    place.mkdir(parents=True)
    return place


def landed(monkeypatch, kind: str, **source: Any) -> dict[str, dict[str, Any]]:
    """Land every fact that files of a kind have; return rows by path."""
    facts = {"path": "string", "state": "string", "type": "string", "gps": "bool",
             "personal": "string", **KINDS[kind].facts}  # fmt: skip
    columns = {
        name: {"type": OF_ARROW.get(one, one), "nullable": True} for name, one in facts.items()
    }
    source = {"kind": kind, "address": ADDRESS, **source}
    databases.written(Path.cwd(), monkeypatch, source, {"files": {"path": ".", "columns": columns}})
    databases.landed(full=True)
    return {row["path"]: row for row in databases.snapshot("files").to_dicts()}


SOUNDS = {
    "a.wav": ("wav", "pcm_s16le"), "b.flac": ("flac", "flac"), "c.mp3": ("mp3", "libmp3lame"),
    "d.m4a": ("mp4", "aac"), "e.aiff": ("aiff", "pcm_s16be"),
}  # fmt: skip


def test_audio_of_each_container_is_one_sound(folder, monkeypatch):
    for name, (container, codec) in SOUNDS.items():
        content = recorded.encoded_sound(TONE, 22_050, container, codec, TAGS)
        (folder / name).write_bytes(content)
    rows = landed(monkeypatch, "audio", rate=8000, bands=20, parts=2)
    loudness = 10 * np.log10(np.mean(np.square(TONE)))
    for name, row in rows.items():
        assert row["state"] == "ok", name
        assert row["sample_rate"] == 22_050
        assert row["seconds"] == pytest.approx(2.0, abs=0.1)
        assert row["loudness"] == pytest.approx(loudness, abs=1)
        power = np.array(row["spectrogram"]).reshape(2, 20)
        assert (power.argmax(axis=1) == power[0].argmax()).all()
    loudest = [np.array(row["spectrogram"])[:20].argmax() for row in rows.values()]
    assert len(set(loudest)) == 1
    placed = {name: row["gps"] for name, row in rows.items()}
    assert placed == {"a.wav": False, "b.flac": True, "c.mp3": True, "d.m4a": True, "e.aiff": False}
    assert rows["b.flac"]["author"] == recorded.AUTHOR
    assert rows["b.flac"]["latitude"] == pytest.approx(-34.6034)
    assert rows["d.m4a"]["longitude"] == pytest.approx(-58.3816)


def test_the_spectrogram_is_scipys_through_triangles_on_the_mel_scale():
    powers = Powers(8000, 12)
    samples = np.random.default_rng(1).normal(0, 0.2, 24_000).astype(np.float32)
    for start in range(0, len(samples), 999):  # blocks of any size give the same
        powers.add(samples[start : start + 999])
    _, _, spectra = scipy.signal.spectrogram(
        samples.astype(float), 8000, window="hann", nperseg=256, noverlap=128,
        detrend=False, scaling="spectrum", mode="psd",
    )  # fmt: skip
    spectra[1:-1] /= 2  # scipy adds negative pitches to all but the ends
    mean = (spectra * 4).T @ mel_filters(8000, 256, 12)
    expected = 1000 * np.log10(mean.mean(axis=0))
    assert np.abs(powers.spectrogram(1)[0] - expected).max() <= 1


def test_a_pure_tone_has_the_power_of_its_height_in_its_band():
    powers = Powers(8000, 16)
    powers.add(np.sin(2 * np.pi * 1000 * np.arange(16_000) / 8000).astype(np.float32))
    assert powers.loudness() == pytest.approx(-3.01, abs=0.01)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 18) / 2595) - 1)
    assert powers.spectrogram(1)[0].argmax() == np.abs(edges[1:-1] - 1000).argmin()


def test_key_frames_of_each_container_are_those_that_were_drawn(folder, monkeypatch):
    for name, (container, codec) in {
        "a.mp4": ("mp4", "mpeg4"),
        "b.mov": ("mov", "mpeg4"),
        "c.mkv": ("matroska", "libvpx"),
        "d.avi": ("avi", "mpeg4"),
        "e.webm": ("webm", "libvpx-vp9"),
        "f.mpg": ("mpeg", "mpeg2video"),
        "g.mp4": ("mp4", "libx264"),
    }.items():
        content = recorded.encoded_video(SHOWN, container, codec, TAGS)
        (folder / name).write_bytes(content)
    rows = landed(monkeypatch, "video", width=8, height=6, frames=3)
    for name, row in rows.items():
        assert row["state"] == "ok", name
        assert (row["width"], row["height"], row["frames"]) == (64, 48, 20)
        assert row["seconds"] == pytest.approx(2.0, abs=0.11)
        frames = np.array(row["pixels"]).reshape(3, 6, 8)
        bright = [int(frame.max(axis=0).argmax()) for frame in frames]
        assert bright[0] == 0 and bright[0] < bright[1] < bright[2], name
        first = np.array(SHOWN[0]).mean(axis=2).reshape(6, 8, 8, 8).mean(axis=(1, 3))
        assert np.abs(frames[0] - first).max() < 12, name
    assert rows["a.mp4"]["gps"] is True and rows["b.mov"]["gps"] is True
    assert rows["a.mp4"]["author"] == recorded.AUTHOR
    assert str(rows["a.mp4"]["made_at"]) == "2026-03-04 05:06:07+00:00"


def test_documents_give_their_text_and_say_who_wrote_them(folder, monkeypatch):
    tags = {"Author": recorded.AUTHOR, "Title": "Order", "CreationDate": "D:20260304050607+02'00'"}
    pages = ["Order of ten chairs for Ñandú", "", "Thank you"]
    (folder / "a.pdf").write_bytes(recorded.document(pages, tags))
    (folder / "later.pdf").write_bytes(b"\n\n" + recorded.document(["x"]))
    rows = landed(monkeypatch, "pdf")
    row = rows["a.pdf"]
    assert row["text"] == "\n\n".join(pages)
    assert (row["pages"], row["pages_without_text"]) == (3, 1)
    assert (row["author"], row["title"]) == (recorded.AUTHOR, "Order")
    assert str(row["created_at"]) == "2026-03-04 05:06:07"
    assert row["personal"] == "Author, Title"
    assert rows["later.pdf"]["text"] == "x"
    rows = landed(monkeypatch, "pdf", most_pages=2, most_letters=100)
    assert rows["a.pdf"]["state"] == "more than most_pages (2)"
    rows = landed(monkeypatch, "pdf", most_letters=10)
    assert rows["a.pdf"]["state"] == "more than most_letters (10)"
    assert rows["a.pdf"]["text"] is None


WHOLE = {
    "audio": {name: recorded.encoded_sound(TONE, 22_050, *how) for name, how in SOUNDS.items()},
    "video": {
        f"a.{container}": recorded.encoded_video(SHOWN, container, codec)
        for container, codec in (("mp4", "mpeg4"), ("matroska", "libvpx"), ("avi", "mpeg4"))
    },
    "pdf": {"a.pdf": recorded.document(["one", "two", "three"])},
}
# What does not say how long it is; docs/media.md says so.
UNTOLD = ("c.mp3",)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_off_empty_or_another_thing_is_named(kind, folder, monkeypatch):
    expected = {}
    ending = {"audio": "wav", "video": "mp4", "pdf": "pdf"}[kind]
    for name, content in WHOLE[kind].items():
        (folder / name).write_bytes(content)
        expected[name] = {"ok"}
        for part in (10, 50, 85):
            if name not in UNTOLD:
                cut = f"{part}-{name}"
                (folder / cut).write_bytes(content[: len(content) * part // 100])
                expected[cut] = {"truncated", "damaged", "without sound", "without pictures"}
    (folder / f"empty.{ending}").write_bytes(b"")
    (folder / f"picture.{ending}").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / f"noise.{ending}").write_bytes(np.random.default_rng(1).bytes(5000))
    called = KINDS[kind].called
    rows = landed(monkeypatch, kind)
    assert rows.pop(f"empty.{ending}")["state"] == "empty"
    assert rows.pop(f"picture.{ending}")["state"] == f"no {called}, but png"
    assert rows.pop(f"noise.{ending}")["state"] == f"no {called}, but unknown"
    wrong = {name: row["state"] for name, row in rows.items() if row["state"] not in expected[name]}
    assert wrong == {}


def test_a_locked_document_is_named(folder, monkeypatch):
    import pypdfium2

    def locked(*_: Any) -> None:
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Incorrect password error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", locked)
    (folder / "a.pdf").write_bytes(recorded.document(["x"]))
    with (folder / "a.pdf").open("rb") as stream, pytest.raises(apart.Unusable, match="password"):
        Pdf(kind="pdf", address="x").look(stream, frozenset())


class Hostile(Pdf):
    """A reader that a file makes do what hostile files make readers do."""

    def look(self, stream, wanted):
        content = stream.read()
        if content == b"crash":
            os.abort()
        if content == b"sleep":
            time.sleep(60)
        if content == b"memory":
            return {"text": bytes(3 * 10**9)}
        print("noise on the stream of answers")
        return {"text": content.decode()}


def test_a_file_that_kills_its_reader_is_named_and_the_next_is_read(tmp_path):
    for content in ("crash", "sleep", "memory", "fine"):
        (tmp_path / content).write_text(content)
    source = Hostile(kind="pdf", address=str(tmp_path), patience=5, memory_megabytes=500)
    looking = apart.Apart(source, frozenset())
    try:
        assert looking.look(tmp_path / "fine") == {"text": "fine"}
        with pytest.raises(apart.Unusable, match="crashed"):
            looking.look(tmp_path / "crash")
        assert looking.look(tmp_path / "fine") == {"text": "fine"}
        if sys.platform == "linux":
            with pytest.raises(apart.Unusable, match="memory_megabytes"):
                looking.look(tmp_path / "memory")
        with pytest.raises(apart.Unusable, match="patience"):
            looking.look(tmp_path / "sleep")
        assert looking.look(tmp_path / "fine") == {"text": "fine"}
    finally:
        looking.close()


def test_a_missing_library_is_named_with_its_group(folder, monkeypatch):
    for kind, module, group in (
        ("pdf", "pypdfium2", "pdf"), ("audio", "av", "media"), ("video", "av", "media"),
    ):  # fmt: skip
        with monkeypatch.context() as without:
            without.setitem(sys.modules, module, None)
            with pytest.raises(MlopsError, match=f'the group "{group}"'):
                landed(without, kind)
    assert not Path("data/restricted/landed/dev/db/files.parquet").exists()
