"""What a wary reviewer would write about a column: an action where the evidence tells it."""

import re
from typing import TYPE_CHECKING, NamedTuple

from mlops_kit.core.words import counted
from mlops_kit.data.config import Column
from mlops_kit.privacy.detect.columns.column import FEW, K
from mlops_kit.privacy.detect.findings import Verdict
from mlops_kit.privacy.detect.kinds.headers import is_quantity, plain
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.policy.load import asks_for_a_reason
from mlops_kit.privacy.policy.schema import (
    DATES,
    FORMS,
    NUMBERS,
    PARAMETERS,
    USUAL,
    WHOLE,
    ColumnPolicy,
)
from mlops_kit.privacy.protect.singling_out import may_single_out

if TYPE_CHECKING:
    import polars

Rule = dict[str, object]
BANDS = 10
MANY = 20  # values, below which nothing is said about how distinct they are
DISTINCT = 0.9  # of the values are distinct, as in identifiers
INSIDE = 0.95  # of a key's values are those of the entity
COVERED = 0.2  # of the entities appear, in a sample, where a key is called by another name
READ = 200  # distinct texts that the language model reads of a column
UNDECIDED: Rule = {"action": "undecided"}
KEPT = ColumnPolicy.model_validate({"action": "keep"})
# Who is named in such a column is a person, however few they are.
PEOPLE = re.compile(
    r"(?:^|_)(?:doctor|physician|nurse|medic[oa]|surgeon|agent|seller|vendedor|teacher|profesor|manager|gerente|author"
    r"|autor|mother\w*|madre|father|padre|parent|child|hij[oa]|spouse|wife|husband|partner|conyuge|maiden|surname"
    r"|apellido|employee|empleado|staff|operator|operador|driver|conductor|witness|testigo|guardian|tutor|contact"
    r"|contacto|signed|assigned|created|updated|approved|reviewed|clerk|cashier|coach|reporter|(?:\w+_)?by)(?:_|$)"
)
CODE = re.compile(
    r"(?:^|_)(?:id|ids|key|clave|code|codigo|number|numero|no|nro|num|uuid|guid|ref\w*|account|cuenta)$"
)
_TWO_NAMES = r"^\p{Lu}[\p{L}'’-]+(?:,? (?:\p{Lu}[\p{L}.'’-]*|de|del|la|van|von|der)){1,4}$"


class Seen(NamedTuple):
    """What a sample of a column shows, in counts; never a value.

    Attributes
    ----------
    share : float
        Distinct values among all that are not null.
    """

    values: "polars.Series"
    rows: int
    distinct: int
    longest: int

    @property
    def share(self) -> float:
        """Distinct values among all that are not null, 0 to 1."""
        return self.distinct / self.rows if self.rows else 0.0

    def __str__(self) -> str:
        """Say it in words."""
        if not self.rows:
            return "no values"
        long = f", up to {counted(self.longest, 'character')}" if self.longest else ""
        return f"{self.distinct:,} distinct among {counted(self.rows, 'value')}{long}"


def seen(values: "polars.Series") -> Seen:
    """Count what a sample shows."""
    import polars as pl

    there = values.drop_nulls()
    if there.dtype.is_nested() or there.dtype == pl.Binary:
        return Seen(there, there.len(), there.len(), 0)
    longest = 0
    if there.dtype == pl.String and there.len():
        longest = int(there.str.len_chars().max())  # type: ignore[arg-type]
    return Seen(there, there.len(), there.n_unique(), longest)


