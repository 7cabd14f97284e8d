"""Write into each translated page the digest of the English one, which its writer has just read.

Run as ``make translated`` when a translation says again what the English page says;
tests/kit/govern/test_translations.py names the pages whose English text has changed since.
"""

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "template/tools/kit/mlops_kit/govern/pages"
README = (ROOT / "seeds/readme/en.md", ROOT / "seeds/readme/es.md")
STAMP = re.compile(r"\A\{# of: ([0-9a-f]{12}) #\}\n")


def pairs() -> list[tuple[Path, Path]]:
    """Return each English page and its translation."""
    spanish = sorted((PAGES / "es").rglob("*.md"))
    return [*((PAGES / "en" / path.relative_to(PAGES / "es"), path) for path in spanish), README]


def digest(path: Path) -> str:
    """Return the first digits of a page's SHA-256, without regard to line ends."""
    text = path.read_text(encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def main() -> None:
    """Stamp every translated page."""
    for english, translated in pairs():
        text = STAMP.sub("", translated.read_text(encoding="utf-8"))
        stamped = f"{{# of: {digest(english)} #}}\n{text}"
        translated.write_text(stamped, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
