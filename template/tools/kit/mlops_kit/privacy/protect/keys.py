"""The secret keys: where they come from, and which are refused."""

import hashlib
import hmac
import os
import secrets
import stat
import subprocess
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import environment
from mlops_kit.data.config import Sources, uses_only_sample
from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy
from mlops_kit.privacy.policy.schema import KeySource, Privacy

KEY_FILE = Path(".secrets/privacy.key")
KEY_VARIABLE = "MLOPS_PRIVACY_KEY"
NEXT_KEY_FILE = Path(".secrets/privacy.next.key")
NEXT_KEY_VARIABLE = "MLOPS_PRIVACY_NEXT_KEY"
SECOND_KEY_FILE = Path(".secrets/reidentify.key")
SECOND_KEY_VARIABLE = "MLOPS_PRIVACY_SECOND_KEY"
# Public on purpose: it protects nobody, because the sample's people are invented. Every other
# source refuses it.
SAMPLE_KEY = b"the public key of the invented sample shop"
MINIMUM_KEY_BYTES = 32
COMMAND_SECONDS = 30
MAKE = "make one with `uv run mlops privacy key`"
DEPLOYED = (
    f"set {KEY_VARIABLE} (`openssl rand -hex 32` makes one, to be kept with the secrets there)"
)


def key_id(key: bytes) -> str:
    """Eight hexadecimal digits that name a key and say nothing about it."""
    return hashlib.sha256(key).hexdigest()[:8]


def derived(key: bytes, purpose: str) -> bytes:
    """Derive a key of 64 bytes for another purpose (HKDF's expand step, RFC 5869, section 2.3).

    A purpose holds no colon, and what a token is made from always does: none is ever the other.
    """
    first = hmac.digest(key, f"{purpose}\x01".encode(), "sha256")
    return first + hmac.digest(key, first + f"{purpose}\x02".encode(), "sha256")


def privacy_key(sources: Sources, policy: Privacy | None = None) -> bytes:
    """Return the key that tokens are made with, or say in a sentence why there is none.

    Parameters
    ----------
    sources : Sources
        The sample alone needs no key of its own, outside of staging and prod.
    policy : Privacy, optional
        Says where the key is; read from conf/privacy.yaml when not given.

    Raises
    ------
    MlopsError
        When there is no key, or it is too short, public, readable by others, not the one whose id
        the policy names, or no more than a development key in staging or prod.
    """
    config = (policy or load_privacy(sources)).key
    deployed = environment() in ("staging", "prod")
    found, where = _found(config)
    if found is None and (config.source or deployed or not uses_only_sample(sources)):
        raise MlopsError(_missing(config, deployed))
    if found is None:
        found, where = SAMPLE_KEY, "the sample"
    if deployed and where == KEY_FILE.as_posix():
        raise MlopsError(
            f"{where} is a key for development, which {environment()} refuses: {DEPLOYED}, or name "
            f"key.source in {PRIVACY_FILE.as_posix()}."
        )
    check_strength(found, where)
    if found == SAMPLE_KEY and (deployed or not uses_only_sample(sources)):
        raise _public(where)
    expected = config.ids.get(environment())
    if expected is not None and expected != key_id(found):
        raise MlopsError(
            f"The privacy key in {where} has the id {key_id(found)}, but key.ids of "
            f"{PRIVACY_FILE.as_posix()} wants {expected} in {environment()}: use that key."
        )
    return found


def check_strength(key: bytes, where: str) -> None:
    """Refuse a key that is too short to be one."""
    if len(key) < MINIMUM_KEY_BYTES:
        raise MlopsError(
            f"The privacy key in {where} is shorter than {MINIMUM_KEY_BYTES} characters; {MAKE}."
        )


def other_key(variable: str, file: Path, purpose: str) -> bytes:
    """Return the next key (for rotation) or the second one (for looking people up)."""
    found, where = _from_environment(variable)
    if found is None:
        found, where = _from_file(file)
    if found is None:
        raise MlopsError(f"{purpose} needs a key in {variable} or in {file.as_posix()}.")
    check_strength(found, where)
    if found == SAMPLE_KEY:
        raise _public(where)
    return found


