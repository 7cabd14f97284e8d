"""What decision.json holds, key by key.

Keys that a release added are optional: the files of every earlier release are read. The reference
(docs/reference/decision.md of the template's repository) is written from here.
"""

from typing import Literal, Required

from typing_extensions import TypedDict

from mlops_kit.compare.explain.record import Chosen, Importance
from mlops_kit.compare.holdout.background import Data, Features

Verdict = Literal["pass", "fail", "inconclusive", "skipped"]
Outcome = Literal["promote", "reject", "inconclusive"]


class Acknowledgement(TypedDict):
    """What a person vouches for (acknowledged of conf/compare.yaml)."""

    reason: str
    """Why the finding is right."""
    until: str
    """Last day on which that counts, an ISO date."""
    on: str
    """Day of the run, an ISO date."""


class Group(TypedDict):
    """A group of people whose share is compared (fairness)."""

    name: str
    """Value of the column."""
    rows: int
    """Rows of which the shares are taken."""
    candidate: float
    """Share of them that the candidate picks."""
    incumbent: float
    """Share of them that the incumbent picks."""


class Known(TypedDict, total=False):
    """What checks tell; each tells what it knows."""

    name: str
    """What is checked: a metric, a slice such as "city = Lima", a budget, a finding."""
    metric: str
    """What it is measured in."""
    direction: Literal["higher", "lower"]
    """Which values of the metric are better."""
    standard_error: float
    """Standard error of the estimate, in units of the metric."""
    test: Literal["superiority", "non_inferiority"]
    """What the primary metric must show."""
    margin: float | None
    """By how much it may be worse; null where the check has none."""
    threshold: float
    """Level of the metric that the business needs."""
    needed: float
    """What the lower bound must exceed."""
    benefit: str | None
    """What makes up for a loss within the margin."""
    budget: float
    """The most that is allowed."""
    alpha: float
    """One-sided risk of error that the bounds have."""
    p_value: float
    """One-sided p-value of the hypothesis that the check must reject."""
    p_adjusted: float | None
    """The p-value after Holm's correction over all slices or gaps; null where none was computed."""
    design: Literal["iid", "clustered", "two-way", "time", "folds"]
    """What rows may share: nothing, a group, a group and a period, a period, a fold."""
    method: str
    """How the bounds were computed."""
    n_rows: int
    """Rows that were judged."""
    n_groups: int
    """Independent units: rows, groups, periods or folds."""
    n_periods: int
    """Points in time of the holdout; 0 without a time."""
    degrees_of_freedom: float
    """Of the t distribution of the bounds; 1e9 stands for the normal distribution."""
    candidate: float
    """The candidate's gap between groups (fairness)."""
    incumbent: float
    """The incumbent's gap between groups (fairness)."""
    among: Literal["all", "positives", "negatives"]
    """Of whose rows the groups' shares are (fairness, since 0.5.0)."""
    groups: list[Group]
    """The groups that are large enough (fairness, since 0.5.0)."""
    count: int
    """Rows, or groups, served right until now that the candidate would serve wrong."""
    effective_n: float
    """Independent rows or groups that know as much about the share of flips."""
    sentence: str
    """What was found and what to do, for a person."""
    rows_needed: int
    """Rows in all that would settle an open question."""
    days_needed: int
    """Days that it takes to see so many rows."""
    acknowledge: Literal["immature", "perfect", "periods", "determined"]
    """Under which name of `acknowledged` a person may vouch for the finding."""
    judge_from: str
    """Day from which the rows can be judged, an ISO date."""
    acknowledged: Acknowledgement
    """Who vouched for the finding, which is skipped therefore."""


class Check(Known, total=False):
    """One check beside the primary metric's."""

    verdict: Required[Verdict]
    """One that fails rejects; one that is skipped decides nothing."""
    estimate: float | None
    """Gain of the candidate, positive when it is better; a level or a cost as it is."""
    lower: float | None
    """Lower one-sided bound of the estimate."""
    upper: float | None
    """Upper one-sided bound of the estimate; null also where it is infinite."""


class Primary(Known, total=False):
    """The check of the metric that decides; since 0.2.0 it has a name, a verdict and a sentence."""

    verdict: Verdict
    """What the metric alone says."""
    estimate: Required[float]
    """Gain of the candidate, positive when it is better, in units of the metric."""
    lower: Required[float]
    """Lower one-sided bound of the gain."""
    upper: Required[float]
    """Upper one-sided bound of the gain."""
    min_effect: Required[float]
    """Smallest useful gain."""


class System(TypedDict, total=False):
    """Candidate or incumbent."""

    name: Required[str]
    """As conf/compare.yaml calls it."""
    digest: str | None
    """SHA-256 of what made its predictions; null where that is not known."""
    value: float
    """Value of the primary metric."""


