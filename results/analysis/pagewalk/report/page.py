"""The page as such: sections of charts and tables, put into one file with the code that draws them."""

import html
import json
import math
import pathlib

ASSETS = pathlib.Path(__file__).resolve().parent / "assets"
MOST_POINTS = 400


def plain(value):
    """A number or text as JSON has it: what is not finite becomes null."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def bars(title, frame, unit, *, text="", stacked=False, log=False):
    """Horizontal bars: a category a row of the frame, a series a column."""
    return {
        "kind": "bars", "title": title, "text": text, "unit": unit, "stacked": stacked, "log": log,
        "categories": [str(name) for name in frame.index],
        "series": [{"name": str(name), "values": [plain(v) for v in frame[name].astype(float)]} for name in frame.columns],
    }


def lines(title, frame, x, y, *, text="", stacked=False, log_x=False, log_y=False, step=False):
    """Lines over the frame's index, a series a column. Long ones are thinned to MOST_POINTS, the last point kept."""
    every = max(1, math.ceil(len(frame) / MOST_POINTS))
    thinned = frame.iloc[sorted({*range(0, len(frame), every), len(frame) - 1})] if len(frame) else frame
    return {
        "kind": "lines", "title": title, "text": text, "x": x, "y": y, "stacked": stacked, "logX": log_x, "logY": log_y,
        "step": step,
        "series": [
            {"name": str(name), "points": [[plain(a), plain(b)] for a, b in zip(thinned.index, thinned[name].astype(float))]}
            for name in thinned.columns
        ],
    }


def heat(title, frame, x, unit, *, text="", log=False, limits=None):
    """Shades over the frame's index, a row a column of it. Long ones are thinned to MOST_POINTS / 2 columns. `x` is "what, unit"."""
    every = max(1, math.ceil(len(frame) * 2 / MOST_POINTS))
    thinned = frame.iloc[::every]
    return {
        "kind": "heat", "title": title, "text": text, "x": x, "xUnit": x.rpartition(", ")[2], "unit": unit, "log": log, "range": limits,
        "xs": [plain(value) for value in thinned.index], "rows": [str(name) for name in thinned.columns],
        "values": [[plain(value) for value in thinned[name].astype(float)] for name in thinned.columns],
    }


def timeline(title, frame, *, text=""):
    """Slices by row: columns row, begin, end (us) and name."""
    rows, names = sorted(frame.row.unique(), key=lambda row: (len(row), row)), list(frame.name.value_counts().index)
    place, kind = {row: i for i, row in enumerate(rows)}, {name: i for i, name in enumerate(names)}
    return {
        "kind": "timeline", "title": title, "text": text, "rows": rows, "names": names,
        "slices": [[place[row.row], round(row.begin, 4), round(row.end, 4), kind[row.name]] for row in frame.itertuples(index=False)],
    }


def memory_map(title, blocks, *, text=""):
    """Physical memory: a frame of proc_text.page_blocks."""
    uses = list(blocks.columns[5:])
    return {
        "kind": "memory", "title": title, "text": text, "pageBytes": 4096, "blockPages": int(blocks[uses].sum(axis=1).max()),
        "runs": [{"pfn": row[0], "blocks": row[1], "node": row[2], "zone": row[3], "type": row[4], "frames": list(row[5:])}
                 for row in blocks.itertuples(index=False, name=None)],
    }


def table(title, frame, units=None, *, text="", name="table"):
    """A table that can be filtered and sorted."""
    units = units or {}
    return {
        "kind": "table", "title": title, "text": text, "name": name,
        "columns": [{"name": str(column), "unit": units.get(column, "")} for column in frame.columns],
        "rows": [[plain(value) for value in row] for row in frame.itertuples(index=False)],
    }


def render(title, subtitle, sections):
    """The page. `sections` is a list of (heading, [what bars, lines, table or a sweep give])."""
    data = {"sections": [{"heading": heading, "parts": [part for part in parts if part]} for heading, parts in sections]}
    data["sections"] = [section for section in data["sections"] if section["parts"]]
    script = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

    def asset(name):
        return (ASSETS / name).read_text(encoding="utf-8")

    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{html.escape(title)}</title>
<style>
{asset("report.css")}</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><div><h1>{html.escape(title)}</h1><p>{html.escape(subtitle)}</p></div>
<button id="theme" type="button">Dark</button></header>
<nav aria-label="Sections" id="sections"></nav>
<main id="content" tabindex="-1"></main>
<noscript>This page draws its data with JavaScript, which is switched off.</noscript>
<script type="application/json" id="data">{script}</script>
<script>{asset("echarts.min.js")}</script>
<script>
{asset("report_maps.js")}</script>
<script>
{asset("report.js")}</script>
</body>
</html>
"""
