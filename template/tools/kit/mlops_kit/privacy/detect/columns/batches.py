"""Check digits of whole columns at once, in NumPy; the tests compare each with python-stdnum."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.kinds.kind import Check

if TYPE_CHECKING:
    import polars as pl

_AtOnce = Callable[[np.ndarray], np.ndarray]
_LETTERS = np.frombuffer("TRWAGMYFPDXB,NJZSQVHLCKE".replace(",", "").encode(), dtype=np.uint8)


def _matrix(values: "pl.Series", length: int) -> np.ndarray:
    """Bytes of equally long ASCII texts, shape (values, length)."""
    text = values.str.join("").item() if values.len() else ""
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8).reshape(-1, length)


def _digits(values: "pl.Series", length: int) -> np.ndarray:
    return _matrix(values, length).astype(np.int64) - 48


def _number(digits: np.ndarray) -> np.ndarray:
    return digits @ 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)


def _luhn(digits: np.ndarray) -> np.ndarray:
    doubled = digits[:, -2::-2] * 2
    total = digits[:, ::-2].sum(axis=1) + (doubled - 9 * (doubled > 9)).sum(axis=1)
    return total % 10 == 0


def _varied(digits: np.ndarray) -> np.ndarray:
    """Whether more than one digit occurs: rows of one digit pass Luhn's test too."""
    return (digits != digits[:, :1]).any(axis=1)


def _cuit(digits: np.ndarray) -> np.ndarray:
    rest = 11 - digits[:, :10] @ np.array([5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
    return np.where(rest == 11, 0, np.where(rest == 10, 9, rest)) == digits[:, 10]


def _cbu(digits: np.ndarray) -> np.ndarray:
    weights = np.array([3, 1, 7, 9])
    sums = [
        (part[:, ::-1] * np.resize(weights, part.shape[1])).sum(axis=1) % 10
        for part in (digits[:, :7], digits[:, 8:21])
    ]
    return ((10 - sums[0]) % 10 == digits[:, 7]) & ((10 - sums[1]) % 10 == digits[:, 21])


def _iban(symbols: np.ndarray) -> np.ndarray:
    turned = np.concatenate([symbols[:, 4:], symbols[:, :4]], axis=1).astype(np.int64)
    rest = np.zeros(len(turned), dtype=np.int64)
    for column in turned.T:
        letter = column > 57
        value = np.where(letter, column - 55, column - 48)
        rest = (rest * np.where(letter, 100, 10) + value) % 97
    return rest == 1


def _ssn(digits: np.ndarray) -> np.ndarray:
    area, group, serial = _number(digits[:, :3]), _number(digits[:, 3:5]), _number(digits[:, 5:])
    known = (area != 0) & (area != 666) & (area < 900) & (group != 0) & (serial != 0)
    whole = _number(digits)
    return known & (whole != 78051120) & (whole != 457555462) & (whole != 219099999)


def _nuss(digits: np.ndarray) -> np.ndarray:
    province, number = _number(digits[:, :2]), _number(digits[:, 2:10])
    joined = np.where(number < 10**7, province * 10**7 + number, province * 10**8 + number)
    return (province >= 1) & (province <= 66) & (joined % 97 == _number(digits[:, 10:]))


def _nhs(digits: np.ndarray) -> np.ndarray:
    return (11 - digits[:, :9] @ np.arange(10, 1, -1) % 11) % 11 == digits[:, 9]


def _npi(digits: np.ndarray) -> np.ndarray:
    issuer = np.tile([8, 0, 8, 4, 0], (len(digits), 1))
    return _luhn(np.concatenate([issuer, digits], axis=1))


def _routing(digits: np.ndarray) -> np.ndarray:
    return digits @ np.array([3, 7, 1] * 3) % 10 == 0


def _ccc(digits: np.ndarray) -> np.ndarray:
    weights = np.array([1, 2, 4, 8, 5, 10, 9, 7, 3, 6])
    sums = digits[:, :8] @ weights[2:], digits[:, 10:] @ weights
    first, second = (np.array([0, 1, *range(2, 10), 1, 0])[11 - one % 11] for one in sums)
    return (first == digits[:, 8]) & (second == digits[:, 9])


def _nif(symbols: np.ndarray) -> np.ndarray:
    """X, Y and Z stand for 0, 1 and 2 in front; K, L and M for nothing."""
    first = symbols[:, 0].astype(np.int64)
    lead = np.where(first > 87, first - 88, np.where(first > 57, 0, first - 48))
    number = lead * 10**7 + _number(symbols[:, 1:8].astype(np.int64) - 48)
    return _LETTERS[number % 23] == symbols[:, 8]


# By check and number of digits or symbols.
_DIGITS: dict[tuple[Check, int], _AtOnce] = {
    (check_digits.imei, 15): _luhn,
    (check_digits.ar_cuit, 11): _cuit,
    (check_digits.ar_cbu, 22): _cbu,
    (check_digits.us_ssn, 9): _ssn,
    (check_digits.es_nuss, 12): _nuss,
    (check_digits.uk_nhs, 10): _nhs,
    (check_digits.us_npi, 10): _npi,
    (check_digits.us_routing, 9): _routing,
    (check_digits.es_ccc, 20): _ccc,
    **{(check_digits.card, length): _luhn for length in range(12, 20)},
}
_SYMBOLS: dict[tuple[Check, int], _AtOnce] = {
    (check_digits.es_nif, 9): _nif,
    (check_digits.es_nie, 9): _nif,
    **{(check_digits.iban, length): _iban for length in range(15, 35)},
}
AT_ONCE = frozenset(check for check, _ in (*_DIGITS, *_SYMBOLS))


def valid(check: Check, values: "pl.Series") -> "pl.Series":
    """Check each value of a column that already has the shape.

    Parameters
    ----------
    check : callable
        One of `AT_ONCE`: the function of `check_digits` that says the same of a single value.
    values : polars.Series of str
        Without nulls.

    Returns
    -------
    polars.Series of bool
        Whether length and check digits fit.
    """
    import polars as pl

    text = values.str.replace_all(r"[^0-9A-Za-z]", "").str.to_uppercase()
    lengths = text.str.len_bytes().to_numpy()
    passed = np.zeros(values.len(), dtype=bool)
    for length in np.unique(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        group = text.gather(rows)
        if by_digits := _DIGITS.get((check, length)):
            digits = _digits(group, length)
            passed[rows] = by_digits(digits) & _varied(digits)
        elif by_symbols := _SYMBOLS.get((check, length)):
            passed[rows] = by_symbols(_matrix(group, length))
    return pl.Series(passed)
