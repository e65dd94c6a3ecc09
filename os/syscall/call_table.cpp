#include "os/syscall/call_table.h"

#include "os/syscall/handlers.h"

#include <algorithm>
#include <array>

namespace pagewalk::os {
namespace {

// Source of the numbers: arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.1
constexpr std::array rows = std::to_array<CallRow>({
    {0, "read", sys_read},          {1, "write", sys_write},
    {2, "open", sys_open},          {3, "close", sys_close},
    {8, "lseek", sys_lseek},        {9, "mmap", sys_mmap},
    {10, "mprotect", sys_mprotect}, {11, "munmap", sys_munmap},
    {12, "brk", sys_brk},           {17, "pread64", sys_pread64},
    {18, "pwrite64", sys_pwrite64}, {24, "sched_yield", sys_sched_yield},
    {25, "mremap", sys_mremap},     {28, "madvise", sys_madvise},
    {29, "shmget", sys_shmget},     {30, "shmat", sys_shmat},
    {31, "shmctl", sys_shmctl},     {32, "dup", sys_dup},
    {33, "dup2", sys_dup},          {56, "clone", sys_clone},
    {57, "fork", sys_fork},         {58, "vfork", sys_vfork},
    {59, "execve", sys_execve},     {60, "exit", sys_exit},
    {61, "wait4", sys_wait4},       {67, "shmdt", sys_shmdt},
    {72, "fcntl", sys_fcntl},       {77, "ftruncate", sys_ftruncate},
    {85, "creat", sys_open},        {149, "mlock", sys_mlock},
    {202, "futex", sys_futex},      {231, "exit_group", sys_exit_group},
    {247, "waitid", sys_waitid},    {257, "openat", sys_open},
    {292, "dup3", sys_dup},         {319, "memfd_create", sys_memfd_create},
    {322, "execveat", sys_execve},  {325, "mlock2", sys_mlock},
    {435, "clone3", sys_clone3},    {436, "close_range", sys_close_range},
    {437, "openat2", sys_open},
});
static_assert(std::ranges::is_sorted(rows, std::less_equal{}, &CallRow::number) &&
              std::ranges::adjacent_find(rows, {}, &CallRow::number) == rows.end());

constexpr std::size_t places = rows.back().number + 1;

/// Row by number; the number of rows where there is none.
constexpr auto index = [] {
    std::array<std::uint8_t, places> result{};
    result.fill(static_cast<std::uint8_t>(rows.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) result[rows[i].number] = static_cast<std::uint8_t>(i);
    return result;
}();

} // namespace

const CallRow* find_call(std::uint32_t number) {
    if (number >= places || index[number] == rows.size()) return nullptr;
    return &rows[index[number]];
}

} // namespace pagewalk::os
