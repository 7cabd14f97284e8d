"""`mlops docs check`: what is left to do, where, and whose it is."""

import datetime
import re
from pathlib import Path

import pytest
import typer
from governed import write
from mlops_kit.cli import add_rooms
from mlops_kit.core.errors import MlopsError
from mlops_kit.govern import documents
from mlops_kit.govern.checking.check import check, named_commands
from mlops_kit.govern.checking.links import headings, slug_of
from mlops_kit.govern.checking.marks import placeholders, reviews
from mlops_kit.govern.facts.build import build
from typer.testing import CliRunner

TODAY = datetime.date(2026, 11, 30)
COMMANDS = {"run", "data", "data ingest", "docs", "docs build"}


def found(text: str, *only: str) -> list[tuple[str, int, str, str]]:
    write(Path("docs/page.md"), text)
    return [
        (one.kind, one.line, one.owner, one.what)
        for one in check(COMMANDS, TODAY, only)
        if one.file == "docs/page.md"
    ]


def test_a_place_to_fill_is_told_with_its_line_and_owner(project: Path) -> None:
    text = "# A\n\nb [TO FILL, product owner: the target, by when] c [TO FILL, data scientist: x]\n"
    assert found(text) == [
        ("fill", 3, "product owner", "the target, by when"),
        ("fill", 3, "data scientist", "x"),
    ]
    [spanish] = found("[COMPLETAR, responsable de producto: la meta]\n")
    assert spanish[2:] == ("responsable de producto", "la meta")
    assert found("```\n[TO FILL, nobody: x]\n```\n") == []


def test_reviews_that_are_due_are_told_in_lines_and_in_tables(project: Path) -> None:
    table = "| what | review by |\n| --- | --- |\n| a | 2026-11-29 |\n| b | 2026-11-30 |\n"
    assert [one[:2] for one in found(f"Review by: 2026-11-29\n\n{table}", "review")] == [
        ("review", 1),
        ("review", 5),
    ]
    assert found("Review by: 2027-02-30\n")[0][3].startswith("2027-02-30 is no day")
    assert found("We met on 2020-01-01.\n\n| on |\n| --- |\n| 2020-01-01 |\n") == []
    assert found("Revisar antes del: 2026-11-29\n", "review")[0][1] == 1


def test_dead_links_and_anchors_are_told(project: Path) -> None:
    write(project / "docs/other.md", "# One\n\n## Two, `three`\n\n## Two, `three`\n")
    alive = "[a](other.md) [b](other.md#two-three) [c](other.md#two-three-1) [d](#here)"
    assert found(f"{alive} [e](https://x.y/z)\n\n## Here\n") == []
    dead = "[a](gone.md) ![b](gone.png) [c](other.md#gone) [d](#gone) `[e](gone.md)`\n"
    assert [one[3] for one in found(dead)] == [
        "links to gone.md, which is not there",
        "links to gone.png, which is not there",
        "links to other.md#gone, and other.md has no such heading",
        "links to #gone, and page.md has no such heading",
    ]


def test_a_link_to_facts_that_are_not_built_says_how_they_are(project: Path) -> None:
    said = [one[3] for one in found("[a](facts/decision.md#x) [b](facts/gone.md)\n", "link")]
    assert said == [
        "links to facts/decision.md#x, which `uv run mlops docs build` writes",
        "links to facts/gone.md, which is not there",
    ]


def test_one_role_has_one_name_whatever_the_language_of_a_page(project: Path) -> None:
    answers = project / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("docs_language: en", "docs_language: es"))
    text = "[TO FILL, product owner: x] [COMPLETAR, responsable de producto: y]\n"
    assert {one[2] for one in found(text)} == {"responsable de producto"}
    assert found("[TO FILL, privacy officer: x]\n")[0][2] == "responsable de privacidad"


def test_the_last_line_counts_what_is_left_by_whose_it_is(project: Path) -> None:
    owners = ("data scientist", "product owner", "product owner")
    write(project / "docs/page.md", "".join(f"[TO FILL, {one}: x]\n" for one in owners))
    app = typer.Typer()
    add_rooms(app)
    told = CliRunner().invoke(app, ["docs", "check"])
    assert told.exit_code == 1
    *lines, last = told.output.splitlines()
    assert [line.split(": ")[2] for line in lines if "page.md" in line] == list(owners)
    assert "facts 5" in last, "what is nobody's, by its kind"
    assert last.startswith(f"{len(lines)} findings: ")
    assert "product owner 2, data scientist 1" in last
    assert sum(map(int, re.findall(r" (\d+)", last))) == len(lines)


