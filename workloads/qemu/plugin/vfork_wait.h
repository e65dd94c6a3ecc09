#pragma once

#include "contract/system_calls.h"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// True for a call whose caller waits until its child has called execve or exited. x86-64 numbers.
[[nodiscard]] inline bool waits_for_child(std::uint64_t number, std::uint64_t flags) {
    constexpr std::uint64_t clone_vfork = 0x4000;
    return number == SYS_vfork || (number == SYS_clone && (flags & clone_vfork) != 0);
}

/// QEMU makes a fork of vfork and lets the caller go on. Here it waits, as the program may rely on: a child
/// uses its caller's memory, which the caller takes back. Shared between a process and its children; made
/// before the first.
class VforkWait {
public:
    static constexpr std::uint32_t none = ~0U;

    /// Before the call. Returns the place where parent and child meet, or `none`.
    [[nodiscard]] std::uint32_t begin() {
        if (m_shared == nullptr) {
            void* const page =
                mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            if (page == MAP_FAILED) return none;
            m_shared = static_cast<Shared*>(page);
        }
        const std::uint32_t place = m_shared->next.fetch_add(1) % places;
        m_shared->states[place].store(State::Running);
        return place;
    }
    /// In the child.
    void become_child(std::uint32_t place) { m_own = place; }
    /// The child's calls: an execve may fail, and then it goes on.
    void note_call(std::uint64_t number) {
        if (m_own == none) return;
        if (never_returns(number)) m_shared->states[m_own].store(State::Exits);
        if (executes_image(number)) m_shared->states[m_own].store(State::InExecve);
    }
    void note_return(std::uint64_t number) {
        if (m_own != none && executes_image(number)) m_shared->states[m_own].store(State::Running);
    }
    /// In the parent: has the child of `place` ended? Looks at /proc.
    [[nodiscard]] bool is_over(std::uint32_t place, pid_t child) const {
        if (m_shared->states[place].load() == State::Exits || kill(child, 0) != 0) return true;
        const Text stat = file_of(child, "stat");
        const char* const end_of_name = std::strrchr(stat.data(), ')');
        return end_of_name == nullptr || end_of_name[2] == 'Z';
    }
    /// Has it become a program that nobody follows?
    [[nodiscard]] bool has_executed(std::uint32_t place, pid_t child) const {
        return m_shared->states[place].load() == State::InExecve &&
               file_of(child, "cmdline") != file_of(getpid(), "cmdline");
    }

private:
    enum class State : std::uint32_t { Running, InExecve, Exits };
    static constexpr std::uint32_t places = 256; ///< more than children between vfork and execve at a time
    using Text = std::array<char, 1024>;
    struct Shared {
        std::atomic<std::uint32_t> next;
        std::array<std::atomic<State>, places> states;
    };

    static Text file_of(pid_t pid, const char* name) {
        std::array<char, 64> path{};
        std::snprintf(path.data(), path.size(), "/proc/%d/%s", static_cast<int>(pid), name);
        Text text{};
        const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) return text;
        [[maybe_unused]] const ssize_t got = read(fd, text.data(), text.size() - 1);
        close(fd);
        return text;
    }

    Shared* m_shared = nullptr;
    std::uint32_t m_own = none; ///< this process's, while it is such a child
};

} // namespace pagewalk::workloads
