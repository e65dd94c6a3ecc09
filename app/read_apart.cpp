#include "app/read_apart.h"

#include "app/standard_output.h"
#include "base/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <new>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::app {

namespace {

bool is_crash(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGABRT || signal == SIGFPE || signal == SIGILL;
}

enum class Thrown : char { InputError = 'I', RunError = 'R' };

void report(int pipe, Thrown kind, const char* what) {
    const std::string text = static_cast<char>(kind) + std::string(what);
    [[maybe_unused]] const ssize_t written = ::write(pipe, text.data(), text.size());
}

/// In the child; what is thrown goes to the parent.
[[noreturn]] void run_and_exit(std::span<const std::string> arguments,
                               int (*run)(std::span<const std::string>), int pipe) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    int status = 1;
    try {
        status = run(arguments);
        flush_standard_output();
    } catch (const InputError& error) {
        report(pipe, Thrown::InputError, error.what());
    } catch (const std::bad_alloc&) {
        report(pipe, Thrown::InputError, "a file asks for more memory than there is: it is damaged");
    } catch (const std::exception& error) {
        report(pipe, Thrown::RunError, error.what());
    }
    ::_exit(status);
}

std::string read_all(int pipe) {
    std::string text;
    std::array<char, 4096> buffer;
    while (const ssize_t size = ::read(pipe, buffer.data(), buffer.size())) {
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return text;
}

} // namespace

int read_apart(std::string_view command, std::span<const std::string> arguments,
               int (*run)(std::span<const std::string>)) {
    flush_standard_output();
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return run(arguments); // no descriptor to spare
    const pid_t child = ::fork();
    if (child == 0) run_and_exit(arguments, run, pipe[1]);
    ::close(pipe[1]);
    const std::string thrown = child < 0 ? "" : read_all(pipe[0]);
    ::close(pipe[0]);
    if (child < 0) return run(arguments); // no process to spare
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!thrown.empty()) {
        if (thrown[0] == static_cast<char>(Thrown::InputError)) throw InputError(thrown.substr(1));
        throw RunError(thrown.substr(1));
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
