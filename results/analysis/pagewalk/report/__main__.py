"""python3 -m pagewalk.report FILE.h5|SWEEPDIR|--from-proc DIR [-o DIR]"""

import pathlib
import sys

from ..command_line import InputError, Parser, run, written_whole


def page_of_results(path, output):
    """Name and text of the page, and its folder."""
    import pagewalk
    from . import run_page, sweep_page

    try:
        with pagewalk.load(path) as results:
            if isinstance(results, pagewalk.Sweep):
                return "report", sweep_page.render(results, results.name), output or (path if path.is_dir() else path.parent)
            return path.stem, run_page.render(results, path.stem), output or path.parent
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def page_of_proc(folder, output):
    from . import proc_page

    name = folder.resolve().name
    return name, proc_page.render(proc_page.Moments(folder), name), output or folder


def main():
    parser = Parser(prog="pagewalk report", add_help=False)
    parser.add_argument("results", type=pathlib.Path, nargs="?")
    parser.add_argument("--from-proc", type=pathlib.Path)
    parser.add_argument("-o", "--output", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        if arguments.from_proc:
            name, text, folder = page_of_proc(arguments.from_proc, arguments.output)
        else:
            name, text, folder = page_of_results(arguments.results, arguments.output)
    except ImportError as error:
        raise InputError(f"{error}; Debian has it in python3-h5py, python3-pandas and python3-matplotlib") from None
    target = folder / f"{name}.html"
    try:
        with written_whole(target) as path:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror}") from None
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(run("report", main))
