"""Whole process trees: what a program starts with execve is simulated too, its output and exit status are those of a
native run, how it ended is told, and nothing is left of it afterwards."""

import os
import pathlib
import random
import shlex
import signal
import subprocess
import time
import unittest

import h5py

from pagewalk_case import PAGEWALK, SMALL, PagewalkCase, evidence, program, text

CASES = evidence("cases/programs")
TWO_CPUS = SMALL.replace("cpus = 1", "cpus = 2")


def status_of(returncode):
    """As a shell gives it."""
    return returncode if returncode >= 0 else 128 - returncode


def commands_with(word):
    """Command lines of this machine's processes that hold a word."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if word in line and entry.name != str(os.getpid()):
                found.append(line)
    return found


class TreeCase(PagewalkCase):
    def native(self, *words):
        return subprocess.run(list(map(str, words)), cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL)

    def simulate(self, *words, output="run.h5"):
        done = self.call("run", self.config(TWO_CPUS), "-o", output, "--", *words)
        with h5py.File(self.path(output), "r") as run:
            status = text(run["meta/status"])
            processes = [line.split("\t") for line in text(run["meta/processes"]).splitlines()[1:]]
        return done, status, processes

    def check_like_native(self, *words, processes=None, status="complete"):
        """Output and exit status are the native run's; a program that dies does so of the same signal."""
        native = self.native(*words)
        done, run_status, seen = self.simulate(*words)
        summary = self.summary(self.path("run.h5"))
        self.assertEqual(run_status, status, done.stderr)
        self.assertEqual(done.stdout, native.stdout)
        self.assertTrue(done.stderr.startswith(native.stderr), done.stderr)
        self.assertNotIn("qemu", done.stderr)
        if native.returncode < 0:
            self.assertEqual(summary["died_of"], signal.Signals(-native.returncode).name)
            self.assertEqual(done.returncode, 1)
        else:
            self.assertEqual(summary["exit_status"], native.returncode)
            self.assertEqual(done.returncode, 0, done.stderr)
        if processes is not None:
            self.assertEqual(len(seen), processes, seen)
        return summary, seen


class SmallPrograms(TreeCase):
    def build(self, name):
        subprocess.run(["gcc", "-O1", "-pthread", CASES / f"{name}.c", "-o", self.path(name)], check=True)
        return f"./{name}"

    def test_a_chain_of_execves_is_one_process(self):
        summary, processes = self.check_like_native(self.build("execchain"), 3, processes=1)
        self.assertEqual(summary["exit_status"], 7)
        one = self.check_like_native("./execchain", 0)[0]["instructions"]
        # Its loop alone is 4 million instructions; what differs is the loader's work with a longer environment.
        self.assertAlmostEqual(summary["instructions"] / (4 * one), 1, delta=0.001)

    def test_a_tree_counts_what_its_programs_count_one_by_one(self):
        known = self.build("known")
        loops = [1_000_000, 2_000_000, 3_000_000]  # of 4 instructions
        alone = {f"{known} {count}": self.check_like_native(known, count)[0]["instructions"] for count in loops}
        for count in loops:
            self.assertGreater(alone[f"{known} {count}"], 4 * count)
        summary, _ = self.check_like_native("sh", "-c", f"{known} {loops[0]}; {known} {loops[1]} & {known} {loops[2]}; wait", processes=4)
        listed = {process["command"]: process["instructions"] for process in summary["processes"] if process["process"] != 0}
        for command, count in alone.items():
            self.assertAlmostEqual(listed[command] / count, 1, delta=0.001, msg=command)
        shell = next(count for command, count in listed.items() if command.startswith("sh "))
        self.assertAlmostEqual((summary["instructions"] - shell) / sum(alone.values()), 1, delta=0.001)

    def test_a_script_runs_what_it_names(self):
        self.build("waves")
        (self.folder / "run.sh").write_bytes((CASES / "run.sh").read_bytes())
        (self.folder / "run.sh").chmod(0o755)
        self.check_like_native("./run.sh", processes=2)

    def test_posix_spawn_popen_and_system(self):
        summary, processes = self.check_like_native(self.build("spawn"), 10)
        self.assertEqual(sum(command.endswith("true") for *_, command in processes), 10)

    def test_vfork_waits_for_its_child(self):
        self.check_like_native(self.build("vf"), processes=5)

    def test_a_kill_of_the_programs_own_is_its_own(self):
        self.simulate("sh", "-c", "kill -9 $$")
        summary = self.summary(self.path("run.h5"))
        self.assertEqual((summary["status"], summary["died_of"], summary["killed_by"]), ("program_died", "SIGKILL", "program"))

    def test_deaths_and_exit_statuses(self):
        for name in ("crash", "segv"):
            with self.subTest(program=name):
                summary, _ = self.check_like_native(self.build(name), status="program_died")
                self.assertEqual((summary["died_of"], summary["killed_by"]), ("SIGSEGV", "program"))
                self.assertIsNone(summary["exit_status"])
        summary, _ = self.check_like_native(self.build("exitcode"))
        self.assertEqual(summary["exit_status"], 42)


@unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
class OtherUsers(TreeCase):
    def test_a_process_that_became_another_user_executes(self):
        self.folder.chmod(0o755)
        for words, count in ((("setpriv", "--reuid", 65534, "--clear-groups", "id", "-u"), 1),
                             (("setpriv", "--reuid", 65534, "--regid", 65534, "--clear-groups", "sh", "-c",
                               "id -u; env | sort | wc; (echo a; id -g) | cat; nproc"), None)):
            with self.subTest(words=words):
                summary, processes = self.check_like_native(*words, processes=count)
                self.assertEqual(summary["status"], "complete")

    def test_its_files_of_the_machine_are_there(self):
        self.folder.chmod(0o755)
        done, status, _ = self.simulate("setpriv", "--reuid", 65534, "--clear-groups", "grep", "-c", "processor", "/proc/cpuinfo")
        self.assertEqual((done.stdout, status), ("2\n", "complete"), done.stderr)


class Signals(TreeCase):
    def test_handlers_have_the_stack_that_the_abi_promises(self):
        self.check_like_native(program("aligned_handlers"), processes=1)


class Buffers(TreeCase):
    def test_one_that_is_partly_mapped_gets_what_it_has_room_for(self):
        self.check_like_native(program("partly_mapped"), processes=1)
        self.assertIn("read 4096", self.native(program("partly_mapped")).stdout)