def create_key(file: Path = KEY_FILE) -> Path:
    """Write a new random key (256 bits) that only the owner may read; never replace one."""
    _refuse_link(file.parent)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise MlopsError(
            f"{file.as_posix()} exists already; tokens made with it would no longer join. "
            "Delete it yourself if that is what you want."
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(32) + "\n")
    return file


def retire(old: bytes) -> dict[Path, Path]:
    """Keep the old key beside the new one under its id; return the move that puts the new one in.

    The move is for `publish`, together with all that the new key has made.
    """
    _refuse_link(KEY_FILE.parent)
    beside = KEY_FILE.with_name(f"privacy.{key_id(old)}.key")
    if not beside.is_file():
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(old + b"\n")
    return {KEY_FILE: NEXT_KEY_FILE}


def _found(config: KeySource) -> tuple[bytes | None, str]:
    if config.source == "command":
        return _from_command(config.command)
    found: tuple[bytes | None, str] = (None, "")
    if config.source in ("environment", None):
        found = _from_environment(KEY_VARIABLE)
    if config.source in ("file", None) and found[0] is None:
        found = _from_file(config.path or KEY_FILE)
    return found


def _from_environment(variable: str) -> tuple[bytes | None, str]:
    if not os.environ.get(variable):  # a secret that is not set reaches a workflow as nothing
        return None, variable
    return os.environ[variable].strip().encode("utf-8", "surrogateescape"), variable


def _from_file(file: Path) -> tuple[bytes | None, str]:
    where = file.as_posix()
    if not file.is_relative_to(".secrets") and not file.is_file():
        return None, where
    # A link may lead out of the folder that git ignores, or to a file that somebody else swaps.
    if file.is_relative_to(".secrets"):
        _refuse_link(file.parent)
        _refuse_link(file)
    if not file.is_file():
        return None, where
    with file.open("rb") as stream:  # what is asked about the open file is true of what is read
        if os.name == "posix" and stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
            raise MlopsError(f"Others can read {where}; run `chmod 600 {where}` first.")
        return stream.read().strip(), where


def _public(where: str) -> MlopsError:
    return MlopsError(
        f"The privacy key in {where} is the sample's public key, which protects nobody; {MAKE}."
    )


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise MlopsError(
            f"{path.as_posix()} is a link; put the key itself there, or name another file as "
            f"key.path in {PRIVACY_FILE.as_posix()}."
        )


def _from_command(command: list[str]) -> tuple[bytes | None, str]:
    """Ask a secret manager; what it prints is the key, and is shown to nobody."""
    where = f"the answer of {command[0] if command else 'key.command'}"
    if not command:
        return None, where
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=COMMAND_SECONDS, stdin=subprocess.DEVNULL
        )
    except OSError:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()}: key.command names {command[0]}, which is no program on "
            "the PATH that may be run."
        ) from None
    except subprocess.TimeoutExpired:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()}: key.command gives no answer in {COMMAND_SECONDS} s; "
            f"run {command[0]} by hand to see why."
        ) from None
    if done.returncode != 0:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()}: key.command exits with {done.returncode}; "
            f"run {command[0]} by hand to see why."
        )
    return done.stdout.strip(), where


def _missing(config: KeySource, deployed: bool) -> str:
    named = PRIVACY_FILE.as_posix()
    if config.source == "command":
        return f"{named}: key.source is command, but key.command names no program; add it."
    if config.source == "environment":
        return f"{named}: key.source is environment, but {KEY_VARIABLE} is not set; set it."
    if config.source == "file":
        where = (config.path or KEY_FILE).as_posix()
        return f"{named}: key.source is file, but {where} does not exist; put the key there."
    if deployed:
        return (
            f"{environment()} needs a key to protect personal data with: {DEPLOYED}, or name "
            f"key.source in {named}."
        )
    return (
        "There is no key to protect personal data with: run `uv run mlops privacy key` once "
        f"and share {KEY_FILE.as_posix()} with the team, or set {KEY_VARIABLE}."
    )
