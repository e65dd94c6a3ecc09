"use strict";
// Draws what the page's data says: see page.py. Every chart is a figure that the keyboard reaches; arrow keys walk along it.

// Okabe and Ito's colours, which colour-blind readers tell apart; the yellow is darker on white, black lighter on black.
const COLOURS = {
    light: ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b5a800", "#444444"],
    dark: ["#56b4e9", "#e69f00", "#2fc79a", "#e39cc6", "#3c8fd0", "#ff8a3c", "#f0e442", "#c8c8c8"],
};
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "pin", "arrow"];
const DASHES = ["solid", "dashed", "dotted"];
// Student's t, two-sided 95 %, by degrees of freedom from 1: as pagewalk/repeats.py.
const T_95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
const charts = [];
let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
}

function style(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function number(value) {
    if (value === null || value === undefined) return "";
    if (typeof value !== "number") return String(value);
    if (Number.isInteger(value)) return value.toLocaleString("en");
    return Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3 ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

function baseOption() {
    return {
        color: COLOURS[theme], backgroundColor: "transparent", animation: false,
        textStyle: { color: style("--text") },
        aria: { enabled: true, decal: { show: true, decals: decals() } },
        legend: { type: "scroll", top: 0, textStyle: { color: style("--text") }, pageTextStyle: { color: style("--text") } },
        grid: { left: 12, right: 24, top: 40, bottom: 28, containLabel: true },
        tooltip: {
            trigger: "axis", confine: true, backgroundColor: style("--page"), borderColor: style("--line"),
            textStyle: { color: style("--text") }, axisPointer: { type: "line", lineStyle: { color: style("--muted") } },
            valueFormatter: number,
        },
    };
}

function decals() {
    const colour = theme === "dark" ? "rgba(0,0,0,0.35)" : "rgba(255,255,255,0.45)";
    return [
        { symbol: "none" }, { color: colour, dashArrayX: [1, 0], dashArrayY: [2, 5], rotation: Math.PI / 6 },
        { color: colour, symbol: "circle", dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [6, 0], symbolSize: 0.7 },
        { color: colour, dashArrayX: [1, 0], dashArrayY: [3, 4], rotation: -Math.PI / 4 },
        { color: colour, dashArrayX: [[6, 6], [0, 6, 6, 0]], dashArrayY: [6, 0] },
    ];
}

function axis(name, more = {}) {
    return {
        name, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: style("--muted") },
        axisLabel: { color: style("--muted") }, axisLine: { lineStyle: { color: style("--line") } },
        splitLine: { lineStyle: { color: style("--line"), opacity: 0.5 } }, ...more,
    };
}

const shortNumber = value => value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3) ? value.toExponential(0) : String(value);

function barOption(part) {
    const option = baseOption();
    option.tooltip.axisPointer = { type: "shadow" };
    option.xAxis = axis(part.unit, { type: part.log ? "log" : "value", min: part.log ? range => range.min / 2 : undefined, axisLabel: { color: style("--muted"), formatter: shortNumber } });
    option.yAxis = axis("", { type: "category", data: part.categories, inverse: true });
    option.series = part.series.map(series => ({
        name: series.name, type: "bar", stack: part.stacked ? "all" : undefined, barMaxWidth: 26,
        data: part.log ? series.values.map(value => value > 0 ? value : null) : series.values,
    }));
    return option;
}

function lineOption(part) {
    const option = baseOption();
    option.xAxis = axis(part.x, { type: part.logX ? "log" : "value", min: "dataMin", max: "dataMax",
                                  axisLabel: { color: style("--muted"), formatter: value => shortNumber(Number(value.toPrecision(4))), hideOverlap: true } });
    option.yAxis = axis("", { type: part.logY ? "log" : "value", name: part.y, nameLocation: "end", nameGap: 8,
                              nameTextStyle: { color: style("--muted"), align: "left" } });
    option.grid.top = 56;
    option.dataZoom = [{ type: "inside", zoomOnMouseWheel: "ctrl" }];
    option.series = part.series.map((series, i) => ({
        name: series.name, type: "line", data: series.points, step: part.step ? "end" : undefined,
        stack: part.stacked ? "all" : undefined, areaStyle: part.stacked ? {} : undefined,
        showSymbol: Boolean(part.symbols), symbol: SYMBOLS[i % SYMBOLS.length], symbolSize: 7,
        lineStyle: { width: part.stacked ? 0.5 : 2, type: part.stacked ? "solid" : DASHES[Math.floor(i / 3) % DASHES.length] },
        emphasis: { focus: "series" },
    }));
    return option;
}