class Commands(TreeCase):
    def test_shells_pipelines_and_wrappers(self):
        for words, count in ((("sh", "-c", "echo one; env X=1 echo two | cat; exit 3"), None),
                             (("sh", "-c", "seq 100 | sort -r | head -3"), None),
                             (("env", "A=b", "sh", "-c", "echo $A"), 1),
                             (("nice", "-n", "3", "echo", "hi"), 1),
                             (("timeout", "1", "sleep", "5"), 2),
                             (("timeout", "5", "echo", "ok"), 2),
                             (("sh", "-c", "exec 3<&0; ls /proc/self/fd | tr '\\n' ' '"), None)):
            with self.subTest(words=words):
                self.check_like_native(*words, processes=count)

    def test_a_child_that_dies_is_no_death_of_the_program(self):
        summary, processes = self.check_like_native("sh", "-c", "sh -c 'kill -TERM $$'; exit 4")
        self.assertEqual(summary["exit_status"], 4)
        self.assertIn("SIGTERM", [process[3] for process in processes])
        # The shell says "Killed" where it waits before the child is dead, which is a race natively, too.
        summary, processes = self.check_like_native("sh", "-c", "sleep 100 & kill -KILL $!; wait $! 2>/dev/null; echo $?")
        self.assertEqual((summary["exit_status"], summary["died_of"]), (0, None))
        self.assertEqual([process[3] for process in processes], ["", "SIGKILL"])

    def test_processes_of_a_tree_execute_what_they_do_alone(self):
        commands = [[program("exact_loop")], ["awk", "BEGIN { for (i = 0; i < 20000; ++i) s += i }"],
                    ["awk", "BEGIN { for (i = 0; i < 60000; ++i) s += i % 7 }"], [program("exact_loop")]]

        def counts():
            with h5py.File(self.path("run.h5"), "r") as run:
                processes = run["stats/process"]
                return {int(number): int(processes[number]["instructions"][()]) for number in processes}

        alone = []
        for command in commands:
            self.simulate(*command)
            alone.append(counts()[1])
        self.assertEqual(alone[0], 2_000_005)
        self.simulate("sh", "-c", "".join(shlex.join(map(str, command)) + " & " for command in commands) + "wait")
        in_tree = [count for number, count in counts().items() if number > 1]
        self.assertEqual(len(in_tree), len(commands))
        # A child of the shell has some thousand instructions of it before its execve.
        self.assertAlmostEqual(sum(in_tree), sum(alone), delta=sum(alone) / 1000)

    def test_statistics_by_process_add_up_to_the_machines(self):
        script = "sh -c 'kill -SEGV $$'; seq 1000 | sort | head -1; exit 3"
        summary, table = self.check_like_native("sh", "-c", script)
        machine = {"instructions": "cpu*/user_instructions", "kernel_instructions": "cpu*/kernel_instructions",
                   "user_cycles": "cpu*/user_cycles", "kernel_cycles": "cpu*/kernel_cycles",
                   "page_faults": "kernel/pgfault", "system_calls": "kernel/system_calls"}
        with h5py.File(self.path("run.h5"), "r") as run:
            for root in ("stats", "stats_total"):
                processes = run[root]["process"]
                for name, path in machine.items():
                    component, _, counter = path.partition("/")
                    parts = [part for part in run[root] if component == part or component == "cpu*" and part[:3] == "cpu"]
                    self.assertEqual(sum(int(process[name][()]) for process in processes.values()),
                                     sum(int(run[root][part][counter][()]) for part in parts), name)
            for process in processes.values():
                kinds = process["faults"]
                self.assertEqual(sum(int(kinds[kind][()]) for kind in kinds), int(process["page_faults"][()]))
                self.assertEqual(int(process["minor_faults"][()]) + int(process["major_faults"][()]),
                                 int(process["page_faults"][()]))
            self.assertEqual(len(processes), 1 + len(table))
            first = processes["1"]
            self.assertEqual((int(first["exit_status"][()]), int(first["parent"][()]), int(first["threads"][()])), (3, 0, 1))
            self.assertGreater(int(first["peak_rss"][()]), 500_000)
            by_command = {process.attrs["command"].decode(): process for process in processes.values()}
            sort = by_command["sort"]
            self.assertEqual(int(sort["parent"][()]), 1)
            self.assertGreater(int(sort["instructions"][()]), int(by_command["head -1"]["instructions"][()]))
            died = [process for process in processes.values() if "died_of" in process.attrs]
            self.assertEqual([(process.attrs["died_of"], process.attrs["killed_by"]) for process in died],
                             [(b"SIGSEGV", b"program")])
        listed = {process["process"]: process for process in summary["processes"]}
        self.assertEqual(listed[1]["exit_status"], 3)
        self.assertEqual(sum(process["instructions"] for process in listed.values()), summary["instructions"])
        page = self.succeed("show", self.path("run.h5")).stdout
        rows = page[page.index("Processes\n"):].split("\n\n")[0].splitlines()[2:]
        counts = [int(row.split()[1]) for row in rows]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertEqual(len(rows), len(table))

    def test_what_cannot_be_executed_fails_as_it_does_natively(self):
        (self.folder / "empty").write_bytes(b"")
        (self.folder / "empty").chmod(0o755)
        (self.folder / "lost.sh").write_text("#!/no/such/interpreter\n")
        (self.folder / "lost.sh").chmod(0o755)
        (self.folder / "plain").write_text("echo plain\n")
        for command in ("./missing", "./lost.sh", "./plain", "/usr", "./empty"):
            with self.subTest(command=command):
                self.check_like_native("env", command)

    def test_code_of_another_machine_is_refused_with_a_message(self):
        content = bytearray(pathlib.Path("/bin/true").read_bytes())
        content[18:20] = b"\xb7\x00"  # e_machine: AArch64
        (self.folder / "foreign").write_bytes(content)
        (self.folder / "foreign").chmod(0o755)
        done, status, _ = self.simulate("env", "./foreign")
        self.assertEqual(status, "complete")
        self.assertNotEqual(self.summary(self.path("run.h5"))["exit_status"], 0)
        self.assertIn("./foreign: an ELF file for another machine", done.stderr)

    def test_a_recording_replays_the_whole_tree(self):
        words = ["sh", "-c", "echo one; env X=1 echo two | cat; exit 3"]
        self.succeed("record", "-o", "r.pwt", "--", *words)
        done = self.call("run", self.config(TWO_CPUS), "-o", "run.h5", "--trace", "r.pwt")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = self.summary(self.path("run.h5"))
        self.assertEqual((summary["status"], summary["exit_status"]), ("complete", 3))
        live = self.check_like_native(*words)[0]
        self.assertAlmostEqual(summary["instructions"] / live["instructions"], 1, delta=0.01)

    def test_a_recording_that_was_cut_short_is_incomplete(self):
        process = self.start("record", "-o", "r.pwt", "--", program("compute"), "1000000")
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("incomplete", err)
        done = self.call("run", self.config(), "-o", "run.h5", "--trace", "r.pwt", "--set", "run.instructions=100k")
        self.assertEqual(self.summary(self.path("run.h5"))["status"], "instruction_limit", done.stderr)

    def test_where_the_host_forbids_ptrace_an_execve_makes_the_run_incomplete(self):
        def run(*words):
            return subprocess.run([program("without_ptrace"), PAGEWALK, "run", self.config(), "-o", "run.h5", "--", *words],
                                  cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL)
        done = run("sh", "-c", "echo own; exec /bin/echo foreign")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.summary(self.path("run.h5"))["status"], "incomplete")
        self.assertIn("ptrace", done.stderr)
        with h5py.File(self.path("run.h5"), "r") as file:
            self.assertIn("/bin/echo", text(file["meta/status_text"]))
        done = run("sh", "-c", "echo own")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.summary(self.path("run.h5"))["status"], "complete")


