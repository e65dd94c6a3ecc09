"use strict";
// Charts that are maps: heat over time, physical memory, slices by CPU, parallel coordinates. report.js has what they share.

// Viridis: rises in lightness, so that it reads in grey and to colour-blind readers too.
const HEAT = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];
const CELLS = 1024, CELL_COLUMNS = 64;
const USES = ["free", "reserved", "anonymous", "file", "kernel", "other"];
const MOBILITIES = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"];

function heatOption(part) {
    const option = baseOption();
    option.legend = undefined;
    option.aria = { enabled: true };
    const data = [];
    let low = Infinity, high = -Infinity;
    part.values.forEach((row, y) => row.forEach((value, x) => {
        if (value === null || (part.log && value <= 0)) return;
        const shade = part.log ? Math.log10(value) : value;
        low = Math.min(low, shade);
        high = Math.max(high, shade);
        data.push([x, y, value, shade]);
    }));
    if (part.range) [low, high] = part.range;
    option.grid = { left: 12, right: 24, top: 16, bottom: 92, containLabel: true };
    option.tooltip.trigger = "item";
    option.tooltip.formatter = item => `${part.rows[item.value[1]]}, ${number(part.xs[item.value[0]])} ${part.xUnit}: <b>${number(item.value[2])}</b> ${part.unit}`;
    option.xAxis = axis(part.x, { type: "category", data: part.xs.map(x => shortNumber(Number(x.toPrecision(4)))) });
    option.yAxis = axis("", { type: "category", data: part.rows });
    option.visualMap = {
        min: data.length ? low : 0, max: data.length && high > low ? high : low + 1, dimension: 3, orient: "horizontal", left: "center", bottom: 0,
        calculable: true, itemHeight: 160, textStyle: { color: style("--text") }, inRange: { color: HEAT },
        formatter: value => number(Number((part.log ? 10 ** value : value).toPrecision(3))) + " " + part.unit,
    };
    option.series = [{ type: "heatmap", data, encode: { x: 0, y: 1, value: 3 } }];
    return option;
}

function timelineOption(part) {
    const option = baseOption();
    option.legend = undefined;
    option.aria = { enabled: true };
    option.tooltip.trigger = "item";
    option.tooltip.formatter = item => `${echarts.format.encodeHTML(part.names[item.value[3]])}, ${echarts.format.encodeHTML(part.rows[item.value[0]])}<br>` +
        `at ${number(item.value[1])} us for <b>${number(item.value[2] - item.value[1])}</b> us`;
    option.grid.top = 16;
    option.grid.bottom = 64;
    option.dataZoom = [{ type: "inside", zoomOnMouseWheel: "ctrl", filterMode: "weakFilter" }, { type: "slider", height: 18, bottom: 8, filterMode: "weakFilter" }];
    option.xAxis = axis("simulated time, us", { type: "value", min: "dataMin", max: "dataMax" });
    option.yAxis = axis("", { type: "category", data: part.rows, inverse: true });
    const colours = COLOURS[theme];
    option.series = [{
        type: "custom", encode: { x: [1, 2], y: 0 }, data: part.slices,
        renderItem: (_, api) => {
            const begin = api.coord([api.value(1), api.value(0)]), end = api.coord([api.value(2), api.value(0)]);
            const height = api.size([0, 1])[1] * 0.6;
            return { type: "rect", shape: { x: begin[0], y: begin[1] - height / 2, width: Math.max(1, end[0] - begin[0]), height },
                     style: { fill: colours[api.value(3) % colours.length] } };
        },
    }];
    return option;
}

