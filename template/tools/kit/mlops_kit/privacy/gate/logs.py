"""Log records, warnings and tracebacks without personal data; standard library only.

`mlops` commands install it before they do anything. Own code that runs outside of them, such as a
service, calls `install()` once, or adds `RedactingFilter()` to a handler of its own.
"""

import logging
import sys
import traceback
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any

from mlops_kit.privacy.gate.scan import without_personal_data

WITHHELD = "[a text that could not be checked for personal data was withheld]"


class RedactingFilter(logging.Filter):
    """Let every record pass, its message, arguments and traceback redacted."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record in place."""
        redact_record(record)
        return True


def redacted(text: str) -> str:
    """Return a text with everything personal in it replaced by its kind, such as [EMAIL].

    A text that makes the rules fail is withheld: a log is no place to take a chance.
    """
    try:
        return without_personal_data(text)
    except Exception:
        return WITHHELD


def redact_record(record: logging.LogRecord) -> None:
    """Redact a record in place: what it says, and the traceback that it carries."""
    try:
        said = record.getMessage()
    except Exception:
        said = WITHHELD
    record.msg, record.args = redacted(said), None
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = redacted("".join(traceback.format_exception(*record.exc_info)).rstrip())
        record.exc_info = None  # a formatter would write the traceback anew, with its values


def install() -> None:
    """Redact every record, warning and uncaught traceback of this process, whoever writes it.

    A filter on a logger does not see what its children pass up, and handlers are made later: so
    the records themselves are made redacted.
    """
    sys.excepthook = _tell
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return
    logging.setLogRecordFactory(_redacting(make))
    write_warning = warnings.formatwarning
    warnings.formatwarning = lambda message, category, filename, lineno, line=None: redacted(
        write_warning(message, category, filename, lineno, line)
    )


def _redacting(make: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def record(*arguments: Any, **options: Any) -> logging.LogRecord:
        made = make(*arguments, **options)
        redact_record(made)
        return made

    record.redacts = True  # type: ignore[attr-defined]
    return record


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))