class Rival(TypedDict):
    """One of several candidates."""

    name: str
    """As conf/compare.yaml calls it."""
    decision: Outcome
    """What would have been decided about it."""
    estimate: float
    """Its gain in the primary metric."""
    lower: float
    """Lower one-sided bound of the gain."""
    upper: float
    """Upper one-sided bound of the gain."""
    alpha: float
    """The level that Holm's procedure leaves it."""
    p_value: float
    """One-sided p-value of the hypothesis that the gain is too small."""
    sentence: str
    """The first reason."""


class Needed(TypedDict, total=False):
    """What settles every open question; empty where nothing is open, or nothing would."""

    rows: int
    """Rows in all."""
    days: int
    """Days that it takes to see so many rows."""


class Outcomes(TypedDict):
    """The age of the outcomes."""

    horizon_days: int | None
    """How old a row must be for its outcome to be known; null where nobody said."""
    known_until: str | None
    """Last day to which outcomes are known, an ISO date."""
    sentence: str
    """The same for a person."""


class Inference(TypedDict):
    """The risk of error that was taken."""

    alpha: float
    """One-sided risk as configured."""
    alpha_used: float
    """What was left of it for this candidate and this use of the holdout."""
    power: float
    """Chance with which a true gain should be found."""
    reuse: Literal["spend", "once", "free"]
    """What another use of the same holdout costs."""
    look: int
    """Number of this use of the holdout."""
    candidates: int
    """How many candidates share the risk."""


class McNemar(TypedDict):
    """McNemar's mid-p test, for accuracy."""

    gained: int
    """Rows that only the candidate has right."""
    lost: int
    """Rows that only the incumbent has right."""
    p_value: float
    """Two-sided mid-p."""


class Oracle(TypedDict):
    """The best possible predictions, where they are known."""

    value: float
    """Value of the primary metric."""
    share_of_gap_closed: float | None
    """Gain by the gain that was possible; null where none was."""
    exceeded: bool
    """The candidate is better than possible: a leak."""


class MadeOf(TypedDict, total=False):
    """SHA-256 of what a decision was made of; of a table outside a project, of the table alone."""

    code_sha256: str
    """The team's package: all of its Python files."""
    settings_sha256: str
    """conf/compare.yaml."""
    features_sha256: str
    """data/open/features.parquet."""
    predictions_sha256: str
    """data/open/predictions.parquet, or the table."""


class Judged(TypedDict, total=False):
    """A verdict and all its checks."""

    decision: Required[Outcome]
    """May the candidate replace what is in force?"""
    primary: Required[Primary]
    """The metric that decides."""
    guardrails: list[Check]
    """Metrics that may not be worse by more than a margin, and levels to reach."""
    slices: list[Check]
    """Parts of the rows that may not be harmed."""
    fairness: list[Check]
    """Gaps between groups of people that may not grow (since 0.2.0)."""
    flips: list[Check]
    """Share of those who would be served wrong after being served right (since 0.2.0)."""
    ops: dict[str, Check]
    """Budgets of time, memory and cost, by name."""
    safety: list[Check]
    """Findings about the holdout and the systems; those that pass are not listed (since 0.2.0)."""


class Decision(Judged, total=False):
    """The whole file."""

    schema: Required[Literal[1]]
    """Version of this layout; keys may be added without another number."""
    case: Required[Literal["A", "B", "C"]]
    """Against a simple baseline, the rules, or the model in force."""
    reasons: Required[list[str]]
    """Sentences, what weighs most first."""
    next: str
    """What to do next (since 0.2.0)."""
    needed: Needed
    """What would settle what is open (since 0.2.0)."""
    outcomes: Outcomes
    """Whether the outcomes are old enough to be known (since 0.3.1)."""
    data: Data
    """What was read and counts, of a project's own tables (since 0.5.0)."""
    features: Features
    """What the features know (since 0.4.0)."""
    search: Chosen
    """How the model's setting was chosen, where it was searched (since 0.5.0)."""
    importance: Importance
    """What the model looks at, of a project's own model (since 0.5.0)."""
    holdout_sha256: Required[str]
    """Digest of the rows and outcomes that were judged on."""
    made_of: MadeOf
    """Digests of code and inputs (since 0.7.0)."""
    inference: Inference
    """The risk that was taken (since 0.2.0)."""
    candidate: Required[System]
    """What wants to replace the incumbent; the best of several."""
    incumbent: Required[System]
    """What is in force."""
    candidates: list[Rival]
    """All candidates, where there are several."""
    mcnemar: McNemar
    """Where the primary metric is accuracy."""
    oracle: Oracle
    """Where conf/compare.yaml names an oracle."""
