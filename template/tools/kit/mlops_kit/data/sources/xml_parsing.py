"""Documents of XML, parsed block by block: nothing is expanded, and no other document is read."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Table
from mlops_kit.data.opened import UTF_16, open_packed, open_utf8

BLOCK = 2**20  # bytes that are parsed at once
PROLOG = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
PARTED = "}"  # stands between the address of a namespace and a name


def encoding_of(file: Path, table: Table) -> str:
    """How letters are written: as its table declares, or as the document itself says."""
    if "encoding" in table.model_fields_set:
        return table.encoding
    with open_packed(file, "rb", table.compression) as stream:
        start = stream.read(256)
    if start[:2] in UTF_16:
        return "utf-16"
    declared = PROLOG.search(start)
    name = declared[1].decode() if declared else "utf-8"
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise MlopsError(
            f"{file.as_posix()} says that it is written in {name}, which Python does not know: "
            "name its encoding, such as `encoding: cp1252`, at its table in conf/sources.yaml."
        ) from error


def opened(file: Path, table: Table) -> Any:
    """Open a document as a stream of UTF-8."""
    return open_utf8(file, encoding_of(file, table), table.compression)


def parser_of(file: Path) -> Any:
    """A parser that expands nothing: what declares or needs entities is refused."""
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=PARTED)
    parser.buffer_text, parser.buffer_size = True, 2**16

    def refuse(name: str, *_: Any) -> None:
        raise MlopsError(
            f"{file.as_posix()}, line {parser.CurrentLineNumber:,}, declares or uses the entity "
            f'"{name}": entities may reach other files or grow without end, and are not read. '
            "Write the document without them."
        )

    def of_doctype(name: str, address: str | None, *_: Any) -> None:
        if address is not None:
            raise MlopsError(
                f"{file.as_posix()}, line {parser.CurrentLineNumber:,}, says that another document "
                f'("{address}") belongs to it, and no other is read: take the DOCTYPE out, or '
                "write in place of it what it declares."
            )

    parser.StartDoctypeDeclHandler = of_doctype
    parser.EntityDeclHandler = refuse
    parser.SkippedEntityHandler = refuse
    return parser


def blocks(file: Path, stream: Any, parser: Any) -> Iterator[None]:
    """Parse a stream block by block; whoever asks may take what was found after each."""
    try:
        while block := stream.read(BLOCK):
            parser.Parse(block)
            yield
        parser.Parse(b"", True)
        yield
    except expat.ExpatError as error:
        said = expat.ErrorString(error.code)
        raise MlopsError(
            f"{file.as_posix()}, line {error.lineno:,}, cannot be read as XML ({said}): mend it "
            "there, or replace the file by a whole one."
        ) from error
