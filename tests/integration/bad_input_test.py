"""Wrong input is refused in one paragraph that names it, with exit status 2 before the run and 1 during it, and nothing
is left under the final name."""

import contextlib
import lzma
import os
import pathlib
import struct
import subprocess
import unittest
from random import Random

import h5py

from pagewalk_case import PAGEWALK, SMALL, SOURCE, SYNTHETIC, PagewalkCase, program

CHAMPSIM = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"


class BadInputCase(PagewalkCase):
    def assert_refused(self, done, *named, status=2):
        self.assertEqual(done.returncode, status, done.stderr)
        message = done.stderr.strip()
        self.assertTrue(message.startswith("pagewalk: "), message)
        self.assertNotIn("\n\n", message)
        self.assertLess(len(message), 1500)
        for word in named:
            self.assertIn(str(word), message)
        for trace in ("terminate called", "what():", "HDF5-DIAG", "core dumped", "SystemC"):
            self.assertNotIn(trace, message)
        self.assertFalse(self.path("run.h5").exists())
        self.assertFalse(self.path("run.h5.tmp").exists())
        return message

    def refuse_run(self, *words, named=(), config=SYNTHETIC, status=2):
        return self.assert_refused(self.call("run", self.config(config), "-o", "run.h5", *words), *named, status=status)


class CommandLine(BadInputCase):
    def test_no_arguments_print_the_help(self):
        done = self.call()
        self.assertEqual(done.returncode, 2)
        self.assertIn("pagewalk run", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_unknown_command(self):
        self.assert_refused(self.call("rum"), "rum", "run, record, sweep, show, compare")

    def test_unknown_option(self):
        self.refuse_run("--sett", "a=b", named=["--sett", "usage"])

    def test_no_configuration(self):
        self.assert_refused(self.call("run"), "usage: pagewalk run CONFIG")

    def test_two_configurations(self):
        self.refuse_run("another.cfg", named=["usage"])

    def test_setting_without_equals(self):
        self.refuse_run("--set", "machine.cpus", named=["--set machine.cpus", "key=value"])

    def test_dashes_without_program(self):
        self.refuse_run("--", named=["program"])

    def test_trace_and_program_together(self):
        self.refuse_run("--trace", CHAMPSIM, "--", "ls", named=["not both"])

    def test_every_command_explains_itself(self):
        for command in ("run", "record", "sweep", "boot", "replay", "show", "compare", "options", "stats", "events"):
            with self.subTest(command=command):
                done = self.call(command, "--help")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"pagewalk {command}", done.stdout)


class Configurations(BadInputCase):
    def test_missing_file(self):
        self.assert_refused(self.call("run", "absent.cfg", "-o", "run.h5"), "absent.cfg")

    def test_refusals_write_nothing_where_no_output_is_named(self):
        config = self.config()
        for words in (["absent.cfg"], [config, "--set", "llc.ways=abc"], [config], [config, "--", "/etc/passwd"],
                      [config, "--trace", "absent.pwt"]):
            with self.subTest(words=words):
                self.assert_refused(self.call("run", *words))
                self.assertEqual([item.name for item in self.folder.iterdir()], [config.name])

    def test_directory(self):
        self.assert_refused(self.call("run", self.folder, "-o", "run.h5"), self.folder, "directory")

    def test_binary_file(self):
        self.assert_refused(self.call("run", "/bin/ls", "-o", "run.h5"), "/bin/ls")

    def test_missing_base(self):
        self.refuse_run(config="base = absent.cfg\n" + SYNTHETIC, named=["absent.cfg", "test.cfg"])

    def test_unknown_key_names_line_and_neighbour(self):
        self.refuse_run(config=SYNTHETIC + "[core]\nrob_entry = 3\n", named=["test.cfg:", "core.rob_entry", "core.rob_entries"])

    def test_value_out_of_range(self):
        self.refuse_run("--set", "machine.cpus=1000", named=["--set", "machine.cpus", "1000", "1 to 256"])

    def test_value_without_sense(self):
        self.refuse_run("--set", "machine.cpus=few", named=["machine.cpus", "few", "allowed"])

    def test_negative_value(self):
        self.refuse_run("--set", "machine.cpus=-1", named=["machine.cpus", "-1", "allowed"])

    def test_unit_of_another_kind(self):
        self.refuse_run("--set", "machine.memory=4GHz", named=["machine.memory", "4GHz", "4KiB"])

    def test_number_beyond_64_bits(self):
        self.refuse_run("--set", "run.instructions=99999999999999999999999", named=["run.instructions"])

    def test_cpus_not_a_multiple_of_sockets(self):
        self.refuse_run("--set", "machine.cpus=3", "--set", "machine.sockets=2", named=["machine.cpus", "3", "machine.sockets", "2"])

    def test_memory_not_divisible_among_sockets(self):
        self.refuse_run("--set", "machine.cpus=3", "--set", "machine.sockets=3", "--set", "machine.memory=200MiB",
                        named=["machine.memory", "2MiB"])

    def test_nodes_of_other_number_than_sockets(self):
        self.refuse_run("--set", "machine.node_memory=64MiB,64MiB", named=["machine.node_memory", "machine.sockets"])

    def test_32_bit_machine_has_no_cpus_to_run_on(self):
        self.refuse_run("--set", "machine.layout=i386", named=["machine.layout", "i386", "boot"])

    def test_distances_that_are_no_table(self):
        self.refuse_run("--set", "machine.distances=10,21", named=["machine.distances", "1 rows of 1"])

    def test_cache_sets_not_a_power_of_two(self):
        self.refuse_run("--set", "cache.l1d.sets=48", named=["cache.l1d.sets", "48", "power of two"])
        self.refuse_run("--set", "cache.l1d.capacity=100KiB", named=["l1d", "100KiB", "power of two"])

    def test_unknown_generator(self):
        self.refuse_run("--set", "workload.synthetic=gulps", named=["gulps", "gups", "stream"])

    def test_no_workload(self):
        self.refuse_run(config=SMALL, named=["PROGRAM", "--trace", "synthetic"])

    def test_trace_kind_without_trace(self):
        self.refuse_run("--set", "workload.kind=trace", named=["workload.trace"])

    def test_open_quote_in_program(self):
        self.refuse_run("--set", "workload.program=ls 'a", config=SMALL, named=["ls 'a", "quote"])

    def test_failing_setup(self):
        self.refuse_run("--set", "workload.setup=exit 9", "--", "ls", named=["workload.setup", "exit 9"])

    def test_missing_standard_input(self):
        self.refuse_run("--set", "workload.input=absent.txt", "--", "cat", named=["absent.txt"])

    def test_missing_working_directory(self):
        self.refuse_run("--set", "workload.directory=absent", "--", "ls", named=["absent"])


