"""The protect stage: only columns named in conf/privacy.yaml reach the open zone, ids as tokens."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..data.ingest import ENTITIES, store_tables
from ..data.sources import SOURCES_FILE, Sources, load_sources, uses_only_sample
from ..errors import MlopsError
from ..settings import OPEN_ZONE, Section, read_config

if TYPE_CHECKING:
    import polars

RESTRICTED_ZONE = Path("data/restricted")
PRIVACY_FILE = Path("conf/privacy.yaml")
KEY_FILE = Path(".secrets/privacy.key")
KEY_VARIABLE = "MLOPS_PRIVACY_KEY"
# Public on purpose: it protects nobody, because the sample's people are invented. Every other
# source refuses it.
SAMPLE_KEY = b"the public key of the invented sample shop"
MINIMUM_KEY_BYTES = 32


class ColumnPolicy(Section):
    """What happens to one column on its way to the open zone."""

    action: Literal["keep", "token"]
    domain: str = ""


class Privacy(Section):
    """The whole of conf/privacy.yaml; a column that is not named stays behind."""

    columns: dict[str, ColumnPolicy]


def load_privacy(sources: Sources) -> Privacy:
    """Read conf/privacy.yaml and check that it names declared columns only."""
    policy = read_config(PRIVACY_FILE, Privacy)
    declared = {
        f"{name}.{column}" for name, table in sources.tables.items() for column in table.columns
    }
    for named in policy.columns:
        if named not in declared:
            raise MlopsError(
                f'{PRIVACY_FILE.as_posix()} names "{named}", which {SOURCES_FILE.as_posix()} '
                "does not declare; correct the name or remove the line."
            )
    return policy


def token(values: "polars.Series", key: bytes, domain: str) -> "polars.Series":
    """Replace identifiers by HMAC-SHA256 tokens (RFC 2104), cut to 128 bits.

    Parameters
    ----------
    values : polars.Series
        Identifiers of any type; nulls stay null.
    key : bytes
        The secret; the same key and domain give the same token, so that tables still join.
    domain : str
        Tokens of different domains cannot be joined.

    Returns
    -------
    polars.Series of str
        `<key id>-<32 hexadecimal digits>`; the key id is 8 digits of the key's own hash.
    """
    import polars as pl

    prefix = key_id(key)
    distinct = values.drop_nulls().unique(maintain_order=True)
    tokens = [
        f"{prefix}-{hmac.new(key, f'{domain}:{value}'.encode(), 'sha256').hexdigest()[:32]}"
        for value in distinct.to_list()
    ]
    return values.replace_strict(distinct, pl.Series(tokens, dtype=pl.String), default=None)


def key_id(key: bytes) -> str:
    """Eight hexadecimal digits that name a key and say nothing about it."""
    return hashlib.sha256(key).hexdigest()[:8]


def privacy_key(sources: Sources) -> bytes:
    """Return the key for tokens: the environment's, the file's, or the sample's public one."""
    if KEY_VARIABLE in os.environ:
        found, where = os.environ[KEY_VARIABLE].strip().encode(), KEY_VARIABLE
    elif KEY_FILE.is_file():
        found, where = KEY_FILE.read_bytes().strip(), KEY_FILE.as_posix()
        if os.name == "posix" and KEY_FILE.stat().st_mode & 0o077:
            raise MlopsError(f"Others can read {where}; run `chmod 600 {where}` first.")
    elif uses_only_sample(sources):
        return SAMPLE_KEY
    else:
        raise MlopsError(
            "There is no key to protect personal data with: run `uv run mlops privacy key` once "
            f"and share {KEY_FILE.as_posix()} with the team, or set {KEY_VARIABLE}."
        )
    if len(found) < MINIMUM_KEY_BYTES:
        raise MlopsError(
            f"The privacy key in {where} is shorter than {MINIMUM_KEY_BYTES} characters; "
            "make one with `uv run mlops privacy key`."
        )
    if found == SAMPLE_KEY and not uses_only_sample(sources):
        raise MlopsError(
            f"The privacy key in {where} is the sample's public key, which protects nobody; "
            "make one with `uv run mlops privacy key`."
        )
    return found


def create_key() -> Path:
    """Write a new random key (256 bits) that only the owner may read; never replace one."""
    KEY_FILE.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        handle = os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise MlopsError(
            f"{KEY_FILE.as_posix()} exists already; tokens made with it would no longer join. "
            "Delete it yourself if that is what you want."
        ) from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(32) + "\n")
    return KEY_FILE


def protect() -> str:
    """Write the protected form of every restricted table to the open zone.

    Returns
    -------
    str
        One line about what passed.
    """
    import polars as pl

    sources = load_sources()
    policy = load_privacy(sources)
    key = privacy_key(sources)
    entity = sources.entity
    entity_policy = policy.columns.get(f"{entity.table}.{entity.column}")
    if entity_policy is None:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} must name {entity.table}.{entity.column}: "
            "predictions are about it, so that it has to pass, as a token."
        )
    opened: dict[str, pl.DataFrame] = {}
    for name in [*sources.tables, ENTITIES]:
        file = RESTRICTED_ZONE / "tables" / f"{name}.parquet"
        if not file.is_file():
            raise MlopsError(f"{file.as_posix()} does not exist; run `uv run mlops run` first.")
        frame = pl.read_parquet(file)
        rules = {column: policy.columns.get(f"{name}.{column}") for column in frame.columns}
        if name == ENTITIES:
            rules = {"held_out": ColumnPolicy(action="keep"), entity.column: entity_policy}
        passing = {}
        for column, rule in rules.items():
            if rule is not None and rule.action == "keep":
                passing[column] = frame[column]
            elif rule is not None:
                passing[column] = token(frame[column], key, rule.domain or column)
        if passing:
            tokens = [column for column, rule in rules.items() if rule and rule.action == "token"]
            opened[name] = pl.DataFrame(passing)
            if tokens:  # in the order of the source, a row's place would tell whose it is
                opened[name] = opened[name].sort(tokens, maintain_order=True)
    store_tables(opened, OPEN_ZONE / "tables")
    tokens = sum(rule.action == "token" for rule in policy.columns.values())
    dropped = sum(len(table.columns) for table in sources.tables.values()) - len(policy.columns)
    return f"{len(policy.columns)} columns pass ({tokens} as tokens), {dropped} stay behind"
