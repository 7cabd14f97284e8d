"""What the change means for people: of a thousand users served, how many gain and how many lose."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_kit.compare.checks.flips import decided, served_right
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.metrics.registry import hits

Shares = NDArray[np.float64]
PAIR = ("candidate", "incumbent")
K = 10


@dataclass(frozen=True)
class Consequences:
    """Users per thousand by what happens to them, and in words what being served right means.

    `gained` are served right by the candidate only, `lost` by the incumbent only (the negative
    flips), `both` and `neither` see no difference. For a regression without a tolerance `gained`
    get the closer prediction, `lost` the less close one, and `both` the same; `errors` are the
    mean absolute errors of candidate and incumbent.
    """

    both: float
    gained: float
    lost: float
    neither: float
    right: str
    errors: tuple[float, float] | None = None

    @property
    def net(self) -> float:
        """How many more of a thousand the candidate serves right."""
        return self.gained - self.lost

    @property
    def of(self) -> int:
        """Of how many users it is told, so that those who gain or lose are whole numbers."""
        return whole(self.gained, self.lost)

    def told(self, per_thousand: float) -> int:
        """Say how many of `of` users so many of a thousand are."""
        return round(per_thousand * self.of / 1000)


def whole(*per_thousand: float) -> int:
    """Return of how many to tell shares per thousand, so that two digits are whole numbers.

    >>> whole(311.2, 125.0), whole(4.5, 0.0), whole(0.3)
    (1000, 10000, 100000)
    """
    least = min((each for each in per_thousand if each >= 0.005), default=1000.0)
    return next((of for of in (1000, 10_000) if least * of / 1000 >= 9.5), 100_000)


def consequences(holdout: Holdout, config: CompareConfig | None = None) -> Consequences:
    """Count who is served right by which system, per thousand rows.

    Classes are judged at `data.threshold` when it is set, when flips have a budget, or when the
    primary metric judges classes; otherwise each system picks its best-scored rows, as many as
    are true, because scores on different scales have no threshold in common. Where scores tie at
    the limit, the expected number of a random pick among them counts.
    """
    truth, flips = holdout.truth, config.flips if config else None
    pair = [holdout.predictions[role] for role in PAIR]
    errors = None
    if holdout.metric.column == "prediction":
        wrong = [np.abs(values - truth) for values in pair]
        errors = (float(wrong[0].mean()), float(wrong[1].mean()))
        if flips is None:
            gained, lost = (
                1000 * float(d.mean()) for d in (wrong[0] < wrong[1], wrong[0] > wrong[1])
            )
            return Consequences(max(0.0, 1000 - gained - lost), gained, lost, 0.0, "", errors)
    threshold = config.data.threshold if config else None
    limit = "" if threshold is None else f" at the threshold {threshold:g}"
    if config and flips:
        right = [served_right(holdout, config, role) for role in PAIR]
        what = {
            "items": f"a wanted item is among the first {flips.k}",
            "prediction": f"the error is at most {flips.tolerance or 0:g}",
            "score": f"the class is right{limit}",
        }[holdout.metric.column]
        return _counted(right, what, errors)
    if holdout.metric.column == "items":
        k = depth_of(config)
        right = [np.asarray(hits(truth, items, k)[0].any(axis=1)) for items in pair]
        return _counted(right, f"a wanted item is among the first {k}")
    scores = all(values.ndim == 1 and values.dtype.kind == "f" for values in pair)
    if holdout.metric.labels or threshold is not None or not scores:
        right = [decided(values, threshold) == truth for values in pair]
        return _counted(right, f"the class is right{limit}")
    chosen = [picked(score, int(truth.sum())) for score in pair]
    right = [np.where(truth == 1, share, 1 - share) for share in chosen]
    share = float(truth.mean())
    of = whole(1000 * share)
    return _counted(
        right,
        f"rightly picked or rightly left out, when each system picks its best "
        f"{of * share:,.0f} of {of:,}: as many as are true",
    )


def of_the_winner(holdout: Holdout, decision: Decision, config: CompareConfig | None) -> Holdout:
    """Put the candidate that the decision is about in the role of the candidate."""
    roles = config.systems if config else {}
    name = decision["candidate"]["name"]
    role = next((role for role, known in roles.items() if known == name), "candidate")
    return holdout.with_candidate(role)


def picked(score: Shares, count: int) -> Shares:
    """Chance of each row to be among the `count` best scores, shape (n,), ties drawn by lot."""
    limit = np.partition(score, score.size - count)[score.size - count] if count else np.inf
    above, tied = score > limit, score == limit
    return above + tied * ((count - above.sum()) / max(int(tied.sum()), 1))


def depth_of(config: CompareConfig | None) -> int:
    """How many items of a list the primary metric looks at."""
    found = re.search(r"_at_(\d+)$", config.primary.metric) if config else None
    return int(found[1]) if found else K


def _counted(
    right: list[NDArray[Any]], what: str, errors: tuple[float, float] | None = None
) -> Consequences:
    candidate, incumbent = (np.asarray(each, np.float64) for each in right)
    both = 1000 * float((candidate * incumbent).mean())
    gained = 1000 * float((candidate * (1 - incumbent)).mean())
    lost = 1000 * float(((1 - candidate) * incumbent).mean())
    return Consequences(both, gained, lost, max(0.0, 1000 - both - gained - lost), what, errors)
