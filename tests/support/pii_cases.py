"""The held-back cases of tests/pii, and made-up columns to judge, for tests and benchmarks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

FOLDER = Path(__file__).parent / "pii"
MARK = re.compile(r"\[\[([A-Z_]+)\|(.*?)\]\]")


@dataclass(frozen=True)
class Case:
    """A text and what is personal in it: (start, end, class)."""

    number: str
    text: str
    spans: tuple[tuple[int, int, str], ...]


def read_marked(path: Path) -> list[Case]:
    """Read texts in which [[CLASS|words]] marks what is personal."""
    lines = [line for line in path.read_text("utf-8").split("\n") if not line.startswith("#")]
    cases = []
    for number, marked in enumerate("\n".join(lines).strip().split("\n\n"), start=1):
        text, spans, last = "", [], 0
        for mark in MARK.finditer(marked):
            text += marked[last : mark.start()]
            spans.append((len(text), len(text) + len(mark[2]), mark[1]))
            text, last = text + mark[2], mark.end()
        cases.append(Case(f"{path.stem}-{number}", text + marked[last:], tuple(spans)))
    return cases


def held_back() -> dict[str, list[Case]]:
    """Return the committed cases of each language."""
    return {path.stem: read_marked(path) for path in sorted(FOLDER.glob("*.txt"))}


def _digits(random: np.random.Generator, count: int) -> str:
    return "".join(map(str, random.integers(0, 10, count)))


def _with_check(body: str, passes: object) -> str:
    """Append the digits or the letter that makes the number pass a check of python-stdnum."""
    symbols = [f"{n}" for n in range(10)] + [f"{n:02d}" for n in range(100)]
    for symbol in (*symbols, *"TRWAGMYFPDXBNJZSQVHLCKE"):
        if passes(body + symbol):  # type: ignore[operator]
            return body + symbol
    raise AssertionError(body)


def identifiers(entity: str, random: np.random.Generator, count: int) -> list[str]:
    """Make up identifiers that pass their checks (python-stdnum decides)."""
    from stdnum import iban, luhn
    from stdnum.ar import cbu, cuit
    from stdnum.es import dni, nie

    made = []
    while len(made) < count:
        match entity:
            case "card":
                start = str(random.choice(["4", "51", "5412", "2223"]))
                made.append(_with_check(start + _digits(random, 15 - len(start)), luhn.is_valid))
            case "imei":
                made.append(_with_check("35" + _digits(random, 12), luhn.is_valid))
            case "iban":
                bank = _digits(random, 18)
                check = iban.calc_check_digits("DE00" + bank)
                made.append(f"DE{check}{bank}")
            case "ar_cuit":
                kind = str(random.choice(["20", "27", "23", "24"]))
                made.append(_with_check(kind + _digits(random, 8), cuit.is_valid))
            case "ar_cbu":
                first, last = _digits(random, 7), _digits(random, 13)
                made.append(first + cbu.calc_check_digit(first) + last + cbu.calc_check_digit(last))
            case "es_nif":
                made.append(_with_check(_digits(random, 8), dni.is_valid))
            case "es_nie":
                letter = str(random.choice(list("XYZ")))
                made.append(_with_check(letter + _digits(random, 7), nie.is_valid))
            case _:
                raise AssertionError(entity)
    return made


CHECKED = ("card", "imei", "iban", "ar_cuit", "ar_cbu", "es_nif", "es_nie")


def personal_columns(seed: int, rows: int) -> Iterator[tuple[str, pl.Series]]:
    """Columns of identifiers with check digits, in the forms in which they are stored."""
    random = np.random.default_rng(seed)
    for entity in CHECKED:
        plain = identifiers(entity, random, rows)
        yield entity, pl.Series(plain)
        if entity == "card":
            yield entity, pl.Series([" ".join(re.findall("....", one)) for one in plain])
            yield entity, pl.Series([int(one) for one in plain])
        if entity == "ar_cuit":
            yield entity, pl.Series([f"{one[:2]}-{one[2:10]}-{one[10]}" for one in plain])
            yield entity, pl.Series([float(one) for one in plain])
        if entity == "es_nie":
            dotted = [f"{o[0]}-{o[1]}.{o[2:5]}.{o[5:8]}-{o[8]}" for o in plain]
            yield entity, pl.Series(dotted)
        if entity == "es_nif":
            yield entity, pl.Series([f"{one[:8]}-{one[8]}" for one in plain])
        if entity == "iban":
            yield entity, pl.Series([" ".join(re.findall(".{1,4}", one)) for one in plain])
        # A third of the rows is empty or says something else.
        yield entity, pl.Series([None if i % 3 == 0 else one for i, one in enumerate(plain)])
        yield entity, pl.Series(["n/a" if i % 3 == 0 else one for i, one in enumerate(plain)])


def harmless_columns(seed: int, rows: int) -> Iterator[tuple[str, pl.Series]]:
    """Columns of a shop's tables in which no person is."""
    random = np.random.default_rng(seed)

    def numbers(low: int, high: int) -> list[int]:
        return random.integers(low, high, rows).tolist()

    yield "product code", pl.Series([f"SKU-{n}" for n in numbers(1000, 9999)])
    yield "code of letters and digits", pl.Series([f"AB{n}C" for n in numbers(10**6, 10**7)])
    yield "price", pl.Series(random.random(rows) * 500).round(2)
    yield "price as text", pl.Series([f"{n / 100:.2f}" for n in numbers(100, 10**6)])
    yield "price in cents", pl.Series([n * 100 - 1 for n in numbers(10, 10**5)])
    yield "counted upwards", pl.Series(range(10_000_000, 10_000_000 + rows))
    yield "eight random digits", pl.Series(numbers(10**7, 10**8))
    yield "nine random digits", pl.Series(numbers(10**8, 10**9))
    yield "eleven random digits", pl.Series(numbers(10**10, 10**11)).cast(pl.String)
    yield "fifteen random digits", pl.Series(numbers(10**14, 10**15)).cast(pl.String)
    yield "sixteen random digits", pl.Series(numbers(10**15, 10**16)).cast(pl.String)
    yield "numbers that begin as cards do", pl.Series([f"4{n}" for n in numbers(10**14, 10**15)])
    yield "22 random digits", pl.Series([_digits(random, 22) for _ in range(rows)])
    yield (
        "eight digits and a letter",
        pl.Series([f"{n}{'ABCDEFGHJK'[n % 10]}" for n in numbers(10**7, 10**8)]),
    )
    yield "barcode", pl.Series([str(7_790_000_000_000 + n) for n in numbers(0, 10**9)])
    yield "hash", pl.Series([f"{n:032x}" for n in numbers(0, 2**62)])
    yield (
        "uuid",
        pl.Series(
            [
                f"{n:08x}-{n % 65536:04x}-4{n % 4096:03x}-a{n % 4095:03x}-{n * 9:012x}"
                for n in numbers(0, 2**32)
            ]
        ),
    )
    yield "token", pl.Series([f"{n:08x}-{n * 7:032x}" for n in numbers(0, 2**32)])
    yield "timestamp", pl.Series([f"2024-05-01T10:{n:02d}:00Z" for n in numbers(0, 60)])
    yield "seconds since 1970", pl.Series(numbers(1_600_000_000, 1_720_000_000))
    yield "milliseconds since 1970", pl.Series(numbers(1_600_000_000_000, 1_720_000_000_000))
    yield "microseconds since 1970", pl.Series(numbers(16 * 10**14, 17 * 10**14))
    yield "day as a number", pl.Series([20_240_100 + n for n in numbers(1, 29)])
    yield "version", pl.Series([f"{n}.{n % 7}.{n % 13}" for n in numbers(1, 20)])
    yield "version of four parts", pl.Series([f"{n % 9}.{n % 31}.{n}.1" for n in numbers(1, 99)])
    yield "status", pl.Series(random.choice(["paid", "sent", "open"], rows).tolist())
    yield "appliance", pl.Series([f"Heladera Polar {n}" for n in numbers(200, 500)])
    yield "brand", pl.Series(random.choice(["Dr. Frost", "Mr. Steam", "Volta"], rows).tolist())
    yield "tracking", pl.Series([f"1Z999AA1{n}" for n in numbers(10**9, 10**10)])
    yield "order", pl.Series([f"2024-{n:07d}" for n in numbers(1, 10**7)])
