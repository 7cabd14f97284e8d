"""`mlops data describe` killed, beside another, in other zones and languages: the same files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rendering import render

# Four files: sources and the first code, with a decimal comma, times and a name.
TABLE = "id;at;price;city;bought\n" + "".join(
    f"{n};2024-0{n % 9 + 1}-1{n % 9} 0{n % 7}:30:00;{n % 13},5;Ñuñoa {n % 3};{n % 2}\n"
    for n in range(200)
)
ASKED = ("--target", "bought", "--time", "at", "--known", "all")
COMMAND = """
import os, sys
last, put_in_place, count = int(sys.argv[1]), os.replace, 0
def replace(*places, **options):
    global count
    count += 1
    if count == last:
        os._exit(9)
    put_in_place(*places, **options)
os.replace = replace
from mlops_kit import cli
sys.argv = ["mlops", "data", "describe", "raw/t.csv", *sys.argv[2:]]
cli.main()
"""


def described(last: int = 0, **environment: str) -> subprocess.Popen[str]:
    """Start the command; with `last`, it dies when it is about to put its n-th file in place."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(last), *ASKED],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> int:
    said = process.communicate()
    assert process.returncode in {0, 9}, said
    return process.returncode


def texts() -> dict[str, str]:
    """Return all that stands here besides the input."""
    return {
        path.as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(Path().rglob("*"))
        if path.is_file() and not {"raw", "tools", "__pycache__"} & set(path.parts)
    }


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a rendered project that holds one raw file."""
    render(tmp_path / "shop", {"package_name": "shop"})
    monkeypatch.chdir(tmp_path / "shop")
    # The kit that was rendered, which knows the seeds that may be replaced.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shop/tools/kit"))
    Path("raw").mkdir()
    Path("raw/t.csv").write_text(TABLE, encoding="utf-8")


def test_killed_at_any_file_it_leaves_whole_files_and_the_same_command_completes_them(
    project: None,
) -> None:
    before = texts()
    assert ended(described()) == 0
    wanted = texts()
    written = [name for name in wanted if wanted[name] != before.get(name)]
    assert len(written) >= 3
    for last in range(1, len(written) + 1):
        for name in written:
            Path(name).write_text(before[name]) if name in before else Path(name).unlink()
        assert ended(described(last)) == 9
        there = {name: text for name, text in texts().items() if not name.endswith(".tmp")}
        assert all(text in {before.get(name), wanted[name]} for name, text in there.items())
        assert sum(text == wanted[name] for name, text in there.items() if name in written) < len(
            written
        )
        for left in Path().rglob(".*.tmp"):
            os.utime(left, (0, 0))
        assert ended(described()) == 0
        assert texts() == wanted


def test_two_at_once_zones_and_languages_change_no_byte(project: None) -> None:
    assert ended(described()) == 0
    wanted = texts()
    zones = {"C": "Asia/Kathmandu", "POSIX": "America/St_Johns"}
    at_once = [described(LC_ALL=language, TZ=zone) for language, zone in zones.items()]
    assert [ended(each) for each in at_once] == [0, 0]
    assert texts() == wanted
