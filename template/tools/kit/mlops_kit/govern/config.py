"""What conf/governance.yaml says, and the risk class of the AI Act that follows from it."""

import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from mlops_kit.core.settings import Section, read_config

GOVERNANCE_FILE = Path("conf/governance.yaml")

Area = Literal[
    "none",
    "biometrics",
    "infrastructure",
    "education",
    "employment",
    "services",
    "enforcement",
    "migration",
    "justice",
]
RiskClass = Literal["outside", "prohibited", "high", "transparency", "minimal", "open"]


class AiAct(Section):
    """Questions of Regulation (EU) 2024/1689; null is an answer that nobody has given yet."""

    in_union: bool | None = None
    """Whether it, or its output, is used in the European Union (article 2)."""
    role: Literal["provider", "deployer", "both"] | None = None
    """What the team is in the sense of article 3."""
    prohibited: bool | None = None
    """Whether it does what article 5 forbids."""
    safety_component: bool | None = None
    """Whether it is part of a product of annex I that a third party assesses (article 6(1))."""
    annex_iii: Area | None = None
    """The area of annex III (article 6(2)), or none."""
    profiles_people: bool | None = None
    """Whether it profiles natural persons."""
    narrow: bool | None = None
    """Whether one of the exceptions of article 6(3) holds."""
    talks_to_people: bool | None = None
    """Whether people meet it directly (article 50(1))."""
    makes_content: bool | None = None
    """Whether it makes text, images, sound or video (article 50(2))."""
    reason: str = ""
    """Why the answers are right."""


class Oversight(Section):
    """Who watches over it."""

    who: str = ""
    """Who may overrule or stop it."""
    how: str = ""
    """By what."""
    training: str = ""
    """What they were taught."""


class Incidents(Section):
    """Whom to tell."""

    contact: str = ""
    """Inside, day and night."""
    authority: str = ""
    """The authority of the country."""


class Evidence(Section):
    """Evidence that lies outside of the repository."""

    says: str = Field(min_length=1)
    """What it is."""
    where: str = Field(min_length=1)
    """Where it lies."""
    until: datetime.date | None = None
    """Last day on which it counts."""


class Governance(Section):
    """What nobody but the team can answer."""

    intended_use: str = ""
    """The decision that it helps with."""
    users: str = ""
    """Who works with its answers."""
    review_by: datetime.date | None = None
    """Day of the next review."""
    ai_act: AiAct = AiAct()
    """The risk class."""
    oversight: Oversight = Oversight()
    """Who watches over it."""
    incidents: Incidents = Incidents()
    """Whom to tell."""
    evidence: dict[str, Evidence] = {}
    """Evidence from outside, by the row that it answers."""


class Classified(NamedTuple):
    """A risk class, the articles that make it so, and the questions that are still open."""

    risk: RiskClass
    because: str
    open: tuple[str, ...] = ()


def load_governance() -> Governance:
    """Read conf/governance.yaml; all of it open where there is none."""
    if not GOVERNANCE_FILE.is_file():
        return Governance()
    return read_config(GOVERNANCE_FILE, Governance)


def classify(answers: AiAct) -> Classified:
    """Return the risk class that follows from the answers (articles 2, 5, 6 and 50).

    The most severe class that an answer proves is told, also while others are open; a milder one
    only when every question that could make it more severe is answered.
    """
    if answers.in_union is False:
        return Classified("outside", "article 2: neither it nor its output is used in the Union")
    if answers.prohibited:
        return Classified("prohibited", "article 5")
    if answers.safety_component:
        return Classified("high", "article 6(1), annex I")
    area = answers.annex_iii
    if area not in (None, "none"):
        if answers.profiles_people:
            return Classified("high", f"article 6(2), annex III ({area}); it profiles people")
        if answers.narrow is False:
            return Classified("high", f"article 6(2), annex III ({area})")
    needed = ["in_union", "prohibited", "safety_component", "annex_iii"]
    if area not in (None, "none"):
        needed += ["profiles_people", "narrow"]
    needed += ["talks_to_people", "makes_content"]
    unanswered = tuple(name for name in needed if getattr(answers, name) is None)
    if unanswered:
        return Classified("open", "", unanswered)
    article_50 = (("50(1)", answers.talks_to_people), ("50(2)", answers.makes_content))
    if told := [article for article, holds in article_50 if holds]:
        return Classified("transparency", f"article {' and '.join(told)}")
    if area == "none":
        return Classified("minimal", "no article asks for more than articles 4 and 5 do")
    return Classified("minimal", f"annex III ({area}), excepted by article 6(3): 6(4), 49(2)")
