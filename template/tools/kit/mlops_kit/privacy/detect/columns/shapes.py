"""Which values of a column have a shape, and which could hold anything, for polars' engine."""

import polars as pl

from mlops_kit.privacy.detect import check_digits
from mlops_kit.privacy.detect.columns.batches import valid
from mlops_kit.privacy.detect.kinds.kind import Shape

_CARD = (
    r"(?:4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15})"
)
# One pass that lets through every value which may hold any of the above, alone or inside a text:
# an "@", a link, seven digits with separators, hexadecimal pairs, percent signs, brackets, titles.
# Words end between plain letters: the engine is far slower with those of every alphabet.
SUSPECT = (
    r"@|%40|://|www\.|\d(?:[ ./()-]{0,2}\d){6}|[\dA-Fa-f]{2}[:-][\dA-Fa-f]{2}[:-]"
    r"|[\dA-Fa-f]:[\dA-Fa-f]{0,4}:"
    r"|\\(?:100|0{0,4}40|x40|[uU]\{?0*40)|%u0040|_x0040_|=40|\+A[A-H][A-Za-z0-9+/]|&commat;"
    r"|(?:[2-7][0-9A-Fa-f][ :,]{1,2}(?:0x)?){7}"
    r"|(?:\d{1,3}\.){3}\d|&#|\[at\]|\(at\)|arroba|^\s*[\[{<]|[A-Za-z0-9+/_-]{16}|\d{3}\.\d{4},|\d°"
    r"|(?-u:\b)(?:Sra?|Srta|Dra?|Mrs?|Ms|Lic|Don|Doña)(?-u:\b)\.? \p{Lu}"
    r"|(?i:(?-u:\b)(?:mrn|nhc|dni|ssn|nass|passport|pasaporte"
    r"|password|contraseña|afiliado|historia cl[ií]nica|domicilio|address)(?-u:\b))"
)
# Of these, nothing is about a person: numbers with a point, dates and times, hashes, UUIDs.
HARMLESS = (
    r"^(?:[-+]?\d*[.,]\d+(?:[eE][-+]?\d+)?"
    r"|(?:19|20)\d\d[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC"
    r"|[+-]\d\d:?\d\d))?)?"
    r"|\d\d[-/]\d\d[-/](?:19|20)\d\d(?: \d\d:\d\d(?::\d\d)?)?"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})$"
)
HASH = (
    r"^(?:[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}"
    r"|[0-9a-f]{128}"
    r"|[0-9a-f]{8}-[0-9a-f]{32})$"
)


def in_range_of_cards(values: pl.Series) -> pl.Series:
    """Tell which values begin as some issuer's cards do, and are as long."""
    return values.str.replace_all(r"[ ./_-]", "").str.contains(f"^{_CARD}$")


def matches(values: pl.Series, shape: Shape) -> pl.Series:
    """Tell which values have the shape and pass its check digits.

    Returns
    -------
    polars.Series of bool
    """
    fits = values.str.contains(shape.pattern)
    if shape.check is check_digits.card and fits.any():
        fits &= in_range_of_cards(values)
    if shape.check is None or not fits.any():
        return fits
    mask = fits.to_numpy().copy()
    mask[mask] = valid(shape.check, values.filter(fits)).to_numpy()
    return pl.Series(mask)
