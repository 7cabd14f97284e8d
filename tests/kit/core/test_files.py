"""What files of others hold: read, or said to be unreadable."""

import pytest
from mlops_kit.core.files import from_json


def test_json_that_is_nested_too_deeply_is_none() -> None:
    assert from_json(b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="nested too deeply"):
        from_json("[" * 100_000)