// A figure with a chart whose option `make` gives. Arrow keys move the tooltip along the first series.
function figure(title, text, make) {
    const place = element("div", { class: "chart" });
    const frame = element("figure", { tabindex: "0", role: "group", "aria-label": title + ". Arrow keys read its values." });
    frame.append(element("figcaption", {}, title));
    if (text) frame.append(element("p", { class: "note" }, text));
    frame.append(place);
    const entry = { place, make, chart: null, at: -1 };
    frame.addEventListener("keydown", event => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step || event.target !== frame) return;
        event.preventDefault();
        const option = make();
        const size = Math.max(...option.series.map(series => series.data.length));
        entry.at = Math.min(size - 1, Math.max(0, entry.at + step));
        entry.chart.dispatchAction({ type: "showTip", seriesIndex: 0, dataIndex: entry.at });
    });
    charts.push(entry);
    return { frame, entry };
}

function draw(entry) {
    if (!entry.chart) {
        entry.chart = echarts.init(entry.place, null, { renderer: "svg" });
        entry.ready?.(entry.chart);
    }
    entry.chart.setOption(entry.make(), true);
}

function tablePart(part) {
    const panel = element("div", { class: "panel" + (part.columns.length > 4 ? " wide" : ""), id: "table-" + part.name });
    panel.append(element("h3", {}, part.title));
    if (part.text) panel.append(element("p", { class: "note" }, part.text));
    const count = element("span", { class: "note", role: "status" });
    const filter = element("input", { type: "search", placeholder: "filter rows", "aria-label": "Filter rows of " + part.title });
    if (part.rows.length > 5) panel.append(element("div", { class: "controls" }, filter, count));
    const isNumber = part.columns.map((_, c) => part.rows.some(row => typeof row[c] === "number"));
    const head = element("tr"), body = element("tbody");
    let sorted = null, ascending = true;
    part.columns.forEach((column, c) => {
        const button = element("button", { type: "button" }, column.name);
        const cell = element("th", { scope: "col", class: isNumber[c] ? "number" : "" }, button);
        if (column.unit && column.unit !== column.name) cell.append(element("small", {}, " " + column.unit));
        button.addEventListener("click", () => {
            ascending = sorted === c ? !ascending : true;
            sorted = c;
            [...head.children].forEach(other => other.removeAttribute("aria-sort"));
            cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
            fill();
        });
        head.append(cell);
    });
    // Words that all stand in the row, or comparisons of a column: ipc>0.5.
    function matches(row, words) {
        return words.every(word => {
            const compared = word.match(/^(\w+)(<=|>=|=|<|>)(.+)$/);
            const c = compared ? part.columns.findIndex(column => column.name === compared[1]) : -1;
            if (c < 0) return row.some(value => String(value).toLowerCase().includes(word.toLowerCase()));
            const limit = Number(compared[3]), value = row[c];
            if (compared[2] === "=") return String(value) === compared[3] || value === limit;
            return value !== null && { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit }[compared[2]];
        });
    }
    function fill() {
        const words = filter.value.split(/\s+/).filter(Boolean);
        const rows = part.rows.filter(row => matches(row, words));
        if (sorted !== null)
            rows.sort((a, b) => {
                const x = a[sorted], y = b[sorted];
                if (x === null || y === null) return (x === null) - (y === null);
                const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
                return ascending ? order : -order;
            });
        body.replaceChildren(...rows.map(row => element("tr", {}, ...row.map((value, c) =>
            element("td", { class: isNumber[c] ? "number" : "" }, number(value))))));
        count.textContent = rows.length + " of " + part.rows.length + " rows";
    }
    filter.addEventListener("input", fill);
    fill();
    panel.append(element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": part.title },
                         element("table", {}, element("thead", {}, head), body)));
    return panel;
}

// Mean, and half its 95 % interval where there are repeats.
function meanOf(values) {
    const n = values.length, mean = values.reduce((a, b) => a + b, 0) / n;
    if (n < 2) return { mean, half: null };
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
    return { mean, half: (T_95[n - 2] ?? 1.96 + 2.37 / (n - 1)) * Math.sqrt(variance / n) };
}

const withUnit = metric => metric.name + (["", "1", metric.name].includes(metric.unit) ? "" : ", " + metric.unit);

