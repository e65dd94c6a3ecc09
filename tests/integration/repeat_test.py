"""A run repeated from its own results: identical, or where it is not; what has changed around it is told."""

import os
import unittest

import h5py
import numpy as np

from pagewalk_case import SYNTHETIC, PagewalkCase, text


class Repeat(PagewalkCase):
    def repeat(self, file, *words, status=0, **more):
        done = self.call("run", "--from", file, "-o", "again.h5", *words, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_the_same_run_is_identical(self):
        file = self.run_to_file("--set", "run.seed=7", config=SYNTHETIC)
        self.path("run.h5.cfg").unlink()  # nothing but the results is needed
        self.assertIn(f"identical to {file}", self.repeat(file).stdout)

    def test_a_live_program_has_its_words_environment_and_directory(self):
        self.path("input").write_text("some text\n")
        config = self.config(SYNTHETIC.replace("[workload]\nkind = synthetic\nsynthetic = gups\n", ""))
        self.succeed("run", config, "-o", "run.h5", "--", "/bin/cat", "input", env=os.environ | {"PAGEWALK_WORD": "two words", "MY_TOKEN": "hidden"})
        with h5py.File(self.path("run.h5")) as run:
            environment = text(run["meta/host/environment"])
            self.assertIn("'PAGEWALK_WORD=two words'", environment)
            self.assertNotIn("hidden", environment)
            self.assertRegex(text(run["meta/host/inputs"]), r"[0-9a-f]{8} 10 \S*/input\n")
        done = self.call("run", "--from", "run.h5", "-o", "again.h5", env=os.environ | {"PAGEWALK_OTHER": "1"})
        self.assertEqual(done.stdout, "some text\n")
        # Live programs are as repeatable as they are: either answer is right, none is not.
        self.assertRegex(done.stderr, r"(not )?identical to \S+/run.h5")
        self.assertEqual(done.returncode, int("not identical" in done.stderr))

    def test_a_live_program_sees_the_same_environment(self):
        config = self.config("[machine]\ncpus = 1\nmemory = 256MiB\n")
        before = self.succeed("run", config, "-o", "run.h5", "--", "/usr/bin/env", env=os.environ | {"PAGEWALK_WORD": "two words", "A_KEY": "1"})
        after = self.call("run", "--from", "run.h5", "-o", "again.h5", env=os.environ | {"PAGEWALK_OTHER": "1", "A_KEY": "2"})
        self.assertIn("PAGEWALK_WORD=two words\n", after.stdout)
        self.assertEqual(after.stdout, before.stdout.replace("A_KEY=1\n", "A_KEY=2\n"))

    def test_another_input_is_told_and_where_results_differ_first(self):
        self.path("input").write_text("10000\n")
        config = self.config("[machine]\ncpus = 1\nmemory = 256MiB\n[workload]\nkind = program\nprogram = /usr/bin/wc input\n")
        self.succeed("run", config, "-o", "run.h5")
        self.path("input").write_text("10000 words\n" * 40000)
        done = self.repeat(self.path("run.h5"), status=1)
        self.assertRegex(done.stderr, r"input \S*/input is another: [0-9a-f]{8} 480000")
        self.assertRegex(done.stderr, r"not identical to \S+: \d+ objects differ; first /events/\w+, row \d+: was .*, is ")

    def test_what_cannot_be_repeated_is_refused(self):
        file = self.run_to_file(config=SYNTHETIC)
        for words, named in ((["--set", "run.seed=1"], "nothing but -o"), (["x.cfg"], "nothing but -o")):
            refused = self.call("run", "--from", file, *words)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(named, refused.stderr)
        with h5py.File(file, "r+") as run:
            status = np.array(b"running", dtype=run["meta/status"].dtype)
            run["meta/status"][()] = status
        self.assertIn("did not end", self.call("run", "--from", file).stderr)
        self.assertEqual(self.call("run", "--from", "absent.h5").returncode, 2)

    def test_a_program_that_dies_dies_again(self):
        config = self.config("[machine]\ncpus = 1\nmemory = 256MiB\n")
        done = self.call("run", config, "-o", "run.h5", "--", "/bin/sh", "-c", "kill -SEGV $$")
        self.assertEqual(done.returncode, 1)
        self.assertIn("identical to", self.repeat(self.path("run.h5"), status=1).stderr)


if __name__ == "__main__":
    unittest.main()
