#pragma once

#include "workloads/qemu/thread_directory.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace pagewalk::workloads {

/// Keeps accesses of a process's threads and changes of its address space (mmap, munmap, mprotect ...) in the
/// order in which they took place in the program's run.
///
/// The plugin lets one change at a time of a process happen and counts beginnings and ends: the process's
/// space epoch, odd while a change is under way. Each thread notes in its stream when it sees a new epoch at
/// the beginning of a block or at one of its system calls. Here a change that began epoch c (odd) is held
/// back until every other thread has come to a note of c or later, and a thread stops at a note of epoch e
/// until all changes that had ended by then have taken place. Accesses before a change thus come before it,
/// accesses after it come after it.
///
/// A block counts where it began, so both rules, the order of system calls and each thread's own order all
/// point forward in the time of the program's run, and no circle of waiting can form. One exception is as
/// safe: a block that began while a change was under way (at an odd epoch) and was not followed by another
/// before the change had ended comes after it, since it may have used what it saw of the result. What is left
/// is a block during which a whole change begins and ends: it comes before the change.
///
/// Safe for several threads of ours.
class SpaceOrder {
public:
    /// What only the stream's source knows of a thread.
    class Position {
    public:
        virtual ~Position() = default;
        /// It is inside a system call, everything before that has taken place, and nothing has come after.
        [[nodiscard]] virtual bool is_at_rest() const { return false; }
    };

    /// A thread that exists. `epoch`: the process's when its stream began.
    void join(std::size_t thread, const ThreadIdentity& identity, const Position* position);
    /// Everything of the thread before its note of `epoch` has taken place.
    void reach(std::size_t thread, std::uint64_t epoch);
    /// May the thread go beyond its note of `epoch`?
    [[nodiscard]] bool may_pass(std::size_t thread, std::uint64_t epoch) const;
    /// May the change that the thread began with `epoch` take place?
    [[nodiscard]] bool may_change(std::size_t thread, std::uint64_t epoch) const;
    void change_took_place(std::size_t thread, std::uint64_t epoch);
    /// The thread's stream is over.
    void leave(std::size_t thread);

private:
    struct Process;
    struct Member {
        Process* process = nullptr;
        const Position* position = nullptr;
        std::uint64_t reached = 0;
    };
    struct Process {
        std::uint64_t changed = 0; ///< even: all changes up to this epoch have taken place
        std::vector<Member*> members;
    };

    mutable std::mutex m_mutex;
    std::vector<std::unique_ptr<Member>> m_members; ///< by thread
    std::vector<std::unique_ptr<Process>> m_processes;
    std::map<std::int32_t, Process*> m_by_pid; ///< the latest of each
};

} // namespace pagewalk::workloads
