/* Puts memory on the nodes of a machine with two, and prints after each step on which nodes its pages are. */
#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { pages = 2500, page = 4096 };
static char* memory;
static void* addresses[pages];
static int nodes[pages], states[pages];

static long mbind(unsigned long mode, unsigned long mask, unsigned flags) {
    return syscall(SYS_mbind, memory, (unsigned long)pages * page, mode, &mask, 64, flags) < 0 ? errno : 0;
}

static void tell(const char* step, long result) {
    int on[2] = {0, 0}, other = 0;
    if (syscall(SYS_move_pages, 0, (unsigned long)pages, addresses, NULL, states, 0) != 0)
        perror("move_pages");
    for (int i = 0; i < pages; ++i)
        if (states[i] == 0 || states[i] == 1)
            ++on[states[i]];
        else
            ++other;
    printf("%s: %ld, %d %d %d\n", step, result, on[0], on[1], other);
}

static void print_lines(const char* file, const char* const* keys) {
    char line[4096];
    FILE* const text = fopen(file, "r");
    while (text != NULL && fgets(line, sizeof line, text) != NULL)
        for (const char* const* key = keys; *key != NULL; ++key)
            if (strncmp(line, *key, strlen(*key)) == 0) fputs(line, stdout);
    if (text != NULL) fclose(text);
}

int main(void) {
    memory = mmap(NULL, (size_t)pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(memory, (size_t)pages * page, MADV_NOHUGEPAGE);
    for (int i = 0; i < pages; ++i) addresses[i] = memory + (long)i * page;
    tell("nothing", 0);
    tell("bound", mbind(MPOL_BIND, 2, 0));
    for (int i = 0; i < pages; ++i) memory[(long)i * page] = 1;
    tell("touched", 0);
    for (int i = 0; i < pages; ++i) nodes[i] = i % 2;
    tell("every other moved",
         syscall(SYS_move_pages, 0, (unsigned long)pages, addresses, nodes, states, MPOL_MF_MOVE));
    tell("strict", mbind(MPOL_BIND, 1, MPOL_MF_STRICT));
    tell("bound and moved", mbind(MPOL_BIND, 1, MPOL_MF_STRICT | MPOL_MF_MOVE));
    unsigned long from = 1, to = 2;
    tell("migrated", syscall(SYS_migrate_pages, 0, 64UL, &from, &to));
    int mode = -1, node = -1;
    unsigned long mask = 0;
    syscall(SYS_get_mempolicy, &mode, &mask, 64UL, memory, (unsigned long)MPOL_F_ADDR);
    syscall(SYS_get_mempolicy, &node, NULL, 0UL, memory, (unsigned long)(MPOL_F_ADDR | MPOL_F_NODE));
    printf("policy %d of %lx, node %d\n", mode, mask, node);
    char start[32];
    snprintf(start, sizeof start, "%lx ", (unsigned long)memory);
    print_lines("/proc/self/numa_maps", (const char* const[]){start, NULL});
    print_lines("/proc/self/status",
                (const char* const[]){"Name", "Threads", "Cpus_allowed_list", "Mems_allowed_list", NULL});
    printf("%ld\n", syscall(SYS_mbind, memory + 1, 4096UL, 0UL, NULL, 0UL, 0U) < 0 ? (long)errno : 0);
    return 0;
}