def suggest(
    column: str, contract: Column, verdict: Verdict | None, sample: Seen, of_people: bool
) -> tuple[Rule, str]:
    """Return the rule of one column and the reason for it.

    Parameters
    ----------
    verdict : Verdict or None
        What header and values say.
    of_people : bool
        Whether the rows of the table are about somebody: a column of it says who.

    Returns
    -------
    dict
        Action undecided, unless the evidence is good for another one.
    str
        Why, with counts from the sample; never a value.
    """
    if verdict is not None and verdict.entity:
        rule = usual(verdict.entity, contract.kind, sample)
        why = f"{KINDS[verdict.entity].label}, likelihood {verdict.likelihood:.2f}"
        return rule, f"{why}: {'; '.join((*verdict.reasons, str(sample)))}"
    if not sample.rows:
        return UNDECIDED, "no values to judge by"
    if called := asks_for_a_reason(column, KEPT):
        return UNDECIDED, f"{called.strip()}, {sample}: keep it with a reason, or drop it"
    if contract.kind == "string":
        return _text(column, sample)
    if contract.kind in WHOLE[1:]:
        return UNDECIDED, f"{contract.kind}, {sample}: it passes whole or stays behind (drop)"
    if contract.kind == "integers":
        return UNDECIDED, f"lists, {sample}: what one person has all together may be theirs alone"
    if contract.kind in DATES:
        if not of_people:
            return {"action": "keep"}, f"a time in a table without people, {sample}"
        return UNDECIDED, (
            f"a day in somebody's life, {sample}: date_shift moves it, generalise makes it a month "
            "or a year; keep it only if nobody outside knows such days"
        )
    if contract.kind in NUMBERS and may_single_out(column) and sample.distinct > BANDS:
        bands = max(K, sample.rows // BANDS)
        rule: Rule = {"action": "generalise", "to": "k_band", "k": bands}
        return rule, f"others may know it of a person, {sample}: bands of at least {bands} rows"
    if contract.kind == "integer" and sample.rows >= MANY and sample.share >= DISTINCT:
        return UNDECIDED, f"a number of its own in most rows, {sample}: a code, or an amount?"
    if contract.kind == "integer" and CODE.search(plain(column)) and sample.distinct > FEW:
        return UNDECIDED, f"the header speaks of a code, {sample}: of a person, or of a thing?"
    exact = sample.rows >= MANY and sample.share >= DISTINCT and contract.kind == "number"
    more = ": whoever knows one exactly knows whose row it is" if exact and of_people else ""
    return {"action": "keep"}, f"a measure without a sign of a person, {sample}{more}"


def as_outcome(column: str, contract: Column, rule: Rule, why: str) -> tuple[Rule, str]:
    """Return the rule of the column that is predicted, which is no outcome in another form.

    A number that is asked for as the outcome is an amount, if nothing else speaks of a person.
    What the scan would change or leave behind is for a person to decide.
    """
    if rule["action"] == "keep":
        return rule, why
    if rule == UNDECIDED and contract.kind in NUMBERS and not may_single_out(column):
        return {"action": "keep"}, f"the outcome, so an amount; {why}"
    also = "" if rule == UNDECIDED else f", and would be {rule['action']}"
    return UNDECIDED, f"the outcome, which passes as it is or is none{also}; {why}"


def _text(column: str, sample: Seen) -> tuple[Rule, str]:
    """Keep a short list of short words, and leave every other text to a person."""
    from mlops_kit.privacy.detect.columns.values import is_list_of_categories

    if PEOPLE.search(plain(column)):
        return UNDECIDED, f"the header speaks of a person, {sample}"
    if is_list_of_categories(sample.values):
        distinct = sample.values.unique()
        alike = int(distinct.str.contains(_TWO_NAMES).sum())
        if sample.distinct <= BANDS or alike < sample.distinct / 2:
            return {"action": "keep"}, f"categories, {sample}, hardly one in fewer than {K} rows"
        return UNDECIDED, f"two or more capitalised words each, {sample}: people, or places?"
    return UNDECIDED, f"text that no rule knows, {sample}{_names(sample)}"


def _names(sample: Seen) -> str:
    """Say in how many texts the language model sees a name, where it is installed."""
    from mlops_kit.privacy.detect.language_model import find_names, installed

    if not installed():
        return "; not read by a language model"
    texts = sample.values.unique(maintain_order=True).head(READ).to_list()
    with_name = sum(any(one.entity == "name" for one in spans) for spans in find_names(texts))
    return f"; a language model sees names in {with_name} of {len(texts)}"


def usual(entity: str, kind: str, sample: Seen) -> Rule:
    """Return the entity's usual action where it can treat the type, else drop."""
    from mlops_kit.privacy.detect.columns.values import are_few

    action = KINDS[entity].action
    more = USUAL.get(entity, {}) if action in ("generalise", "date_shift") else {}
    types = PARAMETERS[action][1]
    if action == "generalise":
        types = FORMS[more["to"]][1] if more else ()
    if kind in WHOLE or (types is not None and kind not in types):
        return {"entity": entity, "action": "drop"}
    if action == "date_shift" or (more.get("to") == "age_band" and kind in DATES):
        return {"entity": entity, "action": "drop"}  # a person must say whose day, or as of when
    identifies = KINDS[entity].role == "identifier"
    if action == "keep" and (identifies or not are_few(sample.values)):
        return {"entity": entity, "action": "drop"}
    return {"entity": entity, "action": action, **more}


def quasi(column: str, rule: Rule) -> bool:
    """Whether a column passes, as proposed, and tells who somebody is together with others."""
    if rule["action"] not in ("keep", "generalise"):
        return False
    entity = str(rule.get("entity", ""))
    known = entity in KINDS and KINDS[entity].role in ("quasi_identifier", "sensitive")
    return known or may_single_out(column)


def is_key_of(
    column: str, values: "polars.Series", entity: tuple[str, str], known: "polars.Series"
) -> bool:
    """Whether a column of another table names the entities, so that both must join.

    Parameters
    ----------
    entity : tuple of str
        Table and column of the entity.
    known : polars.Series
        The entity's own values, as text.
    """
    import polars as pl

    table, identifier = map(plain, entity)
    header = plain(column)
    kind = values.dtype
    if kind.is_nested() or kind.is_float() or kind == pl.Binary or is_quantity(column):
        return False
    there = values.drop_nulls().unique()
    inside = float(there.cast(pl.String).is_in(known.implode()).mean() or 0)  # type: ignore[arg-type]
    if not there.len() or inside < INSIDE:
        return header == identifier and header != "id" and inside > 0
    if header == identifier or (len(table) > 3 and table.removesuffix("s") in header):
        return True
    if there.len() < max(MANY, COVERED * known.len()):
        return False
    if not there.dtype.is_integer():  # words and codes are there by accident only when short
        return float(there.cast(pl.String).str.len_chars().mean() or 0) >= 8  # type: ignore[arg-type]
    numbers = known.cast(pl.Int64, strict=False).drop_nulls()
    spread = [int(some.max() or 0) - int(some.min() or 0) for some in (there, numbers)]  # type: ignore[arg-type]
    return spread[0] >= 0.8 * spread[1] > 0