class Programs(BadInputCase):
    def executable(self, name, content):
        file = self.path(name)
        file.write_bytes(content)
        file.chmod(0o755)
        return file

    def refuse_program(self, file, *named):
        self.refuse_run("--", file, named=[file, *named])
        done = self.call("record", "-o", "r.pwt", "--", file)
        self.assert_refused(done, file, *named)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("r.pwt")], [])

    def test_missing(self):
        self.refuse_program("/no/such/program", "No such file")

    def test_not_on_the_path(self):
        self.refuse_program("no-such-program")

    def test_directory(self):
        self.refuse_program(self.folder)

    def test_not_executable(self):
        file = self.executable("plain", b"#!/bin/sh\n")
        file.chmod(0o644)
        self.refuse_program(file)

    def test_text_without_interpreter_line(self):
        self.refuse_program(self.executable("script", b"echo hello\n"), "x86-64")

    def test_interpreter_that_does_not_exist(self):
        self.refuse_program(self.executable("script", b"#!/no/such/interpreter\n"), "/no/such/interpreter")

    def test_other_machine(self):
        header = b"\x7fELF" + bytes([2, 1, 1, 0]) + bytes(8) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0x400000, 64, 0, 0, 64, 56, 0, 64, 0, 0)
        self.refuse_program(self.executable("arm", header), "x86-64")

    def test_32_bit_program(self):
        header = b"\x7fELF" + bytes([1, 1, 1, 0]) + bytes(8) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048000, 52, 0, 0, 52, 32, 0, 40, 0, 0)
        self.refuse_program(self.executable("i386", header), "x86-64")

    def test_truncated_elf(self):
        self.refuse_program(self.executable("cut", b"\x7fELF\x02\x01"))

    def test_recording_without_file_or_program(self):
        self.assert_refused(self.call("record", "--", "ls"), "usage")
        self.assert_refused(self.call("record", "-o", "r.pwt"), "usage")

    def test_recording_into_a_missing_folder(self):
        self.assert_refused(self.call("record", "-o", "absent/r.pwt", "--", "ls"), "absent/r.pwt")


