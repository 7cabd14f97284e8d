"""Which of the findings that overlap in a text is kept."""

from collections.abc import Iterator

from mlops_kit.privacy.detect.kinds.entities import ENTITIES, Span
from mlops_kit.privacy.detect.kinds.rules import LIKELY


def without_overlaps(spans: list[Span]) -> list[Span]:
    """Keep the likeliest of those that overlap; the longest of equally likely ones."""
    return sorted(span for group in _overlapping(spans) for span in _likeliest(group))


def _overlapping(spans: list[Span]) -> Iterator[list[Span]]:
    """Part spans into groups that share no character: a long text may hold thousands."""
    group: list[Span] = []
    end = 0
    for span in sorted(spans, key=lambda span: span.start):
        if group and span.start >= end:
            yield group
            group = []
        group.append(span)
        end = max(end, span.end)
    if group:
        yield group


def _likeliest(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    spans = [_before_the_next(span, spans) for span in spans]
    spans = [_as_likely_as_its_parts(span, spans) for span in spans]
    for span in sorted(spans, key=lambda s: (-s.likelihood, s.start - s.end, s.start)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return kept


def _before_the_next(span: Span, spans: list[Span]) -> Span:
    """An address ends where a number or an e-mail of the same person begins."""
    if span.entity != "address":
        return span
    nexts = [
        other.start
        for other in spans
        if span.start < other.start < span.end
        and other.likelihood >= LIKELY
        and other.entity not in {"address", "name"}
        and ENTITIES[other.entity].kind == "identifier"
    ]
    return span._replace(end=min(nexts, default=span.end))


def _as_likely_as_its_parts(span: Span, spans: list[Span]) -> Span:
    """A whole address must not give way to the part of it that another rule is surer of."""
    same = (other for other in spans if other.entity == span.entity)
    parts = (o.likelihood for o in same if span.start <= o.start and o.end <= span.end)
    return span._replace(likelihood=max(parts))
