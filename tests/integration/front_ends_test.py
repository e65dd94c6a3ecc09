"""Every front end runs to its end and measures something."""

import pathlib
import shutil
import subprocess
import unittest

import h5py

from pagewalk_case import SMALL, SOURCE, PagewalkCase, program, text


class LivePrograms(PagewalkCase):
    def run_live(self, *words, config=SMALL):
        done = self.succeed("run", self.config(config), "-o", "run.h5", "--", *words)
        summary = self.summary(self.path("run.h5"))
        self.assertEqual(summary["status"], "complete")
        self.assertGreater(summary["page_faults"], 0)
        return done, summary

    def test_dynamic_program_keeps_its_output(self):
        for name in ("one", "two", "three"):
            self.path(name).touch()
        done, summary = self.run_live("ls", "-1")
        self.assertTrue(done.stdout.startswith("one\n") or "\nthree\ntwo\n" in done.stdout, done.stdout)
        self.assertGreater(summary["instructions"], 100_000)

    def test_generated_text_is_sorted(self):
        lines = [f"{i * 7919 % 1009} line" for i in range(1000)]
        self.path("input").write_text("\n".join(lines) + "\n")
        config = SMALL + "[workload]\nprogram = sort input\noutput = sorted\n"
        self.succeed("run", self.config(config), "-o", "run.h5")
        expected = subprocess.run(["sort", "input"], cwd=self.folder, stdout=subprocess.PIPE, check=True).stdout
        self.assertEqual(self.path("sorted").read_bytes(), expected)

    def test_standard_input_comes_from_the_configured_file(self):
        self.path("input").write_text("b\na\n")
        done = self.succeed("run", self.config(SMALL + "[workload]\nprogram = sort\ninput = input\n"), "-o", "run.h5")
        self.assertTrue(done.stdout.startswith("a\nb\n"), done.stdout)

    def test_static_program(self):
        done, summary = self.run_live(program("compute_static"), "1")
        native = subprocess.run([program("compute_static"), "1"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertTrue(done.stdout.startswith(native), done.stdout)
        self.assertGreater(summary["instructions"], 500_000)

    def test_known_program_is_counted_to_the_instruction(self):
        _, summary = self.run_live(program("exact_loop"))
        self.assertEqual(summary["instructions"], 2 + 2 * 1_000_000 + 3)

    def test_more_threads_than_cpus(self):
        config = SMALL.replace("cpus = 1", "cpus = 2")
        done, _ = self.run_live(program("threads"), "8", "5", config=config)
        native = subprocess.run([program("threads"), "8", "5"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertTrue(done.stdout.startswith(native), done.stdout)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertGreater(run["stats/cpu0/user_instructions"][()], 0)
            self.assertGreater(run["stats/cpu1/user_instructions"][()], 0)
            self.assertGreaterEqual(run["stats/kernel/context_switches"][()], 8)

    def test_forking_shell_keeps_output_of_its_subshell(self):
        done, _ = self.run_live("sh", "-c", "(echo below; exit 4); echo above $?")
        self.assertTrue(done.stdout.startswith("below\nabove 4\n"), done.stdout)

    def test_forked_children_copy_on_write(self):
        self.run_live(program("forks"))
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertGreater(run["stats/kernel/frames_for_copy_on_write"][()], 0)

    def test_exit_status_of_the_program_is_told(self):
        self.run_live("sh", "-c", "exit 3")
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertIn("status 3", text(run["meta/status_text"]))
            self.assertEqual(run["meta/exit_status"][()], 3)


class Recordings(PagewalkCase):
    def record(self, *words):
        done = self.succeed("record", "-o", "r.pwt", "--", *words)
        return int(done.stderr.split(": ")[1].split(" ")[0]), done

    def test_replay_runs_the_recorded_instructions(self):
        recorded, done = self.record(program("compute"), "1")
        native = subprocess.run([program("compute"), "1"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertEqual(done.stdout, native)
        summary = self.summary(self.run_to_file("--trace", "r.pwt"))
        self.assertEqual(summary["instructions"], recorded)

    def test_replay_of_threads_runs_the_recorded_instructions(self):
        recorded, _ = self.record(program("threads"), "6", "5")
        for cpus in (1, 4):
            file = self.run_to_file("--trace", "r.pwt", "--set", f"machine.cpus={cpus}", output=f"{cpus}.h5")
            self.assertEqual(self.summary(file)["instructions"], recorded)

    def test_replay_of_forks_runs_the_recorded_instructions(self):
        recorded, _ = self.record(program("forks"))
        self.assertEqual(self.summary(self.run_to_file("--trace", "r.pwt"))["instructions"], recorded)


class Traces(PagewalkCase):
    def test_champsim_trace_runs_every_record(self):
        trace = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"
        summary = self.summary(self.run_to_file("--trace", trace))
        self.assertEqual(summary["instructions"], 60_000)
        self.assertGreater(summary["dtlb_mpki"], 1)
        self.assertGreater(summary["branch_mpki"], 0)

    @unittest.skipUnless(shutil.which("valgrind"), "valgrind is not installed")
    def test_lackey_text_runs_every_instruction(self):
        trace = self.path("true.lackey")
        subprocess.run(["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={trace}", program("compute_static"), "0"],
                       stdout=subprocess.DEVNULL, check=True, cwd=self.folder)
        with open(trace) as lines:
            fetched = [line for line in lines if line.startswith("I ")]
        # An instruction that follows itself is a further iteration of a rep string instruction.
        instructions = 1 + sum(line != before for before, line in zip(fetched, fetched[1:]))
        self.assertGreater(instructions, 1000)
        self.assertEqual(self.summary(self.run_to_file("--trace", trace))["instructions"], instructions)


class SyntheticGenerators(PagewalkCase):
    SMALL_FOOTPRINTS = SMALL + """
[workload]
kind = synthetic
[synthetic]
instructions = 1M
first_touch = off
[synthetic.gups]
table = 4MiB
[synthetic.stream]
array = 1MiB
[synthetic.pointer_chase]
footprint = 4MiB
cycles = 10
[synthetic.alloc_churn]
operations = 200
[synthetic.btree]
keys = 100k
[synthetic.kvstore]
entries = 4k
"""

    def check(self, name, least=1_000_000):
        file = self.run_to_file("--set", f"workload.synthetic={name}", config=self.SMALL_FOOTPRINTS)
        summary = self.summary(file)
        self.assertEqual(summary["status"], "complete")
        self.assertGreaterEqual(summary["instructions"], least)
        self.assertLess(summary["instructions"], 1_010_000)
        self.assertGreater(summary["page_faults"], 100)

    def test_gups(self):
        self.check("gups")

    def test_stream(self):
        self.check("stream")

    def test_pointer_chase(self):
        self.check("pointer_chase")

    def test_alloc_churn(self):
        self.check("alloc_churn", least=1000)

    def test_btree(self):
        self.check("btree")

    def test_kvstore(self):
        self.check("kvstore")


if __name__ == "__main__":
    unittest.main()