class Traces(BadInputCase):
    def trace(self, name, content):
        self.path(name).write_bytes(content)
        return name

    def recording(self):
        self.succeed("record", "-o", "whole.pwt", "--", program("compute"), "1")
        return self.path("whole.pwt").read_bytes()

    def refuse_trace(self, name, *named, status=2):
        return self.refuse_run("--trace", name, named=[name, *named], status=status)

    def test_missing(self):
        self.refuse_trace("absent.xz")

    def test_directory(self):
        self.refuse_trace(str(self.folder))

    def test_empty(self):
        self.refuse_trace(self.trace("empty", b""))

    def test_wrong_magic(self):
        self.refuse_trace(self.trace("noise", bytes(range(256)) * 3 + b"x"), "ChampSim", "lackey")
        self.refuse_trace(self.trace("noise.xz", bytes(range(256)) * 3 + b"x"), "xz")

    def test_odd_length(self):
        records = lzma.decompress(CHAMPSIM.read_bytes())
        self.refuse_trace(self.trace("odd", records[:6400 + 13]), "64")

    def test_text_that_is_no_lackey_output(self):
        self.refuse_trace(self.trace("poem", b"Shall I compare thee\n"), "lackey")

    def test_truncated_xz_keeps_what_was_measured(self):
        cut = self.trace("cut.xz", CHAMPSIM.read_bytes()[:8000])
        message = self.refuse_trace(cut, status=1)
        self.assertIn("run.h5.partial", message)
        with h5py.File(self.path("run.h5.partial"), "r") as kept:
            self.assertEqual(kept["meta/status"][()].decode(), "failed")

    def test_damaged_xz(self):
        content = bytearray(CHAMPSIM.read_bytes())
        for i in range(5000, 5200):
            content[i] ^= 0x5a
        self.refuse_trace(self.trace("damaged.xz", bytes(content)), status=1)

    def test_recording_of_another_version(self):
        content = bytearray(self.recording())
        content[8] = 99
        self.refuse_trace(self.trace("other.pwt", bytes(content)), "version")

    def test_recording_cut_within_its_header(self):
        self.refuse_trace(self.trace("cut.pwt", self.recording()[:12]))

    def test_a_recording_cut_before_its_first_chunk_is_not_a_run(self):
        self.refuse_trace(self.trace("early.pwt", self.recording()[:3000]), "cut off")

    def test_damaged_recording(self):
        content = bytearray(self.recording())
        middle = len(content) // 2
        for i in range(middle, middle + 64):
            content[i] ^= 0x5a
        done = self.call("run", self.config(), "-o", "run.h5", "--trace", self.trace("damaged.pwt", bytes(content)))
        self.assert_refused(done, "damaged.pwt", status=done.returncode or 1)
        self.assertIn(done.returncode, (1, 2))


class Output(BadInputCase):
    def test_missing_folder(self):
        done = self.call("run", self.config(SYNTHETIC), "-o", "absent/run.h5")
        self.assert_refused(done, "absent/run.h5", "-o")

    def test_folder_as_file(self):
        done = self.call("run", self.config(SYNTHETIC), "-o", self.folder)
        self.assert_refused(done, self.folder)

    def test_folder_without_permission(self):
        target = "/proc/run.h5"
        if os.geteuid() != 0:
            self.path("closed").mkdir(mode=0o555)
            target = self.path("closed") / "run.h5"
        self.assert_refused(self.call("run", self.config(SYNTHETIC), "-o", target), target)

    def test_wrong_input_leaves_an_older_file_alone(self):
        self.path("old.h5").write_bytes(b"precious")
        done = self.call("run", self.config(SYNTHETIC), "-o", "old.h5", "--trace", "absent")
        self.assert_refused(done, "absent")
        self.assertEqual(self.path("old.h5").read_bytes(), b"precious")

    @contextlib.contextmanager
    def small_disk(self, size):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        disk = self.path("disk")
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small disk: {mounted.stderr}")
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)

    def test_full_disk_before_the_run(self):
        with self.small_disk("64k") as disk:
            (disk / "rest").write_bytes(bytes(60 * 1024))
            done = self.call("run", self.config(SYNTHETIC), "-o", disk / "run.h5")
            self.assert_refused(done, disk / "run.h5", "space")
            self.assertEqual(os.listdir(disk), ["rest"])

    def test_full_disk_at_the_end_keeps_what_fits(self):
        with self.small_disk("1m") as disk:
            done = self.call("run", self.config(SYNTHETIC), "-o", disk / "run.h5", "--set", "events.tlb_misses=1",
                             "--set", "synthetic.instructions=1500k", "--set", "synthetic.gups.table=16MiB",
                             "--set", "synthetic.gups.updates_per_word=1")
            self.assert_refused(done, disk / "run.h5", "space", status=1)
            self.assertFalse((disk / "run.h5").exists())
            self.assertEqual([name for name in os.listdir(disk) if name.endswith(".tmp")], [])

    def test_full_disk_while_recording(self):
        with self.small_disk("64k") as disk:
            done = self.call("record", "-o", disk / "r.pwt", "--", program("compute"), "20")
            self.assert_refused(done, disk / "r.pwt", "space", status=1)
            self.assertEqual(os.listdir(disk), ["r.pwt.partial"])


