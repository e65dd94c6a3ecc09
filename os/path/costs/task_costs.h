#pragma once

#include "os/path/costs/cost_row.h"

namespace pagewalk::os::costs {

/// Processes, scheduling and interrupts.
inline constexpr std::array task = [] {
    using enum KernelFunction;
    return std::to_array<CostRow>({
        {SyscallEntry,
         {"syscall_entry", {341, 94, 54}, "getppid", "do_syscall_64", "path_costs.txt: a whole getppid"}},
        {AcctCollectVma,
         {"acct_collect_vma",
          {147, 36, 14},
          "( fork_pages/1:acct_collect - thread/1:acct_collect ) / 59",
          "fork_pages/1:acct_collect",
          "an area"}},
        {DoExit,
         {"do_exit",
          {5656, 1554, 951},
          "fork_pages/1:do_notify_parent + fork_pages/1:sched_autogroup_exit_task + "
          "fork_pages/1:exit_task_stack_account + fork_pages/1:exit_fs + fork_pages/1:exit_mm_release + "
          "fork_pages/1:perf_event_exit_task + fork_pages/1:cgroup_exit + fork_pages/1:acct_update_integrals "
          "+ "
          "fork_pages/1:flush_ptrace_hw_breakpoint + 2 * fork_pages/1:sync_mm_rss",
          "fork_pages/1:do_notify_parent",
          "its callees; its own part does not return"}},
        {KernelClone,
         {"kernel_clone",
          {5456, 1470, 1117},
          "thread/1:kernel_clone - thread/1:wake_up_new_task - thread/1:kmem_cache_alloc_node - "
          "kmem_cache_alloc",
          "thread/1:kernel_clone",
          "a thread"}},
        {DupFd,
         {"dup_fd",
          {1179, 329, 211},
          "fork_pages/1:dup_fd - 2 * kmem_cache_alloc",
          "fork_pages/1:dup_fd",
          ""}},
        {MmInit, {"mm_init", {136, 31, 24}, "mm_init@p10 - pgd_alloc@p10", "mm_init", ""}},
        {PgdAlloc, {"pgd_alloc", {200, 47, 33}, "pgd_alloc@p10 - __get_free_pages", "pgd_alloc", ""}},
        {Schedule, {"__schedule", {1288, 262, 137}, "__schedule@p10", "__schedule", "to another task"}},
        {FinishTaskSwitch,
         {"finish_task_switch", {48, 13, 7}, "finish_task_switch.isra.0", "finish_task_switch.isra.0", ""}},
        {TryToWakeUp, {"try_to_wake_up", {1440, 218, 95}, "try_to_wake_up", "try_to_wake_up", ""}},
        {TimerInterrupt,
         {"asm_sysvec_apic_timer_interrupt",
          {2456, 226, 116},
          "asm_sysvec_apic_timer_interrupt",
          "asm_sysvec_apic_timer_interrupt",
          ""}},
        {ShootdownInterrupt,
         {"asm_sysvec_call_function",
          {400, 37, 19},
          "assumed 400",
          "asm_sysvec_apic_timer_interrupt",
          "entry and exit as a fault, flush of a few entries"}},
        {FutexWait, {"futex_wait", {600, 166, 94}, "assumed 600", "do_syscall_64", ""}},
        {FutexWake, {"futex_wake", {300, 83, 47}, "assumed 300", "do_syscall_64", ""}},
        {SendSignal, {"force_sig_fault", {2000, 552, 314}, "assumed 2000", "do_syscall_64", ""}},
        {DriverIoctl,
         {"driver_ioctl", {150, 41, 24}, "assumed 150", "do_syscall_64", "a call of the allocation driver"}},
        {OutOfMemory,
         {"out_of_memory",
          {60000, 15707, 9138},
          "assumed 60000",
          "try_to_free_pages",
          "most of it prints the memory's state to the log"}},
        {OomBadness, {"oom_badness", {200, 52, 30}, "assumed 200", "try_to_free_pages", "a process"}},
    });
}();

} // namespace pagewalk::os::costs
