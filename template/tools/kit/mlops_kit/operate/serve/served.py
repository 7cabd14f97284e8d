"""A registered model that answers rows: by its plan where that answers alike, or as it is."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_kit.core.sql import quoted
from mlops_kit.core.utc import connect
from mlops_kit.operate.predict.scorer import Scorer
from mlops_kit.operate.serve.fast.plan import Row, UnplannedError, compiled
from mlops_kit.operate.serve.fast.trees import NotCompiledError

if TYPE_CHECKING:
    import numpy
    import pandas
    import pyarrow

# Answers of plan and model may differ by so much, of amounts above 1 relatively.
ALIKE = 1e-12
MOST_PROBES = 400
# A whole number, and one of 64 bits, that no training row is likely to have.
FAR = 1e9


class Texts(NamedTuple):
    """Texts of a feature that training saw."""

    levels: frozenset[str]
    """All of them; of very many, the most frequent."""
    among: str | None
    """Of very many, a filter that knows them (see `train.checks.membership`)."""
    many: bool
    """Whether `levels` are not all."""


class Served:
    """A version of the registry as it answers requests.

    Attributes
    ----------
    scorer : Scorer
        The version, and what it learned from.
    names : list of str
        Its features, in the order of a row.
    texts : dict of int to Texts
        By place, what training saw of the features that are texts, or lists.
    schema, keys : pyarrow.Schema
        Types of the features, and of what names a row.
    path : str
        `fast` or `plain`.
    why_plain : str
        Why no plan is used; empty where one is.
    """

    def __init__(self, scorer: Scorer, fast: bool, known: Sequence[Row] = ()) -> None:
        """Compile a plan, and use it only if it answers every probe as the model does.

        Parameters
        ----------
        known : sequence of rows
            Real rows, which are probed beside those made of what training saw.
        """
        self.scorer = scorer
        self.names = [str(name) for name, _ in scorer.config["features"]]
        training = scorer.config["training"]
        self.schema = arrow_schema(self.names, training["types"])
        self.keys = arrow_schema(list(training["keys"]), training["keys"])
        self.texts = dict(_texts(self.schema, training))
        self.number, self.digest = scorer.number, scorer.digest
        self._plan = None
        self.why_plain = "fast is false in conf/serve.yaml" if not fast else self._compile(known)

    @property
    def path(self) -> str:
        """By which way it answers."""
        return "plain" if self._plan is None else "fast"

    def answers(self, rows: Sequence[Row]) -> "numpy.ndarray":
        """Answer rows of values in the order of `names`, None where one is missing.

        Returns
        -------
        numpy.ndarray
            As `Scorer.answers` gives it.
        """
        import numpy as np

        if self._plan is not None:
            try:
                found = self._plan(rows)
                if np.isfinite(found).all():
                    return found
            except UnplannedError:
                pass
        return self.plainly(rows)

    def plainly(self, rows: Sequence[Row]) -> "numpy.ndarray":
        """Answer as `mlops predict` does, by a data frame."""
        return self.scorer.answers(self.frame(rows))

    def frame(self, rows: Sequence[Row]) -> "pandas.DataFrame":
        """Lay rows out as `mlops predict` gives them to the model."""
        import pyarrow as pa

        columns = zip(*rows, strict=True)
        arrays = [pa.array(list(c), f.type) for c, f in zip(columns, self.schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.schema).to_pandas()

    def _compile(self, known: Sequence[Row]) -> str:
        """Make the plan, and try it; return why it is not used."""
        import numpy as np

        try:
            plan = compiled(self.scorer.model.estimator, self.scorer.config)
        except NotCompiledError as error:
            return f"{type(self.scorer.model.estimator).__name__}: {error}"
        except AttributeError:
            return "it keeps no estimator"
        rows = [*probes(self), *known[:MOST_PROBES]]
        tried = 0
        for batch in [rows, *([row] for row in rows[:: max(1, len(rows) // 40)])]:
            try:
                wanted = self.plainly(batch)
            except Exception:  # the model refuses one of the invented rows: each by itself then
                for row in batch if len(batch) > 1 else []:
                    try:
                        if not alike(plan([row]), self.plainly([row])):
                            return "it answered otherwise than the model"
                        tried += 1
                    except Exception:  # noqa: S112
                        continue
                continue
            try:
                if not alike(plan(batch), np.asarray(wanted)):
                    return "it answered otherwise than the model"
            except UnplannedError:
                continue
            tried += len(batch)
        if not tried:
            return "no row could be tried"
        self._plan = plan
        return ""


def alike(found: "numpy.ndarray", wanted: "numpy.ndarray") -> bool:
    """Tell whether answers are equal to 1e-12, of amounts above 1 relatively."""
    import numpy as np

    if found.shape != wanted.shape:
        return False
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    close = np.abs(found - wanted) <= ALIKE * np.maximum(1.0, np.abs(wanted))
    return bool((close | (np.isnan(found) & np.isnan(wanted))).all())


def arrow_schema(names: list[str], types: dict[str, str]) -> "pyarrow.Schema":
    """Return the types of features as DuckDB hands them over."""
    with connect() as connection:
        kinds = ", ".join(f"CAST(NULL AS {types[name]}) AS {quoted(name)}" for name in names)
        return connection.sql(f"SELECT {kinds}").to_arrow_table().schema


def _texts(schema: "pyarrow.Schema", training: dict[str, Any]) -> "Iterator[tuple[int, Texts]]":
    """Give the places of features that may hold any text, with those that training saw."""
    import pyarrow as pa

    for place, field in enumerate(schema):
        if pa.types.is_primitive(field.type):
            continue
        seen = training["seen"].get(field.name, {})
        levels = seen.get("levels")
        if levels is None:
            # Of many, those that a monitor counts one by one.
            levels = training.get("reference", {}).get(field.name, {}).get("levels", ())
        yield place, Texts(frozenset(levels), seen.get("among"), "different" in seen)


def probes(served: Served) -> Iterator[Row]:
    """Make rows of what training saw: ends, middles, levels, and what it never saw."""
    seen = served.scorer.config["training"]["seen"]
    choices = [
        _choices(str(field.type), seen.get(name, {}))
        for name, field in zip(served.names, served.schema, strict=True)
    ]
    usual = [values[0] for values in choices]
    for place, values in enumerate(choices):
        for value in values[:60]:
            yield [*usual[:place], value, *usual[place + 1 :]]
    # Different steps through the values of each column, so that they are combined.
    cycles = [itertools.cycle(values[::step] or values) for step, values in
              zip(itertools.cycle((1, 2, 3)), choices, strict=False)]  # fmt: skip
    for _ in range(100):
        yield [next(one) for one in cycles]


def _choices(kind: str, seen: dict[str, Any]) -> list[Any]:
    if "list" in kind:
        levels = seen.get("levels", [])
        return [levels[:3], [], levels[:1]]
    if "string" in kind:
        return [*seen.get("levels", []), "", "a text that nobody wrote", None]
    low, high = seen.get("minimum", 0), seen.get("maximum", 1)
    if "int" in kind:
        inner = [round(low + (high - low) * step / 8) for step in range(9)]
        return [*inner, low - 1, high + 1, 0, None]
    inner = [low + (high - low) * step / 16 for step in range(17)]
    return [*inner, 0.0, -0.0, low - FAR, high + FAR, 1e-9, None]
