"""`mlops secrets`: passwords, keys and tokens in what git has or would take.

detect-secrets (Yelp, 1.5) finds them, with all of its detectors but that of addresses, and without
its calls to the services whose keys it finds. Its marks in a line (`pragma: allowlist secret`) do
not count: they tell no reason and have no end. Files are read as they are now; what was removed
from them stands in git's history, which is not read.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.gate.accepted import BaselineError, ended, load_accepted, not_accepted
from mlops_kit.core.gate.listing import SelectionError, staged, tracked, untracked
from mlops_kit.core.gate.sarif import Result, sarif
from mlops_kit.core.words import counted

BASELINE_FILE = Path("conf/secrets-baseline.json")
TOOL = "mlops secrets"
PLACE, OLD = "Place of secrets", "Ended allowance"
_PLACES = re.compile(r"(?:^|/)(?:\.secrets/|\.env(?:\.(?!example|sample|template|dist)[^/]*)?$)")
_NO_SECRET = {"IPPublicDetector"}
# All that needs no network, no mark in the text, and not long. `is_indirect_reference` is asked of
# words alone: it drops every line with a call in it, and takes seconds on a lock file.
_FILTERS = (
    "is_sequential_string",
    "is_potential_uuid",
    "is_likely_id_string",
    "is_templated_secret",
    "is_not_alphanumeric_string",
    "is_prefixed_with_dollar_sign",
)
# What only looks random: a digest that its line calls one, and the pictures of a notebook.
_RANDOM = ("Hex High Entropy String", "Base64 High Entropy String")
_WORD = "Secret Keyword"
_DIGEST = re.compile(
    r"(?i)(?<![a-z])(?:md5|sha-?\d+|digest|checksum|hash(?:es|ed)?|etag|oid|commit|rev(?:ision)?"
    r"|blob|integrity|fingerprint)(?![a-z])|\buses: "
)
# A secret of compose by the file that holds it.
_BY_FILE = re.compile(r":\s*\{\s*(?:file|environment|external)\s*:")
_PICTURE = re.compile(r'^\s*"(?:image|audio|video|application)/[\w.+-]+":')
# Detectors of words such as `password` want quotes around the value: outside of code and prose a
# value that has none gets them. YAML stays YAML.
_NO_SETTINGS = re.compile(
    r"\.(?:pyi?|ipynb|md|rst|sql|[cm]?[jt]sx?|java|go|rs|rb|c|cc|cpp|h|hpp|html)$"
)
_UNQUOTED = re.compile(
    r"^(\s*(?:(?:export|ENV|ARG|set)\s+|-\s+)?[\w.-]{1,80}\s{0,4}[:=]\s{0,4})([^\s\"'`{}()\[\]$<>|&*#]{4,200})"
    r"(?=\s*$|\s+#)"
)
# What any detector needs; four lines of five have none of it, and each costs 26 detectors.
_LONG = re.compile(r"[A-Za-z0-9_/+=~.-]{12}")
_WORDS = ("://", "begin ", "key", "pass", "pwd", "secret", "contrase", "token")
# Files of the template that hold digests by the thing they are of: seeded files, and holdouts.
_OF_DIGESTS = ("tools/kit/seeds.json", "data/holdouts.json")
_ONLY_DIGESTS = re.compile(r'^\s*(?:"[^"]*": )?"[0-9a-f]{64}"(?:: [\[{])?[,\]}\s]*$')
_LONGEST, _OVERLAP = 10_000, 300
QUIET_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Secret:
    """What may be a secret: file, kind, how many, the first line (0: the file itself), and why."""

    place: str
    entity: str
    count: int
    position: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was read, what closes the gate, and which files are no text and were not read."""

    files: int
    findings: list[Secret]
    accepted: int
    no_text: list[str]


def look(
    paths: Sequence[Path] = (), staged_only: bool = False, baseline: Path | None = None
) -> Looked:
    """Look for secrets in the named files, in what is staged, or in all that git has or would take.

    Raises
    ------
    MlopsError
        When a path or the file of accepted findings is wrong, or this is no repository of git.
    """
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.settings import transient_settings

    detectors = get_mapping_from_secret_type_to_class()
    known = {*detectors, PLACE}
    file = baseline or BASELINE_FILE
    try:
        accepted = load_accepted(file, known.__contains__, optional=baseline is None)
        chosen = list(_chosen(paths, staged_only))
    except (BaselineError, SelectionError) as error:
        raise MlopsError(str(error)) from error
    names = sorted(one.__name__ for one in detectors.values())
    settings = {
        "plugins_used": [{"name": name} for name in names if name not in _NO_SECRET],
        "filters_used": [{"path": f"detect_secrets.filters.heuristic.{one}"} for one in _FILTERS],
    }
    found: list[Secret] = []
    no_text: list[str] = []
    told = time.monotonic()
    with transient_settings(settings), tempfile.TemporaryDirectory() as scratch:
        for number, (name, read) in enumerate(chosen, 1):
            if time.monotonic() - told > QUIET_SECONDS and sys.stderr.isatty():
                told = time.monotonic()
                print(
                    f"secrets   {number} of {counted(len(chosen), 'file')}",
                    file=sys.stderr,
                    flush=True,
                )
            if _PLACES.search(name):
                why = "holds secrets and must not be in git; run `git rm --cached` on it"
                found.append(Secret(name, PLACE, 1, 0, why))
                continue
            text = _text(read())
            if text is None:
                no_text.append(name)
            else:
                found += _in_text(name, text, Path(scratch))
    closing = not_accepted(found, accepted, file)
    accepted_count = len(found) - len(closing)
    if not paths and not staged_only:
        named = {one.place for one in closing}
        for entry in ended(accepted):
            if entry.place not in named:
                why = f"accepts {entry.place}, which ended on {entry.until}; remove or renew it"
                closing.append(Secret(file.as_posix(), OLD, 1, 0, why))
    return Looked(len(chosen), closing, accepted_count, no_text)


