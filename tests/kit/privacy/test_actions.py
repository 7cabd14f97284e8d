"""What is done to a column: codes are keyed and fixed, and no action gives the original away."""

import datetime
import hashlib
import hmac
import math
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlops_kit.privacy.policy.schema import ColumnPolicy
from mlops_kit.privacy.protect import actions, tokens

KEY, OTHER = b"k" * 32, b"another key that is long enough!"
TOKEN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}")
# Fixed: a changed scheme would break every stored token. OpenSSL gives the same digits:
# printf 'customer:12' | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk
VECTORS = {
    ("customer", "", "12"): "5e318f8c-9bdaacca127b790f86cbdcbafa1223ad",
    ("customer", "", "Ana Pérez 👩‍⚕️"): "5e318f8c-4d454163e957f91c7ee8f90271baf756",
    ("", "", ""): "5e318f8c-58321dfdebbaabe9393cd58bd06e377e",
    ("email", "email", " Ana.Perez@Example.com "): "5e318f8c-ce72320146cf91ac162d624e437d813f",
    ("person", "name", "PÉREZ,  Ana"): "5e318f8c-616ae105e837401cce1968481b888d4b",
    ("person", "ar_dni", "12.345.678"): "5e318f8c-7aa55535e7705536c51133292a2e849c",
    ("person", "phone", "+54 (11) 4321-5678"): "5e318f8c-68ba609ec07db193bd864f2114479a74",
}
CIPHER = "5e318f8c.ZpR0h3f2OPUh9B8MA6h7XC1nXZRFT3jDjIn1VBVaC08="

few = settings(max_examples=60, deadline=None)
text = st.text(max_size=40)
texts = st.lists(st.none() | text, max_size=12)
days = st.dates(datetime.date(1900, 1, 1), datetime.date(2099, 12, 31))
moments = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2099, 12, 31))
numbers = st.floats(-1e12, 1e12)
columns = st.one_of(
    texts.map(lambda values: pl.Series("column", values, dtype=pl.String)),
    *(
        st.lists(st.none() | one, max_size=12).map(
            lambda values, kind=kind: pl.Series("column", values, dtype=kind)
        )
        for one, kind in (
            (st.integers(-(2**63), 2**63 - 1), pl.Int64),
            (st.floats(), pl.Float64),
            (st.booleans(), pl.Boolean),
            (days, pl.Date),
            (moments, pl.Datetime("us")),
        )
    ),
)


def strings(values: list[Any]) -> pl.Series:
    return pl.Series("column", values, dtype=pl.String)


def generalised(values: pl.Series, to: Any, **parameters: Any) -> list[Any]:
    rule = ColumnPolicy(action="generalise", to=to, **parameters)
    return actions.act(values, rule, KEY, "domain").to_list()


def assert_a_function(values: list[Any], results: list[Any]) -> None:
    """Check that equal values have equal results, and that nulls, and only they, stay null."""
    assert len(values) == len(results)
    assert [value is None for value in values] == [result is None for result in results]
    known: dict[str, Any] = {}
    for value, result in zip(values, results, strict=True):
        assert known.setdefault(repr(value), result) == result


@pytest.mark.parametrize(("domain", "entity", "value"), VECTORS)
def test_tokens_are_those_that_are_written_down(domain: str, entity: str, value: str) -> None:
    found = tokens.token(strings([value]), KEY, domain, entity).item()
    assert found == VECTORS[domain, entity, value]


@given(st.binary(min_size=32, max_size=200), st.text("abc_é", max_size=9), text)
@few
def test_tokens_are_hmac_as_the_standard_library_computes_it(
    key: bytes, domain: str, value: str
) -> None:
    digest = hmac.new(key, f"{domain}:{value}".encode(), hashlib.sha256).hexdigest()
    key_id = hashlib.sha256(key).hexdigest()[:8]
    assert tokens.token(strings([value]), key, domain).item() == f"{key_id}-{digest[:32]}"


