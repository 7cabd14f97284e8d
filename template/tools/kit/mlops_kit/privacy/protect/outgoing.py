"""The gate of the protect stage: what passes untreated is searched, every value of it."""

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlops_kit.privacy.detect.columns.column import judge, scan
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.policy.load import PRIVACY_FILE, ended, is_allowed
from mlops_kit.privacy.policy.schema import ColumnPolicy, Privacy

if TYPE_CHECKING:
    import polars


class Opening:
    """Gathers what was found in the columns that pass as they are, and says whether they may."""

    def __init__(self, policy: Privacy, today: datetime.date) -> None:
        self.policy = policy
        self.today = today
        self.findings: dict[tuple[str, str], Finding] = {}
        self.samples: dict[str, list[polars.Series]] = {}
        self.verdicts: dict[str, Any] = {}
        self.reasons: list[str] = []

    def search(
        self,
        table: str,
        column: str,
        values: "polars.Series",
        start: int,
        rows: int,
        vouched: bool = False,
    ) -> None:
        """Search all values of a batch that begins at row `start` of `rows`, and sample it.

        Bytes that are no text pass only where a person is `vouched` for them.
        """
        for one in scan(column, values, start + 1, vouched):
            self._add(replace(one, place=f"{table}.{one.place}"))
        step = max(1, rows // self.policy.defaults.sample_rows)
        sample = values.gather_every(step, -start % step)
        self.samples.setdefault(f"{table}.{column}", []).append(sample)

    def judge(self, table: str, column: str, rule: ColumnPolicy) -> None:
        """Judge a column by its name and a sample across all of its rows."""
        import polars as pl

        name = f"{table}.{column}"
        values = pl.concat(self.samples.pop(name))
        if rule.entity:  # what a person has declared wins over what it looks like
            return
        verdict = judge(column, values)
        likely = verdict.likelihood >= self.policy.defaults.minimum_likelihood
        if not verdict.entity or not likely:
            return
        self.verdicts[name] = {
            "entity": verdict.entity,
            "likelihood": verdict.likelihood,
            "reasons": list(verdict.reasons),
        }
        looked_at = "free_text" in self.policy.defaults.model_fields_set
        matters = verdict.kind == "identifier" or (verdict.kind == "free_text" and looked_at)
        if matters and (name, verdict.entity) not in self.findings:
            self._add(Finding(name, verdict.entity, verdict.matches, 0, verdict.likelihood))

    def close(self, reason: str) -> None:
        """Close the gate for another reason than a finding."""
        self.reasons.append(reason)

    def closed(self) -> str:
        """Say in a sentence why the gate is closed; empty when it is open."""
        refused = [self._sentence(one) for one in self._ordered() if self._is_refused(one)]
        reasons = [*refused, *self.reasons]
        more = f" ({len(reasons) - 1} more in reports/privacy/protect.json)" if reasons[1:] else ""
        return reasons[0].rstrip(".") + more + "." if reasons else ""

    def report(self) -> dict[str, Any]:
        """What was found and judged, in counts and places."""
        return {
            "findings": [
                {
                    "place": one.place,
                    "entity": one.entity,
                    "count": one.count,
                    "first_row": one.position,
                    "likelihood": round(one.likelihood, 2),
                    "refused": self._is_refused(one),
                }
                for one in self._ordered()
            ],
            "verdicts": self.verdicts,
            "reasons": self.reasons,
        }

    def _add(self, one: Finding) -> None:
        known = self.findings.get((one.place, one.entity))
        if known is not None:
            one = replace(
                known,
                count=known.count + one.count,
                likelihood=max(known.likelihood, one.likelihood),
            )
        self.findings[one.place, one.entity] = one

    def _ordered(self) -> list[Finding]:
        return sorted(self.findings.values(), key=lambda one: (one.place, one.entity))

    def _is_refused(self, one: Finding) -> bool:
        likely = one.likelihood >= self.policy.defaults.minimum_likelihood
        return likely and not is_allowed(one, self.policy, self.today)

    def _sentence(self, one: Finding) -> str:
        label = KINDS[one.entity].label if one.entity in KINDS else one.entity
        first = f", first in row {one.position:,}" if one.position else ""
        over = ended(one, self.policy, self.today)
        since = f"; what allowed it ended on {over}" if over else ""
        return (
            f"{one.place} looks like {label} ({one.entity}) in {one.count:,} "
            f"{'value' if one.count == 1 else 'values'}{first}{since}: give the column another "
            f"action than keep in {PRIVACY_FILE.as_posix()}, or accept it there with a reason "
            "and until"
        )
