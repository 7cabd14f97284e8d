"""A compiled plan of a fitted model: the same answers without pandas and ColumnTransformer.

What is learned stays where it was learned: the plan asks each fitted encoder once for all that it
can answer, and keeps the answers. Whatever it does not know makes the model take the plain path.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.operate.serve.fast.trees import NotCompiledError, last_step, walked

if TYPE_CHECKING:
    import numpy

Row = Sequence[Any]
# A text that no training row has, to see what an encoder makes of what it does not know.
STRANGE = "\x00 a text that nobody wrote"
TOGETHER = 256  # texts that an encoder is asked about at once: each call looks through all levels
BY_LEVEL = ("OrdinalEncoder", "OneHotEncoder", "TargetEncoder")


class UnplannedError(Exception):
    """A row holds what the plan has no answer for; the model itself is asked."""


class _Text(NamedTuple):
    """What a fitted encoder makes of one column: (n_out,) numbers for each text."""

    source: int
    levels: dict[str | None, list[float]]
    unknown: list[float] | None


class _Numbers(NamedTuple):
    """Columns that pass, and what is then done with them: from (n, n_columns) the same shape."""

    sources: list[int]
    steps: "list[Callable[[numpy.ndarray], numpy.ndarray]]"


def compiled(estimator: Any, config: dict[str, Any]) -> "Callable[[Sequence[Row]], numpy.ndarray]":
    """Compile a fitted estimator.

    Parameters
    ----------
    config : dict
        What was registered with it: `task`, `features` (name and dtype), `classes` if several.

    Returns
    -------
    callable
        From rows of values in the order of the features, None where one is missing, to answers in
        the shape of `Registered.predict`. It raises UnplannedError for values without an answer.

    Raises
    ------
    NotCompiledError
        When a part of it is none that a plan is known for.
    """
    try:
        return _compiled(estimator, config)
    except NotCompiledError:
        raise
    except Exception as error:  # another release of scikit-learn may keep what is fitted elsewhere
        raise NotCompiledError(f"{type(estimator).__name__}: {type(error).__name__}") from error


def _compiled(estimator: Any, config: dict[str, Any]) -> Any:
    estimator = getattr(estimator, "best_estimator_", estimator)
    kinds = [str(kind) for _, kind in config["features"]]
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    steps = [step for step in steps if step not in (None, "passthrough")]
    parts: list[_Text | _Numbers]
    if type(steps[0]).__name__ == "ColumnTransformer":
        parts = list(_parts(steps[0], config, kinds))
        steps = steps[1:]
    else:
        parts = [_numbers(list(range(len(kinds))), [], kinds)]
    # The seeded encoders of a pipeline's first step are the only ones that read texts.
    between = [_elementwise(step) for step in steps[:-1]]
    chances = config["task"] == "classification"
    positive = chances and config.get("classes") is None
    answer = last_step(steps[-1], chances, positive)
    finished = _ordered(steps[-1], config) if chances and not positive else None
    laid_out = _layout(parts)
    walk = walked(steps[-1], chances, positive)
    # Of a single row most of the time would go into making arrays.
    stepped = between or any(part.steps for part in parts if isinstance(part, _Numbers))
    alone = None if stepped else walk

    def answers(rows: Sequence[Row]) -> "numpy.ndarray":
        if alone is not None and len(rows) == 1:
            return alone([_flat(parts, rows[0])])
        matrix = laid_out(rows)
        for step in between:
            matrix = step(matrix)
        if walk is not None:
            return walk(matrix.tolist())
        found = answer(matrix)
        return found if finished is None else finished(found)

    return answers


def _ordered(last: Any, config: dict[str, Any]) -> "Callable[[Any], numpy.ndarray]":
    """Bring chances into the order of the classes, as `Registered.predict` gives them."""
    known = list(last.classes_)
    order = [known.index(each) for each in config["classes"]]

    def ordered(found: "numpy.ndarray") -> "numpy.ndarray":
        exact = found[:, order].astype("float64")
        return exact / exact.sum(axis=1, keepdims=True) if found.dtype == "float32" else exact

    return ordered


def _flat(parts: "list[_Text | _Numbers]", row: Row) -> list[float]:
    """Lay out one row, without arrays."""
    values: list[Any] = []
    for part in parts:
        if isinstance(part, _Text):
            values += _level(part, row[part.source])
        else:
            values += [row[source] for source in part.sources]
    return [math.nan if value is None else float(value) for value in values]


def _layout(
    parts: "list[_Text | _Numbers]",
) -> "Callable[[Sequence[Row]], numpy.ndarray]":
    """Return what lays out rows as the fitted ColumnTransformer does, shape (n, n_columns)."""
    import numpy as np

    places, width = [], 0
    for part in parts:
        more = len(part.sources) if isinstance(part, _Numbers) else _width(part)
        places.append(slice(width, width + more))
        width += more

    def matrix(rows: Sequence[Row]) -> "numpy.ndarray":
        columns = list(zip(*rows, strict=True))
        found = np.empty((len(rows), width))
        for part, own in zip(parts, places, strict=True):
            if isinstance(part, _Text):
                found[:, own] = [_level(part, value) for value in columns[part.source]]
            else:
                found[:, own] = np.array([columns[one] for one in part.sources], np.float64).T
                for step in part.steps:
                    found[:, own] = step(found[:, own])
        return found

    return matrix


def _width(part: _Text) -> int:
    return len(next(iter(part.levels.values()), part.unknown or []))


def _level(part: _Text, value: str | None) -> list[float]:
    found = part.levels.get(value, part.unknown)
    if found is None:
        raise UnplannedError
    return found


def _parts(fitted: Any, config: dict[str, Any], kinds: list[str]) -> "Iterator[_Text | _Numbers]":
    """Give a fitted ColumnTransformer's parts in the order of its output."""
    if fitted.transformer_weights:
        raise NotCompiledError("ColumnTransformer with weights")
    names = list(fitted.feature_names_in_)
    if names != [name for name, _ in config["features"]]:
        raise NotCompiledError("ColumnTransformer learned from features in another order")
    for name, transformer, _ in fitted.transformers_:
        sources = [int(place) for place in fitted._transformer_to_input_indices[name]]
        where = fitted.output_indices_[name]
        if not sources or where.start == where.stop:
            continue
        steps = [step for _, step in getattr(transformer, "steps", [("", transformer)])]
        if type(steps[0]).__name__ in BY_LEVEL:
            if len(steps) > 1:
                raise NotCompiledError(f"{type(steps[1]).__name__} after {type(steps[0]).__name__}")
            yield from _texts(steps[0], sources, names, kinds)
        else:
            yield _numbers(sources, [step for step in steps if step != "passthrough"], kinds)