@given(columns)
@few
def test_a_token_has_its_format_and_joins_only_inside_key_and_domain(values: pl.Series) -> None:
    found = tokens.token(values, KEY, "customer")
    assert_a_function(values.to_list(), found.to_list())
    assert all(TOKEN.fullmatch(one) for one in found.drop_nulls())
    # In another table, among other values, it is the same.
    again = tokens.token(pl.concat([values.reverse(), values]), KEY, "customer")
    assert again.to_list() == [*found.reverse(), *found]
    others = [tokens.token(values, OTHER, "customer"), tokens.token(values, KEY, "supplier")]
    tails = [{one[9:] for one in column.drop_nulls()} for column in (found, *others)]
    assert tails[0].isdisjoint(tails[1])
    assert tails[0].isdisjoint(tails[2])


@given(st.lists(text.filter(lambda one: len(one) > 2), min_size=1, max_size=8))
@few
def test_tokens_and_ciphers_never_hold_the_original(values: list[str]) -> None:
    drawn = [value for value in values if not re.fullmatch(r"[0-9a-zA-Z_=.-]+", value)]
    for found in (
        tokens.token(strings(drawn), KEY, "d").to_list(),
        actions.encrypt(strings(drawn), KEY, "d").to_list(),
    ):
        assert not [one for value, one in zip(drawn, found, strict=True) if value in one]


@pytest.mark.parametrize(
    ("entity", "spellings"),
    [
        ("email", ["Ana@Example.com", " ana@example.COM", "\uff41na@example.com"]),
        ("name", ["Pérez, Ana", "PEREZ ANA", "pérez  ana."]),
        ("ar_dni", ["12.345.678", "12345678", "012345678"]),
        ("ar_cuit", ["20-12345678-6", "20123456786"]),
        ("us_ssn", ["078-05-1120", "78051120"]),
        ("iban", ["ES91 2100 0418 4502 0005 1332", "es9121000418450200051332"]),
        ("mac", ["00:1A:2b:3c:4d:5e", "00-1a-2B-3C-4D-5E", "001a2b3c4d5e"]),
        ("phone", ["+54 11 4321-5678", "0054 (11) 43215678"]),
    ],
)
def test_spellings_of_one_identifier_have_one_token_only_where_the_entity_is_known(
    entity: str, spellings: list[str]
) -> None:
    assert tokens.token(strings(spellings), KEY, "d", entity).n_unique() == 1
    assert tokens.token(strings(spellings), KEY, "d").n_unique() == len(spellings)


@pytest.mark.parametrize("entity", ["email", "name", "phone", "ar_dni", "us_ssn", "iban", "url"])
@given(
    values=st.lists(st.none() | st.text("aBçÑß\uff11\uff410-.,/()+@ \t", max_size=12), max_size=12)
)
@settings(max_examples=15, deadline=None)
def test_normal_values_stay_as_they_are(entity: str, values: list[str | None]) -> None:
    once = tokens.normal(strings(values), entity)
    assert tokens.normal(once, entity).to_list() == once.to_list()


@given(columns, st.text("ab", max_size=5))
@few
def test_what_is_encrypted_turns_back_with_its_key_and_domain_alone(
    values: pl.Series, domain: str
) -> None:
    found = actions.encrypt(values, KEY, domain)
    assert_a_function(values.to_list(), found.to_list())
    for value, sealed in zip(values.to_list(), found.to_list(), strict=True):
        if value is None:
            continue
        assert re.fullmatch(r"[0-9a-f]{8}\.[A-Za-z0-9_-]+=*", sealed)
        assert actions.decrypt(sealed, KEY, domain) == str(value)
        assert actions.decrypt(sealed, OTHER, domain) is None
        assert actions.decrypt(sealed, KEY, f"{domain}c") is None
        changed = sealed[:12] + ("A" if sealed[12] != "A" else "B") + sealed[13:]
        assert actions.decrypt(changed, KEY, domain) is None


def test_a_cipher_is_the_one_that_is_written_down_and_tells_the_length_in_steps_only() -> None:
    assert actions.encrypt(strings(["Ana Pérez"]), KEY, "customer").item() == CIPHER
    sealed = actions.encrypt(strings(["a" * length for length in range(16)]), KEY, "d")
    assert sealed.str.len_chars().n_unique() == 1
    assert sealed.n_unique() == 16


