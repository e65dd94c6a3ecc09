/* Sorts and sums for a while: compiled loops with loads, stores and branches. Argument: rounds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { count = 4096 };
static uint32_t values[count];

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 10;
    uint32_t seed = 1;
    uint64_t sum = 0;
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < count; ++i) values[i] = seed = seed * 1664525u + 1013904223u;
        for (int gap = count / 2; gap > 0; gap /= 2) {
            for (int i = gap; i < count; ++i) {
                const uint32_t value = values[i];
                int j = i;
                for (; j >= gap && values[j - gap] > value; j -= gap) values[j] = values[j - gap];
                values[j] = value;
            }
        }
        for (int i = 0; i < count; ++i) sum = sum * 31 + values[i];
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
