"""What the decision was made from; told beside it, and no check."""

from mlops_kit.compare.checks.maturity import days_of
from mlops_kit.compare.holdout.background import Data
from mlops_kit.compare.holdout.holdout import Holdout


def about_data(holdout: Holdout) -> Data:
    """Say what was read, set aside and found missing, and how much the candidate learned from."""
    known = holdout.background
    found: Data = {
        "tables": {
            name: {
                "files": len(each["files"]),
                "not_read": each["not_read"],
                "rows": each["rows"],
                "set_aside": each["set_aside"],
                "reasons": each["reasons"],
                "missing": {
                    column: sum(counts.values()) for column, counts in each["missing"].items()
                },
                "left_out": each.get("left_out", {}),
            }
            for name, each in known.tables.items()
        }
    }
    if known.trained_on:
        found["training_rows"], found["features"] = known.trained_on
    if known.augmented_rows is not None:
        found["augmented_rows"] = known.augmented_rows
    days = days_of(holdout)
    if days is not None:
        found["holdout_days"] = [str(days.min()), str(days.max())]
    if known.cutoffs:
        found["cutoffs"] = list(known.cutoffs)
    return found
