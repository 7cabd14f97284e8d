"""What can be personal about a value: the entities, how much each tells, and what a scan returns.

Imported by the pre-commit hook: nothing here may import more than the standard library.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

# An identifier names a person alone, a quasi-identifier together with others (Sweeney, 2002);
# a sensitive attribute is what nobody else should learn; free text may hold any of them.
Kind = Literal["identifier", "quasi_identifier", "sensitive", "free_text", "none"]
Action = Literal["drop", "mask", "redact", "token", "encrypt", "generalise", "date_shift", "keep"]


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of personal data.

    Attributes
    ----------
    label : str
        What a person calls it.
    action : Action
        What a proposed policy does with a column of it.
    safe_harbor : str
        Its letter in the list of HIPAA's Safe Harbor, 45 CFR 164.514(b)(2)(i); empty if none.
    """

    kind: Kind
    label: str
    action: Action
    safe_harbor: str = ""


ENTITIES: dict[str, Entity] = {
    "name": Entity("identifier", "name of a person", "drop", "A"),
    "address": Entity("identifier", "postal address", "drop", "B"),
    "email": Entity("identifier", "e-mail address", "token", "F"),
    "phone": Entity("identifier", "phone or fax number", "token", "D"),
    "ar_dni": Entity("identifier", "Argentine DNI", "token", "R"),
    "ar_cuit": Entity("identifier", "Argentine CUIT or CUIL", "token", "R"),
    "ar_cbu": Entity("identifier", "Argentine bank account (CBU)", "token", "J"),
    "es_nif": Entity("identifier", "Spanish NIF", "token", "R"),
    "es_nie": Entity("identifier", "Spanish NIE", "token", "R"),
    "national_id": Entity("identifier", "national or tax number of another country", "token", "R"),
    "us_ssn": Entity("identifier", "US social security number", "token", "G"),
    "passport": Entity("identifier", "passport number", "token", "R"),
    "driver_licence": Entity("identifier", "driver licence number", "token", "K"),
    "iban": Entity("identifier", "bank account (IBAN)", "token", "J"),
    "card": Entity("identifier", "payment card number", "drop", "J"),
    "account": Entity("identifier", "account or customer number", "token", "J"),
    "medical_record": Entity("identifier", "medical record number", "token", "H"),
    "health_plan": Entity("identifier", "health plan number", "token", "I"),
    "licence": Entity("identifier", "professional licence or certificate", "token", "K"),
    "plate": Entity("identifier", "vehicle plate or serial number", "token", "L"),
    "imei": Entity("identifier", "IMEI of a phone", "token", "M"),
    "mac": Entity("identifier", "MAC address", "token", "M"),
    "device_id": Entity("identifier", "device identifier", "token", "M"),
    "url": Entity("identifier", "web address", "drop", "N"),
    "ip": Entity("identifier", "IP address", "token", "O"),
    "username": Entity("identifier", "user name", "token", "R"),
    "credential": Entity("identifier", "password or key", "drop", "R"),
    "url_credential": Entity("identifier", "password or token in a web address", "drop", "R"),
    "biometric": Entity("identifier", "fingerprint, voice or face", "drop", "P"),
    "birth_date": Entity("quasi_identifier", "date of birth", "generalise", "C"),
    "age": Entity("quasi_identifier", "age", "generalise", "C"),
    "date": Entity("quasi_identifier", "date about a person", "date_shift", "C"),
    "postal_code": Entity("quasi_identifier", "postal code", "generalise", "B"),
    "location": Entity("quasi_identifier", "town or region", "generalise", "B"),
    "coordinates": Entity("quasi_identifier", "geographic coordinates", "generalise", "B"),
    "gender": Entity("quasi_identifier", "sex or gender", "keep"),
    "nationality": Entity("quasi_identifier", "nationality or origin", "drop"),
    "organisation": Entity("quasi_identifier", "employer or institution", "drop"),
    "health": Entity("sensitive", "health data", "drop"),
    "belief": Entity("sensitive", "religion, politics or union", "drop"),
    "sexuality": Entity("sensitive", "sex life or orientation", "drop"),
    "free_text": Entity("free_text", "text written by people", "drop"),
}


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text hold an entity, this likely (0 to 1)."""

    start: int
    end: int
    entity: str
    likelihood: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column is, judged by header and values; `entity` is empty when nothing is personal.

    Attributes
    ----------
    rows, matches : int
        Values looked at (without nulls), and how many of them look like the entity.
    reasons : tuple of str
        Why, in words; never a value.
    """

    column: str
    entity: str
    kind: Kind
    likelihood: float
    reasons: tuple[str, ...]
    rows: int
    matches: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data where there should be none: what, where and how often; never the value.

    Attributes
    ----------
    place : str
        File, and inside it column, JSON path, sheet, cell or tag, as a person would look it up.
    position : int
        Row or line of the first one, counted from 1; 0 when there is none.
    why : str
        When the place could not be read or an allowance has ended: what is wrong, in words.
    """

    place: str
    entity: str
    count: int
    position: int
    likelihood: float
    why: str = ""
