/* Threads that take turns through a mutex and a condition variable. Arguments: threads, turns each. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int threads, turns, turn;
static long total;

static void* work(void* argument) {
    const int self = (int)(long)argument;
    for (int i = 0; i < turns; ++i) {
        pthread_mutex_lock(&mutex);
        while (turn % threads != self) pthread_cond_wait(&changed, &mutex);
        ++turn;
        total += self + 1;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(int argc, char** argv) {
    pthread_t ids[64];
    threads = argc > 1 ? atoi(argv[1]) : 4;
    turns = argc > 2 ? atoi(argv[2]) : 20;
    if (threads < 1 || threads > 64) return 2;
    for (long i = 0; i < threads; ++i) {
        if (pthread_create(&ids[i], NULL, work, (void*)i) != 0) return 1;
    }
    for (int i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
    return total == (long)turns * threads * (threads + 1) / 2 ? 0 : 1;
}
