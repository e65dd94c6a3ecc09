"""What `pagewalk report` and `pagewalk export` share: errors as the program words them, and files that appear whole."""

import argparse
import contextlib
import pathlib
import sys


class InputError(Exception):
    """The user's mistake: what, where, what is allowed. Exit status 2."""


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise InputError(f"{message}; {' '.join(self.format_usage().split())}")


@contextlib.contextmanager
def written_whole(target):
    """A path beside `target` to write to; it takes target's place at the end, and goes where writing fails."""
    target = pathlib.Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.with_name(target.name + ".tmp")
    try:
        yield made
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)


def run(name, main):
    """Exit status of main(); what it raises becomes one line on standard error."""
    try:
        return main()
    except InputError as error:
        print(f"pagewalk: {name}: {error}", file=sys.stderr)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"pagewalk: {name}:{where}: {error.strerror or error}", file=sys.stderr)
    return 2
