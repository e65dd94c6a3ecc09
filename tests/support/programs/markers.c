/* Three phases of work, each begun by a marker: 1 touches new pages, 2 computes for `rounds` rounds, which 3
 * ends. Then a marker that is none. */
#include "pagewalk.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

__attribute__((noinline)) void work(volatile unsigned char* memory) {
    for (int i = 0; i < 1000; ++i) memory[i & 4095] += i;
}

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 100;
    unsigned char* memory =
        mmap(NULL, 64 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    PAGEWALK_MARKER(1);
    for (int i = 0; i < 64; ++i) memory[i << 12] = 1;
    PAGEWALK_MARKER(2);
    for (int i = 0; i < rounds; ++i) work(memory);
    PAGEWALK_MARKER(3);
    PAGEWALK_MARKER(2);
    PAGEWALK_MARKER(PAGEWALK_MAX_MARKER + 1UL);
    printf("%d\n", memory[0]);
    return 0;
}
