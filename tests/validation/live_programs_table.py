#!/usr/bin/python3
"""Runs real programs of this machine natively and under `pagewalk run`, and prints how each fared as a table in
Markdown: docs/live_programs.md's. Usage: live_programs_table.py PAGEWALK [NAME...]

Standard output and exit status must be the native run's. Programs that are not installed are left out."""

import json
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

from live_programs_list import FILES, PROGRAMS

MACHINE = "[machine]\nname = four\ncpus = 4\nmemory = 4GiB\n"
LIMIT = 600  # seconds for a run


def shell(command, folder):
    """The completed process, and the minor faults of all that it ran."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
    done = subprocess.run(["bash", "-c", command], cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT)
    return done, resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before


def prepared(folder, preparation):
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    if preparation is not None:
        subprocess.run(["bash", "-c", preparation], cwd=folder, check=True)
    return folder


def simulate(pagewalk, folder, command):
    """The completed process; what it measured, or nothing where it had to be ended."""
    (folder / "machine.cfg").write_text(MACHINE)
    run = subprocess.Popen([pagewalk, "run", "machine.cfg", "-o", "run.h5", "--", "bash", "-c", command], cwd=folder, text=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = run.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        run.terminate()
        out, err = run.communicate()
    if not (folder / "run.h5").exists():
        return out, err, {"status": "failed", "exit_status": None, "instructions": 0, "processes": []}
    shown = subprocess.run([pagewalk, "show", "run.h5", "--json"], cwd=folder, text=True, stdout=subprocess.PIPE, check=True)
    return out, err, json.loads(shown.stdout)


def row(pagewalk, name, command, preparation):
    """A line of the table, and whether all was as natively."""
    with tempfile.TemporaryDirectory(prefix="pagewalk_programs_") as place:
        native, native_faults = shell(command, prepared(pathlib.Path(place) / "native", preparation))
        out, err, summary = simulate(pagewalk, prepared(pathlib.Path(place) / "simulated", preparation), command)
    processes = [process for process in summary["processes"] if process["process"] != 0]
    alike = (summary["status"], summary["exit_status"], out) == ("complete", native.returncode, native.stdout)
    if not alike:
        print(f"{name}: native {native.stdout[-300:]!r}, {native.returncode}\nsimulated {out[-300:]!r}\n{err[-3000:]}", file=sys.stderr)
    result = "as natively" if alike else f"{summary['status']}, exit status {summary['exit_status']}"
    shown = command.replace("|", "\\|")
    threads = sum(process["threads"] for process in processes)
    faults = sum(process["minor_faults"] for process in processes)
    return (f"| {name} | `{shown}` | {summary['instructions'] / 1e6:.1f} M | {len(processes)} | {threads} | {faults} | {native_faults} | "
            f"{summary.get('host_mips') or 0:.1f} | {result} |"), alike


def main(pagewalk, wanted):
    print("| program | command | instructions | processes | threads | minor faults | natively | MIPS | result |\n"
          "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    all_alike = True
    for name, needed, command, preparation in PROGRAMS:
        if (wanted and name not in wanted) or shutil.which(needed) is None:
            continue
        line, alike = row(pagewalk, name, command, preparation)
        all_alike &= alike
        print(line, flush=True)
    return 0 if all_alike else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:]))
