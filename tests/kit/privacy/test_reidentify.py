"""Looking a person up: off by default, with a second key, and never without a trace."""

import json
import os
import stat
from pathlib import Path

import clinic
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy.people import reidentify as reidentify_of
from mlops_kit.privacy.protect import keys

SECOND = "s" * 40
WHO, WHY = "A. Auditor", "complaint 12"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clinic whose data went through data, protect and features."""
    with pytest.MonkeyPatch.context() as patch:
        return clinic.finished(tmp_path_factory.mktemp("clinic"), patch)


@pytest.fixture(autouse=True)
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a copy of it, with the second key."""
    clinic.stand_in_copy(finished, tmp_path / "clinic", monkeypatch)
    monkeypatch.setenv(keys.SECOND_KEY_VARIABLE, SECOND)


def allow(key: str = SECOND) -> None:
    identity = keys.key_id(key.encode())
    with Path("conf/privacy.yaml").open("a", encoding="utf-8") as policy:
        policy.write(f'reidentify: {{enabled: true, key_id: "{identity}"}}\n')


def look(code: str, who: str = WHO, why: str = WHY) -> dict[str, list[str]]:
    answer = reidentify_of.reidentify(code, who, why)
    return json.loads(answer.read_text(encoding="utf-8"))["values"]


def log() -> list[dict[str, str]]:
    if not reidentify_of.LOG.is_file():
        return []
    return [json.loads(line) for line in reidentify_of.LOG.read_text("utf-8").splitlines()]


def refused(code: str, told: str, **options: str) -> None:
    with pytest.raises(MlopsError, match=told) as error:
        look(code, **options)
    assert error.value.exit_code == 3
    assert str(error.value).count(". ") == 0, "one sentence"


def test_nobody_is_looked_up_unless_the_policy_allows_it() -> None:
    refused(clinic.token(7), "reidentify.enabled is false")
    assert log() == []


def test_tokens_and_encrypted_values_lead_back_to_the_person_in_a_file_of_its_owner() -> None:
    allow()
    assert look(clinic.token(7)) == {"patients.patient_id": ["7"], "visits.patient_id": ["7"]}
    by_email = look(clinic.token(clinic.email(7), "email", "email"))
    assert by_email == {
        "patients.email": [clinic.email(7)],
        "letters.email": [clinic.email(7).upper()],
    }
    patient = clinic.opened("patients").row(0, named=True)
    assert look(patient["full_name"])["patients.full_name"][0].startswith("Pérez ")
    answers = sorted(reidentify_of.ANSWERS.iterdir())
    assert len(answers) == 3
    assert all(file.is_relative_to("data/restricted") for file in answers)
    if os.name == "posix":
        modes = {stat.S_IMODE(f.stat().st_mode) for f in [*answers, reidentify_of.LOG]}
        assert modes == {0o600}
    assert [(e["line"], e["who"], e["why"]) for e in log()] == [(n, WHO, WHY) for n in (1, 2, 3)]
    assert all(entry["when"] and entry["account"] for entry in log())


def test_without_who_why_or_the_right_second_key_nothing_is_looked_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow()
    refused(clinic.token(7), "Say who looks, and why", who=" ")
    refused(clinic.token(7), "Say who looks, and why", why="")
    monkeypatch.setenv(keys.SECOND_KEY_VARIABLE, "t" * 40)
    refused(clinic.token(7), "The second key is not the one")
    monkeypatch.setenv(keys.SECOND_KEY_VARIABLE, clinic.KEY)
    refused(clinic.token(7), "The second key is not the one")
    monkeypatch.delenv(keys.SECOND_KEY_VARIABLE)
    refused(clinic.token(7), "Looking a person up needs a key in MLOPS_PRIVACY_SECOND_KEY")
    assert log() == []
    assert not reidentify_of.ANSWERS.exists()


def test_a_look_that_finds_nobody_is_logged_too() -> None:
    allow()
    refused(clinic.token(999), "nobody in the restricted tables; the look was logged")
    refused(clinic.token(7, key="x" * 40), "was made with the key")
    refused("Ana", "This is no code of today's key")
    assert [entry["line"] for entry in log()] == [1, 2, 3]
    assert not reidentify_of.ANSWERS.exists()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda lines: [lines[0], lines[1].replace("12", "13"), lines[2]], "breaks in line 2"),
        (lambda lines: [lines[0], lines[2]], "breaks in line 2"),
        (lambda lines: [lines[1], lines[0], lines[2]], "breaks in line 1"),
        (lambda lines: ["", *lines], "breaks in line 1"),
        (lambda lines: lines[:2], "ends after line 2"),
        (lambda lines: [], "ends after line 0"),
    ],
)
def test_a_log_that_somebody_changed_or_cut_stops_every_look(change, where: str) -> None:  # type: ignore[no-untyped-def]
    for n in range(3):
        reidentify_of.write_log(SECOND.encode(), {"who": WHO, "why": WHY, "code": str(n)})
    lines = reidentify_of.LOG.read_text(encoding="utf-8").splitlines()
    changed = "".join(f"{line}\n" for line in change(lines))
    reidentify_of.LOG.write_text(changed, encoding="utf-8")
    allow()
    refused(clinic.token(7), where)
    assert reidentify_of.LOG.read_text(encoding="utf-8") == changed, "evidence is kept"


def test_a_kill_between_the_line_and_the_count_of_lines_is_no_forgery() -> None:
    entry = {"who": WHO, "why": WHY, "code": "1"}
    reidentify_of.write_log(SECOND.encode(), entry)
    before = reidentify_of.HEAD.read_text(encoding="ascii")
    reidentify_of.write_log(SECOND.encode(), entry)
    reidentify_of.HEAD.write_text(before, encoding="ascii")
    allow()
    assert look(clinic.token(7))
    assert [entry["line"] for entry in log()] == [1, 2, 3]
