// Signal handlers that store 16 bytes at aligned places of their stack, as compilers have them do: one that is
// interrupted by another, one on a stack of its own, one that leaves by siglongjmp, one of a thread.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile long sum;
static sigjmp_buf back;

static void use(char* place) { __asm__ volatile("" ::"r"(place) : "memory"); }

static void store_aligned(int number) {
    char buffer[64] __attribute__((aligned(16)));
    memset(buffer, number, sizeof buffer);
    use(buffer);
    sum += buffer[number % 64];
}

static void inner(int signal) { store_aligned(signal); }

static void outer(int signal, siginfo_t* info, void* context) {
    store_aligned(info->si_signo);
    raise(SIGUSR2);
    store_aligned(context != NULL ? signal : 0);
}

static void leave(int signal) {
    store_aligned(signal);
    siglongjmp(back, 1);
}

static void install(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(signal, &action, NULL);
}

static void* in_thread(void* unused) {
    raise(SIGUSR2);
    return unused;
}

int main(void) {
    const struct sigaction with_info = {.sa_sigaction = outer, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &with_info, NULL);
    install(SIGUSR2, inner, 0);
    install(SIGTERM, leave, SA_NODEFER);
    for (int i = 0; i < 3; ++i) raise(SIGUSR1);
    printf("nested %ld\n", sum);
    static char stack[1 << 16];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&other, NULL);
    install(SIGUSR2, inner, SA_ONSTACK);
    raise(SIGUSR2);
    printf("other stack %ld\n", sum);
    for (volatile int i = 0; i < 3; ++i)
        if (sigsetjmp(back, 1) == 0) raise(SIGTERM);
    printf("left %ld\n", sum);
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    inner(1); // called, not delivered
    printf("end %ld\n", sum);
    return 0;
}
