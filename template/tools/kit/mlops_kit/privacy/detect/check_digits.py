"""Check digits of identifiers: python-stdnum behind names of ours, imported when first needed."""

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

# Issuers' ranges (ISO/IEC 7812): one number in five of 16 digits starts like a card.
CARD_START = re.compile(
    r"4\d{12}(?:\d{3}){0,2}$|(?:5[1-5]|2(?:2[3-9]|[3-6]\d|7[01])|222[1-9]|2720)\d{12,14}$"
    r"|3[47]\d{13}$|3(?:0[0-5]|[689]\d)\d{11,16}$|(?:6011|64[4-9]\d|65\d\d|62\d\d|35\d\d)\d{12,15}$"
    r"|(?:5[06-8]|6\d)\d{10,17}$"
)


@cache
def _standard(name: str) -> Callable[[str], bool]:
    return import_module(f"stdnum.{name}").is_valid


def compact(value: str) -> str:
    """Return the value without the separators that people write."""
    return re.sub(r"[\s.\-/()_]", "", value)


def luhn(value: str) -> bool:
    """Whether the digits pass Luhn's test; one random number in ten does."""
    return _standard("luhn")(compact(value))


def card(value: str) -> bool:
    """Whether an issuer's range, the length and Luhn's test fit."""
    digits = compact(value)
    return CARD_START.match(digits) is not None and len(set(digits)) > 1 and luhn(digits)


def imei(value: str) -> bool:
    """Whether 15 digits pass as the number of a phone."""
    digits = compact(value)
    return len(digits) == 15 and len(set(digits)) > 1 and _standard("luhn")(digits)


def iban(value: str) -> bool:
    """Whether length and check digits (ISO 13616, modulo 97) fit."""
    text = compact(value).upper()
    return 15 <= len(text) <= 34 and _standard("iso7064.mod_97_10")(text[4:] + text[:4])


def ar_cuit(value: str) -> bool:
    """Whether the kind of taxpayer and the check digit (modulo 11) fit."""
    return _standard("ar.cuit")(compact(value))


def ar_cbu(value: str) -> bool:
    """Whether both check digits of an Argentine bank account fit."""
    digits = compact(value)
    return len(set(digits)) > 1 and _standard("ar.cbu")(digits)


def es_nif(value: str) -> bool:
    """Whether the letter of a Spanish DNI fits (modulo 23)."""
    text = compact(value).upper()
    return _standard("es.dni")(text) or (text[:1] in "KLM" and _standard("es.nif")(text))


def es_nie(value: str) -> bool:
    """Whether the letter of a Spanish NIE fits (modulo 23)."""
    return _standard("es.nie")(compact(value).upper())


def es_nuss(value: str) -> bool:
    """Whether a Spanish social security number's last two digits are the rest modulo 97."""
    digits = compact(value)
    if len(digits) != 12 or not digits.isdecimal() or not 1 <= int(digits[:2]) <= 66:
        return False
    number = digits[2:10].lstrip("0") if digits[2] == "0" else digits[2:10]
    return int(digits[:2] + number) % 97 == int(digits[10:])


def uk_nhs(value: str) -> bool:
    """Whether the check digit of a British NHS number fits (modulo 11)."""
    return _standard("gb.nhs")(compact(value))


def us_npi(value: str) -> bool:
    """Whether a number of a US health provider passes Luhn's test behind its issuer's digits."""
    digits = compact(value)
    return len(digits) == 10 and digits[:1] in "12" and _standard("luhn")(f"80840{digits}")


def us_routing(value: str) -> bool:
    """Whether the check digit of a US bank's routing number fits."""
    return _standard("us.rtn")(compact(value))


def es_ccc(value: str) -> bool:
    """Whether both check digits of a Spanish bank account fit."""
    return _standard("es.ccc")(compact(value))


def mx_clabe(value: str) -> bool:
    """Whether the bank's number and the check digit (weights 3, 7, 1) of a CLABE fit."""
    digits = [int(digit) for digit in compact(value)]
    total = sum(d * w % 10 for d, w in zip(digits, (3, 7, 1) * 6, strict=True))
    return digits[0] in {0, 1, 6, 7} and len(set(digits)) > 1 and total % 10 == 0


def mx_rfc(value: str) -> bool:
    """Whether the form and the date of a Mexican tax number fit; its check digit is not asked."""
    return _standard("mx.rfc")(value)


def fr_nir(value: str) -> bool:
    """Whether the key of a French social security number fits (modulo 97)."""
    return _standard("fr.nir")(compact(value))


def se_personnummer(value: str) -> bool:
    """Whether the date and the check digit (Luhn) of a Swedish personal number fit."""
    return _standard("se.personnummer")(value)


def fi_hetu(value: str) -> bool:
    """Whether the date and the check sign of a Finnish personal code fit (modulo 31)."""
    return _standard("fi.hetu")(value)


def no_fodselsnummer(value: str) -> bool:
    """Whether the date and both check digits of a Norwegian birth number fit (modulo 11)."""
    return _standard("no.fodselsnummer")(compact(value))


def be_nn(value: str) -> bool:
    """Whether the check digits of a Belgian national number fit (modulo 97)."""
    return _standard("be.nn")(compact(value))


def ch_ahv(value: str) -> bool:
    """Whether the check digit of a Swiss social insurance number fits (that of a barcode)."""
    return _standard("ch.ssn")(compact(value))


def pl_pesel(value: str) -> bool:
    """Whether the date and the check digit of a Polish PESEL fit."""
    return _standard("pl.pesel")(compact(value))


def us_ssn(value: str) -> bool:
    """Whether the area, group and serial have ever been given out."""
    return _standard("us.ssn")(value)


def ip(value: str) -> bool:
    """Whether it is the address of a machine somewhere: not private, reserved, or a mask."""
    address = machine_address(value)
    if address is None or (address.version == 6 and not any(sign.isdigit() for sign in value)):
        return False
    if address.version == 6:
        return value.count(":") > 2 or "." in value
    return address.is_global and not address.is_multicast


def machine_address(value: str) -> "IPv4Address | IPv6Address | None":
    """Return an address without brackets, port, interface and prefix; an IPv4 one if it holds one.

    Returns
    -------
    IPv4Address, IPv6Address or None
        None if it is no address. What is mapped (`::ffff:192.0.2.1`, RFC 4291) or translated
        (`64:ff9b::192.0.2.1`, RFC 6052) says of a machine what the address inside says.
    """
    from ipaddress import ip_address

    bare = value.strip().removeprefix("[").partition("]")[0].partition("/")[0].partition("%")[0]
    try:
        inner = bare.rpartition(":")[2]
        address = ip_address(bare)
        return ip_address(inner) if ":" in bare and "." in inner else address
    except ValueError:
        return None


def ean(value: str) -> bool:
    """Whether it is an article's barcode, of 8, 12, 13 or 14 digits."""
    return _standard("ean")(value)
