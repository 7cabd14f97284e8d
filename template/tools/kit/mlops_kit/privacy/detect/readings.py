"""Unfold what hides in a value: JSON and XML by path, base64, percent-encoding, HTML entities."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

from mlops_kit.privacy.detect.disguises import unescape

# Each way begins where its run of characters does and never gives any of them back: a run is read
# once, not again from each of its characters.
_ENCODED = re.compile(
    r"(?<![A-Za-z0-9+/_%-])(?:"
    r"(?P<pairs>(?:(?:0x)?[2-7][\dA-Fa-f][ :,]{1,2}){7,}(?:0x)?[2-7][\dA-Fa-f])"
    r"|(?:0x)?(?P<base>[A-Za-z0-9+/_-]{16,4096}+={0,2}))(?![A-Za-z0-9+/=_-])"
    r"|(?P<percent>(?<![\w.+%-])(?:[\w.+-]|%(?![\dA-Fa-f]{2}))*+%[\dA-Fa-f]{2}[\w.+%-]*+)"
    r"|(?P<entity>(?<![^\s<>&])[^\s<>&]*+&(?:#[0-9]+|#[xX][\dA-Fa-f]+|commat|period);[^\s<>]*+)"
)
_READABLE = re.compile(r"[\x20-\x7e\s\u00a1-\u024f€]{6,}")
MAXIMUM_DEPTH = 40


def from_base64(text: str) -> str:
    """Return the text that base64 (in either alphabet) or hexadecimal digits hide, or ""."""
    if re.fullmatch(r"(?:[\dA-Fa-f]{2}){8,}", text):
        raw = bytes.fromhex(text)
    else:
        plain = text.rstrip("=").translate(str.maketrans("-_", "+/"))
        try:
            raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except (binascii.Error, ValueError):
            return ""
    try:
        decoded = raw.decode("utf-8").replace("\0", "")  # UTF-16 of plain letters
    except UnicodeDecodeError:
        return ""
    return decoded if _READABLE.fullmatch(decoded) else ""


def encoded(text: str) -> Iterator[tuple[int, int, str]]:
    """Find encoded words and decode each.

    Yields
    ------
    tuple of int, int and str
        Where it starts and ends in the text, and what it says.
    """
    for match in _ENCODED.finditer(text):
        if match["pairs"]:
            decoded = from_base64(re.sub("0x|[ :,]", "", match[0]))
            if decoded.isdigit():
                continue  # numbers between 30 and 39
        elif match["base"]:
            decoded = from_base64(match["base"])
        else:
            decoded = unquote(match[0]) if match["percent"] else unescape(match[0])
        if decoded and decoded != match[0]:
            yield match.start(), match.end(), decoded


def paths(text: str) -> list[tuple[str, str]]:
    """Walk a JSON or XML document.

    Returns
    -------
    list of tuple of str and str
        Path (`.contact.phone`, list positions left out) and value, as text; empty if it is neither.
    """
    opening = text.lstrip()[:1]
    if opening in {"{", "["}:
        try:
            return list(_json_paths(json.loads(text), "", 0))
        except (ValueError, RecursionError):
            return []
    # A document type could define entities that grow without end.
    if opening == "<" and "<!" not in text:
        from xml.etree import ElementTree

        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError:
            return []
        return list(_xml_paths(root, "", 0))
    return []


def _json_paths(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MAXIMUM_DEPTH:
        yield path, str(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _json_paths(inner, f"{path}.{key}", depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _json_paths(inner, path, depth + 1)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, str(value)


def _xml_paths(node: "object", path: str, depth: int) -> Iterator[tuple[str, str]]:
    here = f"{path}.{re.sub(r'{.*}', '', str(node.tag))}"  # type: ignore[attr-defined]
    for key, value in node.attrib.items():  # type: ignore[attr-defined]
        yield f"{here}.{key}", value
    for text in (node.text, node.tail):  # type: ignore[attr-defined]
        if text and text.strip():
            yield here, text.strip()
    if depth <= MAXIMUM_DEPTH:
        for inner in node:  # type: ignore[attr-defined]
            yield from _xml_paths(inner, here, depth + 1)