class ResultsFiles(BadInputCase):
    def both_refuse(self, name, *named):
        self.assert_refused(self.call("show", name), name, *named)
        self.assert_refused(self.call("compare", name, name), name, *named)

    def test_missing(self):
        self.both_refuse("absent.h5")

    def test_not_hdf5(self):
        self.path("text.h5").write_text("hello\n")
        self.both_refuse("text.h5", "HDF5")

    def test_foreign_hdf5(self):
        with h5py.File(self.path("foreign.h5"), "w") as file:
            file["numbers"] = [1, 2, 3]
        self.both_refuse("foreign.h5", "Pagewalk")

    def test_other_schema_version(self):
        file = self.run_to_file(config=SYNTHETIC, output="other.h5")
        with h5py.File(file, "r+") as opened:
            opened.attrs.modify("schema_version", opened.attrs["schema_version"] + 1)
        self.both_refuse("other.h5", "schema", "version")

    def test_cut_short(self):
        file = self.run_to_file(config=SYNTHETIC, output="cut.h5")
        content = file.read_bytes()
        file.write_bytes(content[:len(content) // 2])
        self.both_refuse("cut.h5")

    def test_no_flipped_byte_crashes_a_reader_or_goes_unnoticed_in_a_text(self):
        whole = self.run_to_file("--set", "events.tlb_misses=1", config=SYNTHETIC, output="whole.h5").read_bytes()
        views = (["--json"], ["--stats"], ["--histograms"], ["--config"], ["--events", "tlb_misses"], ["--proc", "pagetypeinfo"])
        good = [self.succeed("show", "whole.h5", *view).stdout for view in views]
        random = Random(1)
        for round_number in range(60):
            damaged = bytearray(whole)
            damaged[random.randrange(len(whole))] ^= 1 << random.randrange(8)
            self.path("flipped.h5").write_bytes(damaged)
            view = round_number % len(views)
            done = self.call("show", "flipped.h5", *views[view])
            self.assertIn(done.returncode, (0, 2), (round_number, done.stderr))
            if done.returncode == 2:
                self.assertIn("flipped.h5", done.stderr)
            else:
                self.assertEqual(done.stdout.replace("flipped.h5", "whole.h5"), good[view], round_number)
            done = self.call("compare", "whole.h5", "flipped.h5")
            self.assertIn(done.returncode, (0, 2), (round_number, done.stderr))
            self.assertNotIn("whole.h5 cannot be read", done.stderr)

    def test_unknown_views(self):
        self.run_to_file(config=SYNTHETIC, output="good.h5")
        for words, named in ((["--events", "flights"], "allocations"), (["--proc", "absent"], "buddyinfo"),
                             (["--stats", "nothing"], "nothing"), (["--nothing"], "usage"), (["--json", "--config"], "usage")):
            with self.subTest(words=words):
                self.assert_refused(self.call("show", "good.h5", *words), named)


class StandardStreams(BadInputCase):
    def shell(self, command):
        return subprocess.run(["sh", "-c", command], cwd=self.folder, env={**os.environ, "P": PAGEWALK}, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=110, check=False)

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.run_to_file(config=SYNTHETIC, output="good.h5")
        for command in ("show good.h5 --json", "compare good.h5 good.h5", "boot good.h5.cfg", "options", "stats", "events", "--help"):
            for sink, why in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
                with self.subTest(command=command, sink=sink):
                    done = self.shell(f'"$P" {command} {sink}')
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertIn("cannot write to standard output", done.stderr)

    def test_closed_streams_that_are_not_needed_do_no_harm(self):
        self.config(SYNTHETIC)
        done = self.shell('"$P" run test.cfg -o run.h5 <&-')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.shell('"$P" show run.h5 --json 2>&- <&-').returncode, 0)
        with h5py.File(self.path("run.h5"), "r") as run:
            self.assertEqual(run["meta/status"][()].decode(), "complete")

    def test_a_limit_on_file_sizes_is_a_full_disk(self):
        self.config(SYNTHETIC)
        done = self.shell('ulimit -f 8; exec "$P" run test.cfg -o run.h5')
        self.assert_refused(done, "run.h5", "File too large")
        done = self.shell(f'ulimit -f 8; exec "$P" record -o r.pwt -- {program("compute")} 1')
        self.assert_refused(done, "File too large", status=1)

    def test_a_small_stack_is_enough(self):
        self.config(SYNTHETIC)
        done = self.shell('ulimit -Ss 64; exec "$P" run test.cfg -o run.h5')
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_empty_names_are_refused(self):
        config = self.config(SYNTHETIC)
        self.assert_refused(self.call("run", config, "--trace", ""), "--trace")
        self.assert_refused(self.call("run", config, "-o", ""), "-o")
        self.assert_refused(self.call("record", "-o", "", "--", "true"), "no file")
        self.assertEqual(os.listdir(self.folder), [config.name])


if __name__ == "__main__":
    unittest.main()
