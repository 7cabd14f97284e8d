"""The train stage: wrong shapes are one sentence, and half a file is never left."""

import numpy as np
import pandas as pd
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_text, written_beside
from mlops_kit.train import predictions


def test_a_system_must_predict_every_row():
    holdout = pd.DataFrame({"id": [1, 2], "y_true": [0, 1]})
    with pytest.raises(MlopsError, match="candidate: 1 predictions for 2 holdout rows"):
        predictions.long_table("classification", holdout, {"candidate": np.array([0.5])}, [])


def test_a_writer_that_fails_leaves_the_file_as_it_was(tmp_path):
    file = tmp_path / "report.md"
    write_text(file, "whole")
    with pytest.raises(ZeroDivisionError), written_beside(file) as beside:
        beside.write_text("half")
        raise ZeroDivisionError
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]
