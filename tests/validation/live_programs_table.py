#!/usr/bin/python3
"""Runs real programs of this machine natively and under `pagewalk run`, and prints how each fared as a table in
Markdown: docs/live_programs.md's. Usage: live_programs_table.py PAGEWALK [NAME...]

Standard output and exit status must be the native run's. Programs that are not installed are left out."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py

MACHINE = "[machine]\nname = four\ncpus = 4\nmemory = 4GiB\n"

FILES = {
    "threads.py": """import threading
sums = [0] * 4
def add(i):
    for k in range(20000): sums[i] += k * i
threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sums)
""",
    "processes.py": """import multiprocessing
def add(n): return sum(range(n))
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool: print(pool.map(add, [1000 * i for i in range(8)]))
""",
    "Sum.java": """public class Sum {
    public static void main(String[] words) throws Exception {
        Thread[] threads = new Thread[3];
        long[] sums = new long[3];
        for (int i = 0; i < 3; ++i) {
            int own = i;
            threads[i] = new Thread(() -> { for (int k = 0; k < 100000 * (own + 1); ++k) sums[own] += k; });
            threads[i].start();
        }
        for (Thread thread : threads) thread.join();
        System.out.println(sums[0] + " " + sums[1] + " " + sums[2]);
    }
}
""",
    "a.c": "int f(int x) { return x * 3; }\n",
    "b.c": "int f(int);\nint main() { return f(1) - 3; }\n",
    "Makefile": "prog: a.o b.o\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -O1 -c -o $@ $<\n",
    "numbers": "".join(f"{i}\n" for i in range(100_000)),
}
COMMIT = "git init -q repository && cd repository && cp ../*.py . && git add . && git -c user.name=a -c user.email=a@b commit -qm x"

# Name, the program that must be there, the command, what prepares it.
PROGRAMS = [
    ("python threads", "/usr/bin/python3", "/usr/bin/python3 threads.py", None),
    ("python multiprocessing", "/usr/bin/python3", "/usr/bin/python3 processes.py", None),
    ("xz", "xz", "xz -T4 -0 -k -f numbers", None),
    ("zstd", "zstd", "zstd -q -T2 -f numbers -o numbers.zst", None),
    ("tar, gzip", "tar", "tar czf - numbers | gzip -t", None),
    ("pipelines", "bash", "for i in 1 2 3 4 5 6 7 8; do seq 100 | sort -r | head -1; done", None),
    ("30 processes", "bash", "for i in $(seq 30); do (echo $i | cat) & done | sort -n", None),
    ("make", "make", "make -j2 >log; cat log | wc -l", None),
    ("gcc", "gcc", "gcc -O2 -o prog a.c b.c && ./prog", None),
    ("git clone", "git", "git clone -q repository clone && ls clone", COMMIT),
    ("sqlite", "sqlite3", "sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t;'", None),
    ("openssl", "openssl", "openssl dgst -sha256 numbers", None),
    ("perl", "perl", "perl -e 'print join(\",\", map { $_ * $_ } 1..10), \"\\n\"'", None),
    ("node", "node", "node -e 'console.log([1, 2, 3].map(x => x * 2))'", None),
    ("java", "java", "java Sum", "javac Sum.java"),
]


def shell(command, folder):
    return subprocess.run(["bash", "-c", command], cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)


def prepared(folder, preparation):
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_text(content)
    if preparation is not None:
        subprocess.run(["bash", "-c", preparation], cwd=folder, check=True)
    return folder


def run_both_ways(pagewalk, place, command, preparation):
    native = shell(command, prepared(place / "native", preparation))
    folder = prepared(place / "simulated", preparation)
    (folder / "machine.cfg").write_text(MACHINE)
    status = subprocess.run([pagewalk, "run", "machine.cfg", "-o", "run.h5", "--", "bash", "-c", command], cwd=folder,
                            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    summary = subprocess.run([pagewalk, "show", "run.h5", "--json"], cwd=folder, text=True, stdout=subprocess.PIPE, check=True)
    return native, status, summary.stdout, folder / "run.h5"


def main(pagewalk, wanted):
    print("| program | command | instructions | processes | result |\n| --- | --- | --- | --- | --- |")
    all_alike = True
    for name, needed, command, preparation in PROGRAMS:
        if (wanted and name not in wanted) or shutil.which(needed) is None:
            continue
        with tempfile.TemporaryDirectory(prefix="pagewalk_programs_") as place:
            native, status, text, file = run_both_ways(pagewalk, pathlib.Path(place), command, preparation)
            summary = json.loads(text)
            with h5py.File(file, "r") as run:
                processes = len(run["meta/processes"][()].decode().splitlines()) - 1 if "meta/processes" in run else "?"
        alike = (summary["status"], summary["exit_status"], status.stdout) == ("complete", native.returncode, native.stdout)
        all_alike &= alike
        result = "as natively" if alike else f"{summary['status']}, exit status {summary['exit_status']}"
        if not alike:
            print(f"{name}: {status.stderr[-2000:]}", file=sys.stderr)
        shown = command.replace("|", "\\|")
        print(f"| {name} | `{shown}` | {summary['instructions'] / 1e6:.1f} M | {processes} | {result} |", flush=True)
    return 0 if all_alike else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(str(pathlib.Path(sys.argv[1]).resolve()), sys.argv[2:]))