def test_headings_have_the_anchors_of_code_hosts() -> None:
    assert slug_of("What `promote` demands: 3 (three)") == "what-promote-demands-3-three"
    assert slug_of("Año [nuevo](x.md)") == "año-nuevo"
    assert list(headings("# A\n\n## A\n\n## A-1\n").values()) == ["a", "a-1", "a-1-1"]


def test_a_command_that_does_not_exist_is_told(project: Path) -> None:
    text = "`uv run mlops run --force`, `mlops data ingest`, `mlops data gone`, mlops gone\n"
    assert [one[3] for one in found(text)] == ["there is no command `mlops data gone`"]
    assert [one[:2] for one in found("x\n\n```sh\nuv run mlops walk\n```\n")] == [("command", 4)]
    assert found("`copier-mlops update`, `dev.mlops walk`\n") == []


def test_facts_that_are_missing_or_old_are_told(project: Path) -> None:
    build()
    assert check(COMMANDS, TODAY, ["facts"]) == []
    page = project / "docs/facts/decision.md"
    page.write_text(page.read_text().replace("0.7893", "0.9"))
    (project / "docs/facts/model-card.md").unlink()
    assert [(one.file, one.what[:12]) for one in check(COMMANDS, TODAY, ["facts"])] == [
        ("docs/facts/decision.md", "says what wa"),
        ("docs/facts/model-card.md", "is not there"),
    ]


def test_gaps_and_days_of_governance_and_example_prices_are_told(project: Path) -> None:
    documents.add("governance")
    documents.add("costs")
    left = check(COMMANDS, TODAY, ["fill"])
    use = next(one for one in left if one.what.startswith("intended_use"))
    lines = (project / "conf/governance.yaml").read_text().splitlines()
    assert lines[use.line - 1].startswith("intended_use:")
    price = next(one for one in left if one.what.startswith("rent.storage.archive.gb_read"))
    assert "archive" in (project / "conf/costs.yaml").read_text().splitlines()[price.line - 1]
    file = project / "conf/governance.yaml"
    text = file.read_text().replace("review_by: null", "review_by: 2026-01-31")
    row = '{"iso42001 A.2": {says: a policy, where: intranet, until: 2026-11-29}}'
    file.write_text(text.replace("evidence: {}", f"evidence:\n  {row}"))
    due = check(COMMANDS, TODAY, ["review"])
    assert [one.what for one in due] == [
        "review_by was due on 2026-01-31",
        "iso42001 A.2 was due on 2026-11-29",
    ]
    lines = file.read_text().splitlines()
    assert all(one.what.split(" was")[0] in lines[one.line - 1] for one in due)


def test_a_wrong_kind_and_a_text_of_another_encoding_are_one_sentence(project: Path) -> None:
    with pytest.raises(MlopsError, match=r"--only: everything is none of fill"):
        check(COMMANDS, TODAY, ["everything"])
    (project / "README.md").write_bytes("Año".encode("latin-1"))
    with pytest.raises(MlopsError, match=r"README.md is no text in UTF-8"):
        check(COMMANDS, TODAY)


def test_documents_are_added_once_and_unknown_ones_refused(project: Path) -> None:
    documents.add("risks")
    with pytest.raises(MlopsError, match=r"docs/risks.md is there already, and yours"):
        documents.add("risks")
    with pytest.raises(MlopsError, match="There is no document riks; there are: charter"):
        documents.add("riks")
    (project / ".copier-answers.yml").unlink()
    with pytest.raises(MlopsError, match=r"copier-answers.yml does not exist here"):
        documents.add("charter")


def test_marks_are_read_from_plain_text_alone() -> None:
    assert placeholders("[TO FILL, a: b](c)\n")[0].what == "b"
    assert list(named_commands("mlops run\n")) == []
    assert reviews("2020-01-01\n") == []
