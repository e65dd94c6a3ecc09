/* Two threads that pass a token by spinning on shared memory, without system calls. Argument: rounds. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int token;
static int rounds;

static void* follow(void* argument) {
    (void)argument;
    for (int i = 0; i < rounds; ++i) {
        while (atomic_load(&token) != 2 * i + 1) {}
        atomic_store(&token, 2 * i + 2);
    }
    return NULL;
}

int main(int argc, char** argv) {
    rounds = argc > 1 ? atoi(argv[1]) : 100;
    pthread_t other;
    if (pthread_create(&other, NULL, follow, NULL) != 0) return 1;
    for (int i = 0; i < rounds; ++i) {
        atomic_store(&token, 2 * i + 1);
        while (atomic_load(&token) != 2 * i + 2) {}
    }
    pthread_join(other, NULL);
    return 0;
}
