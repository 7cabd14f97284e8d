"""Tokens: keyed codes that stand for a person, the same in every table of a domain."""

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.protect.keys import key_id

if TYPE_CHECKING:
    import polars

TOKEN = re.compile(r"([0-9a-f]{8})-[0-9a-f]{32}")
Memo = dict[tuple[str, str, str], "tuple[polars.Series, list[bytes]]"]
MOSTLY = 0.7  # of the values are distinct: finding the others would cost more than it saves
BLOCK = 64  # bytes that SHA-256 takes at once
DIGITS = ("ar_cuit", "ar_cbu", "card", "imei")
LETTERS_AND_DIGITS = (
    *("es_nif", "es_nie", "passport", "driver_licence", "iban", "account", "medical_record"),
    *("health_plan", "licence", "plate", "mac", "device_id"),
)


def token(
    values: "polars.Series", key: bytes, domain: str, entity: str = "", memo: Memo | None = None
) -> "polars.Series":
    """Replace identifiers by HMAC-SHA256 tokens (RFC 2104), cut to 128 bits.

    Parameters
    ----------
    values : polars.Series, shape (n,)
        Identifiers of any type; nulls stay null.
    key : bytes
        The secret; the same key and domain give the same token, so that tables still join.
    domain : str
        Tokens of different domains cannot be joined.
    entity : str, optional
        What the values are: spellings of one value (`User@Example.org`, `user@example.org`) get one
        token. Without it, every spelling is another value.
    memo : dict, optional
        Keeps what was computed about the columns of one batch.

    Returns
    -------
    polars.Series of str, shape (n,)
        `<key id>-<32 hexadecimal digits>`; the key id is 8 digits of the key's own hash.
    """
    import polars as pl

    distinct, digests = keyed(values, key, domain, entity, memo)
    halves = pl.Series(digests, dtype=pl.Binary).bin.head(16)
    tokens = pl.Series([f"{key_id(key)}-"], dtype=pl.String) + halves.bin.encode("hex")
    return spread(values, distinct, tokens)


def keyed(
    values: "polars.Series", key: bytes, domain: str, entity: str = "", memo: Memo | None = None
) -> "tuple[polars.Series, list[bytes]]":
    """Return the distinct values, and HMAC-SHA256 of `domain:value` for each, 32 bytes.

    All values instead of the distinct ones, when hardly any is there twice. The first half of a
    digest becomes the token; the second is shown to nobody and decides how far dates are shifted.
    """
    known = (values.name, domain, entity)
    if memo is not None and known in memo:
        return memo[known]
    distinct = values
    different: Any = values.approx_n_unique()
    if values.null_count() or different < MOSTLY * len(values):
        distinct = values.drop_nulls().unique(maintain_order=True)
    found = distinct, _digests(normal(distinct, entity).to_list(), key, domain)
    if memo is not None:
        memo[known] = found
    return found


def spread(
    values: "polars.Series", distinct: "polars.Series", results: "polars.Series"
) -> "polars.Series":
    """Give each value the result of its distinct value; null where there is none."""
    if len(distinct) == len(values):  # the order was kept
        return results.alias(values.name)
    return values.replace_strict(distinct, results, default=None, return_dtype=results.dtype)


def normal(values: "polars.Series", entity: str) -> "polars.Series":
    """Spell identifiers in one way, shape (n,): what is left of them decides the token.

    A value of which nothing is left, such as `n/a` for a phone, stays as it is.
    """
    import polars as pl

    if not (values.dtype.is_integer() or values.dtype == pl.String):
        return pl.Series([str(value) for value in values.to_list()], dtype=pl.String)
    text = values.cast(pl.String)
    if not entity:
        return text
    plain = text.str.normalize("NFKC").str.strip_chars()
    match entity:
        case "email" | "username" | "ip":
            short = plain.str.to_lowercase().str.replace_all(r"\s", "")
        case "name" | "address":
            decomposed = plain.str.normalize("NFKD").str.replace_all(r"\p{M}", "")
            short = decomposed.str.to_lowercase().str.replace_all(r"[\s.,]+", " ").str.strip_chars()
        case "phone":
            short = plain.str.replace_all(r"\D", "").str.strip_prefix("00")
        case "ar_dni":
            short = plain.str.replace_all(r"\D", "").str.strip_chars_start("0")
        case "us_ssn":
            digits = plain.str.replace_all(r"\D", "")
            short = pl.select(
                pl.when(digits == "").then(pl.lit("")).otherwise(digits.str.zfill(9))
            ).to_series()
        case _ if entity in DIGITS:
            short = plain.str.replace_all(r"\D", "")
        case _ if entity in LETTERS_AND_DIGITS:
            short = plain.str.to_uppercase().str.replace_all(r"[^\p{L}\p{N}]", "")
        case _:
            short = plain
    return pl.select(pl.when(short == "").then(text).otherwise(short)).to_series()


def check_token(text: str, key: bytes) -> str:
    """Return the token, or say why it is none that this key has made."""
    found = TOKEN.fullmatch(text.strip())
    if found is None:
        raise MlopsError(
            "This is no token: a token has 8 hexadecimal digits, a dash and 32 more; "
            "take one from a table in data/open."
        )
    if found.group(1) != key_id(key):
        raise MlopsError(
            f"The token was made with the key {found.group(1)}, and the key here is {key_id(key)}; "
            "use the key that made it, or a token of today's tables."
        )
    return found.group()


def _digests(texts: Iterable[str], key: bytes, domain: str) -> list[bytes]:
    """RFC 2104, section 2, in one expression: `hmac.digest` would take three times as long."""
    sha256 = hashlib.sha256
    block = (key if len(key) <= BLOCK else sha256(key).digest()).ljust(BLOCK, b"\0")
    inner = bytes(byte ^ 0x36 for byte in block) + f"{domain}:".encode()
    outer = bytes(byte ^ 0x5C for byte in block)
    return [sha256(outer + sha256(inner + text.encode()).digest()).digest() for text in texts]