// Every point of a sweep as a line through its axes and metrics; dragging along an axis keeps those that pass there.
function parallelOption(part) {
    const option = baseOption();
    option.legend = undefined;
    option.aria = { enabled: true };
    const metrics = part.metrics.map((metric, m) => ({ ...metric, m })).filter(({ m }) => new Set(part.points.map(point => point.values[m])).size > 1);
    const preferred = ["cycles", "ipc", "stlb_mpki", "walk_cycles_mean", "page_faults", "dram_read_bytes"];
    const rank = metric => (preferred.indexOf(metric.name) + 1 || 99);
    const chosen = metrics.sort((a, b) => rank(a) - rank(b)).slice(0, 5);
    const label = { color: style("--muted"), fontSize: 11, hideOverlap: true };
    const name = { nameTextStyle: { color: style("--text") }, nameLocation: "end", axisLabel: label, axisLine: { lineStyle: { color: style("--muted") } } };
    option.parallelAxis = [
        ...part.axes.map((one, a) => ({ dim: a, name: one.name, type: "category", data: [...new Set(part.points.map(point => point.labels[a]))], ...name })),
        ...chosen.map((metric, c) => ({ dim: part.axes.length + c, name: metric.name, type: "value", scale: true, ...name })),
    ];
    option.parallel = { left: 60, right: 90, top: 40, bottom: 60, parallelAxisDefault: { realtime: true } };
    option.tooltip.trigger = "item";
    option.tooltip.formatter = item => echarts.format.encodeHTML(item.name);
    const colouring = part.axes.length + (chosen.length ? 0 : -1), values = chosen.length ? part.points.map(point => point.values[chosen[0].m]).filter(value => value !== null) : [0, 1];
    option.visualMap = { show: chosen.length > 0, type: "continuous", dimension: colouring, min: Math.min(...values), max: Math.max(...values), orient: "horizontal",
                         left: "center", bottom: 0, inRange: { color: HEAT.slice(0, 4) }, textStyle: { color: style("--text") },
                         text: chosen.length ? [chosen[0].name, ""] : undefined };
    option.series = [{ type: "parallel", lineStyle: { width: 1.5, opacity: 0.7 }, inactiveOpacity: 0.06, activeOpacity: 1,
                       data: part.points.map(point => ({ name: point.name, value: [...point.labels, ...chosen.map(({ m }) => point.values[m])] })) }];
    return option;
}

