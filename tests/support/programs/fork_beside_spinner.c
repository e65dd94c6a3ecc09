/* Forks while another thread spins without system calls. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int stop;

static void* spin(void* argument) {
    (void)argument;
    while (!atomic_load(&stop)) {}
    return NULL;
}

int main(void) {
    pthread_t spinner;
    if (pthread_create(&spinner, NULL, spin, NULL) != 0) return 1;
    usleep(200000);
    const pid_t child = fork();
    if (child == 0) _exit(4);
    int status = 0;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 4 ? 0 : 1;
}
