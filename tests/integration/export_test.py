"""Exports, read by the tools that they are for."""

import collections
import json
import re
import shutil
import struct
import subprocess
import sys
import unittest

import pandas as pd

from pagewalk_case import SOURCE, SYNTHETIC, PagewalkCase

sys.path.insert(0, str(SOURCE / "results/analysis"))
import pagewalk  # noqa: E402
from npm_packages import npm_packages  # noqa: E402
from pagewalk.export import kernel_events, tracepoints  # noqa: E402

TRACED = SYNTHETIC + "[run]\ninterval = 20k\n[events]\nfunctions = 1\nkmem = 1\nfilemap = 1\n"
# What Documentation/trace/postprocess of Linux takes for a line of a trace.
POSTPROCESS = re.compile(r"\s*([a-zA-Z0-9-]*)\s*(\[[0-9]*\])(\s*[dX.][Nnp.][Hhs.][0-9a-fA-F.]*|)\s*([0-9.]*):\s*([a-zA-Z_]*):\s*(.*)")


class Exports(PagewalkCase):
    @classmethod
    def setUpClass(cls):
        case = cls("test_ftrace_text_is_what_linuxs_scripts_read")
        case.setUp()
        cls.addClassCleanup(case.doCleanups)
        cls.file = case.run_to_file(config=TRACED)
        cls.run_ = pagewalk.load(cls.file)
        cls.addClassCleanup(cls.run_.close)

    def export(self, form, *words, suffix=""):
        target = self.path("out" + suffix)
        self.succeed("export", self.file, "--format", form, *words, "-o", target)
        return target

    def trace_lines(self):
        lines = [line for line in self.export("ftrace").read_text().splitlines() if not line.startswith("#")]
        return [POSTPROCESS.fullmatch(line).groups() for line in lines]

    def test_ftrace_text_is_what_linuxs_scripts_read(self):
        lines = self.trace_lines()
        kinds = collections.Counter(line[4] for line in lines)
        self.assertEqual(kinds["mm_page_alloc"], len(self.run_.events("allocations")))
        self.assertEqual(kinds["page_fault_user"], len(self.run_.events("page_faults")))
        times = [float(line[3]) for line in lines]
        self.assertEqual(times, sorted(times))
        first = next(line for line in lines if line[4] == "mm_page_alloc")
        self.assertRegex(first[5], r"page=0xffffea[0-9a-f]+ pfn=0x[0-9a-f]+ order=\d+ migratetype=\d gfp_flags=GFP_\w+")

    @unittest.skipUnless(shutil.which("trace-cmd"), "wants trace-cmd of scripts/packages-test.txt")
    def test_trace_cmd_reports_the_same_events(self):
        target = self.export("trace-dat", suffix=".dat")
        done = subprocess.run(["trace-cmd", "report", str(target)], text=True, capture_output=True, check=True)
        self.assertEqual(done.stderr, "")
        reported = [re.match(r"\s*\S+\s+\[\d+\]\s+[0-9.]+: (\w+): +(.*)", line) for line in done.stdout.splitlines()[1:]]
        events = [match.groups() for match in reported if not match.group(1).startswith("funcgraph")]
        self.assertEqual(collections.Counter(events), collections.Counter(line[4:] for line in self.trace_lines()))

    @unittest.skipUnless(shutil.which("trace-cmd"), "wants trace-cmd of scripts/packages-test.txt")
    def test_trace_cmd_nests_the_functions(self):
        target = self.export("trace-dat", suffix=".dat")
        done = subprocess.run(["trace-cmd", "report", "-F", "ftrace", str(target)], text=True, capture_output=True, check=True)
        names = collections.Counter(re.findall(r"funcgraph_entry: .*\|  +(\w+)\(\)", done.stdout))
        self.assertEqual(names, collections.Counter(self.run_.events("functions").function.astype(str)))
        deepest = max(len(indent) // 2 for indent in re.findall(r"\|  ( *)\w+\(\)", done.stdout))
        self.assertEqual(deepest, self.run_.events("functions").depth.max())

    def test_tracepoints_are_laid_out_as_in_a_capture(self):
        captures = sorted((SOURCE.parent / "shared/groundtruth/linux").glob("a-w5.tar.xz"))
        if not captures:
            self.skipTest("wants ../shared/groundtruth")
        subprocess.run(["tar", "-xf", captures[0], "-C", self.folder], check=True)
        compared = 0
        for tracepoint in tracepoints.BY_NAME.values():
            real = self.path(f"a-w5/format/{tracepoint.system}/{tracepoint.name}")
            if real.exists():
                fields = [re.sub(r"\s+", " ", line) for line in real.read_text().splitlines() if "\tfield:" in line]
                own = [re.sub(r"\s+", " ", line) for line in tracepoints.format_text(tracepoint).splitlines() if "\tfield:" in line]
                self.assertEqual(own, fields, tracepoint.name)
                compared += 1
        self.assertGreater(compared, 9)

    def test_perfettos_packets_nest_and_add_up(self):
        packets = [body for number, body in messages(self.export("perfetto").read_bytes())]
        slices, counters, tracks = collections.defaultdict(list), collections.Counter(), set()
        for packet in packets:
            values = dict(messages(packet))
            if 60 in values:
                tracks.add(dict(messages(values[60]))[1])
            event = dict(messages(values.get(11, b"")))
            if event.get(9) in (1, 2):
                slices[event[11]].append((values[8], event[9]))
            elif event.get(9) == 4:
                counters[event[11]] += 1
        self.assertLessEqual({*slices, *counters}, tracks)
        self.assertEqual(sum(kind == 1 for track in slices.values() for _, kind in track),
                         len(self.run_.events("page_faults")) + len(self.run_.events("functions")))
        self.assertEqual(set(counters.values()), {len(self.run_.intervals("machine"))})
        for track in slices.values():
            self.assertEqual([time for time, _ in track], sorted(time for time, _ in track))
            depth = 0
            for _, kind in track:
                depth += 1 if kind == 1 else -1
                self.assertGreaterEqual(depth, 0)
            self.assertEqual(depth, 0)

    def test_perfettos_own_definitions_read_it(self):
        try:
            from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace
        except ImportError:
            self.skipTest("wants Perfetto's Python package, which Debian does not have")
        trace = Trace()
        trace.ParseFromString(self.export("perfetto").read_bytes())
        self.assertIn("handle_mm_fault", {packet.track_event.name for packet in trace.packet})

    def test_folded_stacks_add_up(self):
        calls = self.run_.events("functions")
        stacks = dict(line.rsplit(" ", 1) for line in self.export("perf-script").read_text().splitlines())
        outermost = calls[calls.depth == 0].duration.sum() / 1000
        self.assertAlmostEqual(sum(map(int, stacks.values())) / outermost, 1, places=2)
        self.assertTrue(any(name.startswith("kernel;handle_mm_fault;__alloc_pages") for name in stacks), stacks)
        causes = [line.rsplit(" ", 1) for line in self.export("perf-script", "--by", "cause").read_text().splitlines()]
        cycles = self.run_.stats.query("name in ['user_cycles', 'kernel_cycles']")
        cycles = cycles[cycles.component.str.fullmatch(r"cpu\d+")].value.sum()
        self.assertAlmostEqual(sum(int(value) for _, value in causes) / cycles, 1, places=3)

    def test_csv_is_the_table(self):
        read = pd.read_csv(self.export("csv", "--table", "events/page_faults"))
        events = self.run_.events("page_faults")
        self.assertEqual(list(read.columns), list(events.columns))
        self.assertTrue((read.address == events.address.astype("int64")).all() and (read.kind == events.kind.astype(str)).all())
        self.assertEqual(len(pd.read_csv(self.export("csv", "--table", "stats"))), len(self.run_.stats))

    def test_parquet_is_the_table(self):
        folder = npm_packages("hyparquet@1.31.5")
        script = """
            import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'FOLDER/node_modules/hyparquet/src/node.js'
            import { gunzipSync } from 'zlib'
            const file = await asyncBufferFromFile(process.argv[2])
            const rows = await parquetReadObjects({ file, compressors: { GZIP: input => new Uint8Array(gunzipSync(input)) } })
            const units = (await parquetMetadataAsync(file)).key_value_metadata
            console.log(JSON.stringify({ rows, units }, (_, value) => typeof value === 'bigint' ? value.toString() : value))
        """
        self.path("read.mjs").write_text(script.replace("FOLDER", str(folder)))

        def read(table):
            target = self.export("parquet", "--table", table)
            return json.loads(subprocess.run(["node", self.path("read.mjs"), target], capture_output=True, check=True).stdout)

        found, events = read("events/page_faults"), self.run_.events("page_faults")
        self.assertIn({"key": "unit:latency", "value": "ps"}, found["units"])
        for column in events.columns:
            self.assertEqual([str(row[column]) for row in found["rows"]], [str(value) for value in events[column]], column)
        stats = read("stats")["rows"]
        self.assertEqual({row["path"]: row["unit"] for row in stats}, dict(self.run_.stats.unit))
        self.assertEqual(read("events/reclaim")["rows"], [])

    def test_a_function_that_calls_itself_through_others_keeps_its_own_time(self):
        calls = pd.DataFrame({"task": 1, "depth": [0, 1, 1, 0]}, index=[5, 6, 7, 8])
        self.assertEqual(kernel_events.nested(calls), [(5, True), (6, True), (6, False), (7, True), (7, False), (5, False), (8, True), (8, False)])

    def test_what_does_not_go_together_is_refused(self):
        for words, named in ((["--format", "csv"], "wants --table"), (["--format", "csv", "--table", "events/none"], "events/page_faults"),
                             (["--format", "ftrace", "--table", "stats"], "--table goes with"), (["--format", "xml"], "invalid choice"),
                             (["--format", "csv", "--table", "stats", "--by", "cause"], "--by goes with")):
            refused = self.call("export", self.file, *words, "-o", self.path("refused"))
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(named, refused.stderr)
            self.assertEqual(len(refused.stderr.splitlines()), 1, refused.stderr)
            self.assertFalse(self.path("refused").exists())
        plain = self.run_to_file(config=SYNTHETIC, output="plain.h5")
        refused = self.call("export", plain, "--format", "perf-script")
        self.assertIn("events.functions=1", refused.stderr)
        sampled = self.run_to_file("--set", "events.functions=3", config=SYNTHETIC, output="sampled.h5")
        self.assertIn("keeps one call in 3", self.call("export", sampled, "--format", "trace-dat").stderr)
        self.assertEqual(self.succeed("export", plain, "--format", "trace-dat").stdout.split()[0], f"{plain.with_suffix('.dat')}:")
        full = self.call("export", self.file, "--format", "ftrace", "-o", "/dev/full/x")
        self.assertEqual(full.returncode, 2)


def messages(data):
    """Fields of a protobuf message: (number, int or bytes)."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 1:
            value = struct.unpack_from("<d", data, at)[0]
            at += 8
        else:
            size = varint()
            value = data[at : at + size]
            at += size
        yield key >> 3, value


if __name__ == "__main__":
    unittest.main()