// Physical memory by page block: cells of as many blocks as it takes to show all of what is chosen; a cell opens where it is clicked.
function memoryPart(part) {
    const starts = [];
    let total = 0;
    for (const run of part.runs) {
        starts.push(total);
        total += run.blocks;
    }
    const places = [{ name: "all memory", begin: 0, end: total }];
    part.runs.forEach((run, i) => {
        for (const name of [`node ${run.node}`, `node ${run.node}, zone ${run.zone}`]) {
            const last = places.find(place => place.name === name);
            if (last) last.end = starts[i] + run.blocks;
            else places.push({ name, begin: starts[i], end: starts[i] + run.blocks });
        }
    });
    const select = (label, names) => {
        const made = element("select", {}, ...names.map((name, i) => element("option", { value: String(i) }, name)));
        return { made, label: element("label", {}, label + " ", made) };
    };
    const colour = select("colour", ["migratetype", "use", "free share"]), where = select("of", places.map(place => place.name));
    const out = element("button", { type: "button" }, "Zoom out");
    let views = [places[0]], cells = [];

    function runsOf(begin, end) {
        let i = starts.length - 1;
        for (let low = 0, high = starts.length - 1; low <= high;) {
            const middle = (low + high) >> 1;
            if (starts[middle] <= begin) { i = middle; low = middle + 1; } else high = middle - 1;
        }
        const found = [];
        for (; i < starts.length && starts[i] < end; ++i)
            found.push([part.runs[i], Math.min(end, starts[i] + part.runs[i].blocks) - Math.max(begin, starts[i])]);
        return found;
    }

    function cellsOf(view) {
        const per = Math.max(1, Math.ceil((view.end - view.begin) / CELLS)), made = [];
        for (let begin = view.begin; begin < view.end; begin += per) {
            const end = Math.min(view.end, begin + per), types = new Map(), uses = USES.map(() => 0), runs = runsOf(begin, end);
            for (const [run, blocks] of runs) {
                types.set(run.type, (types.get(run.type) ?? 0) + blocks);
                run.frames.forEach((frames, u) => { uses[u] += frames * blocks; });
            }
            const first = runs[0][0];
            made.push({ begin, end, types, uses, frames: uses.reduce((a, b) => a + b, 0), node: first.node, zone: first.zone,
                        pfn: first.pfn + (begin - starts[part.runs.indexOf(first)]) * part.blockPages });
        }
        return made;
    }

    const categories = () => ["0", "1"].includes(colour.made.value) ? [MOBILITIES, USES][Number(colour.made.value)] : null;
    function valueOf(cell) {
        if (!cell.frames) return null;
        if (colour.made.value === "0") return MOBILITIES.indexOf([...cell.types].sort((a, b) => b[1] - a[1])[0][0]);
        if (colour.made.value === "1") return cell.uses.indexOf(Math.max(...cell.uses));
        return 100 * cell.uses[0] / cell.frames;
    }

    function option() {
        cells = cellsOf(views.at(-1));
        const made = baseOption(), names = categories();
        made.legend = undefined;
        made.aria = { enabled: true };
        made.grid = { left: 12, right: 24, top: 8, bottom: 48, containLabel: true };
        made.xAxis = { type: "category", show: false, data: [...Array(Math.min(CELL_COLUMNS, cells.length)).keys()] };
        const rows = Math.ceil(cells.length / CELL_COLUMNS);
        made.yAxis = axis("", { type: "category", inverse: true, splitLine: { show: false },
                                data: [...Array(rows).keys()].map(row => "0x" + (cells[row * CELL_COLUMNS].pfn * part.pageBytes).toString(16)) });
        made.tooltip.trigger = "item";
        made.tooltip.formatter = item => {
            const cell = cells[item.value[3]];
            const shares = USES.map((use, u) => [use, cell.uses[u]]).filter(([, frames]) => frames > 0)
                .map(([use, frames]) => `${use} ${number(Number((100 * frames / cell.frames).toPrecision(3)))} %`);
            return `0x${(cell.pfn * part.pageBytes).toString(16)}, node ${cell.node}, ${echarts.format.encodeHTML(cell.zone)}: ${cell.end - cell.begin} blocks<br>` +
                [...cell.types].map(([type, blocks]) => `${echarts.format.encodeHTML(type)} ${blocks}`).join(", ") + "<br>" + shares.join(", ");
        };
        const text = { color: style("--text") };
        made.visualMap = names
            ? { type: "piecewise", dimension: 2, orient: "horizontal", left: "center", bottom: 0, textStyle: text, showLabel: true,
                pieces: names.map((label, value) => ({ value, label, color: COLOURS[theme][value] })) }
            : { min: 0, max: 100, dimension: 2, orient: "horizontal", left: "center", bottom: 0, itemHeight: 160, textStyle: text, inRange: { color: HEAT },
                formatter: value => Math.round(value) + " % free" };
        made.series = [{ type: "heatmap", itemStyle: { borderWidth: 0.5, borderColor: style("--panel") },
                         data: cells.map((cell, i) => [i % CELL_COLUMNS, Math.floor(i / CELL_COLUMNS), valueOf(cell), i]).filter(cell => cell[2] !== null) }];
        return made;
    }

    const { frame, entry } = figure(part.title, part.text + " A click, or Enter at a cell that arrow keys have reached, opens it; Escape zooms out.", option);
    frame.classList.add("wide");
    frame.id = "memory-map";
    frame.insertBefore(element("div", { class: "controls" }, where.label, colour.label, out), entry.place);
    const redraw = () => {
        out.disabled = views.length < 2;
        if (entry.chart) draw(entry);
    };
    const open = i => {
        const cell = cells[i];
        if (!cell || cell.end - cell.begin < 2) return;
        const margin = Math.max(0, Math.ceil((32 - (cell.end - cell.begin)) / 2)), view = views.at(-1);
        views.push({ begin: Math.max(view.begin, cell.begin - margin), end: Math.min(view.end, cell.end + margin) });
        entry.at = -1;
        redraw();
    };
    const close = () => {
        if (views.length > 1) views.pop();
        redraw();
    };
    where.made.addEventListener("change", () => { views = [places[Number(where.made.value)]]; redraw(); });
    colour.made.addEventListener("change", redraw);
    out.addEventListener("click", close);
    frame.addEventListener("keydown", event => {
        if (event.target === frame && event.key === "Enter") open(entry.chart.getOption().series[0].data[entry.at]?.[3]);
        if (event.key === "Escape") close();
    });
    entry.ready = chart => chart.on("click", item => open(item.value[3]));
    redraw();
    return frame;
}
