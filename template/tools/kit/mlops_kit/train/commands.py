"""Commands of the train room: `mlops data features` and `mlops train`."""

from mlops_kit.core.files import progress
from mlops_kit.room import Room


def features() -> None:
    """Stage: run features.py and split the rows."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.train.features import build_features

    progress("features", build_features(load_settings()))


def train() -> None:
    """Stage: fit the model and predict the holdout."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.train.stage import train_and_predict

    progress("train", train_and_predict(load_settings()))


ROOM = Room(commands={"data features": features, "train": train})
