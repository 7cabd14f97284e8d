"""A sealed bundle: files in one zip, with a manifest of their digests, whose own digest names it.

Equal contents are an equal file, to the byte. Whoever changes one byte of a file breaks the seal;
whoever writes a new manifest has another bundle, which nobody has approved.
"""

import errno
import hashlib
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside

SCHEMA = 1
MANIFEST = "manifest.json"
MOST_BYTES = 2**34  # unpacked: more is no model, or an attack
# What the standard library raises of a damaged zip, or of a manifest that is no manifest.
BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, KeyError, ValueError, TypeError,
          AttributeError, EOFError, NotImplementedError, RuntimeError, struct.error)  # fmt: skip
SHORT = 12  # digits of a digest by which people speak of a bundle


class Bundle(NamedTuple):
    """A sealed file.

    Attributes
    ----------
    path : Path
        Where it lies.
    sha256 : str
        Digest of its manifest: its name everywhere.
    facts : dict
        What the manifest says besides the files.
    files : dict of str to str
        SHA-256 by name.
    """

    path: Path
    sha256: str
    facts: dict[str, Any]
    files: dict[str, str]

    def read(self, name: str) -> bytes:
        """Return the bytes of one of its files, compared with the seal once more."""
        with zipfile.ZipFile(self.path) as stored:
            content = stored.read(name)
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise MlopsError(f"{self.path.as_posix()}: {name} changed while it was read.")
        return content


def seal(path: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> Bundle:
    """Write a bundle, whole or not at all."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    told = {"schema": SCHEMA, **facts, "files": digests}
    manifest = (json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True) + "\n").encode()
    with written_beside(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as out:
        # Without a time of day: equal contents are equal files.
        out.writestr(zipfile.ZipInfo(MANIFEST), manifest, zipfile.ZIP_DEFLATED)
        for name in digests:
            # A stored model is a zip already: packing it once more costs seconds and gains nothing.
            packed = zipfile.ZIP_STORED if name.endswith(".skops") else zipfile.ZIP_DEFLATED
            out.writestr(zipfile.ZipInfo(name), files[name], packed)
    return opened(path)


def opened(path: Path) -> Bundle:
    """Read a bundle's manifest and compare every file with it.

    Raises
    ------
    MlopsError
        When it is no bundle, or holds more, less or other than its manifest says.
    """
    broken = "its seal is broken; take the file again from where it was exported"
    if not path.is_file():
        raise MlopsError(f"{path.as_posix()} does not exist; `mlops bundle export` writes one.")
    try:
        with zipfile.ZipFile(path) as stored:
            names = stored.namelist()
            if sum(one.file_size for one in stored.infolist()) > MOST_BYTES:
                raise MlopsError(f"{path.as_posix()} is larger than any model: {broken}.")
            manifest = stored.read(MANIFEST)
            told = json.loads(manifest)
            files = dict(told.pop("files"))
            if sorted(names) != sorted([MANIFEST, *files]):
                odd = sorted(set(names) ^ {MANIFEST, *files}) or ["a name twice"]
                raise MlopsError(
                    f"{path.as_posix()} holds other files than it says ({odd[0]}): {broken}."
                )
            for name, digest in files.items():
                with stored.open(name) as stream:
                    found = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                if found != digest:
                    raise MlopsError(f"{path.as_posix()}: {name} was changed: {broken}.")
    except (*BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # of a place before the file
            raise
        raise MlopsError(
            f"{path.as_posix()} cannot be read as a bundle ({type(error).__name__}): {broken}."
        ) from error
    if told.pop("schema") != SCHEMA:
        raise MlopsError(
            f"{path.as_posix()} was written by another release: update this repository first."
        )
    return Bundle(path, hashlib.sha256(manifest).hexdigest(), told, files)
