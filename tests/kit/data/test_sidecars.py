"""What people wrote about files beside them: taken as it is, or refused by file and line."""

from pathlib import Path

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.data.media.place import Folder
from mlops_kit.data.media.sidecars import Sidecars, Unclear


def beside(folder: Path, table: str | None, tags: list[str]) -> Sidecars:
    place = Folder(folder, "scans")
    return Sidecars(place, place.items(), table, tags, "scans of files")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,who\na.png,x,y\n", "line 2, .*not 2 values"),
        ("path,who\na.png,x\nb.png\n", "line 3, .*not 2 values"),
        ("who,path\nx\n", "line 2, .*not 2 values"),
        ("path,who,who\na.png,x,y\n", 'two columns "who"'),
        ("path,who\na.png,x\na.png,y\n", "two lines for a.png"),
        ('path,who\na.png,"x\n', "cannot be read"),
        ("path;who\na.png;x\n", 'no column "path"'),
    ],
)
def test_a_csv_of_tags_that_could_be_read_wrongly_is_refused(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "tags.csv").write_text(text, encoding="utf-8")
    with pytest.raises(MlopsError, match=sentence):
        beside(tmp_path, "tags.csv", ["who"])


@pytest.mark.parametrize("text", ["[" * 100_000, "[1]", '{"who": '], ids=["deep", "list", "cut"])
def test_a_json_that_is_no_object_is_a_state_of_its_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(Unclear, match=r"a\.json beside it is no JSON object"):
        beside(tmp_path, None, ["who"]).of("a.png")
