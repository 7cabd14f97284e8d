"""PDF documents: their pages, what they say about people, and the text of their pages."""

import contextlib
import datetime
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar, Literal

from pydantic import Field

from mlops_kit.data.media.apart import Unusable
from mlops_kit.data.media.source import Media

DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?")
NAMING = ("Author", "Title", "Subject", "Keywords")


class Pdf(Media):
    """A folder of PDF documents, told by content.

    `text` holds the texts of all pages in their order, an empty line between two. A page that is a
    picture of text has none, and `pages_without_text` counts those.
    """

    kind: Literal["pdf"]  # type: ignore[assignment]
    most_pages: int = Field(2_000, ge=1)
    """A document of more is named and not read."""
    most_letters: int = Field(5_000_000, ge=1)
    """The same for more letters in all."""

    library: ClassVar[str] = "pypdfium2"
    group: ClassVar[str] = "pdf"
    kinds: ClassVar[tuple[str, ...]] = ("pdf",)
    called: ClassVar[str] = "pdf"
    facts = {
        "pages": "int64",
        "pages_without_text": "int64",
        "created_at": "timestamp",
        "author": "string",
        "title": "string",
        "program": "string",
        "text": "string",
    }

    def look(self, stream: BinaryIO, wanted: frozenset[str]) -> dict[str, Any]:
        """Read the facts of a document, every page of which is loaded to see that it is whole."""
        with _opened(stream) as document:
            tags = document.get_metadata_dict(skip_empty=True)
            named = [tag for tag in NAMING if tags.get(tag)]
            found: dict[str, Any] = {
                "pages": len(document),
                "personal": ", ".join(named) or None,
                "gps": False,
                "author": tags.get("Author"),
                "title": tags.get("Title"),
                "program": tags.get("Producer") or tags.get("Creator"),
                "created_at": _moment(tags.get("CreationDate", "")),
            }
            if len(document) > self.most_pages:
                raise Unusable(f"more than most_pages ({self.most_pages:,})")
            texts = list(self._texts(document))
        found["pages_without_text"] = sum(not text.strip() for text in texts)
        if "text" in wanted:
            found["text"] = "\n\n".join(texts)
        return found

    def _texts(self, document: Any) -> Iterator[str]:
        """Read the text of each page, as many letters as may be."""
        left = self.most_letters
        for page in document:
            read = page.get_textpage()
            left -= read.count_chars()
            if left < 0:
                raise Unusable(f"more than most_letters ({self.most_letters:,})")
            yield read.get_text_bounded().replace("\r\n", "\n").replace("\0", "")
            read.close()
            page.close()


@contextlib.contextmanager
def _opened(stream: BinaryIO) -> Iterator[Any]:
    """Open a document; what a library says of a damaged one is not told."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(stream.read())
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Unusable("locked by a password" if locked else "damaged") from None
    try:
        yield document
    except (Unusable, MemoryError):
        raise
    except Exception:
        raise Unusable("damaged") from None
    finally:
        document.close()


def _moment(text: str) -> datetime.datetime | None:
    """Read the date of a PDF as its clock showed it; None where it is none."""
    found = DATE.match(text)
    if not found:
        return None
    year, *rest = (int(one) if one else None for one in found.groups())
    month, day, hour, minute, second = (
        one if one is not None else usual for one, usual in zip(rest, (1, 1, 0, 0, 0), strict=True)
    )
    with contextlib.suppress(ValueError):
        return datetime.datetime(year or 0, month, day, hour, minute, second)  # noqa: DTZ001
    return None


SOURCE = Pdf
