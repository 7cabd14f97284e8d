"""What whole values of a column look like, as patterns for polars' engine."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl


class Shape(NamedTuple):
    """How an entity fills a whole value.

    Attributes
    ----------
    pattern : str
        Of the whole value; Rust's syntax, without look-around.
    chance : float
        Share of unrelated values of the same outline that would pass: what a match is worth.
    outline : str
        The wider pattern whose values count as trials of `chance`; empty if it is the pattern.
    numeric : bool
        Whether a match holds digits and separators only.
    """

    entity: str
    pattern: str
    chance: float
    likelihood: float
    outline: str = ""
    numeric: bool | None = False


_CARD = (
    r"(?:4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15})"
)
_CARD_WRITTEN = (
    r"^\d(?:[ -]?\d){12,18}$"
    r"|^\d{4}[./_](?:(?:\d{4}[./_]){2}\d{4}(?:[./_]\d{3})?|\d{6}[./_]\d{4,5})$"
)
# Values with separators are compared after these are taken out, except where they tell most.
SHAPES: tuple[Shape, ...] = (
    Shape("email", r"^[\w.+%'-]+@(?:[\w-]+\.)+[A-Za-z]{2,24}$", 0.0, 0.98),
    Shape(
        "iban", r"^[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,4})?$", 1 / 97, 0.97
    ),
    Shape("card", _CARD_WRITTEN, 0.02, 0.93, numeric=True),
    Shape(
        "ar_cuit",
        r"^(?:2[0347]|3[034]|5[015])[-. ]?\d{8}[-. /]?\d$",
        0.01,
        0.93,
        r"^\d{2}[-. ]?\d{8}[-. /]?\d$",
        numeric=True,
    ),
    Shape("ar_cbu", r"^\d{8}[ -]?\d{14}$", 0.01, 0.95, numeric=True),
    Shape("es_nif", r"^(?:\d{8}|\d{1,2}\.\d{3}\.\d{3}|[KLMklm]\d{7})[- ]?[A-Za-z]$", 1 / 23, 0.9),
    Shape("es_nie", r"^[XYZxyz][- ]?\d\.?\d{3}\.?\d{3}[- ]?[A-Za-z]$", 1 / 23, 0.93),
    Shape("health_plan", r"^\d{2}[ /-]?\d{8}[ /-]?\d{2}$", 0.007, 0.9, numeric=True),
    Shape("health_plan", r"^\d{3}[ -]?\d{3}[ -]?\d{4}$", 1 / 11, 0.75, numeric=True),
    Shape("licence", r"^[12]\d{9}$", 0.1, 0.75, numeric=True),
    Shape("account", r"^\d{9}$", 0.1, 0.7, numeric=True),
    Shape("account", r"^\d{4}[ -]?\d{4}[ -]?\d\d[ -]?\d{10}$", 0.01, 0.85, numeric=True),
    Shape(
        "national_id",
        r"^(?:[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z\d]\d|[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"
        r"|\d{3}\.\d{3}\.\d{3}-\d\d|\d{1,2}\.\d{3}\.\d{3}-[\dkK])$",
        0.0,
        0.85,
    ),
    Shape("us_ssn", r"^\d{3}-\d{2}-\d{4}$", 0.25, 0.85, numeric=True),
    Shape(
        "mac",
        r"^(?:(?:[\dA-Fa-f]{2}:){5}|(?:[\dA-Fa-f]{2}-){5})[\dA-Fa-f]{2}$|^"
        r"(?:[\dA-Fa-f]{4}\.){2}[\dA-Fa-f]{4}$",
        0.0,
        0.95,
    ),
    Shape(
        "ip",
        r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:[:/]\d{1,5})?$",
        0.0,
        0.8,
    ),
    Shape(
        "ip",
        r"^(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}$|^(?:[0-9A-Fa-f]{1,4}:){2,6}"
        r"(?::[0-9A-Fa-f]{1,4}){1,5}$",
        0.0,
        0.9,
    ),
    Shape("imei", r"^\d{2}-?\d{6}-?\d{6}-?\d$", 0.1, 0.8, numeric=True),
    Shape("coordinates", r"^[-+]?[1-8]?\d\.\d{3,}, ?[-+]?1?\d?\d\.\d{3,}$", 0.0, 0.85),
    Shape("ar_dni", r"^\d{1,2}\.\d{3}\.\d{3}$", 0.3, 0.6, numeric=True),
    Shape(
        "phone",
        r"^\+ ?\d{1,3}[ .()-]{0,2}\d(?:[ .()/-]{0,2}\d){6,12}(?: ?(?:x|ext\.?) ?\d{1,6})?$",
        0.0,
        0.85,
        numeric=True,
    ),
    Shape(
        "phone",
        r"^\(0?\d{2,5}\) ?\d{2,4}[ .-]?\d{2,4}(?:[ .-]?\d{2,4})?(?: ?(?:x|ext\.?) ?\d{1,6})?$",
        0.0,
        0.8,
        numeric=True,
    ),
    Shape("phone", r"^(?:1[ .-])?[2-9]\d{2}[-. ][2-9]\d{2}[-. ]\d{4}$", 0.1, 0.7, numeric=True),
    Shape("url", r"^(?:(?:https?|ftp)://|www\.)[^\s]+$", 0.0, 0.45),
    Shape(
        "account", r"^(?:0x[0-9a-fA-F]{40}|bc1[02-9ac-hj-np-z]*[g-z][02-9ac-z]{25,60})$", 0.0, 0.8
    ),
)
# Shapes that only a header makes believable.
UNDER_HEADER: dict[str, str] = {
    "phone": r"^[+(]?\d(?:[ .()/-]{0,2}\d){5,14}(?: ?(?:x|ext\.?|int\.?) ?\d{1,6})?$",
    "ar_dni": r"^(?:[A-Z]{1,3} ?)?\d{1,3}\.?\d{3}\.?\d{3}(?:-?[0-9A-Za-z])?$",
    "es_nif": r"^(?:\d{7,8}|\d{1,2}\.\d{3}\.\d{3}|[A-Za-z]\d{7})[- ]?[A-Za-z\d]$",
    "es_nie": r"^[XYZxyz][- ]?\d{7}[- ]?[A-Za-z]$",
    "us_ssn": r"^(?:\d{3}[- ]?\d{2}[- ]?\d{4}|[\dX*]{3}-[\dX*]{2}-\d{4})$",
    "ar_cuit": r"^\d{2}[- ]?\d{8}[- /]?\d$",
    "ar_cbu": r"^\d{22}$",
    "iban": r"^[A-Za-z]{2}\d{2}[ A-Za-z0-9]{10,40}$",
    "card": r"^[\d*xX](?:[ -]?[\d*xX]){11,18}$",
    "national_id": r"^[A-ZÑ&]{0,6}[ -]?\d(?:[ ./-]?[A-Za-z\d]){5,20}$",
    "passport": r"^[A-Za-z]{0,3}[- ]?\d{5,9}[A-Za-z]?$",
    "driver_licence": r"^[A-Za-z\d](?:[ -]?[A-Za-z\d]){4,19}$",
    "medical_record": r"^[A-Za-z]{0,6}[-. /]?\d[\d./-]{2,14}$",
    "health_plan": r"^[A-Za-z]{0,6}[-. /]?\d[\dA-Za-z ./-]{4,18}$",
    "licence": r"^[A-Za-z.]{0,4}[- ]?\d[\d /.-]{2,12}$",
    "account": r"^[A-Za-z]{0,6}[-. /]?[\dA-Za-z][\dA-Za-z ./-]{3,32}$",
    "plate": r"^[A-Za-z\d]{1,4}(?:[ -]?[A-Za-z\d]{1,4}){1,2}$|^[A-HJ-NPR-Za-hj-npr-z\d]{17}$",
    "imei": r"^\d(?:[ -]?\d){13,15}$",
    "device_id": r"^[A-Za-z\d][A-Za-z\d:_-]{5,63}$",
    "mac": r"^[\dA-Fa-f]{2}(?:[:-]?[\dA-Fa-f]{2}){5}$",
    "ip": r"^[\dA-Fa-f.:/]{3,45}$",
    "email": r"^\S+@\S+$",
    "url": r"^\S+\.\S+$|^@?\w+$",
    "username": r"^@?[\w.+-]{2,40}$",
    "credential": r"^\S{4,200}$",
    "postal_code": r"^(?:\d{3,5}(?:-\d{3,4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d{4}[A-Z]{3}"
    r"|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2})$",
    "birth_date": r"^\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}(?:[T ].*)?$|^\d{8}$"
    r"|^(?:19|20)\d\d$|^\d{1,2} (?:de )?[a-zA-Z]+",
    "coordinates": r"^[-+]?\d{1,3}(?:[.,]\d+)?(?:, ?[-+]?\d{1,3}(?:\.\d+)?)?$",
    "age": r"^(?:1[01]\d|\d{1,2})(?:\.0)?(?: ?(?:years?|años?|y).*)?$",
    "name": r"^\p{Lu}[\p{L}'’.-]*(?:[ ,]+[\p{L}'’.-]+){0,6}$"
    r"|^\p{L}[\p{L}'’-]+(?: \p{L}[\p{L}'’.-]*){0,5}$",
    "address": r"^(?:\p{L}|\d)[^@\n]{4,120}$",
}
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


def in_range_of_cards(values: "pl.Series") -> "pl.Series":
    """Tell which values begin as some issuer's cards do, and are as long."""
    return values.str.replace_all(r"[ ./_-]", "").str.contains(f"^{_CARD}$")


def matches(values: "pl.Series", shape: Shape) -> "pl.Series":
    """Tell which values have the shape and pass its check digits.

    Returns
    -------
    polars.Series of bool
    """
    import polars as pl

    from mlops_kit.privacy.detect.batches import valid

    fits = values.str.contains(shape.pattern)
    if shape.entity == "card" and fits.any():
        fits &= in_range_of_cards(values)
    if not fits.any():
        return fits
    mask = fits.to_numpy().copy()
    mask[mask] = valid(shape.entity, values.filter(fits)).to_numpy()
    return pl.Series(mask)
