"""Which of the findings that overlap in a text is kept."""

from bisect import bisect_right
from collections.abc import Iterator

from mlops_kit.privacy.detect.findings import LIKELY, Span
from mlops_kit.privacy.detect.kinds.registry import KINDS


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


def _likeliest(spans: list[Span]) -> Iterator[Span]:
    """Keep the likeliest of a group, which may be as long as the text."""
    ends = [span.start for span in spans if _ends_an_address(span)]
    spans = [_before_the_next(span, ends) for span in spans]
    spans = _as_likely_as_their_parts(spans)
    first = spans[0].start
    taken = bytearray(max(span.end for span in spans) - first)
    for span in sorted(spans, key=lambda s: (-s.likelihood, s.start - s.end, s.start)):
        start, end = span.start - first, span.end - first
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            yield span


def _ends_an_address(span: Span) -> bool:
    """An address ends where a number or an e-mail of the same person begins."""
    return (
        span.likelihood >= LIKELY
        and span.entity not in {"address", "name"}
        and KINDS[span.entity].role == "identifier"
    )


def _before_the_next(span: Span, ends: list[int]) -> Span:
    if span.entity != "address":
        return span
    place = bisect_right(ends, span.start)
    return span._replace(end=min([span.end, *ends[place : place + 1]]))


def _as_likely_as_their_parts(spans: list[Span]) -> list[Span]:
    """A whole address must not give way to the part of it that another rule is surer of.

    Takes spans in the order of their starts. Those of one entity that are still open contain each
    other or overlap by a bounded length, so that few are open at a time.
    """
    raised = [span.likelihood for span in spans]
    open_ones: dict[str, list[int]] = {}
    for place, span in enumerate(spans):
        same = [at for at in open_ones.get(span.entity, ()) if spans[at].end > span.start]
        for at in same:
            if span.end <= spans[at].end:
                raised[at] = max(raised[at], span.likelihood)
            if spans[at].start == span.start and spans[at].end <= span.end:
                raised[place] = max(raised[place], spans[at].likelihood)
        open_ones[span.entity] = [*same, place]
    return [span._replace(likelihood=one) for span, one in zip(spans, raised, strict=True)]