def _numbers(sources: list[int], steps: list[Any], kinds: list[str]) -> _Numbers:
    for source in sources:
        # Of single precision a library may keep the precision, or not.
        if not kinds[source].startswith(("int", "uint", "float64")):
            raise NotCompiledError(f"a column of type {kinds[source]} that no encoder reads")
    done = [_elementwise(step) for step in steps if not _passes(step)]
    return _Numbers(sources, done)


def _passes(step: Any) -> bool:
    return type(step).__name__ == "FunctionTransformer" and step.func is None


def _elementwise(step: Any) -> "Callable[[numpy.ndarray], numpy.ndarray]":
    """Compile what is done with each number of a matrix by itself."""
    import numpy as np

    name = type(step).__name__
    if name in ("StandardScaler", "RobustScaler"):
        centred = step.with_mean if name == "StandardScaler" else step.with_centering
        scaled = step.with_std if name == "StandardScaler" else step.with_scaling
        middle = (step.mean_ if name == "StandardScaler" else step.center_) if centred else 0.0
        scale = step.scale_ if scaled else 1.0
        return lambda matrix: (matrix - middle) / scale
    if name == "MinMaxScaler" and not step.clip:
        return lambda matrix: matrix * step.scale_ + step.min_
    if name == "SimpleImputer" and not step.add_indicator:
        filled = np.asarray(step.statistics_, np.float64)
        if np.isnan(filled).any() or not _is_nan(step.missing_values):
            raise NotCompiledError("SimpleImputer of columns without a value")
        return lambda matrix: np.where(np.isnan(matrix), filled, matrix)
    if name == "FunctionTransformer" and _is_elementwise(step):
        return step.func
    raise NotCompiledError(f"{name} among its steps")


def _is_elementwise(step: Any) -> bool:
    """Whether numpy applies the function to each number by itself, as np.log1p."""
    import numpy as np

    known = isinstance(step.func, np.ufunc) and (step.func.nin, step.func.nout) == (1, 1)
    return known and step.func.signature is None and not step.kw_args


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _texts(encoder: Any, sources: list[int], names: list[str], kinds: list[str]) -> Iterator[_Text]:
    """Ask a fitted encoder for all that it can answer, column by column."""
    for place, source in enumerate(sources):
        if kinds[source] not in ("str", "object"):
            raise NotCompiledError(f"an encoder of a column of type {kinds[source]}")

        def asked(texts: list[Any], place: int = place) -> list[list[float] | None]:
            return _asked(encoder, sources, names, kinds, place, texts)

        known = [one for one in encoder.categories_[place] if isinstance(one, str)]
        levels: dict[str | None, list[float]] = {}
        for start in range(0, len(known), TOGETHER):
            texts = known[start : start + TOGETHER]
            answers = zip(texts, asked(texts), strict=True)
            levels |= {text: found for text, found in answers if found is not None}
        (missing,), (unknown,) = asked([None]), asked([STRANGE])
        if missing is not None:
            levels[None] = missing
        if missing is None and unknown is not None:
            raise NotCompiledError(f"{type(encoder).__name__} that refuses missing texts")
        yield _Text(source, levels, unknown)


def _asked(
    encoder: Any,
    sources: list[int],
    names: list[str],
    kinds: list[str],
    place: int,
    texts: list[Any],
) -> list[list[float] | None]:
    """Return the encoder's numbers for texts in one of its columns; None where it refuses."""
    import numpy as np
    import pandas as pd

    row = {
        names[source]: pd.Series([encoder.categories_[other][0]] * len(texts), dtype=kinds[source])
        for other, source in enumerate(sources)
    }
    row[names[sources[place]]] = pd.Series(texts, dtype=kinds[sources[place]])
    frame = pd.DataFrame(row)
    try:
        found = encoder.transform(frame)
    except ValueError:
        if len(texts) == 1:
            return [None]
        each = (_asked(encoder, sources, names, kinds, place, [text]) for text in texts)
        return [one for (one,) in each]
    dense = np.asarray(found.todense() if hasattr(found, "todense") else found, np.float64)
    widths = _widths(encoder, len(sources), dense.shape[1])
    start = sum(widths[:place])
    return dense[:, start : start + widths[place]].tolist()


def _widths(encoder: Any, columns: int, width: int) -> list[int]:
    """Say how many numbers each column becomes."""
    if width == columns:
        return [1] * columns
    if type(encoder).__name__ != "OneHotEncoder":
        raise NotCompiledError(f"{type(encoder).__name__} that gives several numbers for a text")
    return [int(each) for each in encoder._n_features_outs]
