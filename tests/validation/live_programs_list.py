"""Real programs, each small enough for seconds: what live_programs_table.py runs.

Debian packages beside Pagewalk's own: default-jdk-headless, ffmpeg, gcc, git, golang-go, make, musl-tools, nginx-light, nodejs,
openssl, perl, python3, redis-server, redis-tools, ruby, rustc, sqlite3, stress-ng, curl, xz-utils, zstd."""

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
    "hello.go": """package main

import "fmt"

func main() { fmt.Println("hello") }
""",
    "storm.go": """package main

import (
	"fmt"
	"sync"
)

func main() {
	var group sync.WaitGroup
	results := make(chan int, 64)
	for i := 0; i < 2000; i++ {
		group.Add(1)
		go func(n int) { defer group.Done(); results <- n % 7 }(i)
	}
	go func() { group.Wait(); close(results) }()
	sum := 0
	for n := range results {
		sum += n
	}
	fmt.Println(sum)
}
""",
    "threads.rs": """use std::sync::{Arc, Mutex};
use std::thread;

fn main() {
    let total = Arc::new(Mutex::new(0u64));
    let workers: Vec<_> = (0..4u64)
        .map(|i| {
            let total = Arc::clone(&total);
            thread::spawn(move || for k in 0..2000 { *total.lock().unwrap() += i * k; })
        })
        .collect();
    for worker in workers { worker.join().unwrap(); }
    println!("{}", total.lock().unwrap());
}
""",
    "threads.rb": """sums = (0...4).map { |i| Thread.new { (0...20_000).sum { |k| k * i } } }.map(&:value)
puts sums.inspect
""",
    "omp.c": """#include <stdio.h>
int main(void) {
    long sum = 0;
    for (int round = 0; round < 20; ++round) {
#pragma omp parallel for reduction(+ : sum)
        for (int i = 0; i < 10000; ++i) sum += i ^ round;
    }
    printf("%ld\\n", sum);
}
""",
    "hello.c": """#include <stdio.h>
#include <stdlib.h>
int main(void) {
    char *all[200];
    for (int i = 0; i < 200; ++i) { all[i] = malloc(10000); all[i][5000] = 1; }
    printf("hello %d\\n", all[7][5000]);
}
""",
    "a.c": "int f(int x) { return x * 3; }\n",
    "b.c": "int f(int);\nint main() { return f(1) - 3; }\n",
    "square.cpp": """#include <cstdio>
template <class T> struct Square { T of(T x) const { return x * x; } };
int main() { std::printf("%d %.1f\\n", Square<int>().of(7), Square<double>().of(1.5)); }
""",
    "sort.cpp": """#include <algorithm>
#include <iostream>
#include <map>
#include <vector>
int main() {
    std::vector<int> numbers;
    for (int i = 0; i < 20000; ++i) numbers.push_back(i * 7919 % 10007);
    std::sort(numbers.begin(), numbers.end());
    std::map<int, int> counts;
    for (int number : numbers) ++counts[number];
    std::cout << numbers[77] << " " << counts.size() << "\\n";
}
""",
    "Makefile": "prog: a.o b.o\n\tgcc -o $@ $^\n%.o: %.c\n\tgcc -O1 -c -o $@ $<\n",
    "nginx.conf": """daemon off;
master_process on;
worker_processes 2;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
    server { listen unix:web.sock; root .; }
}
""",
    "numbers": "".join(f"{i}\n" for i in range(100_000)),
}

COMMIT = "git init -q repository && cd repository && cp ../*.py . && git add . && git -c user.name=a -c user.email=a@b commit -qm x"
REDIS = ("redis-server --port 0 --unixsocket $PWD/redis.sock --save '' --logfile log & "
         "until redis-cli -s redis.sock ping >/dev/null 2>&1; do sleep 0.2; done; "
         "redis-benchmark -s redis.sock -n 300 -c 5 -t set,get,lpush -q >/dev/null; "
         "redis-cli -s redis.sock set k v; redis-cli -s redis.sock get k; redis-cli -s redis.sock shutdown nosave; wait")
NGINX = ("nginx -p . -c nginx.conf & until [ -S web.sock ]; do sleep 0.2; done; "
         "for i in 1 2 3; do curl -s --unix-socket web.sock http://a/a.c; done; kill $(cat nginx.pid); wait")

def stressor(name, options):
    return (f"stress-ng {name}", "stress-ng", f"stress-ng -q --timeout 60 {options}; echo $?", None)


