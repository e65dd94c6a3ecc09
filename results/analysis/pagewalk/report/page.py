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
<script>{asset("echarts.common.min.js")}</script>
<script>
{asset("report.js")}</script>
</body>
</html>
"""
