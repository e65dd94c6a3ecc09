"""Runs of random machines: each ends, says so, and its figures agree with one another. PAGEWALK_MACHINES tells how many
(50), PAGEWALK_SEED the first seed (the day's number); a failure names the seed that repeats it."""

import datetime
import os
import random
import unittest

from pagewalk_case import PAGEWALK, PagewalkCase
from random_machines import machine, options
from run_invariants import broken

MACHINES = int(os.environ.get("PAGEWALK_MACHINES", 50))
SEED = int(os.environ.get("PAGEWALK_SEED", datetime.date.today().toordinal() * 1000))


class RandomMachines(PagewalkCase):
    def test_their_figures_agree(self):
        every_option = options(PAGEWALK)
        self.assertGreater(len(every_option), 200)
        print(f"seeds {SEED} to {SEED + MACHINES - 1}", flush=True)
        refused = 0
        for seed in range(SEED, SEED + MACHINES):
            settings = machine(every_option, random.Random(seed))
            lines = [f"[{key.rpartition('.')[0]}]\n{key.rpartition('.')[2]} = {value}" for key, value in settings.items()]
            with self.subTest(seed=seed, settings=settings):
                done = self.call("run", self.config("\n".join(lines)), "-o", f"{seed}.h5")
                if done.returncode == 2:  # options that contradict each other
                    refused += 1
                    self.assertRegex(done.stderr, r"^pagewalk: .+\n$")
                    continue
                self.assertEqual(done.returncode, 0, done.stderr[-2000:])
                self.assertEqual(broken(self.path(f"{seed}.h5")), [])
            self.path(f"{seed}.h5").unlink(missing_ok=True)
        print(f"{MACHINES - refused} ran, {refused} were refused")
        self.assertLess(refused, MACHINES * 2 / 3, "too few machines are valid")


if __name__ == "__main__":
    unittest.main()
