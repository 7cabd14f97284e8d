"""What the name of a column, a JSON path or a tag says about its values."""

import re
import unicodedata
from functools import lru_cache

from mlops_kit.data.dialect import without_place
from mlops_kit.privacy.detect.kinds.registry import KINDS

# Where a header fits several kinds, the first of these counts; then come all others.
_FIRST = (
    "email username credential ip mac imei url phone ar_cuit ar_cbu iban card us_ssn es_nie es_nif"
    " ar_dni national_id passport driver_licence medical_record health_plan licence plate device_id"
    " birth_date age coordinates postal_code gender nationality belief sexuality health biometric"
    " name address location organisation account free_text"
)
_IN_ORDER = {entity: KINDS[entity] for entity in _FIRST.split()} | KINDS
# Entity, words that may also be written as one (dateofbirth), and likelihood.
HEADERS = tuple(
    (entity, header.words.replace("_", "_?"), header.likelihood)
    for entity, kind in _IN_ORDER.items()
    for header in kind.headers
)
# Most headers speak of nobody: they are asked once, not for each entity.
ANY = re.compile(rf"(?:^|_)(?:{'|'.join(f'(?:{words})' for _, words, _ in HEADERS)})(?:_|\d*$)")
CAPTIONS = frozenset(kind.caption for kind in KINDS.values() if kind.caption)
# What a name, an address or an id of these is about is a thing.
THINGS = re.compile(
    r"(?:^|_)(?:product\w*|item|articulo|brand|marca|categor\w*|file\w*|archivo|host\w*|model\w*|table|column|columna|event\w*"
    r"|shop|store|tienda|sku|order|pedido|plan|field|campo|class|label|metric|feature|branch|domain|app|service|servicio|package"
    r"|campaign|campana|project|proyecto|stage|step|job|run|dataset|source)(?:_|$)"
)
# Amounts, times and counts: a number under such a name is no identity number.
QUANTITY = re.compile(
    r"(?:^|_)(?:price|precio|amount|importe|monto|total|cost|costo|coste|qty|quantity|cantidad|count|cuenta_de|stock|weight|peso"
    r"|size|duration|duracion|time\w*|timestamp|ts|date|fecha|epoch|year|month|day|score|rate|ratio|pct|percent|balance|saldo|salary"
    r"|sueldo|salario|revenue|ingresos|sales|ventas|value|valor|bytes|seconds|ms|height|width|population|poblacion|volume|views"
    r"|sku|ean|upc|gtin|isbn|barcode|product\w*|producto\w*|order\w*|pedido\w*|invoice\w*|factura\w*|hash|version|seed)(?:_|$)"
)

# Where words that were written together part: dateOfBirth, IBANNumber; not the plural in IDs.
_HUMP = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])")
# What may follow the words of a header without changing what it is about.
_WHOSE = (
    r"(?:_(?:home|work|mobile|personal|contact|emergency|owner|value|casa|trabajo|movil|fijo"
    r"|contacto|emergencia|titular|paciente|cliente|empleado|socio|alumno))?"
)


@lru_cache(maxsize=50_000)
def plain(name: str) -> str:
    """Return a header in lower case without accents, its words joined by underscores.

    The one normaliser of column names, keys, tags, attributes and headings, in any usual spelling:
    `dateOfBirth`, `DateOfBirth`, `date-of-birth`, `DATE_OF_BIRTH`, `Date of birth`.
    """
    name = unicodedata.normalize("NFKD", without_place(name)).encode("ascii", "ignore").decode()
    name = _HUMP.sub("_", name.replace("'", "")).lower()
    return re.sub(r"[^a-z\d]+", "_", name).strip("_")


@lru_cache(maxsize=50_000)
def label_of(name: str) -> str:
    """Return what to write before a value that stands under a header, for the rules for texts.

    Parameters
    ----------
    name : str
        A header, key, tag or path in any spelling.

    Returns
    -------
    str
        A label that the rules know, if the header is of several words and names an identifier or a
        day of birth to the end; otherwise its words.
    """
    last = name if " " in name else name.rpartition(".")[2]
    header = plain(last)
    entity, likelihood = entity_of(name)
    caption = KINDS[entity].caption if entity else ""
    if "_" in header and likelihood >= 0.5 and caption and _is_wholly(header, entity):
        return caption
    return re.sub(r"[\W_]+", " ", _HUMP.sub("_", without_place(last))).strip()


def _is_wholly(header: str, entity: str) -> bool:
    """Whether the words of a header end with those of an entity: no `accountNumbering`."""
    return any(
        re.search(rf"(?:^|_)(?:{words}){_WHOSE}_?\d*$", header)
        for which, words, _ in HEADERS
        if which == entity
    )


@lru_cache(maxsize=50_000)
def is_quantity(name: str) -> bool:
    """Whether a header, or the last step of a path, speaks of amounts, times or counts."""
    return QUANTITY.search(plain(name.rpartition(".")[2])) is not None


@lru_cache(maxsize=50_000)
def entity_of(name: str) -> tuple[str, float]:
    """Guess the entity from a header alone.

    Parameters
    ----------
    name : str
        A column's name or a path such as `customers.contact.phone`; the last step speaks first.

    Returns
    -------
    tuple of str and float
        The entity and how likely a column of this name holds it; ("", 0.0) if it says nothing.
    """
    steps = [step for step in re.split(r"[.\[\]/@]+", name) if plain(step) and not step.isdecimal()]
    for header in [plain(step) for step in reversed(steps[-2:])]:
        entity, likelihood = _of_header(header)
        if entity in {"name", "address", "account"} and THINGS.search("_".join(map(plain, steps))):
            return "", 0.0
        if entity:
            return entity, likelihood
    return "", 0.0


def _of_header(header: str) -> tuple[str, float]:
    if not ANY.search(header):
        return "", 0.0
    for entity, words, likelihood in HEADERS:
        if re.fullmatch(words, header):
            return entity, likelihood
    for entity, words, likelihood in HEADERS:
        if re.search(rf"(?:^|_)(?:{words})(?:_|\d*$)", header):
            return entity, likelihood - 0.15
    return "", 0.0
