/* A child and a grandchild: statuses 5 and 6, passed up; a pipe carries a byte. With an argument, the child executes
   it instead. */
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
    int ends[2];
    if (pipe(ends) != 0) return 1;
    const pid_t child = fork();
    if (child == 0) {
        if (argc > 1) {
            execv(argv[1], argv + 1);
            _exit(1);
        }
        const pid_t grandchild = fork();
        if (grandchild == 0) _exit(6);
        int status = 0;
        waitpid(grandchild, &status, 0);
        if (write(ends[1], "x", 1) != 1) _exit(1);
        _exit(WEXITSTATUS(status) == 6 ? 5 : 1);
    }
    char byte = 0;
    if (argc == 1 && read(ends[0], &byte, 1) != 1) return 1;
    int status = 0;
    waitpid(child, &status, 0);
    return argc > 1 || (WEXITSTATUS(status) == 5 && byte == 'x') ? 0 : 1;
}
