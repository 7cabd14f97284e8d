"""`mlops privacy propose`: a first policy from a scan, with the reasons, for a person to judge."""

import json
import os
from pathlib import Path

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import written_beside
from mlops_kit.data.sources.files import Sources, load_sources
from mlops_kit.privacy.detect.column import judge_file
from mlops_kit.privacy.detect.kinds.entities import ENTITIES, Verdict
from mlops_kit.privacy.policy.load import RESTRICTED_ZONE, load_privacy
from mlops_kit.privacy.policy.schema import DATES, FORMS, PARAMETERS, USUAL

PROPOSAL = Path("conf/privacy.proposed.yaml")
HEAD = """\
# Proposed by `uv run mlops privacy propose` from a scan of data/restricted.
# A scan can be wrong both ways: read and correct each line, then move it to conf/privacy.yaml.
defaults: {unknown_string_column: fail}

# Who may do this, why, and for how long; docs/privacy.md shows it.
record: {purpose: "", owner: "", retention: ""}

columns:
"""


def propose() -> Path:
    """Write conf/privacy.proposed.yaml, and never touch what is there already.

    Raises
    ------
    MlopsError
        When there is a proposal already, or no table to scan.
    """
    if PROPOSAL.exists():
        raise MlopsError(
            f"{PROPOSAL.as_posix()} exists already; read it, then move it or delete it."
        )
    sources = load_sources()
    lines = [line for table in sources.tables for line in _lines(table, sources)]
    with written_beside(PROPOSAL) as beside:
        beside.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        load_privacy(sources, beside)
        try:
            os.link(beside, PROPOSAL)  # fails when somebody was faster
        except FileExistsError as error:
            raise MlopsError(f"{PROPOSAL.as_posix()} was written meanwhile; read it.") from error
    return PROPOSAL


def _lines(table: str, sources: Sources) -> list[str]:
    file = RESTRICTED_ZONE / "tables" / f"{table}.parquet"
    if not file.is_file():
        raise MlopsError(f"{file.as_posix()} does not exist; run `uv run mlops run` first.")
    verdicts = _by_column(judge_file(file))
    columns = sources.tables[table].columns
    return [_line(table, column, verdicts.get(column), sources) for column in columns]


def _by_column(verdicts: list[Verdict]) -> dict[str, Verdict]:
    """Keep the likeliest verdict of each column; a nested one is judged by its worst part."""
    found: dict[str, Verdict] = {}
    for one in verdicts:
        column = one.column.split(".")[0].split("[")[0]
        if column not in found or one.likelihood > found[column].likelihood:
            found[column] = one
    return found


def _line(table: str, column: str, verdict: Verdict | None, sources: Sources) -> str:
    name, contract = f"{table}.{column}", sources.tables[table].columns[column]
    entity = sources.entity
    if column == entity.column:
        return _written(name, {"action": "token", "domain": column}, "predictions are about it")
    if verdict is None or not verdict.entity:
        if contract.type == "string":
            return _written(name, {"action": "keep"}, "nothing personal found; look at some values")
        return _written(name, {"action": "keep"}, "nothing personal found")
    rule = _rule(verdict.entity, contract.type)
    why = f"{ENTITIES[verdict.entity].label}, likelihood {verdict.likelihood:.2f}"
    return _written(name, rule, f"{why}: {'; '.join(verdict.reasons)}")


def _rule(entity: str, kind: str) -> dict[str, object]:
    """Return the entity's usual action where it can treat the type, else drop."""
    action = ENTITIES[entity].action
    usual = USUAL.get(entity, {}) if action in ("generalise", "date_shift") else {}
    types = PARAMETERS[action][1]
    if action == "generalise":
        types = FORMS[usual["to"]][1] if usual else ()
    if kind == "integers" or (types is not None and kind not in types):
        return {"entity": entity, "action": "drop"}
    if action == "date_shift" or (usual.get("to") == "age_band" and kind in DATES):
        return {"entity": entity, "action": "drop"}  # a person must say whose day, or as of when
    if action == "keep" and ENTITIES[entity].kind == "identifier":
        return {"entity": entity, "action": "drop"}
    return {"entity": entity, "action": action, **usual}


def _written(name: str, rule: dict[str, object], why: str) -> str:
    content = ", ".join(f"{key}: {json.dumps(value)}" for key, value in rule.items())
    quoted = json.dumps(name, ensure_ascii=False)
    return "".join(["  ", quoted, ": {", content, "} # ", " ".join(why.split())])
