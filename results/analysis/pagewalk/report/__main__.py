"""python3 -m pagewalk.report FILE.h5|SWEEPDIR [-o DIR]"""

import argparse
import pathlib
import sys


def main():
    parser = argparse.ArgumentParser(prog="pagewalk report", description="Writes one HTML page of a run or a sweep.")
    parser.add_argument("results", type=pathlib.Path, help="a results file, a sweep's folder or its index.h5")
    parser.add_argument("-o", "--output", type=pathlib.Path, help="folder for the page; else that of the results")
    arguments = parser.parse_args()
    try:
        import pagewalk
        from pagewalk.report import run_page, sweep_page
    except ImportError as error:
        print(f"pagewalk: report: {error}; Debian has it in python3-h5py, python3-pandas and python3-matplotlib", file=sys.stderr)
        return 1
    path = arguments.results
    try:
        with pagewalk.load(path) as results:
            is_sweep = isinstance(results, pagewalk.Sweep)
            name = results.name if is_sweep else path.stem
            text = sweep_page.render(results, name) if is_sweep else run_page.render(results, name)
    except (OSError, ValueError, KeyError) as error:
        print(f"pagewalk: report: {path} cannot be read: {error}", file=sys.stderr)
        return 2
    folder = arguments.output or (path if path.is_dir() else path.parent)
    target = folder / ("report.html" if is_sweep else f"{name}.html")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = target.with_name(target.name + ".tmp")
        made.write_text(text, encoding="utf-8")
        made.replace(target)
    except OSError as error:
        print(f"pagewalk: report: cannot write {target}: {error.strerror}", file=sys.stderr)
        return 2
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