function sweepPart(part) {
    const choose = (label, entries, chosen) => {
        const select = element("select", {}, ...entries.map((name, i) => element("option", { value: String(i) }, name)));
        select.value = String(chosen);
        return { select, label: element("label", {}, label + " ", select) };
    };
    const preferred = part.metrics.findIndex(metric => metric.name === "cycles");
    const metric = choose("metric", part.metrics.map(m => withUnit(m)), Math.max(0, preferred));
    const x = choose("along", part.axes.map(a => a.name), 0);
    const lines = choose("a line for each", ["(none)", ...part.axes.map(a => a.name)], part.axes.length > 1 ? 2 : 0);
    const rest = part.axes.map(a => choose(a.name, [], 0));
    const hasBaseline = part.points.some(point => point.baseline !== null && point.baseline !== undefined);
    const against = element("input", { type: "checkbox" });
    metric.select.id = "metric";
    against.id = "against-baseline";

    const order = a => [...new Map(part.points.map(point => [point.labels[a], point.axes[a]])).entries()];
    rest.forEach((select, a) => {
        select.select.append(...order(a).map(([label], i) => element("option", { value: String(i) }, label)));
    });
    const isFree = a => a === Number(x.select.value) || a === Number(lines.select.value) - 1;

    function chosenPoints() {
        return part.points.filter(point =>
            part.axes.every((_, a) => isFree(a) || point.labels[a] === order(a)[Number(rest[a].select.value)][0]));
    }

    // With a baseline: the change of each point in per cent of its own baseline, so that repeats stay pairs.
    function valueOf(point) {
        const m = Number(metric.select.value), value = point.values[m];
        if (!against.checked) return value;
        const base = part.points[point.baseline]?.values[m];
        return value === null || !base ? null : 100 * (value / base - 1);
    }

    function option() {
        const along = Number(x.select.value), by = Number(lines.select.value) - 1, along_axis = part.axes[along];
        const series = new Map();
        for (const point of chosenPoints()) {
            const value = valueOf(point);
            if (value === null) continue;
            const name = by < 0 || by === along ? "all" : part.axes[by].name + " " + point.labels[by];
            const places = series.get(name) ?? series.set(name, new Map()).get(name);
            const place = point.labels[along];
            (places.get(place) ?? places.set(place, []).get(place)).push(value);
        }
        const labels = order(along).map(([label]) => label);
        const made = baseOption();
        made.grid.top = 56;
        made.xAxis = axis(along_axis.name + (along_axis.unit && along_axis.unit !== "count" ? ", " + along_axis.unit : ""), { type: "category", data: labels });
        const chosen = part.metrics[Number(metric.select.value)];
        made.yAxis = axis("", { type: "value", scale: true, nameLocation: "end", nameGap: 8, nameTextStyle: { color: style("--muted"), align: "left" },
                                name: against.checked ? chosen.name + ", % more than the baseline" : withUnit(chosen) });
        made.series = [...series].map(([name, places], i) => ({
            name, type: along_axis.numeric ? "line" : "bar", symbol: SYMBOLS[i % SYMBOLS.length], symbolSize: 8, barMaxWidth: 40,
            lineStyle: { width: 2, type: DASHES[Math.floor(i / 3) % DASHES.length] },
            data: labels.map(label => places.has(label) ? meanOf(places.get(label)) : null)
                        .map(m => m === null ? null : { value: m.mean, half: m.half }),
        }));
        made.tooltip.formatter = items => [echarts.format.encodeHTML(items[0].axisValueLabel), ...items.filter(item => item.value !== undefined && item.value !== null).map(item =>
            item.marker + echarts.format.encodeHTML(item.seriesName) + "&ensp;<b>" + number(item.value) + "</b>" +
            (item.data.half === null ? "" : " &plusmn; " + number(item.data.half)))].join("<br>");
        return made;
    }

    const { frame, entry } = figure(part.title, "Means over repeats; the tooltip has the half width of their 95 % interval.", option);
    frame.classList.add("wide");
    frame.id = "explorer";
    const controls = element("div", { class: "controls" }, metric.label, x.label, lines.label, ...rest.map(select => select.label));
    if (hasBaseline) controls.append(element("label", {}, against, " against the baseline"));
    frame.insertBefore(controls, entry.place);
    const update = () => {
        rest.forEach((select, a) => { select.label.hidden = isFree(a) || order(a).length < 2; });
        if (entry.chart) draw(entry);
    };
    controls.addEventListener("change", update);
    update();
    return frame;
}

function parallelPart(part) {
    const { frame } = figure("All points at once", "A line a point. Dragging along an axis keeps the points that pass there.", () => parallelOption(part));
    frame.classList.add("wide");
    frame.id = "parallel";
    return frame;
}

const OPTIONS = { bars: barOption, lines: lineOption, heat: heatOption, timeline: timelineOption };

function build() {
    const data = JSON.parse(document.getElementById("data").textContent);
    const content = document.getElementById("content"), nav = document.getElementById("sections");
    data.sections.forEach((section, s) => {
        const heading = element("h2", { id: "section-" + s }, section.heading);
        nav.append(element("a", { href: "#section-" + s }, section.heading));
        const parts = element("div", { class: "parts" });
        for (const part of section.parts) {
            if (part.kind === "table") parts.append(tablePart(part));
            else if (part.kind === "sweep") parts.append(sweepPart(part), parallelPart(part));
            else if (part.kind === "memory") parts.append(memoryPart(part));
            else {
                const { frame } = figure(part.title, part.text, () => OPTIONS[part.kind](part));
                if (part.kind === "timeline") frame.classList.add("wide");
                parts.append(frame);
            }
        }
        content.append(heading, parts);
    });
}

function show(chosen) {
    theme = chosen;
    document.documentElement.dataset.theme = theme;
    document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
    charts.forEach(draw);
}

build();
show(theme);
document.getElementById("theme").addEventListener("click", () => show(theme === "dark" ? "light" : "dark"));
addEventListener("resize", () => charts.forEach(entry => entry.chart.resize()));
