"""A call of the host's that fails, at whichever place: writes without room, short reads and writes, no memory, a kill between
two steps of a checkpoint. What was finished stays, what is not whole says so, and the message names the file.
PAGEWALK_FAILURES=N tries N places of each kind (default 12), from PAGEWALK_SEED."""

import errno
import os
import pathlib
import shutil
import signal
import unittest
from random import Random

import h5py

from pagewalk_case import SMALL, SOURCE, SYNTHETIC, PagewalkCase, contents, program, text

FAILING = pathlib.Path(os.environ["PAGEWALK_PROGRAMS"]).parent / "libfailing_calls.so"
TRACE = SOURCE / "tests/data/btree_60k.champsimtrace.xz"
PLACES = int(os.environ.get("PAGEWALK_FAILURES", "12"))
SEED = int(os.environ.get("PAGEWALK_SEED", "1"))
EVENTS = ("--set", "events.tlb_misses=1", "--set", "events.allocations=1")


class FailingCalls(PagewalkCase):
    def failing(self, what, *words, since=None):
        """Calls pagewalk with a call that fails."""
        self.path("count").write_bytes(bytes(8))
        env = {**os.environ, "LD_PRELOAD": str(FAILING), "PAGEWALK_FAIL": what, "PAGEWALK_FAIL_COUNT": str(self.path("count"))}
        if since:
            env["PAGEWALK_FAIL_FROM"] = since
        return self.call(*words, env=env)

    def count(self, call, *words, since=None):
        """How often the command makes the call."""
        done = self.failing(f"{call}:0:0", *words, since=since)
        self.assertEqual(done.returncode, 0, done.stderr)
        count = int.from_bytes(self.path("count").read_bytes(), "little")
        self.assertGreater(count, 0, (call, words))
        return count

    def places(self, count):
        """The first ones, the last one, and some between."""
        random = Random(SEED)
        some = random.sample(range(1, count + 1), min(PLACES, count))
        return sorted({*range(1, min(count, 3) + 1), *some, count})

    def assert_plain(self, done, *statuses):
        self.assertIn(done.returncode, statuses, done.stderr)
        for word in ("terminate called", "what():", "HDF5-DIAG", "core dumped"):
            self.assertNotIn(word, done.stderr)
        if done.returncode > 0:
            self.assertIn("pagewalk: ", done.stderr)

    def others(self, *known):
        return sorted(set(os.listdir(self.folder)) - {"test.cfg", "count", *known})

    def status(self, name):
        with h5py.File(self.path(name), "r") as run:
            return text(run["meta/status"])

    def run_words(self, output="run.h5"):
        return ("run", self.config(SYNTHETIC), "-o", output, *EVENTS)

    def clear(self):
        for name in self.others():
            self.path(name).unlink()

    def test_no_write_of_a_run_without_room_is_taken_for_done(self):
        count = self.count("write", *self.run_words())
        self.clear()
        for place in self.places(count):
            for later in ("-", ""):
                with self.subTest(place=place, of=count, later=later):
                    done = self.failing(f"write:{place}{later}:{errno.ENOSPC}", *self.run_words())
                    self.assert_plain(done, 0, 1, 2)
                    if done.returncode == 0:  # a checkpoint's, which is tried again, or the lock's
                        self.assertEqual(self.status("run.h5"), "complete")
                    else:
                        self.assertIn("run.h5", done.stderr)
                        self.assertIn("space", done.stderr)
                    self.assertLessEqual(set(self.others()), {"run.h5", "run.h5.partial"})
                    self.assertTrue(done.returncode == 0 or "run.h5" not in self.others())
                    if "run.h5.partial" in self.others():
                        self.assertEqual(self.status("run.h5.partial"), "failed")
                    self.clear()

    def test_a_rerun_without_room_keeps_the_older_results(self):
        self.succeed(*self.run_words())
        older = self.path("run.h5").read_bytes()
        count = self.count("write", *self.run_words("other.h5"))
        self.path("other.h5").unlink()
        for place in self.places(count):
            with self.subTest(place=place, of=count):
                done = self.failing(f"write:{place}-:{errno.ENOSPC}", *self.run_words())
                self.assert_plain(done, 1, 2)
                self.assertEqual(self.path("run.h5").read_bytes(), older)
                self.assertLessEqual(set(self.others()), {"run.h5", "run.h5.partial"})

    def test_short_reads_and_writes_move_nothing(self):
        words = ("run", self.config(SMALL), "--trace", TRACE, *EVENTS)
        self.succeed(*words, "-o", "whole.h5")
        whole = contents(self.path("whole.h5"))
        for call in ("write", "read"):
            count = self.count(call, *words, "-o", "run.h5")
            for place in self.places(count):
                with self.subTest(call=call, place=place, of=count):
                    done = self.failing(f"{call}:{place}-:short", *words, "-o", "run.h5")
                    self.assert_plain(done, 0)
                    self.assertEqual(contents(self.path("run.h5")), whole)

    def test_a_failed_read_is_told(self):
        self.succeed("record", "-o", "whole.pwt", "--", program("compute"), "1")
        shutil.copyfile(SOURCE / "tests/data/placement/captures/b-p1.tar.xz", self.path("pack.tar.xz"))
        config = self.config(SMALL)
        readers = ((("run", config, "--trace", TRACE, "-o", "run.h5"), TRACE.name),
                   (("run", config, "--trace", "whole.pwt", "-o", "run.h5"), "whole.pwt"),
                   (("run", self.config(SYNTHETIC, "other.cfg"), "-o", "run.h5"), "other.cfg"),
                   (("show", self.run_to_file(config=SYNTHETIC, output="whole.h5")), "whole.h5"),
                   (("compare", "whole.h5", "whole.h5"), "whole.h5"),
                   (("replay", "pack.tar.xz", "--programs", self.folder), "pack.tar.xz"))
        for words, name in readers:
            self.failing("read:0:0", *words, since=name)
            count = int.from_bytes(self.path("count").read_bytes(), "little")
            self.assertGreater(count, 0, words)
            self.path("run.h5").unlink(missing_ok=True)
            for place in self.places(count):
                with self.subTest(words=words[0], name=name, place=place, of=count):
                    done = self.failing(f"read:{place}-:{errno.EIO}", *words, since=name)
                    self.assert_plain(done, 1, 2)
                    self.assertIn(name, done.stderr)
                    self.assertFalse(self.path("run.h5").exists())
                    self.path("run.h5.partial").unlink(missing_ok=True)

    def test_a_kill_between_two_steps_leaves_what_was_finished(self):
        for call in ("write", "rename"):
            self.succeed(*self.run_words())
            older = self.path("run.h5").read_bytes()
            count = self.count(call, *self.run_words("other.h5"))
            self.path("other.h5").unlink()
            for place in self.places(count):
                with self.subTest(call=call, place=place, of=count):
                    done = self.failing(f"{call}:{place}:kill", *self.run_words())
                    self.assertIn(done.returncode, (-signal.SIGKILL, 0), done.stderr)
                    if done.returncode != 0 and self.path("run.h5").read_bytes() != older:
                        self.assertEqual(self.status("run.h5"), "complete")
                    self.assertLessEqual(set(self.others()), {"run.h5", "run.h5.partial", "run.h5.lock", "run.h5.tmp"})
                    if "run.h5.partial" in self.others():
                        self.assertEqual(self.status("run.h5.partial"), "running")
                    self.succeed(*self.run_words())  # nothing that was left is in its way
                    self.assertEqual(self.status("run.h5"), "complete")
                    older = self.path("run.h5").read_bytes()
            self.clear()

    def test_a_recording_without_room_is_partial(self):
        words = ("record", "-o", "run.pwt", "--", program("compute"), "1")
        count = self.count("write", *words)
        self.clear()
        for place in self.places(count):
            with self.subTest(place=place, of=count):
                done = self.failing(f"write:{place}-:{errno.ENOSPC}", *words)
                self.assert_plain(done, 1, 2)
                self.assertIn("space", done.stderr)
                self.assertLessEqual(set(self.others()), {"run.pwt.partial"})
                self.clear()

    def test_no_memory_is_said(self):
        config, run = self.config(SYNTHETIC), self.run_to_file(config=SYNTHETIC, output="whole.h5")
        readers = ((("show", run), "whole.h5"), (("compare", run, run), "whole.h5"),
                   (("run", config, "-o", "run.h5"), "test.cfg"),
                   (("run", config, "-o", "run.h5", "--trace", TRACE), TRACE.name))
        for words, since in readers:
            count = self.count("malloc", *words, since=since)
            self.path("run.h5").unlink(missing_ok=True)
            for place in self.places(count):
                with self.subTest(words=words[0], place=place, of=count):
                    done = self.failing(f"malloc:{place}-:null", *words, since=since)
                    # HDF5 1.10 itself crashes at some places where it is refused memory; readers do that in a child.
                    crashes = (-signal.SIGSEGV, -signal.SIGABRT) if words[0] == "run" else ()
                    self.assert_plain(done, 0, 1, 2, *crashes)
                    if "run.h5" in self.others():
                        known = ("complete",) if done.returncode == 0 else ("running", "failed", "complete")  # the page comes last
                        self.assertIn(self.status("run.h5"), known)
                    for name in self.others():
                        if name.startswith("run.h5"):
                            self.path(name).unlink()


if __name__ == "__main__":
    unittest.main()
