"""Series of outcomes: repeating their last season, and by how much that errs in training."""

from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import CompareConfig
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted

if TYPE_CHECKING:
    import numpy
    import pandas

# Names in a message.
SHOWN = 3


def seasonal_naive(
    name: str, season: str, known: "pandas.DataFrame", rows: "pandas.DataFrame"
) -> "numpy.ndarray":
    """Repeat for each row the outcome of one season before, shape (n,).

    Of a forecast further ahead than a season, so many seasons that the outcome was known at the
    time of the row (Hyndman and Athanasopoulos 2021, section 5.2); where it is missing, one more.

    Parameters
    ----------
    name : str
        Of the system, for messages.
    season : str
        Such as "7 days".
    known : pandas.DataFrame
        id, known_at and y_true; of these a row uses what was known at its time.
    rows : pandas.DataFrame, shape (n, ...)
        With id, time and known_at of the outcome that is forecast.

    Raises
    ------
    MlopsError
        When a row has no such outcome, or a series two at one time.
    """
    import numpy as np
    import pandas as pd

    series, offset = _series(name, known), _offset(season)
    values, ids = np.full(len(rows), np.nan), rows["id"]
    time, wanted = pd.to_datetime(rows["time"]), pd.to_datetime(rows["known_at"])
    moments = pd.Series(series.index.get_level_values(1), series.index.get_level_values(0))
    first = ids.map(moments.groupby(level=0).min())
    place, seasons = np.arange(len(rows)), 1
    while place.size:
        before = wanted.iloc[place] - offset * seasons
        found = _at(series, ids.iloc[place], before)
        known_then = before.to_numpy() <= time.iloc[place].to_numpy()
        values[place] = np.where(known_then, found, np.nan)
        reaches = before.to_numpy() > first.iloc[place].to_numpy()
        place, seasons = place[np.isnan(values[place]) & reaches], seasons + 1
    if (place := np.flatnonzero(np.isnan(values))).size:
        raise MlopsError(
            f"{name}: {place.size:,} of {counted(len(rows), 'row')} {_of(ids.iloc[place])} have no "
            f"outcome {season} before, or whole seasons of it, that was known at their time: take "
            "a shorter season, or let rows() of features.py begin later with these series."
        )
    return values


def last_known(name: str, known: "pandas.DataFrame", rows: "pandas.DataFrame") -> "numpy.ndarray":
    """Repeat the latest outcome that was known at each row's time, shape (n,); NaN where none is.

    Parameters as in seasonal_naive().
    """
    import numpy as np
    import pandas as pd

    past = _series(name, known).rename("y_true").rename_axis(["id", "time"]).reset_index()
    wanted = rows[["id"]].assign(
        time=pd.to_datetime(rows["time"]).astype("datetime64[us]"), place=np.arange(len(rows))
    )
    found = pd.merge_asof(wanted.sort_values("time"), past.sort_values("time"), on="time", by="id")
    return found.sort_values("place")["y_true"].to_numpy(np.float64)


def scale_of(
    config: CompareConfig, train: "pandas.DataFrame", rows: "pandas.DataFrame"
) -> "numpy.ndarray | None":
    """Find the scale of each row where a metric asks for it; see seasonal_errors()."""
    if not config.is_scaled:
        return None
    if config.data.season is None:
        raise MlopsError(
            "conf/compare.yaml: mase divides by the errors of repeating the last season: say which "
            'one under data, such as season: "7 days".'
        )
    return seasonal_errors(config.data.season, train, rows)


def seasonal_errors(
    season: str, train: "pandas.DataFrame", rows: "pandas.DataFrame"
) -> "numpy.ndarray":
    """Mean absolute error of the seasonal naive forecast on the training rows of each row's series.

    What mase divides by, shape (n,): Hyndman and Koehler (2006), for a season of m steps the mean
    of |y_t - y_(t-m)| over the training outcomes t of the series.

    Parameters
    ----------
    train : pandas.DataFrame
        With id, known_at and y_true.
    rows : pandas.DataFrame, shape (n, ...)
        With id.

    Raises
    ------
    MlopsError
        When a series has no outcome with one a season before, or all are equal.
    """
    import numpy as np
    import pandas as pd

    series = _series("mase", train)
    ids, moments = (pd.Series(series.index.get_level_values(level)) for level in (0, 1))
    gaps = pd.Series(np.abs(series.to_numpy() - _at(series, ids, moments - _offset(season))))
    scale = rows["id"].map(gaps.groupby(ids.to_numpy()).mean()).to_numpy(np.float64)
    for wrong, what in (
        (np.isnan(scale), f"no training outcome with one {season} before"),
        (scale == 0, f"the same training outcomes as {season} before, so that there is no scale"),
    ):
        if wrong.any():
            raise MlopsError(
                f"mase: {int(wrong.sum()):,} of {counted(len(rows), 'row')} "
                f"{_of(rows['id'][wrong])} have {what}: leave these series out of rows() of "
                "features.py, take another data.season in conf/compare.yaml, or judge by mae or "
                "wape."
            )
    return scale


def _series(name: str, outcomes: "pandas.DataFrame") -> "pandas.Series":
    """Outcomes by id and known_at, each once."""
    import pandas as pd

    if "known_at" not in outcomes:
        raise MlopsError(
            f"{name}: without a known_at nobody knows when an outcome was known: let target() of "
            "features.py give it."
        )
    moments = pd.to_datetime(outcomes["known_at"]).astype("datetime64[us]")
    found = outcomes["y_true"].groupby([outcomes["id"], moments]).agg(["min", "max"])
    if several := int((found["min"] != found["max"]).sum()):
        raise MlopsError(
            f"{name}: at {counted(several, 'time')} a series has two outcomes that become known "
            "together, so that they are no series of values: let target() give the value of one "
            "step, not a sum over the horizon."
        )
    return found["max"].astype("float64")


def _offset(season: str) -> Any:
    import pandas as pd

    length, unit = season.split()
    offset: Any = pd.DateOffset
    return offset(**{unit: int(length)})


def _at(series: "pandas.Series", ids: "pandas.Series", moments: "pandas.Series") -> Any:
    """Look up values by id and moment, shape (n,); NaN where there are none."""
    import numpy as np
    import pandas as pd

    keys = pd.MultiIndex.from_arrays([ids, moments.astype("datetime64[us]")])
    return series.reindex(keys).to_numpy(np.float64)


def _of(ids: "pandas.Series") -> str:
    """Name some series of the rows."""
    names = [str(each) for each in ids.unique()]
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f"(series {', '.join(names[:SHOWN])}{more})"
