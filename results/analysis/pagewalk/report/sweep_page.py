"""The page of a sweep: axes against metrics, differences to the baseline, and every point in a table."""

from . import page

OUTCOMES = "finished, failed, timed_out, stopped or not_run"


def explorer(sweep):
    """What the page's chart lets its reader choose from: axes, metrics and every finished point."""
    points, labels = sweep.points, sweep.labels
    finished = points[points.outcome == "finished"]
    rows = {name: row for row, name in enumerate(finished.index)}
    units = points.attrs["units"]
    metrics = [metric for metric in sweep.metrics if finished[metric].notna().any()]
    return {
        "kind": "sweep", "title": "Axes and metrics",
        "axes": [{"name": axis, "unit": "" if units[axis] == "text" else units[axis], "numeric": points[axis].dtype.kind == "u"}
                 for axis in sweep.axes],
        "metrics": [{"name": metric, "unit": units[metric]} for metric in metrics],
        "points": [
            {"name": name, "axes": [page.plain(row[axis]) for axis in sweep.axes],
             "labels": [str(labels.loc[name, axis]) for axis in sweep.axes],
             "values": [page.plain(float(row[metric])) for metric in metrics], "baseline": rows.get(row.baseline)}
            for name, row in finished.iterrows()
        ],
    }


def render(sweep, name):
    points = sweep.points
    units = points.attrs["units"]
    order = ["outcome", *sweep.axes, *(m for m in sweep.metrics if points[m].notna().any()), "seed", "seconds", "peak_memory"]
    frame = points[order].reset_index().rename(columns={"name": "point"})
    shown = {column: unit for column, unit in units.items() if unit not in ("text", "1")}
    counts = points.outcome.value_counts()
    subtitle = f"{counts.get('finished', 0)} of {len(points)} points finished"
    parts = [explorer(sweep)] if counts.get("finished", 0) else []
    return page.render(f"Sweep {name}", subtitle, [
        ("Metrics", parts),
        ("Points", [page.table("All points", frame, shown, text=f"Outcomes: {OUTCOMES}.", name="points")]),
    ])
