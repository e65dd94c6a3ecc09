#pragma once

#include <cstdint>
#include <sys/syscall.h>

namespace pagewalk::workloads {

/// True for the system calls that return a new thread's or process's id. x86-64 numbers.
[[nodiscard]] inline bool creates_thread(std::uint32_t number) {
    return number == SYS_clone || number == SYS_clone3 || number == SYS_fork || number == SYS_vfork;
}

/// True for the system calls that put a new image in the place of the calling process's.
[[nodiscard]] inline bool executes_image(std::uint32_t number) {
    return number == SYS_execve || number == SYS_execveat;
}

} // namespace pagewalk::workloads
