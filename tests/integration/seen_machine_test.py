"""Programs see the simulated machine, its CPUs and its time, not the host's."""

import os
import pathlib
import re
import subprocess
import unittest

import h5py

from pagewalk_case import PagewalkCase, program

DUAL = """
[machine]
name = dual
cpus = 6
sockets = 2
memory = 2GiB
"""


class SeenMachine(PagewalkCase):
    def printed(self, *words):
        return self.succeed("run", self.config(DUAL), "-o", "run.h5", "--", *words).stdout

    def test_cpus_by_every_way_to_count_them(self):
        self.assertEqual(self.printed("nproc"), "6\n")
        self.assertEqual(self.printed("getconf", "_NPROCESSORS_CONF"), "6\n")
        self.assertEqual(self.printed("grep", "-c", "^processor", "/proc/cpuinfo"), "6\n")
        self.assertEqual(self.printed("cat", "/sys/devices/system/cpu/online"), "0-5\n")

    def test_affinity_is_the_programs_own(self):
        host = os.sched_getaffinity(0)
        self.assertEqual(self.printed("taskset", "-c", "4,5", "nproc"), "2\n")
        self.assertEqual(os.sched_getaffinity(0), host)

    def test_pinned_program_runs_where_it_wants(self):
        self.printed("taskset", "-c", "4", "seq", "100")
        with h5py.File(self.path("run.h5")) as run:
            users = [int(run[f"stats/cpu{cpu}/user_instructions"][()]) for cpu in range(6)]
        self.assertGreater(users[4], 0)
        self.assertEqual([n for cpu, n in enumerate(users) if cpu not in (0, 4)], [0] * 4)

    def test_nodes(self):
        self.assertEqual(self.printed("cat", "/sys/devices/system/node/node1/cpulist"), "3-5\n")
        self.assertIn("node0", self.printed("ls", "/sys/devices/system/node"))
        self.assertIn("/sys", self.printed("find", "/sys", "-maxdepth", "0"))

    def test_memory_policy_is_the_programs_own(self):
        script = """
import ctypes, mmap
libc = ctypes.CDLL(None)
def call(*words): return libc.syscall(*[ctypes.c_ulong(word) if isinstance(word, int) else word for word in words])
mask, mode = ctypes.c_ulong(2), ctypes.c_int(-1)
print(call(238, 2, ctypes.byref(mask), 64), call(239, ctypes.byref(mode), ctypes.byref(mask), 64, 0, 0), mode.value, mask.value)
print(call(238, 2, ctypes.byref(ctypes.c_ulong(4)), 64))
memory = mmap.mmap(-1, 4 << 20)
for at in range(0, 4 << 20, 4096): memory[at] = 1
"""
        done = self.succeed("run", self.config(DUAL + "[events]\nallocations = 1\n"), "-o", "run.h5", "--", "taskset", "-c", "0",
                            "/usr/bin/python3", "-c", script)
        self.assertEqual(done.stdout, "0 0 2 2\n-1\n")
        with h5py.File(self.path("run.h5")) as run:
            rows = run["events/allocations"][:]
        def nodes(purpose):
            return [int(node) for node in rows["node"][rows["purpose"] == purpose]]
        self.assertEqual(nodes(3), [1] * 1024)  # the shared memory that mmap makes
        self.assertGreater(nodes(0).count(0), 100)  # anonymous, from before: its CPU's node

    def test_pages_are_where_the_program_puts_them(self):
        done = self.succeed("run", self.config(DUAL), "-o", "run.h5", "--", "taskset", "-c", "0,4", program("numa_calls"))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:8], [
            "nothing: 0, 0 0 2500", "bound: 0, 0 0 2500", "touched: 0, 0 2500 0", "every other moved: 0, 1250 1250 0",
            "strict: 5, 1250 1250 0", "bound and moved: 0, 2500 0 0", "migrated: 0, 0 2500 0", "policy 2 of 1, node 1"])
        self.assertRegex(lines[8], "^[0-9a-f]+ bind:0 anon=2500 dirty=2500 active=0 N1=2500 kernelpagesize_kB=4$")
        self.assertEqual(lines[9:], ["Name:\tprogram_numa_ca", "Threads:\t1", "Cpus_allowed_list:\t0,4", "Mems_allowed_list:\t0-1", "22"])
        with h5py.File(self.path("run.h5")) as run:
            self.assertIn(run["stats/kernel/pgmigrate_success"][()], range(5000, 6000))  # migrate_pages takes all the program has

    def test_memory(self):
        kib = int(self.printed("awk", "/MemTotal/ { print $2 }", "/proc/meminfo"))
        self.assertIn(kib, range(1800 << 10, 2 << 20))
        self.assertEqual(int(self.printed("getconf", "_PHYS_PAGES")) * 4, kib)

    @unittest.skipUnless(os.geteuid() == 0, "/proc/sys/vm/drop_caches is root's")
    def test_caches_that_it_drops_are_the_simulated_kernels(self):
        def drops(text):
            return int(re.search(r"^drop_pagecache (\d+)$", text, re.MULTILINE)[1])

        host = drops(pathlib.Path("/proc/vmstat").read_text())
        self.printed("sh", "-c", "echo 1 > /proc/sys/vm/drop_caches")
        self.assertEqual(drops(pathlib.Path("/proc/vmstat").read_text()), host)
        with h5py.File(self.path("run.h5")) as run:
            self.assertEqual(drops(run["proc/vmstat"].asstr()[()]), 1)

    def test_other_files_are_the_hosts(self):
        with open("/proc/version") as version:
            self.assertEqual(self.printed("cat", "/proc/version"), version.read())


class SimulatedTime(PagewalkCase):
    def time_of(self, *words):
        self.succeed("run", self.config(DUAL), "-o", "run.h5", "--", *words)
        with h5py.File(self.path("run.h5")) as run:
            return int(run["meta/simulated_time"][()]) / 1e12

    def test_sleep_takes_its_time(self):
        self.assertAlmostEqual(self.time_of("sleep", "0.3"), 0.3, delta=0.02)

    def test_time_out_takes_its_time(self):
        self.assertAlmostEqual(self.time_of("/usr/bin/python3", "-SEc", "import select; select.select([], [], [], 0.25)"),
                               0.25, delta=0.1)

    def test_idle_cpus_skip_it(self):
        def user_seconds(*words):
            before = os.times().children_user
            self.time_of(*words)
            return os.times().children_user - before
        self.assertLess(user_seconds("sleep", "2"), user_seconds("sleep", "0") + 1)

    def test_results_do_not_depend_on_the_hosts_load(self):
        program = ("/usr/bin/python3", "-Sc", "import time, sys; time.sleep(0.01); print(sum(range(1000)), sys.stdin.read())")
        environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": "0"}
        config = self.config(DUAL + "[os.thp]\nenabled = never\n")  # which CPU khugepaged starts on was seen to differ
        self.succeed("run", config, "-o", "quiet.h5", "--", *program, env=environment)
        load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(3)]
        try:
            self.succeed("run", config, "-o", "loaded.h5", "--", *program, env=environment)
        finally:
            for busy in load:
                busy.kill()
                busy.wait()
        cycles = []
        for name in ("quiet.h5", "loaded.h5"):
            with h5py.File(self.path(name)) as run:
                cycles.append([int(run[f"stats/cpu{cpu}/cycles"][()]) for cpu in range(6)])
        self.assertEqual(*cycles)


if __name__ == "__main__":
    unittest.main()
