"""What a person vouches for: a finding that a named reason explains, until a day.

Some findings may be right and look wrong: outcomes that look immature, a score that is perfect, a
feature that determines the outcome, periods too few to show whether a gain lasts. Whoever knows
better writes it into conf/compare.yaml; it is told wherever the decision is.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from pydantic import field_validator, model_validator

from mlops_kit.compare.decision_schema import Acknowledgement as Vouched
from mlops_kit.compare.decision_schema import Check
from mlops_kit.core.settings import Section


class Acknowledgement(Section):
    """Why a finding is right, and the last day on which that counts."""

    reason: str
    """Why the finding is right, so that others understand."""
    until: date
    """Last day on which that counts (UTC)."""

    @field_validator("reason")
    @classmethod
    def _says_something(cls, reason: str) -> str:
        if not reason.strip():
            raise ValueError("an acknowledgement needs a reason that others understand")
        return " ".join(reason.split())


class Acknowledged(Section):
    """Acknowledgements by the finding that they lift."""

    immature: Acknowledgement | None = None
    """Outcomes younger than their horizon, or positives that vanish towards the end."""
    perfect: Acknowledgement | None = None
    """A candidate or incumbent that is hardly ever wrong."""
    determined: Acknowledgement | None = None
    """A feature that determines the outcome alone."""
    periods: Acknowledgement | None = None
    """A holdout of few periods, which then decides for these alone."""

    @model_validator(mode="before")
    @classmethod
    def _may_name_no_finding(cls, content: Any) -> Any:
        """Read a bare {reason, until} as one for every finding."""
        if isinstance(content, dict) and content and set(content) <= {"reason", "until"}:
            return dict.fromkeys(cls.model_fields, content)
        return content

    def covers(self, name: str, day: date) -> bool:
        """Tell whether somebody vouches for the finding on that day."""
        given: Acknowledgement | None = getattr(self, name)
        return given is not None and day <= given.until

    def lift(self, found: Iterable[Check], today: date) -> list[Check]:
        """Let what is acknowledged pass as skipped, with the reason; say when one has ended.

        Parameters
        ----------
        found : entries
            Those that may be acknowledged hold the finding's name under "acknowledge".
        today : date
            The day of the run: an acknowledgement counts up to and on its last day.
        """
        return [self._lifted(each, today) for each in found]

    def _lifted(self, found: Check, today: date) -> Check:
        name = found.get("acknowledge")
        given: Acknowledgement | None = getattr(self, name) if name else None
        if given is None:
            return found
        if today > given.until:
            ended = f" Its acknowledgement ended on {given.until} (today is {today})."
            return {**found, "sentence": found["sentence"] + ended}
        said: Vouched = {
            "reason": given.reason,
            "until": given.until.isoformat(),
            "on": today.isoformat(),
        }
        sentence = (
            f"Acknowledged until {given.until} (today is {today}), because "
            f"{given.reason.rstrip('.')}: {found['sentence']}"
        )
        return {**found, "verdict": "skipped", "sentence": sentence, "acknowledged": said}
