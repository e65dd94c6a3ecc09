"""A sweep: its table of points, and the runs behind them."""

import h5py
import numpy as np
import pandas as pd

from .repeats import mean_interval, paired_difference
from .run import NotPagewalkResults, Run, attribute

SWEEP_SCHEMA = "pagewalk_sweep"
SWEEP_SCHEMA_VERSION = 1
NO_BASELINE = np.iinfo(np.uint64).max


class Sweep:
    """Opens a sweep's index. Raises OSError and NotPagewalkResults as Run does."""

    def __init__(self, path):
        self.path = str(path)
        self.file = h5py.File(path, "r")
        schema, version = attribute(self.file, "schema"), attribute(self.file, "schema_version")
        if schema != SWEEP_SCHEMA or version != SWEEP_SCHEMA_VERSION:
            self.file.close()
            raise NotPagewalkResults(
                f"{path}: schema {schema!r} version {version}; understood is {SWEEP_SCHEMA!r} version {SWEEP_SCHEMA_VERSION}"
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()

    @property
    def name(self):
        return self.file["meta/name"][()].decode()

    @property
    def axes(self):
        """Names of the axes, in the sweep file's order."""
        return [path.partition("/")[2] for path, _ in self._columns() if path.startswith("axes/")]

    @property
    def metrics(self):
        """Keys of the runs' summaries that are numbers."""
        return [
            path.partition("/")[2] for path, item in self._columns() if path.startswith("summary/") and item.dtype.kind != "S"
        ]

    @property
    def points(self):
        """DataFrame, a row a point, indexed by name: outcome, repeat, seed, baseline (a name, or None), seconds,
        peak_memory, an axis a column, a summary key a column. attrs["units"] has the units."""
        columns, units = {}, {}
        for path, item in self._columns():
            name = path.rpartition("/")[2]
            if path.startswith("labels/"):
                continue
            values = item[:]
            columns[name] = np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
            units[name] = attribute(item, "unit")
        frame = pd.DataFrame(columns).set_index("name")
        names = frame.index.to_numpy()
        frame["baseline"] = [None if row == NO_BASELINE else names[row] for row in frame.baseline]
        frame.attrs["units"] = units
        return frame

    @property
    def labels(self):
        """DataFrame of the axes' values as names of points have them, indexed by name."""
        columns = {path.partition("/")[2]: item[:] for path, item in self._columns() if path.startswith("labels/")}
        names = np.char.decode(self.file["table/name"][:], "utf-8")
        return pd.DataFrame({axis: np.char.decode(values, "utf-8") for axis, values in columns.items()}, index=names)

    def run(self, point):
        """The Run of a finished point. Raises KeyError for others."""
        return Run(f"{self.path}:{point}", self.file["points"][point])

    def runs(self):
        """Every finished point's name with its Run."""
        for point in self.file["points"]:
            yield point, self.run(point)

    def means(self, metric):
        """mean, low, high (95 %) and n of a summary key, a row a combination of the axes, over its repeats."""
        frame = self._finished(metric)
        return frame.groupby(self.axes, sort=False)[metric].apply(mean_interval).unstack()

    def differences(self, metric):
        """As means, of the difference to the baseline, repeat by repeat; share: that difference by the baseline's mean."""
        frame = self._finished(metric)
        frame = frame[frame.baseline.isin(frame.index)]
        before = frame.baseline.map(frame[metric]).astype(float)

        def difference(group):
            row = paired_difference(before[group.index], group[metric])
            row["share"] = row["mean"] / before[group.index].mean()
            return row

        return frame.groupby(self.axes, sort=False).apply(difference)

    def _finished(self, metric):
        if metric not in self.metrics:
            raise KeyError(f"{metric} is no summary value of {self.path}; there are {', '.join(self.metrics)}")
        points = self.points
        return points[points.outcome == "finished"]

    def _columns(self):
        found = []
        self.file["table"].visititems(
            lambda path, item: found.append((path, item)) if isinstance(item, h5py.Dataset) else None
        )
        return sorted(found, key=lambda column: attribute(column[1], "column"))

    def __repr__(self):
        points = self.points
        return f"<pagewalk sweep {self.name}: {(points.outcome == 'finished').sum()} of {len(points)} points finished>"

    def _repr_html_(self):
        return f"<b>sweep {self.name}</b>" + self.points.to_html(max_rows=20)