# Name, the program that must be there, the command, what prepares it.
PROGRAMS = [
    ("true", "true", "/bin/true", None),
    ("python threads", "/usr/bin/python3", "/usr/bin/python3 threads.py", None),
    ("python multiprocessing", "/usr/bin/python3", "/usr/bin/python3 processes.py", None),
    ("ruby threads", "ruby", "ruby threads.rb", None),
    ("perl", "perl", "perl -e 'print join(\",\", map { $_ * $_ } 1..10), \"\\n\"'", None),
    ("node", "node", "node -e 'console.log([1, 2, 3].map(x => x * 2))'", None),
    ("java", "java", "java -Xshare:auto -XX:TieredStopAtLevel=1 Sum", "javac Sum.java"),
    ("go hello", "go", "./hello", "go build hello.go"),
    ("go, 2000 goroutines", "go", "./storm", "go build storm.go"),
    ("rust threads", "rustc", "./threads", "rustc -O threads.rs"),
    ("openmp, active waiting", "gcc", "OMP_WAIT_POLICY=active OMP_NUM_THREADS=4 ./omp", "gcc -O2 -fopenmp omp.c -o omp"),
    ("openmp, passive waiting", "gcc", "OMP_WAIT_POLICY=passive OMP_NUM_THREADS=4 ./omp", "gcc -O2 -fopenmp omp.c -o omp"),
    ("musl, static", "musl-gcc", "./hello", "musl-gcc -static -O2 hello.c -o hello"),
    ("musl, dynamic", "musl-gcc", "./hello", "musl-gcc -O2 hello.c -o hello"),
    ("glibc, static", "gcc", "./hello", "gcc -static -O2 hello.c -o hello"),
    ("redis-server, redis-benchmark", "redis-server", REDIS, None),
    ("nginx, curl", "nginx", NGINX, "mkdir tmp"),
    ("sqlite", "sqlite3", "sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t;'", None),
    ("sqlite, file", "sqlite3", "sqlite3 db 'create table t(a); with recursive n(i) as (select 1 union all select i+1 from n where i<2000) "
     "insert into t select i from n; create index x on t(a); select count(*), sum(a) from t where a > 1000;'", None),
    ("gcc", "gcc", "gcc -O2 -o prog a.c b.c && ./prog", None),
    ("g++", "g++", "g++ -O2 -o square square.cpp && ./square", None),
    ("c++ containers", "g++", "./sort", "g++ -O2 -o sort sort.cpp"),
    ("make", "make", "make -j2 >log; cat log | wc -l", None),
    ("git clone", "git", "git clone -q repository clone && ls clone", COMMIT),
    ("git log", "git", "git -C repository log --format=%s; git -C repository status --short", COMMIT),
    ("pipelines", "bash", "for i in 1 2 3 4 5 6 7 8; do seq 100 | sort -r | head -1; done", None),
    ("30 processes", "bash", "for i in $(seq 30); do (echo $i | cat) & done | sort -n", None),
    ("xargs", "xargs", "seq 20 | xargs -P4 -n5 echo | sort", None),
    ("find, grep", "grep", "find /usr/include/linux -name 'm*.h' | sort | xargs grep -l define | wc -l", None),
    ("awk", "awk", "awk '{ s += $1 % 7 } END { print s }' numbers", None),
    ("sort", "sort", "sort -S1M --parallel=4 -r numbers | head -3", None),
    ("tar, gzip", "tar", "tar czf - numbers | gzip -t", None),
    ("xz", "xz", "xz -T4 -0 -k -f numbers", None),
    ("zstd", "zstd", "zstd -q -T2 -f numbers -o numbers.zst", None),
    ("openssl", "openssl", "openssl dgst -sha256 numbers", None),
    ("openssl, multi", "openssl", "openssl speed -multi 2 -seconds 1 -bytes 64 sha256 >/dev/null 2>&1; echo $?", None),
    ("ffmpeg", "ffmpeg", "ffmpeg -v error -f lavfi -i testsrc=size=64x48:rate=5:duration=1 -threads 2 -f rawvideo - | md5sum", None),
    ("timeout, signals", "timeout", "timeout -s INT 0.5 sleep 100; echo $?; sh -c 'kill -TERM $$'; echo $?", None),
    stressor("vm", "--vm 1 --vm-bytes 2M --vm-ops 200 --vm-method ror"),
    stressor("mmap", "--mmap 1 --mmap-bytes 1M --mmap-ops 4"),
    stressor("fork", "--fork 1 --fork-ops 40"),
    stressor("vforkmany", "--vforkmany 1 --vforkmany-ops 20"),
    stressor("brk", "--brk 1 --brk-ops 500"),
    stressor("madvise", "--madvise 1 --madvise-ops 4"),
    stressor("shm", "--shm 1 --shm-bytes 1M --shm-ops 4"),
    stressor("shm-sysv", "--shm-sysv 1 --shm-sysv-bytes 1M --shm-sysv-ops 4"),
    stressor("malloc", "--malloc 1 --malloc-bytes 2M --malloc-ops 500"),
    stressor("pipe", "--pipe 1 --pipe-ops 200"),
    stressor("poll", "--poll 1 --poll-ops 20"),
    stressor("futex", "--futex 1 --futex-ops 100"),
    stressor("pthread", "--pthread 1 --pthread-ops 50 --pthread-max 8"),
    stressor("mremap", "--mremap 1 --mremap-bytes 1M --mremap-ops 10"),
    stressor("switch", "--switch 1 --switch-ops 100"),
    stressor("stack", "--stack 1 --stack-ops 5"),
    stressor("bigheap", "--bigheap 1 --bigheap-ops 20"),
]