class Build(TreeCase):
    def instructions_of(self, *words):
        done = self.succeed("record", "-o", "one.pwt", "--", *words)
        return int(done.stderr.rsplit("one.pwt: ", 1)[1].split(" ")[0])

    def test_instructions_of_a_tree_are_those_of_its_programs(self):
        (self.folder / "a.c").write_text("int f(int x){return x*3;}\n")
        cc1 = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        passes = [cc1, "-quiet", "-O1", "a.c", "-o", "a.s"]
        one = self.instructions_of(*passes)
        self.assertGreater(one, 10_000_000)
        shell = self.instructions_of("sh", "-c", "exit 0; a & b; wait")
        both = self.instructions_of("sh", "-c", " ".join(passes) + " & " + " ".join(passes).replace("a.s", "b.s") + "; wait")
        self.assertAlmostEqual((both - shell) / (2 * one), 1, delta=0.001)

    def test_make_runs_whole(self):
        for name, content in (("a.c", "int f(int x){return x*3;}\n"), ("b.c", "int f(int);int main(){return f(1)-3;}\n"),
                              ("Makefile", "prog: a.o b.o\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -O1 -c -o $@ $<\n")):
            (self.folder / name).write_text(content)
        file = self.path("tree.pwt")
        self.succeed("record", "-o", file, "--", "make", "-j2")
        self.assertTrue(self.path("prog").exists())
        self.assertEqual(subprocess.run([self.path("prog")]).returncode, 0)
        done = self.call("run", self.config(), "-o", "tree.h5", "--trace", file)
        with h5py.File(self.path("tree.h5"), "r") as run:
            processes = [line.split("\t")[4] for line in text(run["meta/processes"]).splitlines()[1:]]
        self.assertEqual(len([command for command in processes if "/cc1 " in command]), 2, processes)


