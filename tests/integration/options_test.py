"""`pagewalk options` lists what a configuration may set, and a run's stored configuration is that run again."""

import os
import re
import subprocess
import unittest
from random import Random

import h5py

import random_machines
from pagewalk_case import PAGEWALK, SMALL, SOURCE, SYNTHETIC, PagewalkCase, contents, text

# What a run's configuration does not have: sections of a number or a name, and those of sweeps.
ELSEWHERE = ("program.N", "axis.NAME", "sweep", "slurm")

TRACE = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"


class Options(PagewalkCase):
    def listed(self, *words):
        return self.succeed("options", *words).stdout

    def test_every_option_has_range_meaning_and_source(self):
        entries = re.findall(r"^(\S+) = (.*)\n    (.+)\n    allowed: (.+?)(?:; unit: (.+?))?; source: (.+)\n", self.listed(), re.MULTILINE)
        keys = re.findall(r"^(\S+) = ", self.listed(), re.MULTILINE)
        self.assertGreater(len(keys), 150)
        self.assertEqual([entry[0] for entry in entries], keys)
        self.assertEqual(len(set(keys)), len(keys))

    def test_stored_configuration_lists_the_same_keys(self):
        keys = {key for key in re.findall(r"^(\S+) = ", self.listed(), re.MULTILINE) if key.rpartition(".")[0] not in ELSEWHERE}
        stored, section = set(), ""
        for line in self.stored_config(self.run_to_file(config=SYNTHETIC)).splitlines():
            if line.startswith("["):
                section = line.strip("[]") + "."
            elif "=" in line:
                stored.add(section + line.split("=")[0].strip())
        self.assertEqual(stored, keys)

    def stored_config(self, file):
        return self.succeed("show", file, "--config").stdout

    def test_stored_configuration_is_the_same_run(self):
        first = self.run_to_file("--set", "core.rob_entries=100", "--set", "run.seed=7", "--set", "machine.cpus=2", config=SYNTHETIC)
        stored = self.stored_config(first)
        second = self.run_to_file(config=stored, output="second.h5")
        self.assertEqual(self.stored_config(second), stored)
        self.assertEqual(contents(first), contents(second))

    def test_stored_configuration_of_a_program_runs_it_with_the_same_words(self):
        words = ["a#b", "c # d", "it's", "line\nfeed", "\udcff", "", "\\", "$'x'"]
        native = subprocess.run(["printf", "%s|", *words], stdout=subprocess.PIPE, check=True).stdout
        first = self.path("run.h5")
        done = self.call("run", self.config(), "-o", first, "--", "printf", "%s|", *words, errors="surrogateescape")
        self.assertEqual(os.fsencode(done.stdout), native, done.stderr)
        with h5py.File(first, "r") as run:
            stored = text(run["meta/config"])
            for name in ("workload", "command_line", "processes"):
                self.assertIn("a#b", text(run["meta"][name]))
        again = self.call("run", self.config(stored, "again.cfg"), "-o", "again.h5", errors="surrogateescape")
        self.assertEqual(os.fsencode(again.stdout), native, again.stderr)
        self.assertEqual(self.stored_config("again.h5"), stored)

    def test_stored_configuration_of_a_trace_names_it(self):
        self.run_to_file("--trace", TRACE, output="first.h5", config=SMALL)
        self.run_to_file(output="second.h5", config=self.stored_config("first.h5"))
        self.assertEqual(contents(self.path("first.h5")), contents(self.path("second.h5")))

    def test_defaults_load_as_a_configuration(self):
        lines = []
        for key, value in re.findall(r"^(\S+) = (.*)$", self.listed(), re.MULTILINE):
            section, name = key.rsplit(".", 1)
            if section in ELSEWHERE:
                continue
            lines.append(f"[{section}]\n{name} = {value}\n")
        config = "".join(lines)
        done = self.call("run", self.config(config), "-o", "run.h5", "--set", "workload.kind=synthetic",
                         "--set", "synthetic.instructions=1k", "--set", "synthetic.first_touch=off")
        self.assertEqual(done.returncode, 0, done.stderr)

    # Each takes the effect of options that another of them, or the defaults, leave.
    IN_VAIN = ({"mmu.perfect": "on", "core.perfect_branches": "on", "os.slab": "slob", "os.thp.enabled": "never"},
               {"os.timing": "off", "os.slab": "slab", "machine.node_memory": "256MiB"},
               {"cache.l1d.capacity": "48KiB", "cache.l1i.capacity": "32KiB", "cache.l2.capacity": "1280KiB", "llc.capacity": "1536KiB",
                "os.dirty_bytes": "1MiB", "os.dirty_background_bytes": "64KiB", "workload.trace": TRACE})

    def test_what_is_said_to_have_no_effect_has_none(self):
        depends = set(re.findall(r"^(\S+) = .*\n(?:    .*\n)*?    no effect without: ", self.listed(), re.MULTILINE))
        options = [option for option in random_machines.options(PAGEWALK) if option.key in depends and not option.key.startswith("os.cost.")]
        random, tried = Random(1), set()
        for base in self.IN_VAIN:
            kind = "trace" if "workload.trace" in base else "synthetic"
            config = SYNTHETIC.replace("kind = synthetic", f"kind = {kind}") + "".join(f"[{key.rpartition('.')[0]}]\n{key.rpartition('.')[2]} = {value}\n" for key, value in base.items())
            drawn = {option.key: value for option in options if option.key not in base
                     and (value := random_machines.draw(option, random)) is not None and value != option.default}
            self.config(config, "vain.cfg")
            vain = [key for key in drawn if self.is_in_vain(key, drawn[key])]
            tried.update(vain)
            words = [word for key in vain for word in ("--set", f"{key}={drawn[key]}")]
            self.assertEqual(self.measured("vain.cfg", *words), self.measured("vain.cfg"), base)
        self.assertGreater(len(tried), 50)

    def is_in_vain(self, key, value):
        done = self.call("run", "vain.cfg", "-o", "one.h5", "--set", f"{key}={value}", "--set", "run.instructions=1k")
        return f"{key} = " in done.stderr and "no effect" in done.stderr

    def measured(self, config, *words):
        """What a run measured, without what it was told; it tells the same to its user and to its file."""
        done = self.succeed("run", config, "-o", "run.h5", *words)
        with h5py.File(self.path("run.h5"), "r") as run:
            lines = text(run["meta/no_effect"]).splitlines() if "no_effect" in run["meta"] else []
        self.assertEqual([line.removeprefix("pagewalk: ") for line in done.stderr.splitlines() if "no effect" in line], lines)
        return {name: value for name, value in contents(self.path("run.h5")).items() if not name.startswith("meta")}

    def test_glob_selects(self):
        listed = re.findall(r"^(\S+) = ", self.listed("machine.*"), re.MULTILINE)
        self.assertIn("machine.cpus", listed)
        self.assertTrue(all(key.startswith("machine.") for key in listed))

    def test_glob_that_matches_nothing_is_refused(self):
        done = self.call("options", "nothing.*")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nothing.*", done.stderr)

    def test_markdown_has_a_row_an_option(self):
        rows = re.findall(r"^\| (?!key \||---)", self.listed("--markdown"), re.MULTILINE)
        keys = re.findall(r"^(\S+) = ", self.listed(), re.MULTILINE)
        self.assertEqual(len(rows), len(keys))

    def test_command_line_wins_over_file_and_file_over_base(self):
        self.config(SMALL + "[run]\nseed = 1\ninterval = 1k\n[core]\nrob_entries = 90\n", "base.cfg")
        config = "base = base.cfg\n" + SYNTHETIC.replace(SMALL, "") + "[run]\nseed = 2\ninterval = 2k\n"
        stored = self.stored_config(self.run_to_file("--set", "run.seed=3", config=config))
        self.assertRegex(stored, r"\nseed = 3\n")
        self.assertRegex(stored, r"\ninterval = 2k\n")
        self.assertRegex(stored, r"\nrob_entries = 90\n")


if __name__ == "__main__":
    unittest.main()
