"""Files: written whole or not at all, their digests, YAML, and the line that says so."""

import contextlib
import difflib
import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it onto `path` when the block ends well.

    A reader sees the old file or the new one, never a part; a killed run leaves the old one.
    """
    with scratch_beside(path) as beside:
        yield beside
        os.chmod(beside, 0o666 & ~_umask())
        os.replace(beside, path)


@contextlib.contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, for its owner alone, and remove it at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    beside = path.parent / Path(name).name
    try:
        yield beside
    finally:
        beside.unlink(missing_ok=True)


def remove_leftovers(places: Iterable[Path], before: float) -> None:
    """Remove temporary files and folders that killed writers left behind, older than `before`.

    Parameters
    ----------
    places : iterable of Path
        Folders, with everything below, and files (with a suffix): only what was to become them.
    before : float
        Seconds since the epoch: a writer at work may still need a younger file.
    """
    for place in places:
        beside = (
            place.parent.glob(f".{place.name}.*.tmp") if place.suffix else place.rglob(".*.tmp")
        )
        for left in list(beside):
            with contextlib.suppress(FileNotFoundError):
                if left.stat().st_mtime >= before:
                    continue
                if left.is_dir():  # what a database could not hold in memory
                    shutil.rmtree(left)
                else:
                    left.unlink()


@contextlib.contextmanager
def held(file: Path, busy: str) -> Iterator[None]:
    """Hold a file for this process until the block ends, or is killed.

    Raises
    ------
    MlopsError
        With the sentence `busy`, when another process holds it.
    """
    with file.open("a") as stream:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may just have removed it.
            mine = os.path.samestat(os.fstat(stream.fileno()), os.stat(file))
        except (BlockingIOError, PermissionError, FileNotFoundError) as error:
            raise MlopsError(busy) from error
        if not mine:
            raise MlopsError(busy)
        yield


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with `\\n` line ends, whole or not at all."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write several files as `write_text` does, the first of them only when all are on the disk."""
    with contextlib.ExitStack() as stack:
        for path, text in texts.items():
            beside = stack.enter_context(written_beside(path))
            beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, as_json(value))


def as_json(value: Any) -> str:
    """Return `value` as indented JSON, as it stands in a file."""
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def from_json(text: str | bytes, **options: Any) -> Any:
    """Read JSON that comes from outside, with the options of `json.loads`.

    Raises
    ------
    ValueError
        When it is none, or lists and objects stand in each other a thousand times and more.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def sha256_of(path: Path) -> str:
    """Return the hexadecimal SHA-256 of one file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping; a missing, damaged or differently shaped file is an MlopsError.

    A key that stands twice is refused too: YAML's own readers keep the last value in silence.
    """
    import yaml

    if not path.is_file():
        above = next((one for one in Path.cwd().parents if (one / path).is_file()), None)
        if above is not None:
            raise MlopsError(f"This folder is inside the project; run this in {above.as_posix()}.")
        raise MlopsError(
            f"{path.as_posix()} does not exist here; run this in the project's folder, "
            "or restore the file with git."
        )
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_each_key_once())
    except _TwiceError as twice:
        line, key = twice.args
        raise MlopsError(
            f'{path.as_posix()}, line {line}: "{key}" is there twice, and one of its values would '
            "be lost; keep one of the two."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise MlopsError(f"{path.as_posix()}{where} is not valid YAML: mend it there.") from error
    except ValueError as error:  # 2026-13-01 looks like a day
        raise MlopsError(f"{path.as_posix()}: a day or time is none ({error}): mend it.") from error
    if found is not None and not isinstance(found, dict):
        raise MlopsError(f"{path.as_posix()} must hold keys and values, not a list or a text.")
    return found or {}


def flow(value: Any) -> str:
    """Write a value on one line so that YAML reads the same, plain where that is certain."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and value.isascii() and value.replace("_", "a").isalpha():
        import yaml

        if yaml.safe_load(value) == value:
            return value
    known = value is None or isinstance(value, str | int | float)
    return json.dumps(value if known else str(value), ensure_ascii=False)


def unified(old: str, new: str, path: Path) -> str:
    """Return the difference of two texts of a file, as a patch."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        f"a/{path.as_posix()}",
        f"b/{path.as_posix()}",
    )
    return "".join(lines)


def loader() -> Any:
    """Return YAML's safe reader: the one in C, ten times as fast, where it is there."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _TwiceError(Exception):
    """A key stands twice in a mapping: its line, and the key."""


@functools.cache
def _each_key_once() -> Any:
    """Return YAML's safe reader that refuses a key which stands twice in a mapping."""
    import yaml

    usual = loader()

    class EachKeyOnce(usual):
        def flatten_mapping(self, node: Any) -> None:
            known = self.__dict__.setdefault("known", set())
            # Once: flattening puts what `<<` brings beside the keys that replace it.
            if id(node) not in known:
                known.add(id(node))
                seen: set[tuple[str, str]] = set()
                for key, _ in node.value:
                    if isinstance(key, yaml.ScalarNode):
                        if (key.tag, key.value) in seen:
                            raise _TwiceError(key.start_mark.line + 1, key.value)
                        seen.add((key.tag, key.value))
            super().flatten_mapping(node)

    return EachKeyOnce


def progress(stage: str, line: str) -> None:
    """Tell a person on stderr what a stage has done; stdout is for results."""
    print(f"{stage:<9} {line}", file=sys.stderr, flush=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