class NothingIsLeft(TreeCase):
    def wait_until_gone(self, word):
        deadline = time.monotonic() + 10
        while commands_with(word):
            self.assertLess(time.monotonic(), deadline, commands_with(word))
            time.sleep(0.02)

    def test_no_process_is_left_after_random_kills(self):
        generator = random.Random(5)
        for number in range(20):
            word = f"99{os.getpid()}{number:02}"  # a number of seconds that nobody else sleeps
            script = f"(setsid sleep {word} &) ; sh -c 'sleep {word} & sleep {word}' & while :; do echo {word} | cat; done"
            process = self.start("run", self.config(TWO_CPUS), "-o", f"{number}.h5", "--", "sh", "-c", script)
            time.sleep(generator.uniform(0.05, 1.5))
            number_sent = generator.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
            process.send_signal(number_sent)
            process.communicate(timeout=60)
            self.wait_until_gone(word)
            if number_sent != signal.SIGKILL:  # which may hit the writer of a checkpoint
                self.assertFalse(self.path(f"{number}.h5.tmp").exists())


class Ending(TreeCase):
    def test_signals_sent_twice_and_to_the_group_end_the_run_with_its_file(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                process = self.start("run", self.config(), "-o", "run.h5", "--", program("compute"), "1000000",
                                     start_new_session=True)
                deadline = time.monotonic() + 60
                while not self.path("run.h5").exists() and time.monotonic() < deadline:
                    time.sleep(0.05)
                time.sleep(0.5)
                os.killpg(process.pid, number)
                time.sleep(0.3)
                if process.poll() is None:
                    os.killpg(process.pid, number)
                _, err = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 1, err)
                self.assertEqual(self.summary(self.path("run.h5"))["status"], "interrupted")
                self.path("run.h5").unlink()

    def test_a_program_killed_from_outside_says_so(self):
        word = f"outside_{os.getpid()}"
        process = self.start("run", self.config(), "-o", "run.h5", "--", "sh", "-c", "kill -STOP $$; :", word)
        deadline = time.monotonic() + 30
        victim = None
        while victim is None and time.monotonic() < deadline:
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes() and \
                            (entry / "cmdline").read_bytes().startswith(b"/usr/bin/qemu") and \
                            " T" in (entry / "stat").read_text().rsplit(")", 1)[1][:3].upper():
                        victim = int(entry.name)
                except OSError:
                    continue
            time.sleep(0.05)
        self.assertIsNotNone(victim)
        os.kill(victim, signal.SIGKILL)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, err)
        summary = self.summary(self.path("run.h5"))
        self.assertEqual((summary["status"], summary["died_of"], summary["killed_by"]),
                         ("program_died", "SIGKILL", "signal"))

    def test_the_page_stays_out_of_the_programs_output(self):
        done, _, _ = self.simulate("sh", "-c", "echo out; exec 2>&-; :")
        self.assertEqual(done.stdout, "out\n")
        self.assertIn("status    complete", done.stderr)
        generated = self.call("run", self.config(), "-o", "g.h5", "--set", "workload.kind=synthetic", "--set",
                              "synthetic.instructions=10k")
        self.assertIn("status    complete", generated.stdout)

    def test_closed_descriptors_stay_closed_for_the_program(self):
        command = f"exec {PAGEWALK} run {self.config()} -o run.h5 -- ls /proc/self/fd <&- >out 2>&-"
        done = subprocess.run(["sh", "-c", command], cwd=self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.summary(self.path("run.h5"))["status"], "complete")
        native = subprocess.run(["sh", "-c", "exec ls /proc/self/fd <&- >native 2>&-"], cwd=self.folder)
        self.assertEqual(self.path("out").read_text(), self.path("native").read_text())


if __name__ == "__main__":
    unittest.main()