@given(texts, st.integers(0, 6))
@few
def test_a_mask_depends_on_nothing_but_the_last_characters(
    values: list[str | None], last: int
) -> None:
    found = actions.mask(strings(values), last).to_list()
    for value, one in zip(values, found, strict=True):
        if value is None:
            assert one is None
        elif len(value) >= 2 * last > 0:
            assert one == "****" + value[-last:]
        else:
            assert one == "****"
        if value and set(value) != {"*"}:
            assert value not in one


@given(texts)
@few
def test_a_shape_shows_no_letter_and_no_digit(values: list[str | None]) -> None:
    found = actions.shape(strings(values))
    assert_a_function(values, found.to_list())
    assert all(re.fullmatch(r"[#*@.,:;/()+_\- ]*", one) for one in found.drop_nulls())
    assert actions.shape(found).to_list() == found.to_list()
    assert actions.shape(strings(["30-A", "٣@ñ.com", "x\ny"])).to_list() == [
        *("##-*", "#@*.***", "***")
    ]


@given(st.lists(st.none() | st.text("añß 1.,\n", max_size=12), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_redacting_takes_the_planted_out_and_is_the_same_when_done_again(
    around: list[str | None],
) -> None:
    planted = "ana.perez@example.org"
    values = [None if one is None else f"{one} {planted} {one}" for one in around]
    rule = ColumnPolicy(action="redact")
    found = actions.act(strings(values), rule, KEY, "d")
    assert_a_function(values, found.to_list())
    assert all(planted not in one and "[EMAIL]" in one for one in found.drop_nulls())
    assert actions.act(found, rule, KEY, "d").to_list() == found.to_list()


@given(st.lists(st.none() | days, max_size=12))
@few
def test_periods_of_a_date_tell_year_month_or_quarter(values: list[Any]) -> None:
    column = pl.Series(values, dtype=pl.Date)
    for to, wanted in {
        "year": lambda day: day.year,
        "month": lambda day: f"{day:%Y-%m}",
        "quarter": lambda day: f"{day.year}-Q{(day.month + 2) // 3}",
    }.items():
        expected = [None if day is None else wanted(day) for day in values]
        assert generalised(column, to) == expected
    as_of = datetime.date(2025, 6, 30)
    capped = generalised(column, "year", as_of=as_of)
    assert capped == [None if day is None else max(day.year, 1935) for day in values]


@given(st.lists(st.none() | st.floats() | st.integers(-5, 130).map(float), max_size=12))
@example([-0.0])
@few
def test_an_age_band_holds_the_age_and_never_tells_ages_from_90_on_apart(values: list[Any]) -> None:
    found = generalised(pl.Series(values, dtype=pl.Float64), "age_band", width=10)
    for age, one in zip(values, found, strict=True):
        if age is None or not age >= 0:
            assert one is None
        elif age >= 90:
            assert one == "90+"
        else:
            low, high = map(int, one.split("-"))
            assert (low % 10, high) == (0, low + 9)
            assert low <= age < high + 1


def test_the_age_of_a_birthday_counts_on_the_day_itself() -> None:
    born = [datetime.date(1935, 6, 30), datetime.date(1935, 7, 1), datetime.date(1995, 6, 30)]
    as_of = datetime.date(2025, 6, 30)
    found = generalised(pl.Series([*born, None]), "age_band", as_of=as_of)
    assert found == ["90+", "80-89", "30-39", None]


@given(st.lists(st.none() | st.text("0123ABñ ", max_size=9), max_size=12), st.integers(1, 5))
@few
def test_a_prefix_is_shorter_than_the_code_or_nothing(
    values: list[str | None], characters: int
) -> None:
    found = generalised(strings(values), "prefix", characters=characters, rare=["0" * characters])
    for value, one in zip(values, found, strict=True):
        short = value is None or len(value.strip(" ")) <= characters
        assert one == (None if short else value.strip(" ")[:characters])
    assert generalised(strings(["03602", "10001"]), "prefix", rare=["036"]) == ["000", "100"]


@given(st.lists(st.none() | numbers, max_size=12), st.sampled_from([0.1, 1, 2.5, 10, 1000]))
@few
def test_a_band_of_numbers_holds_the_number(values: list[Any], width: float) -> None:
    found = generalised(pl.Series(values, dtype=pl.Float64), "band", width=width)
    assert_a_function(values, found)
    for value, one in zip(values, found, strict=True):
        if value is not None and abs(value) < 1e6:
            low, high = map(float, one.strip("[)").split(", "))
            assert low - 1e-6 <= value <= high + 1e-6
            assert high - low == pytest.approx(width)
    assert generalised(pl.Series([float("nan"), float("inf")]), "band", width=width) == [None, None]


@given(st.lists(st.none() | st.floats(-100, 100) | st.just(float("nan")), max_size=30))
@few
def test_bands_between_edges_hold_the_number(values: list[Any]) -> None:
    found = generalised(pl.Series(values, dtype=pl.Float64), "band", edges=[0, 10.5])
    for value, one in zip(values, found, strict=True):
        if value is None or math.isnan(value):
            assert one is None
        else:
            assert one == ("<0" if value < 0 else "[0, 10.5)" if value < 10.5 else ">=10.5")


@pytest.mark.parametrize("kind", [pl.Int64, pl.Float64, pl.Date])
@given(st.lists(st.none() | st.integers(-20, 20), max_size=60), st.integers(2, 7))
@few
def test_in_a_k_aware_band_there_are_k_rows_or_all(kind: Any, drawn: list[Any], k: int) -> None:
    values = pl.Series(drawn, dtype=pl.Int64).cast(pl.Int32 if kind == pl.Date else kind).cast(kind)
    if kind == pl.Float64:
        values = values.append(pl.Series([float("nan")] * 9))
    counted = values.drop_nulls().value_counts(sort=False, name="n").sort(values.name)
    edges = actions.k_edges(counted[values.name], counted["n"], k)
    rule = ColumnPolicy(action="generalise", to="k_band", k=k)
    found = actions.act(values, rule, KEY, "d", edges=edges)
    known = sum(one is not None for one in drawn)
    assert found.null_count() == len(values) - known
    sizes = found.drop_nulls().value_counts()
    assert sizes.height <= 1 or min(sizes["count"]) >= k
    assert sizes.height <= max(1, known // k)


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | moments), max_size=20),
    st.sampled_from([1, 2, 30, 365]),
    st.booleans(),
)
@few
def test_shifted_dates_keep_order_and_distance_inside_a_subject(
    rows: list[tuple[Any, Any]], most: int, only_day: bool
) -> None:
    whose = pl.Series("person", [one for one, _ in rows], dtype=pl.Int64)
    when = pl.Series("at", [moment for _, moment in rows], dtype=pl.Datetime("us"))
    when = when.cast(pl.Date) if only_day else when
    rule = ColumnPolicy(action="date_shift", days=most)
    found = actions.act(when, rule, KEY, "d", actions.Subject(whose, "person"))
    assert found.dtype == when.dtype
    moved: dict[int, set[Any]] = {}
    for person, before, after in zip(whose, when, found, strict=True):
        if person is None or before is None:
            assert after is None
        else:
            moved.setdefault(person, set()).add(after - before)
    for distances in moved.values():
        (distance,) = distances  # one per subject: order and distances stay
        assert distance == datetime.timedelta(distance.days)
        assert 1 <= abs(distance.days) <= most


def test_each_subject_has_its_own_shift_and_it_takes_the_key_to_know_it() -> None:
    whose = pl.Series("person", range(2_000))
    when = pl.Series([datetime.date(2025, 1, 1)] * 2_000)
    by_key = [
        actions.date_shift(when, actions.Subject(whose, "person"), key, 30) - when
        for key in (KEY, OTHER)
    ]
    shifts = [column.dt.total_days() for column in by_key]
    for shift in shifts:
        assert set(shift) == {*range(-30, 0), *range(1, 31)}
        assert max(shift.value_counts()["count"]) < 70  # 33 expected of each
    assert (shifts[0] == shifts[1]).mean() < 0.05  # type: ignore[operator]


@given(columns)
@few
def test_what_is_kept_is_what_it_was_and_what_is_dropped_gives_nothing(values: pl.Series) -> None:
    kept = actions.act(values, ColumnPolicy(action="keep"), KEY, "d")
    assert kept.equals(values, check_dtypes=True, null_equal=True)
    with pytest.raises(ValueError, match="drop gives no values"):
        actions.act(values, ColumnPolicy(action="drop"), KEY, "d")
