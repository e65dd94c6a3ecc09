// A thread that is not the first executes argv[1] while two others are there, one of them running.
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static char* const* arguments;
static volatile int spinning, created;

static void* spin(void* unused) {
    for (;;) spinning = 1;
    return unused;
}

static void* execute(void* unused) {
    while (!spinning || !created) usleep(1000);
    execv(arguments[1], arguments + 1);
    _exit(1);
    return unused;
}

int main(int argc, char** argv) {
    pthread_t thread;
    arguments = argv;
    if (argc < 2) return 2;
    pthread_create(&thread, NULL, execute, NULL);
    pthread_create(&thread, NULL, spin, NULL);
    created = 1;
    pthread_join(thread, NULL);
    return 3;
}
