#include "app/read_apart.h"

#include "base/error.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::app {

namespace {

bool is_crash(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL;
}

} // namespace

int read_apart(std::string_view command, std::span<const std::string> arguments,
               int (*run)(std::span<const std::string>)) {
    std::cout.flush();
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) return run(arguments); // no process to spare
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        constexpr rlimit no_core{};
        ::setrlimit(RLIMIT_CORE, &no_core);
        return run(arguments);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int signal = WTERMSIG(status);
    if (!is_crash(signal)) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    std::string words;
    for (const std::string& argument : arguments) words += " " + argument;
    throw InputError(std::string(command) + words + ": a file is damaged: reading it died of SIG" +
                     sigabbrev_np(signal));
}

} // namespace pagewalk::app
