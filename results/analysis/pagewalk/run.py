"""One run's results file (results/schema.md) in pandas."""

import html
import math

import h5py
import numpy as np
import pandas as pd

SCHEMA = "pagewalk"
SCHEMA_VERSION = 2
CHUNK = 8192  # rows of an event table that are stored together


class NotPagewalkResults(ValueError):
    """The file is no results file, or of a schema version that is not understood."""


def attribute(item, name, default=None):
    """An attribute of a group or dataset; texts, which h5py gives as bytes, as str."""
    value = item.attrs.get(name, default)
    return value.decode() if isinstance(value, bytes) else value


class Run:
    """Raises OSError for what is not HDF5, NotPagewalkResults for other HDF5 files. `file` may be an open group of a
    sweep's index instead."""

    def __init__(self, path, file=None):
        self.path = str(path)
        self.file = h5py.File(path, "r") if file is None else file
        schema = attribute(self.file, "schema")
        version = attribute(self.file, "schema_version")
        if schema != SCHEMA or version != SCHEMA_VERSION:
            self.close()
            raise NotPagewalkResults(
                f"{path}: schema {schema!r} version {version}; understood is {SCHEMA!r} version {SCHEMA_VERSION}"
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if isinstance(self.file, h5py.File):
            self.file.close()

    def __repr__(self):
        return f"<pagewalk run {self.path}: {self.meta['workload']}, {self.status}>"

    def _repr_html_(self):
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td>{html.escape(f'{value:.6g}' if isinstance(value, float) else str(value))}</td></tr>"
            for name, value in self.summary.items()
        )
        return (
            f"<b>{html.escape(self.path)}</b>: {html.escape(self.meta['workload'])}<br>"
            f"{html.escape(self.meta['machine'])}<table>{rows}</table>"
        )

    @property
    def status(self):
        """How the run ended: results/schema.md. running: killed, if no such process exists."""
        return _value(self.file["meta/status"])

    @property
    def meta(self):
        """dict of /meta, without the host's facts."""
        return {name: _value(item) for name, item in self.file["meta"].items() if isinstance(item, h5py.Dataset)}

    @property
    def host(self):
        """dict of /meta/host."""
        return {name: _value(item) for name, item in self.file["meta/host"].items()}

    @property
    def config(self):
        """dict "section.key" -> text, every option of the run."""
        options, section = {}, ""
        for line in self.meta["config"].splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line[1 : line.index("]")] + "."
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                options[section + key.strip()] = value.strip()
        return options

    @property
    def summary(self):
        """dict of the summary, with host_seconds, host_mips and status."""
        values = {name: _value(item) for name, item in self.file["summary"].items()}
        values["host_seconds"] = seconds = self.host["host_seconds"]
        values["host_mips"] = self._instructions(values) / seconds / 1e6 if seconds > 0 else 0.0
        values["status"] = self.status
        return values

    def _instructions(self, summary):
        """Program instructions from power-on: the wall clock ran in the warm-up too."""
        name = "user_instructions"
        cpus = [item for path, item in self.file.get("stats_total", {}).items() if path.startswith("cpu")]
        total = sum(int(cpu[name][()]) for cpu in cpus if name in cpu)
        return total or summary.get("instructions", 0)

    @property
    def stats(self):
        """DataFrame indexed by path: component, name, value, unit, description, formula."""
        return self._stats("stats")

    @property
    def stats_total(self):
        """As stats, warm-up included; empty where the run did not keep it."""
        return self._stats("stats_total")

    def _stats(self, group):
        rows = []

        def visit(path, item):
            if isinstance(item, h5py.Dataset):
                component, _, name = path.rpartition("/")
                rows.append(
                    {
                        "path": path,
                        "component": component,
                        "name": name,
                        "value": item[()],
                        "unit": attribute(item, "unit"),
                        "description": attribute(item, "description"),
                        "formula": attribute(item, "formula", ""),
                    }
                )

        if group in self.file:
            self.file[group].visititems(visit)
        columns = ["path", "component", "name", "value", "unit", "description", "formula"]
        # Counters stay exact integers beside the ratios.
        return pd.DataFrame(rows, columns=columns, dtype=object).set_index("path")

    @property
    def event_names(self):
        return sorted(self.file["events"])

    def event_count(self, name):
        """Rows of an event table."""
        return len(self.file["events"][name])

    def events(self, name, rows=slice(None)):
        """DataFrame of an event table; enumerations become categories. `rows` limits what is read."""
        table = self.file["events"][name]
        frame = pd.DataFrame(table[rows])
        for column in table.dtype.names:
            names = h5py.check_enum_dtype(table.dtype[column])
            if names:
                texts = {value: text for text, value in names.items()}
                frame[column] = pd.Categorical(
                    frame[column].map(texts), categories=[texts[value] for value in sorted(texts)]
                )
        frame.attrs["units"] = {column: attribute(table, f"{column}_unit") for column in table.dtype.names}
        frame.attrs["every"] = int(attribute(table, "every"))
        return frame

    def sampled(self, name, most=1 << 20):
        """events() of at most about `most` rows: chunks from all over the table, evenly. attrs["sampled"] is the share of
        the rows that are there."""
        count = self.event_count(name)
        if count <= most:
            frame = self.events(name)
            frame.attrs["sampled"] = 1.0
            return frame
        chunks = math.ceil(count / CHUNK)
        parts = [self.events(name, slice(c * CHUNK, (c + 1) * CHUNK)) for c in np.linspace(0, chunks - 1, most // CHUNK).astype(int)]
        frame = pd.concat(parts, ignore_index=True)
        frame.attrs = {**parts[0].attrs, "sampled": len(frame) / count}
        return frame

    @property
    def interval_names(self):
        return sorted(self.file["intervals"])

    def intervals(self, name=None):
        """DataFrame of a time series, columns in their declared order; the file's default one if no name is given."""
        if name is None:
            name = attribute(self.file["intervals"], "default")
        group = self.file["intervals"][name]
        order = sorted(group, key=lambda column: attribute(group[column], "column"))
        frame = pd.DataFrame({column: group[column][:] for column in order})
        frame.attrs["units"] = {column: attribute(group[column], "unit") for column in order}
        return frame

    @property
    def histogram_names(self):
        names = []
        self.file["histograms"].visititems(
            lambda path, item: names.append(path) if attribute(item, "NX_class") == "NXdata" else None
        )
        return sorted(names)

    def histogram(self, name):
        """DataFrame lower_edge, counts; attrs has unit, description, count, sum, max, mean, p50, p90, p99."""
        group = self.file["histograms"][name]
        frame = pd.DataFrame({"lower_edge": group["lower_edge"][:], "counts": group["counts"][:]})
        for key in ("unit", "description", "count", "sum", "max", "mean", "p50", "p90", "p99"):
            frame.attrs[key] = attribute(group, key)
        return frame

    @property
    def proc_names(self):
        """Names of the /proc texts that the run kept."""
        names = []
        self.file["proc"].visititems(lambda path, item: names.append(path) if isinstance(item, h5py.Dataset) else None)
        return sorted(names)

    def proc(self, name):
        """Text of the simulated /proc/<name>."""
        return _value(self.file["proc"][name])


def _value(dataset):
    value = dataset[()]
    return value.decode() if isinstance(value, bytes) else value.item()
