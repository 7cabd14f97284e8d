"""The invented people of the sample shop: names, e-mails, phones and identity numbers of nobody."""

import unicodedata

import numpy as np
import polars as pl

FIRST_NAMES = (
    "Agustina|Alejandro|Ana Clara|Ángela|Antonella|Bautista|Belén|Benjamín|Bruno|Camila|Carlos|"
    "Carolina|Catalina|Cecilia|Damián|Delfina|Diego|Elena|Emilia|Esteban|Eugenia|Facundo|Federico|"
    "Florencia|Franco|Gabriela|Gastón|Gonzalo|Guadalupe|Guillermo|Héctor|Inés|Iñaki|Jimena|"
    "Joaquín|José Luis|Juan Cruz|Julieta|Lautaro|Lucía|Luciano|Malena|Marcos|María José|Mariana|"
    "Martín|Matías|Micaela|Nahuel|Natalia|Nicolás|Noelia|Pablo|Paula|Ramiro|Renata|Rocío|Rodrigo|"
    "Sebastián|Silvina|Sofía|Tomás|Valentina|Verónica|Ximena|Zoe"
)
LAST_NAMES = (
    "Acosta|Aguirre|Álvarez|Arce|Avellaneda|Barrios|Benítez|Bianchi|Bravo|Bustos|Cabrera|Cáceres|"
    "Campos|Cardozo|Castillo|Correa|Coronel|Costa|D'Amico|De la Fuente|Díaz|Domínguez|Echeverría|"
    "Escobar|Farías|Ferreyra|Figueroa|Flores|Franco|Galván|Giménez|Godoy|Gutiérrez|Herrera|Ibáñez|"
    "Juárez|Larrañaga|Ledesma|López|Lucero|Luna|Maidana|Maldonado|Medina|Méndez|Miranda|Molina|"
    "Montenegro|Muñoz|Navarro|Núñez|Ojeda|Ortiz|Páez|Peralta|Pereyra|Ponce|Quiroga|Ramírez|Ríos|"
    "Rivero|Rojas|Romero|Rossi|Sánchez|Silva|Soria|Sosa|Suárez|Toledo|Vázquez|Vega|Vera|Villalba|"
    "Yáñez|Zárate"
)
CITIES = (
    "Buenos Aires|Córdoba|Rosario|La Plata|Mar del Plata|San Miguel de Tucumán|Mendoza|Salta|"
    "Santa Fe|San Juan|Resistencia|Neuquén|Posadas|Bahía Blanca|Paraná|San Luis|Río Cuarto|Ushuaia"
)
DOMAINS = ("example.com", "example.org", "example.net")  # reserved by RFC 2606: nobody's mail


def people(rng: np.random.Generator, count: int) -> dict[str, pl.Series]:
    """Invent the personal columns of `count` customers.

    Parameters
    ----------
    rng : numpy.random.Generator
        Only its `random` method is used, whose stream NumPy keeps stable.
    count : int
        How many people; at most 10 million, so that identity numbers stay unique.

    Returns
    -------
    dict of str to polars.Series
        `full_name`, `email`, `phone`, `dni`, `birth_date` and `city`, each of length `count`.
        E-mails and identity numbers are unique. Identity numbers have 8 digits and start with 8,
        and phones have the area code 999: Argentina gives out neither.
    """
    first_names, last_names = FIRST_NAMES.split("|"), LAST_NAMES.split("|")
    cities = CITIES.split("|")
    first = (rng.random(count) * len(first_names)).astype(np.int64)
    last = (rng.random(count) * len(last_names)).astype(np.int64)
    second = (rng.random(count) * len(last_names)).astype(np.int64)
    second[rng.random(count) > 0.25] = -1  # a quarter use both of their surnames
    domain = (rng.random(count) * len(DOMAINS)).astype(np.int64)
    city = (rng.random(count) ** 2 * len(cities)).astype(
        np.int64
    )  # squared: few cities, most people
    age_days = (18 + 62 * rng.random(count) ** 1.4) * 365.25
    phone = (rng.random(count) * 10_000_000).astype(np.int64)
    dni = _distinct_numbers(rng, count)

    mail_first = [_mail_part(name) for name in first_names]
    mail_last = [_mail_part(name) for name in last_names]
    people_of = zip(first.tolist(), last.tolist(), second.tolist(), domain.tolist(), strict=True)
    names, mails = [], []
    for number, (given, surname, other, host) in enumerate(people_of, start=1):
        extra = f" {last_names[other]}" if other >= 0 else ""
        names.append(f"{first_names[given]} {last_names[surname]}{extra}")
        mails.append(f"{mail_first[given]}.{mail_last[surname]}{number}@{DOMAINS[host]}")
    born = np.datetime64("2024-01-01", "D") - age_days.astype(np.int64)
    return {
        "full_name": pl.Series(names),
        "email": pl.Series(mails),
        "phone": pl.Series(
            [f"+54 9 999 {n // 10_000:03d}-{n % 10_000:04d}" for n in phone.tolist()]
        ),
        "dni": pl.Series([str(80_000_000 + n) for n in dni.tolist()]),
        "birth_date": pl.Series(born),
        "city": pl.Series([cities[c] for c in city.tolist()]),
    }


def _distinct_numbers(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw `count` different numbers below 10 million: one in each of `count` equal bins, mixed."""
    width = 10_000_000 / count
    numbers = ((np.arange(count) + rng.random(count)) * width).astype(np.int64)
    return numbers[np.argsort(rng.random(count), kind="stable")]


def _mail_part(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalpha())
