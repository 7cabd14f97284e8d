"""Turn a code back into a person: off by default, with a second key, and never without a trace."""

import datetime
import getpass
import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_text
from mlops_kit.core.zones import RESTRICTED_ZONE
from mlops_kit.data.config import load_sources
from mlops_kit.privacy.people.subjects import naming_columns, rows_of
from mlops_kit.privacy.policy.load import PRIVACY_FILE, domain_of, load_privacy
from mlops_kit.privacy.policy.schema import Privacy
from mlops_kit.privacy.protect.actions import decrypt
from mlops_kit.privacy.protect.keys import (
    SECOND_KEY_FILE,
    SECOND_KEY_VARIABLE,
    key_id,
    other_key,
    privacy_key,
)
from mlops_kit.privacy.protect.sort import frames_of
from mlops_kit.privacy.protect.tokens import TOKEN, check_token

LOG = RESTRICTED_ZONE / "reidentify.log"
HEAD = Path(".secrets/reidentify.head")  # how long the log is, apart from it
ANSWERS = RESTRICTED_ZONE / "reidentified"
START = "0" * 64


def reidentify(code: str, who: str, why: str) -> Path:
    """Write the value behind a token or an encrypted value to the restricted zone.

    Parameters
    ----------
    code : str
        As it stands in the open zone.
    who, why : str
        Go to the log, before anything is looked up.

    Returns
    -------
    Path
        A file inside the restricted zone that only its owner can read.

    Raises
    ------
    MlopsError
        When the policy does not allow it, the second key is not the policy's, the log was
        changed, or the code is of nobody.
    """
    sources = load_sources()
    policy = load_privacy(sources)
    if not policy.reidentify.enabled:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} does not allow it: reidentify.enabled is false, and "
            "changing that is for the owner of the data."
        )
    if not who.strip() or not why.strip():
        raise MlopsError("Say who looks, and why: both go to the log.")
    second = other_key(SECOND_KEY_VARIABLE, SECOND_KEY_FILE, "Looking a person up")
    key = privacy_key(sources, policy)
    if second == key or key_id(second) != policy.reidentify.key_id:
        raise MlopsError(
            "The second key is not the one whose id reidentify.key_id of "
            f"{PRIVACY_FILE.as_posix()} names ({policy.reidentify.key_id or 'none'}); "
            "ask its holder."
        )
    code = code.strip()
    entry = write_log(second, {"who": who.strip(), "why": why.strip(), "code": code})
    look = _of_token if TOKEN.fullmatch(code) else _of_cipher
    found = look(code, policy, key)
    if not found:
        raise MlopsError(
            "Behind this code is nobody in the restricted tables; the look was logged."
        )
    ANSWERS.mkdir(mode=0o700, exist_ok=True)
    answer = ANSWERS / f"{entry['line']}.json"
    handle = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"code": code, "values": found}, stream, indent=2, ensure_ascii=False)
    return answer


def write_log(second: bytes, entry: dict[str, Any]) -> dict[str, Any]:
    """Append a line that continues the chain, after checking the chain so far.

    Each line carries the HMAC of itself and of the line before, so that a line that was changed or
    removed shows; the length of the log stands apart, so that a cut end shows too. A kill may
    leave it one line short: that line is in the chain all the same.
    """
    LOG.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(LOG, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "r+", encoding="utf-8") as stream:
        _lock(stream.fileno())
        lines = stream.read().splitlines()
        before = check_log(lines, second)
        account = {"account": getpass.getuser(), "when": _now(), "line": len(lines) + 1}
        entry = {**account, **entry}
        entry["chain"] = _chain(second, before, entry)
        stream.write(json.dumps(entry, ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
        HEAD.parent.mkdir(mode=0o700, exist_ok=True)
        write_text(HEAD, f"{entry['line']} {entry['chain']}\n")
    return entry


def check_log(lines: list[str], second: bytes) -> str:
    """Return the end of the chain, or say in which line it breaks."""
    chain = START
    head = HEAD.read_text(encoding="ascii").split() if HEAD.is_file() else ["0", START]
    passed = head == ["0", START]
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            claimed = entry.pop("chain")
        except (ValueError, KeyError, AttributeError):
            entry, claimed = {}, ""
        chain = _chain(second, chain, entry)
        if not hmac.compare_digest(chain, str(claimed)) or entry.get("line") != number:
            raise _broken(f"breaks in line {number}")
        passed |= head == [str(number), chain]
    if not passed:
        raise _broken(f"ends after line {len(lines)}, which is not where it ended")
    return chain


def _broken(how: str) -> MlopsError:
    return MlopsError(
        f"{LOG.as_posix()} {how}: somebody changed it, or another second key wrote it; tell the "
        "owner of the data, and keep the file."
    )


def _chain(second: bytes, before: str, entry: dict[str, Any]) -> str:
    text = before + json.dumps(entry, ensure_ascii=False, sort_keys=True)
    return hmac.new(second, text.encode(), hashlib.sha256).hexdigest()


def _of_token(code: str, policy: Privacy, key: bytes) -> dict[str, list[str]]:
    """Raw values of the columns in whose domain the token was made."""
    check_token(code, key)
    found: dict[str, list[str]] = {}
    for table, names in naming_columns(load_sources(), policy).items():
        file = RESTRICTED_ZONE / "tables" / f"{table}.parquet"
        for frame in frames_of(file) if file.is_file() else []:
            for named in names:
                theirs = frame.filter(rows_of(frame, [named], {code}, key))[named.column]
                seen = {str(value) for value in theirs.unique()}
                name = f"{table}.{named.column}"
                if seen:
                    found[name] = sorted(seen | set(found.get(name, [])))
    return found


def _of_cipher(code: str, policy: Privacy, key: bytes) -> dict[str, list[str]]:
    if not code.startswith(f"{key_id(key)}."):
        raise MlopsError(
            "This is no code of today's key: take one from a table in data/open, or use the key "
            "that made it; the look was logged."
        )
    for name, rule in policy.columns.items():
        if rule.action == "encrypt":
            value = decrypt(code, key, domain_of(rule, name.partition(".")[2]))
            if value is not None:
                return {name: [value]}
    return {}


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _lock(handle: int) -> None:
    """Let one process at a time continue the chain (not on Windows, which has no fcntl)."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
