"""Several programs, traces and generators at once: each is measured over its own instructions, has statistics of its own
and an end of its own, and stays where it was put."""

import os
import subprocess
import unittest

import h5py

from pagewalk_case import SMALL, SOURCE, PagewalkCase, contents, text

TRACE = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"
FOUR_CPUS = SMALL.replace("cpus = 1", "cpus = 4")


class SideBySide(PagewalkCase):
    def run_programs(self, sections, *words, output="run.h5", status=0):
        done = self.call("run", self.config(FOUR_CPUS + sections), "-o", output, *words)
        self.assertEqual(done.returncode, status, done.stderr)
        return done, {row["program"]: row for row in self.summary(self.path(output))["programs"]}

    def test_traces_are_measured_over_their_own_instructions_and_begin_again(self):
        _, programs = self.run_programs("", "--trace", TRACE, "--trace", TRACE, "--trace", TRACE, "--set", "run.instructions=100k",
                                        "--set", "run.warmup=10k")
        self.assertEqual(sorted(programs), [1, 2, 3])
        for row in programs.values():
            self.assertGreaterEqual(row["instructions"], 100_000)
            self.assertLess(row["instructions"], 100_100)
            self.assertEqual(row["restarts"], 1)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual(text(run["meta/status"]), "instruction_limit")
            for cpu in range(3):
                self.assertGreater(run[f"stats/cpu{cpu}/user_instructions"][()], 100_000 - 100)
            self.assertEqual(run["stats_total/cpu3/user_instructions"][()], 0)

    def test_more_traces_than_cpus_share_them(self):
        config = self.config(SMALL.replace("cpus = 1", "cpus = 2"))
        self.succeed("run", config, "-o", "run.h5", *["--trace", TRACE] * 3, "--set", "run.instructions=20k")
        rows = self.summary(self.path("run.h5"))["programs"]
        self.assertEqual([row["instructions"] >= 20_000 for row in rows], [True] * 3)
        # The first and the third are on one CPU.
        self.assertGreater(rows[2]["time"], 1.5 * rows[1]["time"])

    def test_a_trace_alone_has_its_own_figures_beside_an_idle_program(self):
        alone = self.summary(self.run_to_file("--trace", TRACE, config=FOUR_CPUS, output="alone.h5"))
        _, programs = self.run_programs(f"[program.1]\ntrace = {TRACE}\n[program.2]\ncommand = true\ncpus = 3\nstart = 100ms\n")
        self.assertEqual(programs[1]["instructions"], alone["instructions"])
        self.assertEqual(programs[1]["page_faults"], alone["page_faults"])
        self.assertGreater(programs[1]["restarts"] + programs[2]["instructions"], 0)

    def test_a_program_beyond_its_memory_limit_is_killed_alone(self):
        hungry = "perl -e '$x = chr(97) x 25165824'"
        done, programs = self.run_programs(f"""
[program.1]
command = {hungry}
memory_limit = 16MiB
cpus = 0
[program.2]
command = {hungry}
cpus = 1
""", status=1)
        self.assertIn("Memory cgroup out of memory: Killed process", done.stderr)
        self.assertEqual(programs[1]["killed_by"], "simulated kernel: OOM")
        self.assertEqual(programs[2]["exit_status"], 0)
        with h5py.File(self.path("run.h5"), "r") as run:
            limited, free = run["stats/program/1"], run["stats/program/2"]
            self.assertEqual(limited["memory_peak"][()], 16 << 20 >> 12)
            self.assertGreaterEqual(limited["memory_limit_hits"][()], 17)  # tries to reclaim
            self.assertEqual(limited["memory_oom_kill"][()], 1)
            self.assertEqual(free["memory_peak"][()], 0)
            self.assertEqual(run["stats/kernel/memory_limit/peak"][()], 16 << 20 >> 12)

    def test_a_program_beyond_its_memory_limit_goes_to_swap(self):
        hungry = "perl -e '$x = chr(97) x 25165824'"
        _, programs = self.run_programs(f"""
[os]
swap = 64MiB
[program.1]
command = {hungry}
memory_limit = 16MiB
""")
        self.assertEqual(programs[1]["exit_status"], 0)
        with h5py.File(self.path("run.h5"), "r") as run:
            limited = run["stats/program/1"]
            self.assertEqual(limited["memory_peak"][()], 16 << 20 >> 12)
            self.assertGreater(limited["memory_pgsteal"][()], 1024)
            self.assertEqual(limited["memory_oom_kill"][()], 0)
            self.assertEqual(run["stats/kernel/pswpout"][()] > 1024, True)
            self.assertIn("program.1/memory.events max ", run["proc/memory_cgroups"].asstr()[()])

    def test_a_memory_limit_below_a_mebibyte_is_refused(self):
        done = self.call("run", self.config(FOUR_CPUS + "[program.1]\ncommand = true\nmemory_limit = 4KiB\n"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("program.1.memory_limit", done.stderr)
        self.assertIn("0 or at least 1MiB", done.stderr)

    def test_same_traces_give_the_same_results(self):
        for output in ("first.h5", "second.h5"):
            self.run_programs("", "--trace", TRACE, "--trace", TRACE, "--set", "run.instructions=80k", output=output)
        self.assertEqual(contents(self.path("first.h5")), contents(self.path("second.h5")))
        self.succeed("run", self.config(self.succeed("show", "first.h5", "--config").stdout, "again.cfg"), "-o", "again.h5")
        self.assertEqual(contents(self.path("first.h5")), contents(self.path("again.h5")))

    def test_live_programs_a_trace_and_a_generator(self):
        done, programs = self.run_programs(f"""
[program.1]
command = sh -c 'nproc; exit 3'
cpus = 0-1
[program.2]
command = seq 1000
start = 1ms
output = numbers
[program.3]
trace = {TRACE}
cpus = 2
[program.4]
synthetic = gups
cpus = 3
[synthetic]
instructions = 100k
[synthetic.gups]
table = 1MiB
""")
        self.assertEqual(done.stdout, "2\n")
        self.assertEqual(self.path("numbers").read_text().splitlines(), [str(n) for n in range(1, 1001)])
        self.assertEqual([programs[n].get("exit_status") for n in (1, 2, 3, 4)], [3, 0, None, None])
        self.assertEqual(programs[3]["instructions"], 60_000)
        self.assertAlmostEqual(programs[4]["instructions"], 100_000, delta=100)
        self.assertRegex(done.stderr, r"  1 .* exit 3  sh -c nproc; exit 3")
        with h5py.File(self.path("run.h5"), "r") as run:
            of_two = [row for row in run["stats/process"].values() if row.get("program") is not None and row["program"][()] == 2]
            self.assertEqual(len(of_two), 1)
            self.assertEqual(of_two[0]["instructions"][()], run["stats/program/2/instructions"][()])
            everybody = sum(row["instructions"][()] for row in run["stats/process"].values())
            self.assertEqual(everybody, sum(run[f"stats/cpu{cpu}/user_instructions"][()] for cpu in range(4)))

    def test_death_of_one_is_told_and_does_not_end_the_others(self):
        done, programs = self.run_programs("""
[program.1]
command = sh -c 'kill -SEGV $$'
[program.2]
command = seq 10000
output = /dev/null
""", status=1)
        self.assertEqual(programs[1]["died_of"], "SIGSEGV")
        self.assertEqual(programs[2]["exit_status"], 0)
        self.assertGreater(programs[2]["instructions"], 500_000)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual(text(run["meta/status"]), "program_died")
            self.assertIn("program 1: the program died of SIGSEGV", text(run["meta/status_text"]))

    def test_a_server_and_its_client(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        done, programs = self.run_programs(f"""
[program.1]
command = cat {fifo}
cpus = 0
[program.2]
command = sh -c 'seq 5000 >{fifo}'
cpus = 1
""")
        self.assertEqual(done.stdout, "".join(f"{n}\n" for n in range(1, 5001)))

    def test_what_a_stray_access_means_is_the_programs(self):
        """A trace without system calls touches what it likes; a live program beside it that does so dies."""
        source = self.path("stray.c")
        source.write_text("int main(void) { *(volatile int *)0x10 = 1; }")
        subprocess.run(["cc", "-o", self.path("stray"), source], check=True)
        _, programs = self.run_programs(f"[program.1]\ntrace = {TRACE}\n[program.2]\ncommand = {self.path('stray')}\n", status=1)
        self.assertEqual(programs[2]["died_of"], "SIGSEGV")
        self.assertEqual(programs[2]["killed_by"], "program")
        self.assertEqual(programs[1]["instructions"], 60_000)


class MemoryPolicies(PagewalkCase):
    """Where anonymous pages of programs come from, of a machine with two nodes."""

    MACHINE = SMALL.replace("cpus = 1", "cpus = 2\nsockets = 2") + """
[events]
allocations = 1
[synthetic]
instructions = 100k
[synthetic.gups]
table = 2MiB
"""

    def nodes_of_pages(self, *words, sections=""):
        """Frames on each node that were anonymous memory, by task."""
        self.succeed("run", self.config(self.MACHINE + sections), "-o", "run.h5", *words)
        counts = {}
        with h5py.File(self.path("run.h5"), "r") as run:
            table = run["events/allocations"]
            names = h5py.check_enum_dtype(table.dtype["purpose"])
            for row in table[()]:
                if row["purpose"] == names["anonymous"]:
                    counts.setdefault(int(row["task"]), [0, 0])[row["node"]] += 1
        return counts

    def of_one(self, policy):
        (counts,) = self.nodes_of_pages("--set", "workload.kind=synthetic", "--set", f"workload.mempolicy={policy}").values()
        return counts

    def test_local_is_the_node_of_the_cpu(self):
        self.assertEqual(self.of_one("local")[1], 0)

    def test_bind_and_preferred(self):
        for policy in ("bind:1", "preferred:1"):
            self.assertEqual(self.of_one(policy)[0], 0)

    def test_interleave_divides_equally(self):
        first, second = self.of_one("interleave:0-1")
        self.assertGreater(first, 100)
        self.assertLess(abs(first - second), 4)

    def test_each_program_has_its_own_and_its_children_inherit_it(self):
        counts = self.nodes_of_pages(sections="""
[program.1]
command = sh -c '(true); true'
mempolicy = bind:1
cpus = 0
[program.2]
synthetic = gups
mempolicy = interleave:0-1
cpus = 1
""")
        with h5py.File(self.path("run.h5"), "r") as run:
            for process in run["stats/process"].values():
                if "program" not in process:
                    continue
                first, second = counts.get(int(process["pid"][()]), (0, 0))
                if process["program"][()] == 1:
                    self.assertEqual(first, 0)
                else:
                    self.assertLess(abs(first - second), 4)

    def test_nodes_that_are_not_there_and_other_words_are_refused(self):
        for policy in ("bind:2", "sometimes"):
            done = self.call("run", self.config(self.MACHINE), "--set", "workload.kind=synthetic", "--set",
                             f"workload.mempolicy={policy}")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"workload.mempolicy = '{policy}'", done.stderr)
            self.assertIn("0 to 1", done.stderr)


class Refusals(PagewalkCase):
    def refuse(self, sections, *named, words=()):
        done = self.call("run", self.config(FOUR_CPUS + sections), "-o", "run.h5", *words)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
        for word in named:
            self.assertIn(word, done.stderr)
        self.assertFalse(self.path("run.h5").exists())

    def test_section_without_anything_to_run(self):
        self.refuse("[program.1]\ncpus = 0\n", "test.cfg:7", "[program.1] wants one of command, trace and synthetic")

    def test_cpu_outside_the_machine(self):
        self.refuse("[program.1]\ncommand = true\ncpus = 2,4\n", "test.cfg:8", "program.1.cpus = '2,4'", "0 to 3")

    def test_start_without_unit(self):
        self.refuse("[program.1]\ncommand = true\nstart = 5\n", "test.cfg:8", "program.1.start = 5", "unit")

    def test_missing_trace(self):
        self.refuse("[program.1]\ncommand = true\n[program.2]\ntrace = nowhere.xz\n", "nowhere.xz")
        self.refuse("", "nowhere.xz", words=("--trace", TRACE, "--trace", "nowhere.xz"))

    def test_number_and_key_that_are_not_there(self):
        self.refuse("[program.0]\ncommand = true\n", "[program.1] to [program.256]")
        self.refuse("[program.1]\ncomand = true\n", "did you mean 'program.1.command'")

    def test_another_workload_beside_them(self):
        section = "[program.1]\ncommand = true\n"
        self.refuse(section, "[program.N]", words=("--", "true"))
        self.refuse(section, "[program.N]", words=("--trace", TRACE))
        self.refuse(section + "[workload]\nprogram = true\n", "workload.program")


if __name__ == "__main__":
    unittest.main()
