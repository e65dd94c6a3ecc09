#include "app/job_process.h"

#include "app/standard_output.h"
#include "base/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::app {

namespace {

enum class Sent : char { Result = '=', InputError = 'I', RunError = 'R' };

void send(int pipe, Sent kind, const std::string& text) {
    const std::string message = static_cast<char>(kind) + text;
    for (std::size_t at = 0; at < message.size();) {
        const ssize_t written = ::write(pipe, message.data() + at, message.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        at += static_cast<std::size_t>(written);
    }
}

[[noreturn]] void work_and_exit(const std::function<std::string()>& work, int pipe) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        send(pipe, Sent::Result, work());
    } catch (const InputError& error) {
        send(pipe, Sent::InputError, error.what());
    } catch (const std::exception& error) {
        send(pipe, Sent::RunError, error.what());
    }
    ::_exit(0);
}

std::string receive(int pipe) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t size = ::read(pipe, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

} // namespace

std::string in_job_process(const std::function<std::string()>& work) {
    flush_standard_output();
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
        throw RunError(std::string("cannot make a pipe: ") + std::strerror(errno));
    const pid_t child = ::fork();
    if (child < 0) throw RunError(std::string("cannot start a process: ") + std::strerror(errno));
    if (child == 0) work_and_exit(work, pipe[1]);
    ::close(pipe[1]);
    const std::string sent = receive(pipe[0]);
    ::close(pipe[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status) || sent.empty())
        throw RunError("the simulation died" +
                       (WIFSIGNALED(status) ? " of SIG" + std::string(sigabbrev_np(WTERMSIG(status))) : ""));
    switch (static_cast<Sent>(sent[0])) {
    case Sent::InputError:
        throw InputError(sent.substr(1));
    case Sent::RunError:
        throw RunError(sent.substr(1));
    case Sent::Result:
        break;
    }
    return sent.substr(1);
}

} // namespace pagewalk::app