def _chosen(paths: Sequence[Path], staged_only: bool) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name of each file to read, and what reads it; links are read where they lead."""
    if staged_only:
        for one in staged():
            if not one.is_link:
                yield one.name, lambda content=one.content: content
        return
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise SelectionError(f"{missing[0].as_posix()} does not exist; correct the path.")
    names = {path.as_posix() for path in paths if not path.is_dir()}
    folders = [os.path.relpath(path) for path in paths or (Path(),) if path.is_dir()]
    if folders:
        known = tracked() | untracked()
        names |= {one for one in known if any(Path(one).is_relative_to(each) for each in folders)}
    for name in sorted(names):
        path = Path(name)
        if path.is_file() and not path.is_symlink():
            yield name, path.read_bytes


def _text(content: bytes) -> str | None:
    """Return what a person would read; None where the bytes are no text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _in_text(name: str, text: str, scratch: Path) -> Iterator[Secret]:
    """Yield one finding per kind; `scratch` takes a copy, which the library opens by its name."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.filters.heuristic import is_indirect_reference

    lines = text.splitlines()
    is_code = _NO_SETTINGS.search(name) is not None
    pieces = [
        (number, piece)
        for number, line in enumerate(lines, 1)
        if _may_hold(line)
        for piece in _pieces(line if is_code else _UNQUOTED.sub(r'\1"\2"', line))
    ]
    # By its name the library knows code, where words such as `password` stand for variables.
    copy = scratch / (Path(name).name if is_code else "text")
    copy.write_text("\n".join(piece for _, piece in pieces), encoding="utf-8", newline="\n")
    found: dict[str, list[int]] = {}
    for one in scan_file(str(copy)):
        number, piece = pieces[one.line_number - 1]
        harmless = _looks_random(name, lines[number - 1]) if one.type in _RANDOM else False
        if one.type == _WORD:
            harmless = is_indirect_reference(piece) or not _named(piece)
        if not harmless:
            found.setdefault(one.type, []).append(number)
    copy.unlink()
    for kind, where in found.items():
        yield Secret(name, kind, len(where), min(where))


def _named(line: str) -> bool:
    """Whether a word such as `password` names a value of the line, and no file that holds it.

    The library also reads a text as if it were an ini file, where one value goes on for lines.
    """
    before, found, _ = line.rpartition("=" if line.rfind("=") > line.rfind(":") else ":")
    lowered = (before if found else line).lower()
    return any(word in lowered for word in _WORDS[2:]) and not _BY_FILE.search(line)


def _may_hold(line: str) -> bool:
    if _LONG.search(line):
        return True
    lowered = line.lower()
    return any(word in lowered for word in _WORDS)


def _pieces(line: str) -> Iterator[str]:
    """Cut a long line: detectors take more than linear time on it. A secret is in one piece."""
    if len(line) <= _LONGEST:
        yield line
        return
    for start in range(0, len(line), _LONGEST - _OVERLAP):
        yield line[start : start + _LONGEST]


def _looks_random(name: str, line: str) -> bool:
    is_digest = _DIGEST.search(line) is not None
    if name in _OF_DIGESTS:
        is_digest |= _ONLY_DIGESTS.match(line) is not None
    return is_digest or (name.endswith(".ipynb") and _PICTURE.match(line) is not None)


def sentence(found: Secret) -> str:
    """Return one sentence: what, where, how many, and what to do; never the secret."""
    if found.entity in (PLACE, OLD):
        return f"{found.place} {found.why}."
    many = f" × {found.count}" if found.count > 1 else ""
    why = f" ({found.why})" if found.why else ""
    advice = f"change it where it is used and remove it here, or accept it in {BASELINE_FILE}"
    return f"{found.place}: {found.entity}{many}, first at line {found.position}{why}; {advice}."


def summary(looked: Looked) -> str:
    """Return one line about the whole search."""
    accepted = f", {looked.accepted} accepted" if looked.accepted else ""
    unread = f", {len(looked.no_text)} of them no text and not read" if looked.no_text else ""
    if looked.findings:
        found = counted(len(looked.findings), "finding")
        return f"closed: {found} in {counted(looked.files, 'file')}{accepted}{unread}"
    return f"clean: {counted(looked.files, 'file')}{accepted}{unread}"


def as_json(looked: Looked) -> dict[str, Any]:
    """Return what a machine reads."""
    return {
        "schema": 1,
        "clean": not looked.findings,
        "files": looked.files,
        "accepted": looked.accepted,
        "no_text": looked.no_text,
        "findings": [{**asdict(one), "message": sentence(one)} for one in looked.findings],
    }


def as_sarif(looked: Looked) -> dict[str, Any]:
    """Return SARIF for code scanning."""
    found = looked.findings
    results = [Result(one.entity, sentence(one), one.place, one.position) for one in found]
    return sarif(TOOL, {one.entity: one.entity for one in found}, results)
