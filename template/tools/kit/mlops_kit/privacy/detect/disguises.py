"""A text as a person would read it: without escapes, encodings and look-alike letters."""

import base64
import binascii
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Iterator

from mlops_kit.privacy.read.open_file import MAGIC

MOST_READINGS = 3  # encoded in something encoded in something encoded
PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})")
# What follows a folder in a path of Windows is no escape: tables\100rows.csv.
_NO_FILE = r"(?![\w-]*\.(?:csv|jpe?g|json|parquet|png|txt)\b)"
ESCAPES = re.compile(
    r"[\\%]u(?:00|\{)([0-9A-Fa-f]{2})\}?|\\x([0-9A-Fa-f]{2})|=([2-7][0-9A-F])(?=\w)"
    r"|_x00([2-7][0-9A-Fa-f])_|\\(?:U0{6}|0{2,4})([2-7][0-9A-Fa-f])[ \t]?"
    rf"|\\([2-7][0-9A-Fa-f])(?:[ \t]|(?![0-9A-Fa-f])){_NO_FILE}"  # of CSS
)
OCTAL = re.compile(rf"\\(0[4-7][0-7]|1[0-7][0-7]){_NO_FILE}")
UTF7 = re.compile(r"\+A[A-H][A-Za-z0-9+/]{1,120}-")
COMMENT = re.compile(r"(?<=[\w.@+-])<!--[^\n]{0,200}?-->(?=[\w.@+-])")
# A run of spaces is read once, from its beginning, and so is a word below.
AT = re.compile(r"(?<!\s)\s*+[\[({<]\s*(?:at|arroba)\s*[\])}>]\s*", re.IGNORECASE)
DOT = re.compile(r"(?<!\s)\s*+[\[({<]\s*(?:dot|punto)\s*[\])}>]\s*", re.IGNORECASE)
UNSEEN = re.compile(
    "[\0\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]"
)
DASH = re.compile(r"(?<=\d)[\u2010-\u2015\u2212](?=\d)")
FULL_STOP = re.compile(r"(?<=\w)[\u3002\uff61](?=\w)")  # the web takes them for a point
# Letters of other alphabets that look like Latin ones; only inside a word that is otherwise Latin.
LOOKALIKES = (
    str.maketrans(
        "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d",
        "aeopcyxijsdhqw",
    )
    | str.maketrans(
        "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425", "ABEKMHOPCTX"
    )
    | str.maketrans("\u03b1\u03bf\u03b9\u03bd\u03c1\u03c5", "aoivpu")
    | str.maketrans(
        "\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0396",
        "ABEHIKMNOPTYXZ",
    )
)
MIXED = re.compile(r"(?<!\S)[^\s\u0370-\u052f]*+[\u0370-\u052f]\S*+")
LATIN = re.compile(r"[A-Za-z@]")
# Where a text may be cut: before a plain character, to which no accent can belong.
STRETCH = re.compile(r"(?s).{1,256}(?![^\x00-\x7f])|.{1,256}")
NUMERIC = re.compile(r"&#(?=[0-9])0*+([0-9]*)")
NO_CHARACTER = "1114112"  # the number after the last one of Unicode
WRAPPED = re.compile(r"(?<=[A-Za-z0-9+/]{60})\r?\n(?=[A-Za-z0-9+/]{4})")
SHORTEST = 12
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")


def readings(text: str) -> Iterator[str]:
    """Return a text, and again without escapes and disguises if that makes a difference."""
    yield text
    for _ in range(MOST_READINGS):
        plain = undisguised(text)
        if plain == text:
            return
        text = plain
        yield text


def undisguised(text: str) -> str:
    """Return a text without entities, percent-encoding, escapes and look-alike letters."""
    if not text.isascii():
        text = UNSEEN.sub("", text)
        text = normalized(text)
        text = FULL_STOP.sub(".", DASH.sub("-", text))
        text = MIXED.sub(_in_one_alphabet, text)
    if "\0" in text:
        text = text.replace("\0", "")
    if "<!--" in text:
        text = COMMENT.sub("", text)
    if "&" in text:
        text = unescape(text)
    if PERCENT.search(text):
        text = urllib.parse.unquote(text)
    if "\\" in text or "=" in text or "%u" in text or "_x00" in text:
        text = ESCAPES.sub(lambda match: chr(int(match[match.lastindex or 0], 16)), text)
        text = OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
    if "+A" in text:
        text = UTF7.sub(_from_utf7, text)
    return DOT.sub(".", AT.sub("@", text))


def normalized(text: str) -> str:
    """Return a text in the form NFKC.

    Accents that follow one another are put in order by comparing neighbours, which takes the
    square of their number (UAX 15, section 13): each stretch is normalised by itself.
    """
    return "".join(unicodedata.normalize("NFKC", part[0]) for part in STRETCH.finditer(text))


def unescape(text: str) -> str:
    """Return a text without character references of HTML; a number may have any length."""

    def shorter(match: re.Match[str]) -> str:
        return f"&#{(match[1] or '0') if len(match[1]) <= len(NO_CHARACTER) else NO_CHARACTER}"

    return html.unescape(NUMERIC.sub(shorter, text))


def _in_one_alphabet(word: re.Match[str]) -> str:
    return word[0].translate(LOOKALIKES) if LATIN.search(word[0]) else word[0]


def _from_utf7(match: re.Match[str]) -> str:
    try:
        return match[0].encode().decode("utf-7")
    except UnicodeDecodeError:
        return match[0]


def encoded(text: str) -> Iterator[bytes]:
    """Return what base64 in a text stands for, when that is a text or a file that can be read."""
    for run in set(BASE64.findall(WRAPPED.sub("", text))):
        whole = _decoded(run)
        if whole:
            yield whole
        else:  # a part of a path or an address, whose separators are letters of base64 as well
            yield from filter(
                None, map(_decoded, {*run.split("/"), *re.split("[-_/]", run)} - {run})
            )


def _decoded(packed: str) -> bytes:
    bare = packed.rstrip("=").replace("-", "+").replace("_", "/")
    if len(bare) < SHORTEST:
        return b""
    try:
        content = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    is_file = any(content[at : at + len(m)] == m for at, m, _ in MAGIC if len(m) > 2)
    return content if is_file or _is_readable(content) else b""


def _is_readable(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.replace("\0", "").replace("\n", "").replace("\t", "").isprintable()
