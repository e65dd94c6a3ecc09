"""Every subcommand runs with every view it has. This file also runs under the sanitizers (scripts/check_sanitizers), so
what reads or writes beside its memory shows here."""

import shutil
import subprocess
import tarfile
import unittest

import h5py

from pagewalk_case import SYNTHETIC, PagewalkCase, evidence, program

CAPTURE = evidence("linux/c1-w1.tar.xz")
STATIC_CAPTURE = CAPTURE.with_name("c-static.tar.xz")


class Subcommands(PagewalkCase):
    def test_this_file_runs_every_subcommand(self):
        listed = {line.split()[1] for line in self.succeed("--help").stdout.splitlines() if line.startswith("  pagewalk ")}
        tested = {name.split("_")[1] for name in dir(self) if name.startswith("test_") and not name.startswith("test_this")}
        self.assertEqual(listed - tested, set())

    def test_this_version_says_the_revision_of_its_source(self):
        said = self.succeed("--version").stdout
        self.assertRegex(said, r"^pagewalk \d+\.\d+\.\d+ \(([0-9a-f]{12}(-changed)?|unknown)\)\n$")
        with h5py.File(self.run_to_file(config=SYNTHETIC)) as run:
            self.assertIn("(" + run["/meta/git_revision"].asstr()[()] + ")", said)

    def test_run_live_and_generated(self):
        self.run_to_file(config=SYNTHETIC, output="generated.h5")
        self.run_to_file("--set", "run.instructions=100k", "--set", "run.interval=20k", "--", program("compute"), "1")

    def test_record_and_run_the_recording(self):
        self.succeed("record", "-o", "r.pwt", "--", program("compute"), "1")
        self.run_to_file("--set", "run.instructions=100k", "--trace", "r.pwt")

    def test_show_every_view(self):
        file = self.run_to_file("--set", "run.interval=20k", "--set", "events.functions=100", config=SYNTHETIC)
        for view in ([], ["--json"], ["--stats"], ["--stats", "cpu0*"], ["--histograms"], ["--proc", "buddyinfo"], ["--proc", "slabtop"],
                     ["--config"], ["--events", "allocations"], ["--function-graph"]):
            with self.subTest(view=view):
                self.succeed("show", file, *view)

    def test_compare_with_itself_and_another(self):
        one = self.run_to_file(config=SYNTHETIC, output="one.h5")
        two = self.run_to_file("--set", "run.seed=2", config=SYNTHETIC, output="two.h5")
        self.assertIn("identical", self.succeed("compare", one, one).stdout)
        self.assertIn("differ", self.call("compare", one, two, "--all").stdout)
        self.assertEqual(self.call("compare", one, one.parent / "absent.h5").returncode, 2)

    def test_compare_says_by_its_status_whether_anything_moved(self):
        one = self.run_to_file(config=SYNTHETIC, output="one.h5")
        small = self.run_to_file("--set", "mmu.l2_tlb.entries=64", config=SYNTHETIC, output="small.h5")
        self.assertEqual(self.call("compare", one, one).returncode, 0)
        done = self.call("compare", one, small)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stdout, r"walks .* yes")

    def test_sweep_and_resume(self):
        axis = "[axis.ways]\noption = mmu.l2_tlb.ways\nvalues = 8, 16\n"
        for words in (["--dry-run"], [], ["--resume"]):
            self.succeed("sweep", self.config(SYNTHETIC + axis), "-o", "sweep", *words)

    def test_characterize_a_table(self):
        machine = self.config(SYNTHETIC)
        self.assertIn("tlb", self.succeed("characterize", machine, "--only", "tlb", "-o", "c.h5").stdout)
        self.assertEqual(self.call("characterize", machine, "--only", "weather").returncode, 2)

    def test_boot_and_walk(self):
        self.succeed("boot", self.config())
        self.succeed("boot", "--walk", "A=34KiB;free A")

    def test_boot_from_a_capture(self):
        for file in ("zoneinfo", "slabinfo", "sys_kernel_slab"):
            self.succeed("boot", "--from-capture", STATIC_CAPTURE, "--proc", file)

    def test_replay_gives_the_same_for_an_archive_and_its_folder(self):
        with tarfile.open(CAPTURE) as archive:
            archive.extractall(self.path("unpacked"))
        [folder] = self.path("unpacked").iterdir()
        report = self.succeed("replay", folder, "--first-difference").stdout
        whole = self.succeed("replay", CAPTURE, "--first-difference").stdout
        self.assertEqual(report.replace(str(folder), "CAPTURE"), whole.replace(str(CAPTURE), "CAPTURE"))

    def test_report(self):
        file = self.run_to_file(config=SYNTHETIC)
        self.succeed("report", file)
        self.assertIn("<title>run</title>", self.path("run.html").read_text())

    def test_export(self):
        file = self.run_to_file(config=SYNTHETIC)
        self.assertRegex(self.succeed("export", file, "--format", "csv", "--table", "summary").stdout, r"run.summary.csv: \d+ rows")

    def test_doctor(self):
        self.assertIn("live programs", self.succeed("doctor").stdout)

    def test_completion_completes(self):
        self.path("completion").write_text(self.succeed("completion").stdout)
        ask = "source completion; COMP_WORDS=({}); COMP_CWORD={}; _pagewalk; echo ${{COMPREPLY[@]}}"
        for words, cword, expected in (("pagewalk swe", 1, "sweep"), ("pagewalk run --set mmu.l2_tlb.en", 3, "mmu.l2_tlb.entries="),
                                       ("pagewalk sweep --res", 2, "--resume")):
            for shell in ("bash", "zsh"):
                with self.subTest(shell=shell, words=words):
                    if not shutil.which(shell):
                        self.skipTest(f"wants {shell} of scripts/packages-test.txt")
                    done = subprocess.run([shell, "-uc", ask.format(words, cword)], cwd=self.folder, capture_output=True, text=True)
                    # zsh chooses among the words itself.
                    self.assertIn(expected, done.stdout.split() if shell == "zsh" else [done.stdout.strip()], done.stderr)

    def test_man(self):
        self.assertIn(".SH COMMANDS", self.succeed("man").stdout)

    def test_this_is_what_help_and_mistakes_say(self):
        self.assertIn("usage: pagewalk sweep", self.succeed("help", "sweep").stdout)
        self.assertIn("did you mean 'sweep'?", self.call("sweeep").stderr)
        self.assertIn("did you mean 'replay'?", self.call("help", "repaly").stderr)

    def list_both_ways(self, listing):
        self.succeed(listing)
        self.succeed(listing, "*", "--markdown")

    def test_options(self):
        self.list_both_ways("options")

    def test_stats(self):
        self.list_both_ways("stats")

    def test_events(self):
        self.list_both_ways("events")


if __name__ == "__main__":
    unittest.main()
