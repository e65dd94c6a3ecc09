"""Programs with threads, signals, memory of all kinds and children, live three times and once from a recording: each
ends as it does natively, with the same output, and the simulated kernel kills none. Their sources are in
tests/data/cases/programs, or in the folder that PAGEWALK_CASES names."""

import os
import pathlib
import subprocess
import unittest

import h5py

from pagewalk_case import PagewalkCase, evidence

CASES = pathlib.Path(os.environ.get("PAGEWALK_CASES", evidence("cases/programs")))

CPUS = 4
MACHINE = f"""
[machine]
name = four
cpus = {CPUS}
memory = 1GiB
"""

# Counts the ticks of a timer of the host's clock; on a loaded host one or two come late.
TIMED = {"alarm"}
TELLS_CPUS = {"omp"}
FLAGS = {"omp": ["-O1", "-fopenmp"], "rep": ["-O2"]}


class LiveCase(PagewalkCase):
    def build(self, name):
        subprocess.run(["gcc", *FLAGS.get(name, ["-O1"]), "-pthread", "-w", "-o", self.path(name), CASES / f"{name}.c"],
                       check=True)

    def check(self, words):
        name, *arguments = words.split()
        self.build(name)
        for file in ("data", "data16"):
            with open(self.path(file), "wb") as data:
                data.truncate(16 << 20)
        command = [f"./{name}", *arguments]
        native = subprocess.run(command, cwd=self.folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=60)
        config = self.config(MACHINE)
        for _ in range(3):
            live = self.call("run", config, "-o", "live.h5", "--", *command)
            self.judge("live.h5", live, native)
            self.compare_output(name, live.stdout, self.on_the_machine(name, native.stdout))
        recorded = self.call("record", "-o", "run.pwt", "--", *command)
        self.compare_output(name, recorded.stdout, native.stdout)
        replay = self.call("run", config, "-o", "replay.h5", "--trace", "run.pwt")
        self.judge("replay.h5", replay, native)

    @staticmethod
    def on_the_machine(name, native):
        """What a program that tells the number of CPUs prints on the simulated machine."""
        return native.replace(str(len(os.sched_getaffinity(0))), str(CPUS)) if name in TELLS_CPUS else native

    def compare_output(self, name, printed, native):
        if name in TIMED:
            self.assertIn(int(printed) - int(native), range(3))
        else:
            self.assertEqual(printed, native)

    def judge(self, file, run, native):
        summary = self.summary(file)
        self.assertNotIn("the simulated kernel", run.stderr)
        if native.returncode < 0:
            self.assertEqual((run.returncode, summary["status"]), (1, "program_died"), run.stderr)
        else:
            self.assertEqual((run.returncode, summary["status"], summary["exit_status"]), (0, "complete", native.returncode),
                             run.stderr)


