/* processes N KIB: N independent processes that each map, touch and unmap KIB of memory, twice. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int map_touch_unmap(size_t bytes) {
    char* const memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
    return munmap(memory, bytes);
}

int main(int count, char** words) {
    if (count != 3) return 2;
    const int processes = atoi(words[1]);
    const size_t bytes = (size_t)atol(words[2]) << 10;
    for (int i = 0; i < processes; ++i)
        if (fork() == 0) _exit(map_touch_unmap(bytes) || map_touch_unmap(bytes));
    int failed = 0;
    for (int status, i = 0; i < processes; ++i)
        if (wait(&status) < 0 || status != 0) failed = 1;
    return failed;
}
