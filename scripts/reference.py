"""Write the reference that code tells: the pages of docs/reference, one module of pages/ for each.

Run as ``make reference``; tests/test_reference.py says which page was forgotten.
"""

from pathlib import Path

from pages import commands, decision, exit_codes, kinds, metrics, questions, settings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGES = {
    "commands.md": commands.page,
    "decision.md": decision.page,
    "exit-codes.md": exit_codes.page,
    "kinds.md": kinds.page,
    "metrics.md": metrics.page,
    "questions.md": questions.page,
    "settings.md": settings.page,
}


def main() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