class SystemCallData(LiveCase):
    """What reads, writes and pipes move is copied, and the programs' buffers are faulted in by it."""

    def kernel(self, words):
        name, *arguments = words.split()
        self.build(name)
        with open(self.path("data16"), "wb") as data:
            data.truncate(16 << 20)
        small_pages = ("--set", "os.thp.enabled=never")
        self.call("run", self.config(MACHINE), *small_pages, "-o", "live.h5", "--", f"./{name}", *arguments)
        with h5py.File(self.path("live.h5")) as file:
            return {name: value[()] for name, value in file["stats/kernel"].items() if isinstance(value, h5py.Dataset)}

    def test_every_way_to_read_a_file_copies_it(self):
        for way in "rpvV":
            kernel = self.kernel(f"readv {way} data16")
            self.assertGreaterEqual(kernel["copied_to_user"], 16 << 20, way)

    def test_from_file_to_file_nothing_passes_through_the_program(self):
        for way in "sc":
            kernel = self.kernel(f"readv {way} data16 copy")
            self.assertLess(kernel["copied_to_user"], 1 << 20, way)
            self.assertGreaterEqual(kernel["nr_file_pages"], 2 * 4096, way)

    def test_a_scattered_read_faults_each_page_of_its_buffers_in_once(self):
        kernel = self.kernel("odd h")
        self.assertIn(kernel["faults_anonymous_write"], range(1024, 1200))
        self.assertLess(kernel["faults_copy_of_zero"], 100)

    def test_random_bytes_and_pipes_fault_buffers_in(self):
        for kind, pages in (("o", 256), ("i", 1024)):
            self.assertGreaterEqual(self.kernel(f"odd {kind}")["faults_anonymous_write"], pages)

    def test_a_pipe_has_a_page_for_each_pipe_buf(self):
        kernel = self.kernel("pipepp")
        self.assertGreaterEqual(kernel["copied_from_user"], 64 << 20)
        self.assertGreaterEqual(kernel["copied_to_user"], 64 << 20)
        self.assertGreater(kernel["frames_for_pipe"], (64 << 20) // 4096 // 2)

    def test_a_hole_takes_pages_out_of_mappings(self):
        self.assertGreaterEqual(self.kernel("odd d")["faults_shared"], 1024 + 512)

    def test_all_that_is_locked_is_there(self):
        kernel = self.kernel("odd c")
        self.assertLess(kernel["faults_anonymous_read"], 100)
        self.assertGreaterEqual(kernel["frames_for_anonymous"], 1024)


class HugePagesOfAPool(LiveCase):
    """Memory with MAP_HUGETLB comes from the simulated kernel's pools, whatever the host's kernel has."""

    def kernel(self, pages):
        self.build("huge")
        run = self.call("run", self.config(MACHINE), "--set", f"os.hugetlb.pages_2mib={pages}", "-o", "live.h5", "--", "./huge")
        with h5py.File(self.path("live.h5")) as file:
            kernel = {name: value[()] for name, value in file["stats/kernel"].items() if isinstance(value, h5py.Dataset)}
        return run.stdout.splitlines()[0], kernel

    def test_is_mapped_where_the_pool_has_enough(self):
        first_line, kernel = self.kernel(20)
        self.assertEqual(first_line, "hugetlb ok")
        self.assertEqual(kernel["faults_hugetlb_new"], 16)

    def test_is_refused_where_it_has_not(self):
        first_line, kernel = self.kernel(15)
        self.assertEqual(first_line, "hugetlb errno 12")  # ENOMEM
        self.assertEqual(kernel["faults_hugetlb_new"], 0)


def checks(*programs):
    def method(words):
        return lambda self: self.check(words)
    return {"test_" + words.replace(" ", "_"): method(words) for words in programs}


# A class is a test of ctest's, so that they run side by side.
Handover = type("Handover", (LiveCase,), checks("handover"))
Threads = type("Threads", (LiveCase,), checks("handover2", "join j 1", "join r 2", "join w 2", "omp", "known 1000000"))
ManyThreads = type("ManyThreads", (LiveCase,), checks("thr300", "waves"))
Waiting = type("Waiting", (LiveCase,), checks(
    "cv m 2 20000", "cv m 4 5000", "cv c 2 2000", "false_sharing 4 64 20000", "false_sharing 4 8 5000 a", "pipepp"))
Signals = type("Signals", (LiveCase,), checks("alarm", "tick 3", "sig1", "sig1 1", "sig3", "crash", "segv", "exitcode"))
Processes = type("Processes", (LiveCase,), checks(
    "forks 100", "vf", "spawn 5", "execchain 2", "par_proc 4 512 4", "cold_page data"))
# Not huge: natively it depends on the host's pools.
Memory = type("Memory", (LiveCase,), checks(
    "map 33 0", "map 33 1", "smc2 5000", "rep b 8", "rep m 8", "readv r data", "readv p data",
    "readv v data", "readv V data", "readv m data", "readv s data copy", "readv c data copy"))
LargeMemory = type("LargeMemory", (LiveCase,), checks("shm", "mremap"))
# Not n: QEMU 7.2 knows no process_vm_readv.
OddMemory = type("OddMemory", (LiveCase,), checks(*(f"odd {kind}" for kind in "abcdefghijklmo")))

if __name__ == "__main__":
    unittest.main()
