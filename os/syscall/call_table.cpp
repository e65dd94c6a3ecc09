#include "os/syscall/call_table.h"

#include "contract/system_calls.h"
#include "os/syscall/handlers.h"

#include <array>

namespace pagewalk::os {
namespace {

/// A modelled system call; contract/system_calls.h has its name and all else.
struct CallRow {
    std::uint32_t number = 0;
    CallHandler handler = nullptr;
};

constexpr std::array rows = std::to_array<CallRow>({
    {0, sys_read},     {1, sys_write},    {2, sys_open},      {3, sys_close},
    {8, sys_lseek},    {9, sys_mmap},     {10, sys_mprotect}, {11, sys_munmap},
    {12, sys_brk},     {17, sys_pread64}, {18, sys_pwrite64}, {24, sys_sched_yield},
    {25, sys_mremap},  {28, sys_madvise}, {29, sys_shmget},   {30, sys_shmat},
    {31, sys_shmctl},  {32, sys_dup},     {33, sys_dup},      {56, sys_clone},
    {57, sys_fork},    {58, sys_vfork},   {59, sys_execve},   {60, sys_exit},
    {61, sys_wait4},   {67, sys_shmdt},   {72, sys_fcntl},    {77, sys_ftruncate},
    {85, sys_open},    {149, sys_mlock},  {202, sys_futex},   {231, sys_exit_group},
    {247, sys_waitid}, {257, sys_open},   {292, sys_dup},     {319, sys_memfd_create},
    {322, sys_execve}, {325, sys_mlock},  {435, sys_clone3},  {436, sys_close_range},
    {437, sys_open},
});

/// By place in the table of all calls. Does not compile where a number has no place there, or two handlers.
constexpr auto handlers = [] {
    std::array<CallHandler, system_calls.size()> result{};
    for (const CallRow& row : rows) {
        CallHandler& place = result.at(find_system_call(row.number) - system_calls.data());
        if (place != nullptr) throw "two rows for one call";
        place = row.handler;
    }
    return result;
}();

} // namespace

CallHandler handler_of(std::uint32_t number) {
    const SystemCall* const call = find_system_call(number);
    return call != nullptr ? handlers[static_cast<std::size_t>(call - system_calls.data())] : nullptr;
}

} // namespace pagewalk::os
