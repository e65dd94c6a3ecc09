#include "app/read_apart.h"

#include "app/child_process.h"
#include "app/standard_output.h"
#include "base/error.h"

#include <csignal>
#include <cstring>
#include <new>
#include <sys/resource.h>
#include <sys/wait.h>

namespace pagewalk::app {

namespace {

bool is_crash(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL;
}

} // namespace

int read_apart(std::string_view command, std::span<const std::string> arguments,
               int (*run)(std::span<const std::string>)) {
    const auto end = in_child([&](std::string&) {
        constexpr rlimit no_core{};
        ::setrlimit(RLIMIT_CORE, &no_core);
        try {
            const int status = run(arguments);
            flush_standard_output();
            return status;
        } catch (const std::bad_alloc&) {
            throw InputError("a file asks for more memory than there is: it is damaged");
        }
    });
    if (!end) return run(arguments); // no process to spare
    if (end->whole) return WEXITSTATUS(end->status);
    std::string words;
    for (const std::string& argument : arguments) words += " " + argument;
    const std::string what = std::string(command) + words + ": a file is damaged: reading it ";
    if (WIFEXITED(end->status)) // the library's
        throw InputError(what + "ended with exit status " + std::to_string(WEXITSTATUS(end->status)));
    const int signal = WTERMSIG(end->status);
    if (!is_crash(signal)) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    throw InputError(what + "died of SIG" + sigabbrev_np(signal));
}

} // namespace pagewalk::app
