"""How many rows of each stratum: a size divided in proportion, equally or by spread."""

from collections.abc import Mapping

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.data.sampling.definition import Sample

LEAST = 1e-12  # of the strongest pull: what is weaker is none


def allocated(sample: Sample, strata: Mapping[str, tuple[int, float]]) -> dict[str, int]:
    """Divide `size` among strata, in whole rows that add up to it exactly.

    Proportional allocation takes the same share of each; equal the same number; optimal in
    proportion to rows times standard deviation (Neyman 1934), which makes the variance of the
    estimated mean least. No stratum gives more than it has, or less than `at_least`; what is left
    goes to the others in the same proportion, fractions to the largest remainders.

    Parameters
    ----------
    sample : Sample
        With `size`, `allocation` and `at_least`.
    strata : mapping of str to (int, float)
        Rows of each, and the standard deviation of `spread_of`.

    Raises
    ------
    MlopsError
        When the smallest numbers together are more than `size`.
    """
    size = sample.size or 0
    least = {name: min(rows, sample.at_least) for name, (rows, _) in strata.items()}
    if sum(least.values()) > size:
        raise MlopsError(
            f"samples: {len(strata):,} strata with at least {sample.at_least} rows each need "
            f"{counted(sum(least.values()), 'row')}, more than the size of {size:,}: ask for more, "
            "or for coarser strata."
        )
    widest = max(spread for _, spread in strata.values()) or 1.0  # or products leave the range
    pull = {
        "proportional": {name: float(rows) for name, (rows, _) in strata.items()},
        "equal": dict.fromkeys(strata, 1.0),
        "optimal": {name: rows * (spread / widest) for name, (rows, spread) in strata.items()},
    }[sample.allocation]
    largest = max(pull.values())
    pull = {name: one if one > LEAST * largest else 0.0 for name, one in pull.items()}
    most = {name: rows for name, (rows, _) in strata.items()}
    moved = [name for name in strata if pull[name] > 0]
    if sum(most[name] if name in moved else least[name] for name in strata) < size:
        # Those without spread, too, in proportion to their rows; the others give all they have.
        least |= {name: most[name] for name in moved}
        pull = {name: float(rows) for name, rows in most.items()}
    return _rounded(_scaled(pull, least, most, size), most, size)


def _scaled(
    pull: Mapping[str, float], least: Mapping[str, int], most: Mapping[str, int], size: int
) -> dict[str, float]:
    """Return pull times one factor, held between least and most, so that it adds up to size."""

    def held(factor: float) -> dict[str, float]:
        return {
            name: min(max(factor * one, float(least[name])), float(most[name]))
            for name, one in pull.items()
        }

    weakest = min((one for one in pull.values() if one), default=1.0)
    low, high = 0.0, max(most.values()) / weakest  # from there on each is at its most
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if sum(held(middle).values()) < size else (low, middle)
    return held(high)


def _rounded(wanted: Mapping[str, float], most: Mapping[str, int], size: int) -> dict[str, int]:
    """Round down, and give what is left to the largest remainders that have a row more."""
    whole = {name: int(part) for name, part in wanted.items()}
    by_rest = sorted(wanted, key=lambda name: (whole[name] - wanted[name], name))
    able = [name for name in by_rest if whole[name] < most[name]]
    for name in able[: size - sum(whole.values())]:
        whole[name] += 1
    return whole
