#include "app/child_process.h"

#include "app/standard_output.h"
#include "base/error.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pagewalk::app {

namespace {

enum class Sent : char { Said = '=', InputError = 'I', RunError = 'R' };

void send(int pipe, Sent kind, const std::string& text) {
    const std::string message = static_cast<char>(kind) + text;
    for (std::size_t at = 0; at < message.size();) {
        const ssize_t written = ::write(pipe, message.data() + at, message.size() - at);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        at += static_cast<std::size_t>(written);
    }
}

[[noreturn]] void work_and_exit(const std::function<int(std::string&)>& work, int pipe) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    int status = 1;
    try {
        std::string said;
        status = work(said);
        send(pipe, Sent::Said, said);
    } catch (const InputError& error) {
        send(pipe, Sent::InputError, error.what());
    } catch (const std::exception& error) {
        send(pipe, Sent::RunError, error.what());
    }
    ::_exit(status);
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

std::optional<ChildEnd> in_child(const std::function<int(std::string&)>& work) {
    flush_standard_output();
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return {};
    const pid_t child = ::fork();
    if (child == 0) work_and_exit(work, pipe[1]);
    ::close(pipe[1]);
    const std::string sent = child < 0 ? "" : receive(pipe[0]);
    ::close(pipe[0]);
    if (child < 0) return {};
    ChildEnd end;
    while (::waitpid(child, &end.status, 0) < 0 && errno == EINTR) {
    }
    if (sent.empty()) return end; // it died
    if (sent[0] == static_cast<char>(Sent::InputError)) throw InputError(sent.substr(1));
    if (sent[0] == static_cast<char>(Sent::RunError)) throw RunError(sent.substr(1));
    end.said = sent.substr(1);
    end.whole = true;
    return end;
}

} // namespace pagewalk::app
