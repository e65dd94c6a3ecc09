"""Every option at the ends of what it allows, one beyond each, and with values of another kind: what is allowed runs, or is refused in
one line because of what is beside it; what is not allowed is refused in one line that names the option, the value and what is allowed.

PAGEWALK_SHARE=i/n tries every n-th option from the i-th one on (0/1: all of them); a quarter is tried each day, since all take ten
minutes. Of the costs of kernel functions, which are declared in one loop, every hundredth is tried alone, others each day;
PAGEWALK_COSTS=1 tries all."""

import datetime
import os
import re
import resource
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

import option_ends
import random_machines
from pagewalk_case import PAGEWALK, SOURCE, SYNTHETIC, PagewalkCase

TRACE = SOURCE / "tests" / "data" / "btree_60k.champsimtrace.xz"
SMALL = SYNTHETIC + "[run]\ninstructions = 3k\n"
SWEEP = "base = base.cfg\n[axis.seed]\noption = run.seed\nvalues = 1, 2\n"
OF_SWEEPS = ("sweep.", "slurm.", "axis.")
OF_COSTS = "os.cost."
COSTS = int(os.environ.get("PAGEWALK_COSTS", 100))
HOST_SECONDS, HOST_BYTES = 60, 6 << 30
PARTS, SHARE = (int(word) for word in reversed(os.environ.get("PAGEWALK_SHARE", f"{datetime.date.today().toordinal() % 4}/4").split("/")))


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (HOST_SECONDS, HOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (HOST_BYTES, HOST_BYTES))


class OptionEnds(PagewalkCase):
    @classmethod
    def setUpClass(cls):
        every = random_machines.options(PAGEWALK)
        cls.costs = [option for option in every if option.key.startswith(OF_COSTS)]
        tried = {option.key for option in cls.costs[datetime.date.today().toordinal() % COSTS::COSTS]}
        cls.options = [option for option in every if not option.key.startswith(OF_COSTS) or option.key in tried][SHARE::PARTS]

    def setUp(self):
        super().setUp()
        self.config(SMALL, "base.cfg")
        self.tries = 0

    def limited(self, *words):
        """As call(), where host CPU time and memory have an end, and wall time, on a loaded host, a late one."""
        return subprocess.run([PAGEWALK, *map(str, words)], cwd=self.folder, text=True, errors="surrogateescape", capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=10 * HOST_SECONDS, preexec_fn=limit)

    def attempt(self, option, value):
        """A tiny run, or a look at a sweep, with this option set to `value` and what gives it an effect beside."""
        self.tries += 1
        here, key = self.tries, option.key.replace(".N.", ".1.").replace(".NAME.", ".seed.")
        if key.startswith(OF_SWEEPS):
            section, name = key.rsplit(".", 1)
            sweep = "".join(line for line in SWEEP.splitlines(keepends=True) if section != "axis.seed" or not line.startswith(f"{name} ="))
            file = self.path(f"{here}.cfg")
            file.write_text(f"{sweep}[{section}]\n{name} = '{value}'\n" if section != "axis.seed" else f"{sweep}{name} = '{value}'\n", errors="surrogateescape")
            return self.limited("sweep", file, "--dry-run")
        settings = option_ends.beside(option, TRACE) | {key: value}
        words = [word for name, text in settings.items() for word in ("--set", f"{name}={text}")]
        done = self.limited("run", "base.cfg", "-o", f"{here}.h5", *words)
        self.path(f"{here}.h5").unlink(missing_ok=True)
        return done

    def every(self, values, check, options=None):
        tries = [(option, value) for option in options or self.options for value in values(option)]
        faults = []

        def one(each):
            option, value = each
            fault = check(option, value, self.attempt(option, value))
            if fault:
                faults.append(f"{option.key} = {value[:60]!r}: {fault}")

        with ThreadPoolExecutor(os.cpu_count()) as workers:
            list(workers.map(one, tries))
        print(f"{len(tries)} values of {len(options or self.options)} options", flush=True)
        self.assertEqual(sorted(faults), [], "\n" + "\n".join(sorted(faults)))

    def refusal(self, option, done):
        """What is wrong with a refusal, if anything: it is one line of ours."""
        lines = [line for line in done.stderr.splitlines() if " no effect: " not in line]
        if option.key == "workload.setup":  # the shell says why before us
            lines = lines[-1:]
        if done.returncode not in (1, 2):
            return f"status {done.returncode}: {done.stderr[-300:]}"
        if len(lines) != 1 or not lines[0].startswith("pagewalk: ") or not 20 < len(lines[0]) < 1500:
            return f"not one line: {done.stderr[-600:]!r}"
        return "not printable: " + repr(lines[0]) if not lines[0].isprintable() else ""

    def test_what_is_not_allowed_is_refused_with_what_is(self):
        def check(option, value, done):
            name = option.key.rpartition(".")[2] if option.key.startswith("axis.") else re.sub(r"\.N\.", ".1.", option.key)
            if done.returncode != 2 or name not in done.stderr or "allowed: " not in done.stderr:
                return f"status {done.returncode}: {done.stderr[-300:]!r}"
            return self.refusal(option, done)

        self.every(option_ends.not_allowed, check)

    def test_what_is_allowed_runs_or_is_refused_beside_something_else(self):
        def check(option, value, done):
            return "" if done.returncode == 0 else self.refusal(option, done)

        self.every(option_ends.allowed, check, [option for option in self.options if not option.key.startswith(OF_COSTS)])

    def test_odd_texts_run_or_are_refused_in_one_line(self):
        def check(option, value, done):
            return "" if done.returncode == 0 else self.refusal(option, done)

        self.every(lambda option: option_ends.ODD_TEXTS, check, [option for option in self.options if option.allowed == "text"])

    def test_kernel_costs_run_at_their_ends_together(self):
        for end in (0, -1):
            lines = []
            for option in self.costs:  # loads and stores are instructions
                section, _, name = option.key.rpartition(".")
                value = int(option_ends.allowed(option)[end]) // (1 if name == "instructions" else 2)
                lines.append(f"[{section}]\n{name} = {value}\n")
            self.config(SMALL + "".join(lines), "costs.cfg")
            done = self.limited("run", "costs.cfg", "-o", "costs.h5", "--set", "run.instructions=500")
            self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
