"""What files of others hold: read, or said to be unreadable."""

from pathlib import Path

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import from_json, read_yaml


def test_json_that_is_nested_too_deeply_is_none() -> None:
    assert from_json(b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(ValueError, match="nested too deeply"):
        from_json("[" * 100_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", 'line 3: "a" is there twice'),
        ("tables:\n  x: {path: a, path: b}\n", 'line 2: "path" is there twice'),
        ("a: [{b: 1}, {b: 1, c: 2, b: 1}]\n", 'line 1: "b" is there twice'),
        ("a: {1: x, 1: y}\n", 'line 1: "1" is there twice'),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_its_line(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(MlopsError, match=said):
        read_yaml(tmp_path / "x.yaml")


def test_what_another_mapping_brings_may_be_replaced(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    text = "d: {b: &b {<<: &a {k: 1, l: 1}, k: 2}}\nc: {<<: *b, l: 3}\ne: {1: x, '1': y}\n"
    file.write_text(text, encoding="utf-8")
    both = {"1": "y", 1: "x"}
    assert read_yaml(file) == {"d": {"b": {"k": 2, "l": 1}}, "c": {"k": 2, "l": 3}, "e": both}
