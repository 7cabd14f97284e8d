"""A policy that does not fit is refused with one sentence, and that of earlier versions is not."""

import datetime
import textwrap
from pathlib import Path
from typing import Any

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.policy import load as policy

TODAY = datetime.date(2026, 6, 1)
SOURCES = Sources.model_validate(
    {
        "entity": {"table": "people", "column": "id"},
        "sources": {"club": {"kind": "files", "folder": "raw"}},
        "tables": {
            "people": {
                "source": "club",
                "path": "people.csv",
                "columns": {
                    "id": {"type": "integer"},
                    "email": {"type": "string"},
                    "note": {"type": "string"},
                    "age": {"type": "integer"},
                    "weight": {"type": "number"},
                    "born": {"type": "date"},
                    "race": {"type": "string"},
                    "racetrack": {"type": "string"},
                    "latitude": {"type": "number"},
                    "tags": {"type": "integers"},
                    "home": {"type": "struct<street: string, number: integer>"},
                    "photo": {"type": "binary"},
                    "said": {"type": "json"},
                },
            },
        },
    }
)
ID = "people.id: {action: token, domain: person}"
# As versions 0.1 and 0.2 seeded it: a column that is not named stays behind.
OLD = """
# What may leave data/restricted for data/open, and how.
columns:
  people.id: {action: token, domain: person}
  people.age: {action: keep}
  people.email: {action: keep}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    return tmp_path


def load(text: str | bytes) -> Any:
    content = text if isinstance(text, bytes) else textwrap.dedent(text).encode()
    policy.PRIVACY_FILE.write_bytes(content)
    return policy.load_privacy(SOURCES)


def columns(*rules: str, more: str = "") -> str:
    lines = [f"  {rule}" for rule in (ID, *rules)]
    return "\n".join(["columns:", *lines, more, ""])


def refusal(text: str | bytes) -> str:
    """Return the one sentence of a refusal, which names the file."""
    with pytest.raises(MlopsError) as caught:
        load(text)
    said = str(caught.value)
    assert caught.value.exit_code == 3
    assert "conf/privacy.yaml" in said
    assert said.endswith((".", "?"))
    assert ". " not in said
    assert "\n" not in said
    return said


def test_the_policies_of_earlier_versions_mean_what_they_meant() -> None:
    found = load(OLD)
    assert {name: (rule.action, rule.domain) for name, rule in found.columns.items()} == {
        "people.id": ("token", "person"),
        "people.age": ("keep", ""),
        "people.email": ("keep", ""),
    }
    assert found.defaults.unknown_string_column == "drop"
    assert (found.anonymity, found.allow, found.key.source) == ({}, [], None)
    assert policy.unnamed_text(found, SOURCES) == [
        "people.note",
        "people.race",
        "people.racetrack",
        "people.home",
        "people.photo",
        "people.said",
    ]
    policy.check_expiry(found, TODAY)  # a keep without a last day does not end


def test_a_policy_that_names_an_unknown_column_is_refused() -> None:
    said = refusal(columns("people.e_mail: {action: keep}"))
    assert '"people.e_mail", which conf/sources.yaml does not declare' in said


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        (columns("people.age: {action: keep}", "people.age: {action: drop}"), 4, "people.age"),
        ("columns: {}\n" + columns(), 2, "columns"),
        (columns("people.age: {action: keep, action: drop}"), 3, "action"),
        (columns(more="allow: [{place: a, place: b}]"), 3, "place"),
    ],
)
def test_a_rule_that_is_there_twice_is_refused_with_its_line(
    text: str, line: int, key: str
) -> None:
    assert f'line {line}: "{key}" is there twice' in refusal(text)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("people.age: {action: hash}", "hash"),
        ("people.age: {action: keep, retain: yes}", "retain"),
        ("people.age: {entity: shoe_size}", '"shoe_size" is no entity'),
        ("people.age: {}", "it has no action"),
        ("people.age: {entity: none}", "it has no action"),
        ("people.age: {action: generalise}", "generalise needs to"),
        ("people.age: {action: generalise, to: decade}", "to"),
        ("people.age: {action: keep, to: year}", "to does not belong to keep"),
        ("people.age: {action: mask, domain: d}", "domain does not belong to mask"),
        ("people.age: {action: drop, last: 3}", "takes no parameter"),
        ("people.age: {action: generalise, to: band}", "needs width or edges"),
        ("people.age: {action: generalise, to: band, width: 5, edges: [1]}", "width or edges"),
        ("people.age: {action: generalise, to: band, edges: [5, 1]}", "edges must rise"),
        ("people.age: {action: generalise, to: age_band, width: 0.5}", "whole years as width"),
        ("people.age: {action: generalise, to: k_band}", "needs k"),
        ("people.age: {action: generalise, to: year}", "cannot treat a column of type integer"),
        ("people.born: {action: generalise, to: age_band}", "needs as_of"),
        ("people.born: {action: date_shift, subject: nobody}", "needs subject"),
        ("people.age: {action: date_shift}", "cannot treat a column of type integer"),
        ("people.age: {action: redact}", "cannot treat a column of type integer"),
        ("people.tags: {action: token}", "cannot treat a column of type integers"),
        ("people.home: {action: token}", "cannot treat a column of type struct"),
        ("people.said: {action: redact}", "cannot treat a column of type json"),
        ("people.photo: {action: mask}", "cannot treat a column of type binary"),
        ("people.photo: {action: keep}", "keep of bytes needs a reason and until"),
        ('people.email: {action: token, domain: "a:b"}', "domain"),
        ("people.email: {entity: email, action: keep}", "needs a reason and until"),
        ("people.email: {action: keep, reason: asked}", "needs a reason and until"),
        ("people.email: {action: keep, until: 2027-01-31}", "needs a reason and until"),
        ("people.email: {action: keep, reason: asked, until: soon}", "until"),
        ("people.note: {entity: health, action: keep}", "of health data needs a reason and until"),
        ("people.race: {action: keep}", "nationality or origin (entity: none says"),
        ("people.latitude: {action: keep}", "coordinates (entity: none says"),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(rule: str, said: str) -> None:
    text = refusal(columns(rule))
    assert said in text
    assert rule.partition(":")[0] in text


def test_what_tells_of_a_person_passes_with_a_reason_or_as_a_thing() -> None:
    asked = 'action: keep, reason: "the board asked", until: 2027-01-31'
    found = load(
        columns(
            f"people.race: {{{asked}}}",
            f"people.note: {{entity: health, {asked}}}",
            "people.latitude: {entity: none, action: keep}",
            "people.racetrack: {action: keep}",
            "people.age: {entity: age, action: keep}",
        )
    )
    assert {rule.action for name, rule in found.columns.items() if name != "people.id"} == {"keep"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns: {people.age: {action: keep}}", "must name people.id"),
        ("columns: {people.id: {action: drop}}", "use action token"),
        (b"columns: [\n", "line"),
        (b"columns: \xff\xfe\n", "not valid YAML"),
        ("", "columns"),
        ("- columns", ""),
        (columns(more="zones: {open: /tmp}"), "open"),
        (columns(more="defaults: {unknown_string_column: keep}"), "unknown_string_column"),
        (columns(more="defaults: {free_text: keep}"), "free_text"),
        (columns(more="entities: {shoe_size: {action: drop}}"), '"shoe_size" is no entity'),
        (columns(more="allow: [{place: a, entity: email, until: 2027-01-31}]"), "reason"),
        (columns(more="allow: [{place: a, entity: email, reason: asked}]"), "until"),
        (
            columns(more="allow: [{place: a, entity: e-mail, reason: r, until: 2027-01-31}]"),
            '"e-mail" is no entity',
        ),
        (columns(more="anonymity: {people: {quasi: [age], k: 1}}"), "k"),
        (columns(more="anonymity: {people: {quasi: [age], k: 5}}"), "age does not leave"),
        (columns(more="anonymity: {persons: {quasi: [age], k: 5}}"), "persons"),
        (
            columns(
                "people.age: {action: keep}", more="anonymity: {people: {quasi: [age], k: 5, l: 2}}"
            ),
            "l needs sensitive",
        ),
        (columns(more="key: {source: vault}"), "source"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(text: str | bytes, said: str) -> None:
    assert said in refusal(text)


def test_a_policy_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(MlopsError, match=r"conf/privacy\.yaml") as caught:
        policy.load_privacy(SOURCES)
    assert caught.value.exit_code == 3


def test_a_column_that_names_only_its_entity_gets_the_usual_action_of_it() -> None:
    found = load(
        columns(
            "people.email: {entity: email}",
            "people.note: {entity: free_text}",
            "people.born: {entity: birth_date}",
            "people.age: {entity: age, width: 5}",
            more="defaults: {free_text: redact}\nentities: {email: {action: mask, last: 2}}",
        )
    ).columns
    assert (found["people.email"].action, found["people.email"].last) == ("mask", 2)
    assert found["people.note"].action == "redact"
    assert (found["people.born"].action, found["people.born"].to) == ("generalise", "year")
    assert (found["people.age"].to, found["people.age"].width) == ("age_band", 5)


def test_codes_join_inside_the_named_domain_else_the_entity_s_else_the_column_s() -> None:
    rules = load(
        columns("people.email: {entity: email, action: token}", "people.note: {action: token}")
    ).columns
    domains = [policy.domain_of(rule, name) for name, rule in rules.items()]
    assert domains == ["person", "email", "people.note"]


def test_a_finding_is_allowed_up_to_its_last_day_in_its_place_and_for_its_entity_alone() -> None:
    allowed = load(
        columns(
            'people.email: {entity: email, action: keep, reason: "asked", until: 2026-06-02}',
            more='allow: [{place: "people.no*", entity: phone, reason: r, until: 2026-06-01}]',
        )
    )

    def is_allowed(place: str, entity: str, day: int = 1) -> bool:
        finding = Finding(place, entity, 1, 1, 1.0)
        return policy.is_allowed(finding, allowed, datetime.date(2026, 6, day))

    assert is_allowed("people.note", "phone")
    assert not is_allowed("people.note", "phone", day=2)
    assert not is_allowed("people.note", "email")
    assert not is_allowed("visits.note", "phone")
    assert not is_allowed("people.NOTE", "phone")
    assert is_allowed("people.email", "email", day=2)
    assert is_allowed("people.email.work", "email")  # a field of its JSON
    assert not is_allowed("people.email", "phone")
    assert not is_allowed("people.email_2", "email")
    assert not is_allowed("people.email", "email", day=3)
    ended = policy.ended(Finding("people.note", "phone", 1, 1, 1.0), allowed, datetime.date.max)
    assert ended == datetime.date(2026, 6, 1)


def test_a_column_that_is_kept_beyond_its_day_closes_the_gate() -> None:
    rule = 'people.email: {entity: email, action: keep, reason: "asked", until: 2026-06-01}'
    found = load(columns(rule))
    policy.check_expiry(found, TODAY)
    with pytest.raises(
        MlopsError, match=r"people\.email until 2026-06-01, which is over"
    ) as caught:
        policy.check_expiry(found, TODAY + datetime.timedelta(days=1))
    assert caught.value.exit_code == 1
