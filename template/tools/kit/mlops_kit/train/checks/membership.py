"""Which of many texts were there before, kept in ten bits each and without any of the texts."""

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy

# Bloom (1970): with ten bits a text and seven places, one of 120 new texts passes for a known one.
BITS = 10
PLACES = 7
# One of 120: (1 - exp(-PLACES / BITS)) ** PLACES.
MISTAKEN = 0.0082


def kept(texts: Sequence[object]) -> str:
    """Return a Bloom filter of the texts, in base64.

    Parameters
    ----------
    texts : sequence of str, shape (n,)
        Each once; what is no text is taken as it is written.
    """
    import numpy as np

    bits = np.zeros(-(-max(BITS * len(texts), 64) // 8) * 8, bool)
    bits[_places(texts, bits.size).ravel()] = True
    return base64.b64encode(np.packbits(bits).tobytes()).decode()


def known(texts: Sequence[object], filter_: str) -> "numpy.ndarray":
    """Tell which of the texts may have been there; the others have not, shape (n,) of bool."""
    import numpy as np

    bits = np.unpackbits(np.frombuffer(base64.b64decode(filter_), np.uint8)).astype(bool)
    return np.asarray(bits[_places(texts, bits.size)].all(axis=1))


def _places(texts: Sequence[object], size: int) -> "numpy.ndarray":
    """Hash each text to PLACES bits of `size`, shape (n, PLACES); Kirsch, Mitzenmacher (2006)."""
    import numpy as np

    digests = b"".join(
        hashlib.blake2b(str(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        for text in texts
    )
    one, other = np.frombuffer(digests, "<u8").reshape(-1, 2).T
    steps = np.arange(PLACES, dtype=np.uint64)
    return ((one[:, None] + steps * (other | np.uint64(1))[:, None]) % np.uint64(size)).astype(int)
