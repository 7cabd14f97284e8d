"""Values that stand behind a key in a text: settings, JSON, code, tags and attributes."""

import re
from collections.abc import Iterator

from mlops_kit.privacy.detect.kinds.headers import CAPTIONS, label_of

_KEY = re.compile(
    r"(?<![\w.-])(?P<key>[^\W\d_][\w.-]{2,60}+)[\"']?\]?\s{0,3}(?:=>|[:=>])\s{0,3}[\"']?>?"
)
_JOINT = re.compile(r"[_.-]")
_VALUE = re.compile(r"[^\n<]{0,160}")


def values_under_keys(text: str) -> Iterator[tuple[str, str, int]]:
    """Find values whose key, of several words in any spelling, names what they are.

    Yields
    ------
    tuple of str, str and int
        The label by which the rules know the key, what stands behind the key, and where that
        begins in the text.
    """
    for match in _KEY.finditer(text):
        key = match["key"]
        if (key.islower() or key.isupper()) and not _JOINT.search(key):
            continue  # one word, which the rules know or do not
        label, value = label_of(key), _VALUE.match(text, match.end())
        if label in CAPTIONS and value is not None:
            yield label, value[0], match.end()
