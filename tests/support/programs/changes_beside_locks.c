/* Threads that take a lock in turn and map, touch and unmap memory: arguments are their number and their
 * rounds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long sum, rounds;

static void* work(void* number) {
    for (long i = 0; i < rounds; ++i) {
        char* page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        page[4096] = (char)i;
        pthread_mutex_lock(&lock);
        sum += page[4096] == (char)i;
        pthread_mutex_unlock(&lock);
        munmap(page, 8192);
    }
    return number;
}

int main(int argc, char** argv) {
    int n = argc > 1 ? atoi(argv[1]) : 6;
    rounds = argc > 2 ? atol(argv[2]) : 200;
    pthread_t threads[64];
    for (long i = 0; i < n; ++i) pthread_create(&threads[i], 0, work, (void*)i);
    for (int i = 0; i < n; ++i) pthread_join(threads[i], 0);
    printf("%ld\n", sum);
    return 0;
}
