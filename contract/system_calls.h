#pragma once

#include "contract/system_call.h"

#include <cstddef>

/// Every x86-64 system call of Linux 6.1: one row each, in the order of their numbers. Standard library only:
/// QEMU's plugin includes it too.
namespace pagewalk {
namespace system_call_rows {

constexpr CallTraits local{};
constexpr CallTraits meets{.order = CallOrder::Ordered};
constexpr CallTraits waits{.order = CallOrder::Ordered, .blocking = CallBlocking::Always};
constexpr CallTraits sleeps{.blocking = CallBlocking::Sleeps};
constexpr CallTraits stream{.order = CallOrder::OrderedOnPipe, .blocking = CallBlocking::OnPipe};
constexpr CallTraits closes{.order = CallOrder::OrderedOnPipe};
constexpr CallTraits futexes{.order = CallOrder::Ordered, .blocking = CallBlocking::ByOperation};
constexpr CallTraits may_wait{.blocking = CallBlocking::ByOperation};
constexpr CallTraits maps{.order = CallOrder::Ordered,
                          .blocking = CallBlocking::ByOperation, // where pools of huge pages answer it
                          .effect = CallEffect::ChangesSpace};
constexpr CallTraits space{.order = CallOrder::Ordered, .effect = CallEffect::ChangesSpace};
constexpr CallTraits creates{.order = CallOrder::Ordered, .effect = CallEffect::CreatesTask};
constexpr CallTraits executes{.order = CallOrder::Ordered, .effect = CallEffect::ExecutesImage};
constexpr CallTraits ends{.order = CallOrder::Ordered, .effect = CallEffect::EndsTask};

using Use = UserBuffer::Use;
using Length = UserBuffer::Length;

constexpr UserBuffer in(std::uint8_t argument, std::uint16_t bytes) {
    return {Use::In, Length::Fixed, argument, 0, bytes};
}
constexpr UserBuffer out(std::uint8_t argument, std::uint16_t bytes) {
    return {Use::Out, Length::Fixed, argument, 0, bytes};
}
constexpr UserBuffer in_out(std::uint8_t argument, std::uint16_t bytes) {
    return {Use::InOut, Length::Fixed, argument, 0, bytes};
}
constexpr UserBuffer in_n(std::uint8_t argument, std::uint8_t count, std::uint16_t unit = 1) {
    return {Use::In, Length::Counted, argument, count, unit};
}
constexpr UserBuffer out_n(std::uint8_t argument, std::uint8_t count, std::uint16_t unit = 1) {
    return {Use::Out, Length::Counted, argument, count, unit};
}
constexpr UserBuffer out_result(std::uint8_t argument, std::uint8_t most, std::uint16_t unit = 1) {
    return {Use::Out, Length::Result, argument, most, unit};
}
constexpr UserBuffer bits(Use use, std::uint8_t argument, std::uint8_t count) {
    return {use, Length::Bits, argument, count, 0};
}
constexpr UserBuffer string(std::uint8_t argument) { return {Use::In, Length::String, argument, 0, 1}; }
constexpr UserBuffer descriptors(std::uint8_t argument) {
    return {Use::Descriptors, Length::Fixed, argument, 0, 8};
}
constexpr UserBuffer data(Use use, std::uint8_t argument, std::uint8_t count,
                          Length length = Length::Counted) {
    return {use, length, argument, count, 1};
}

// Source of the numbers: arch/x86/entry/syscalls/syscall_64.tbl of Linux 6.1; of the buffers: the calls'
// manual pages and the sizes of the kernel's structures. What a call's other arguments decide (a command, a
// flag) is left out, as are pointers inside structures but those of iovecs.
inline constexpr std::array table = std::to_array<SystemCall>({
    {0, "read", stream, {data(Use::DataOut, 1, 2)}},
    {1, "write", stream, {data(Use::DataIn, 1, 2)}},
    {2, "open", may_wait, {string(0)}},
    {3, "close", closes},
    {4, "stat", local, {string(0), out(1, 144)}},
    {5, "fstat", local, {out(1, 144)}},
    {6, "lstat", local, {string(0), out(1, 144)}},
    {7, "poll", waits, {in_n(0, 1, 8), out_n(0, 1, 8)}},
    {8, "lseek"},
    {9, "mmap", maps},
    {10, "mprotect", space},
    {11, "munmap", space},
    {12, "brk", space},
    {13, "rt_sigaction", local, {in(1, 32), out(2, 32)}},
    {14, "rt_sigprocmask", local, {in(1, 8), out(2, 8)}},
    {15, "rt_sigreturn"},
    {16, "ioctl", local, {UserBuffer{Use::InOut, Length::Request, 2, 1, 0}}},
    {17, "pread64", local, {data(Use::DataOut, 1, 2)}},
    {18, "pwrite64", local, {data(Use::DataIn, 1, 2)}},
    {19, "readv", stream, {data(Use::DataOut, 1, 2, Length::Vector)}},
    {20, "writev", stream, {data(Use::DataIn, 1, 2, Length::Vector)}},
    {21, "access", local, {string(0)}},
    {22, "pipe", local, {descriptors(0)}},
    {23,
     "select",
     waits,
     {bits(Use::InOut, 1, 0), bits(Use::InOut, 2, 0), bits(Use::InOut, 3, 0), in_out(4, 16)}},
    {24, "sched_yield"},
    {25, "mremap", space},
    {26, "msync"},
    {27, "mincore"},
    {28, "madvise", space},
    {29, "shmget", meets},
    {30, "shmat", space},
    {31, "shmctl", meets},
    {32, "dup"},
    {33, "dup2"},
    {34, "pause", waits},
    {35, "nanosleep", sleeps, {in(0, 16)}},
    {36, "getitimer", local, {out(1, 32)}},
    {37, "alarm"},
    {38, "setitimer", local, {in(1, 32), out(2, 32)}},
    {39, "getpid"},
    {40, "sendfile", waits, {in_out(2, 8)}},
    {41, "socket"},
    {42, "connect", waits, {in_n(1, 2)}},
    {43, "accept", waits, {out(1, 16), in_out(2, 4)}},
    {44, "sendto", waits, {data(Use::DataIn, 1, 2), in_n(4, 5)}},
    {45, "recvfrom", waits, {data(Use::DataOut, 1, 2), out(4, 16), in_out(5, 4)}},
    {46, "sendmsg", waits, {data(Use::DataIn, 1, 0, Length::Message)}},
    {47, "recvmsg", waits, {data(Use::DataOut, 1, 0, Length::Message)}},
    {48, "shutdown", meets},
    {49, "bind", local, {in_n(1, 2)}},
    {50, "listen"},
    {51, "getsockname", local, {out(1, 16), in_out(2, 4)}},
    {52, "getpeername", local, {out(1, 16), in_out(2, 4)}},
    {53, "socketpair", local, {descriptors(3)}},
    {54, "setsockopt", local, {in_n(3, 4)}},
    {55, "getsockopt", local, {out(3, 4), in_out(4, 4)}},
    {56, "clone", creates},
    {57, "fork", creates},
    {58, "vfork", creates},
    {59, "execve", executes, {string(0)}},
    {60, "exit", ends},
    {61, "wait4", waits, {out(1, 4), out(3, 144)}},
    {62, "kill", meets},
    {63, "uname", local, {out(0, 390)}},
    {64, "semget"},
    {65, "semop", waits, {in_n(1, 2, 6)}},
    {66, "semctl"},
    {67, "shmdt", space},
    {68, "msgget"},
    {69, "msgsnd", waits, {in_n(1, 2)}},
    {70, "msgrcv", waits, {out_result(1, 2)}},
    {71, "msgctl"},
    {72, "fcntl", may_wait},
    {73, "flock", waits},
    {74, "fsync"},
    {75, "fdatasync"},
    {76, "truncate", local, {string(0)}},
    {77, "ftruncate"},
    {78, "getdents", local, {out_result(1, 2)}},
    {79, "getcwd", local, {out_result(0, 1)}},
    {80, "chdir", local, {string(0)}},
    {81, "fchdir"},
    {82, "rename", local, {string(0), string(1)}},
    {83, "mkdir", local, {string(0)}},
    {84, "rmdir", local, {string(0)}},
    {85, "creat", local, {string(0)}},
    {86, "link", local, {string(0), string(1)}},
    {87, "unlink", local, {string(0)}},
    {88, "symlink", local, {string(0), string(1)}},
    {89, "readlink", local, {string(0), out_result(1, 2)}},
    {90, "chmod", local, {string(0)}},
    {91, "fchmod"},
    {92, "chown", local, {string(0)}},
    {93, "fchown"},
    {94, "lchown", local, {string(0)}},
    {95, "umask"},
    {96, "gettimeofday", local, {out(0, 16), out(1, 8)}},
    {97, "getrlimit", local, {out(1, 16)}},
    {98, "getrusage", local, {out(1, 144)}},
    {99, "sysinfo", local, {out(0, 112)}},
    {100, "times", local, {out(0, 32)}},
    {101, "ptrace"},
    {102, "getuid"},
    {103, "syslog"},
    {104, "getgid"},
    {105, "setuid"},
    {106, "setgid"},
    {107, "geteuid"},
    {108, "getegid"},
    {109, "setpgid"},
    {110, "getppid"},
    {111, "getpgrp"},
    {112, "setsid"},
    {113, "setreuid"},
    {114, "setregid"},
    {115, "getgroups", local, {out_result(1, 0, 4)}},
    {116, "setgroups", local, {in_n(1, 0, 4)}},
    {117, "setresuid"},
    {118, "getresuid", local, {out(0, 4), out(1, 4), out(2, 4)}},
    {119, "setresgid"},
    {120, "getresgid", local, {out(0, 4), out(1, 4), out(2, 4)}},
    {121, "getpgid"},
    {122, "setfsuid"},
    {123, "setfsgid"},
    {124, "getsid"},
    {125, "capget", local, {in(0, 8), out(1, 24)}},
    {126, "capset", local, {in(0, 8), in(1, 24)}},
    {127, "rt_sigpending", local, {out(0, 8)}},
    {128, "rt_sigtimedwait", waits, {in(0, 8), out(1, 128), in(2, 16)}},
    {129, "rt_sigqueueinfo", local, {in(2, 128)}},
    {130, "rt_sigsuspend", waits, {in(0, 8)}},
    {131, "sigaltstack", local, {in(0, 24), out(1, 24)}},
    {132, "utime", local, {string(0), in(1, 16)}},
    {133, "mknod", local, {string(0)}},
    {134, "uselib", local, {string(0)}},
    {135, "personality"},
    {136, "ustat", local, {out(1, 32)}},
    {137, "statfs", local, {string(0), out(1, 120)}},
    {138, "fstatfs", local, {out(1, 120)}},
    {139, "sysfs"},
    {140, "getpriority"},
    {141, "setpriority"},
    {142, "sched_setparam", local, {in(1, 4)}},
    {143, "sched_getparam", local, {out(1, 4)}},
    {144, "sched_setscheduler", local, {in(2, 4)}},
    {145, "sched_getscheduler"},
    {146, "sched_get_priority_max"},
    {147, "sched_get_priority_min"},
    {148, "sched_rr_get_interval", local, {out(1, 16)}},
    {149, "mlock", meets},
    {150, "munlock", meets},
    {151, "mlockall", meets},
    {152, "munlockall", meets},
    {153, "vhangup"},
    {154, "modify_ldt"},
    {155, "pivot_root", local, {string(0), string(1)}},
    {156, "_sysctl"},
    {157, "prctl"},
    {158, "arch_prctl"},
    {159, "adjtimex", local, {in_out(0, 208)}},
    {160, "setrlimit", local, {in(1, 16)}},
    {161, "chroot", local, {string(0)}},
    {162, "sync"},
    {163, "acct", local, {string(0)}},
    {164, "settimeofday", local, {in(0, 16), in(1, 8)}},
    {165, "mount", local, {string(0), string(1), string(2)}},
    {166, "umount2", local, {string(0)}},
    {167, "swapon", local, {string(0)}},
    {168, "swapoff", local, {string(0)}},
    {169, "reboot"},
    {170, "sethostname"},
    {171, "setdomainname"},
    {172, "iopl"},
    {173, "ioperm"},
    {174, "create_module"},
    {175, "init_module"},
    {176, "delete_module", local, {string(0)}},
    {177, "get_kernel_syms"},
    {178, "query_module"},
    {179, "quotactl"},
    {180, "nfsservctl"},
    {181, "getpmsg"},
    {182, "putpmsg"},
    {183, "afs_syscall"},
    {184, "tuxcall"},
    {185, "security"},
    {186, "gettid"},
    {187, "readahead"},
    {188, "setxattr", local, {string(0), string(1), in_n(2, 3)}},
    {189, "lsetxattr", local, {string(0), string(1), in_n(2, 3)}},
    {190, "fsetxattr", local, {string(1), in_n(2, 3)}},
    {191, "getxattr", local, {string(0), string(1), out_result(2, 3)}},
    {192, "lgetxattr", local, {string(0), string(1), out_result(2, 3)}},
    {193, "fgetxattr", local, {string(1), out_result(2, 3)}},
    {194, "listxattr", local, {string(0), out_result(1, 2)}},
    {195, "llistxattr", local, {string(0), out_result(1, 2)}},
    {196, "flistxattr", local, {out_result(1, 2)}},
    {197, "removexattr", local, {string(0), string(1)}},
    {198, "lremovexattr", local, {string(0), string(1)}},
    {199, "fremovexattr", local, {string(1)}},
    {200, "tkill", meets},
    {201, "time", local, {out(0, 8)}},
    {202, "futex", futexes},
    {203, "sched_setaffinity", local, {in_n(2, 1)}},
    {204, "sched_getaffinity", local, {out_result(2, 1)}},
    {205, "set_thread_area"},
    {206, "io_setup", local, {out(1, 8)}},
    {207, "io_destroy"},
    {208, "io_getevents", waits, {out_result(3, 2, 32), in(4, 16)}},
    {209, "io_submit", local, {in_n(2, 1, 8)}},
    {210, "io_cancel"},
    {211, "get_thread_area"},
    {212, "lookup_dcookie"},
    {213, "epoll_create"},
    {214, "epoll_ctl_old"},
    {215, "epoll_wait_old"},
    {216, "remap_file_pages", space},
    {217, "getdents64", local, {out_result(1, 2)}},
    {218, "set_tid_address"},
    {219, "restart_syscall"},
    {220, "semtimedop", waits, {in_n(1, 2, 6), in(3, 16)}},
    {221, "fadvise64"},
    {222, "timer_create", local, {in(1, 64), out(2, 4)}},
    {223, "timer_settime", local, {in(2, 32), out(3, 32)}},
    {224, "timer_gettime", local, {out(1, 32)}},
    {225, "timer_getoverrun"},
    {226, "timer_delete"},
    {227, "clock_settime", local, {in(1, 16)}},
    {228, "clock_gettime", local, {out(1, 16)}},
    {229, "clock_getres", local, {out(1, 16)}},
    {230, "clock_nanosleep", sleeps, {in(2, 16)}},
    {231, "exit_group", ends},
    {232, "epoll_wait", waits, {out_result(1, 2, 12)}},
    {233, "epoll_ctl", local, {in(3, 12)}},
    {234, "tgkill", meets},
    {235, "utimes", local, {string(0), in(1, 32)}},
    {236, "vserver"},
    {237, "mbind", waits, {bits(Use::In, 3, 4)}},
    {238, "set_mempolicy", local, {bits(Use::In, 1, 2)}},
    {239, "get_mempolicy", may_wait, {out(0, 4), bits(Use::Out, 1, 2)}},
    {240, "mq_open", local, {string(0), in(3, 64)}},
    {241, "mq_unlink", local, {string(0)}},
    {242, "mq_timedsend", waits, {in_n(1, 2), in(4, 16)}},
    {243, "mq_timedreceive", waits, {out_result(1, 2), in(4, 16)}},
    {244, "mq_notify", local, {in(1, 64)}},
    {245, "mq_getsetattr", local, {in(1, 64), out(2, 64)}},
    {246, "kexec_load"},
    {247, "waitid", waits, {out(2, 128), out(4, 144)}},
    {248, "add_key", local, {string(0), string(1)}},
    {249, "request_key", local, {string(0), string(1)}},
    {250, "keyctl"},
    {251, "ioprio_set"},
    {252, "ioprio_get"},
    {253, "inotify_init"},
    {254, "inotify_add_watch", local, {string(1)}},
    {255, "inotify_rm_watch"},
    {256, "migrate_pages", waits, {bits(Use::In, 2, 1), bits(Use::In, 3, 1)}},
    {257, "openat", may_wait, {string(1)}},
    {258, "mkdirat", local, {string(1)}},
    {259, "mknodat", local, {string(1)}},
    {260, "fchownat", local, {string(1)}},
    {261, "futimesat", local, {string(1), in(2, 32)}},
    {262, "newfstatat", local, {string(1), out(2, 144)}},
    {263, "unlinkat", local, {string(1)}},
    {264, "renameat", local, {string(1), string(3)}},
    {265, "linkat", local, {string(1), string(3)}},
    {266, "symlinkat", local, {string(0), string(2)}},
    {267, "readlinkat", local, {string(1), out_result(2, 3)}},
    {268, "fchmodat", local, {string(1)}},
    {269, "faccessat", local, {string(1)}},
    {270,
     "pselect6",
     waits,
     {bits(Use::InOut, 1, 0), bits(Use::InOut, 2, 0), bits(Use::InOut, 3, 0), in_out(4, 16)}},
    {271, "ppoll", waits, {in_n(0, 1, 8), out_n(0, 1, 8), in(2, 16), in(3, 8)}},
    {272, "unshare"},
    {273, "set_robust_list"},
    {274, "get_robust_list", local, {out(1, 8), out(2, 8)}},
    {275, "splice", waits, {in_out(1, 8), in_out(3, 8)}},
    {276, "tee", waits},
    {277, "sync_file_range"},
    {278, "vmsplice", waits, {data(Use::DataIn, 1, 2, Length::Vector)}},
    {279, "move_pages", waits, {in_n(2, 1, 8), in_n(3, 1, 4), out_n(4, 1, 4)}},
    {280, "utimensat", local, {string(1), in(2, 32)}},
    {281, "epoll_pwait", waits, {out_result(1, 2, 12), in(4, 8)}},
    {282, "signalfd", local, {in(1, 8)}},
    {283, "timerfd_create"},
    {284, "eventfd"},
    {285, "fallocate"},
    {286, "timerfd_settime", local, {in(2, 32), out(3, 32)}},
    {287, "timerfd_gettime", local, {out(1, 32)}},
    {288, "accept4", waits, {out(1, 16), in_out(2, 4)}},
    {289, "signalfd4", local, {in(1, 8)}},
    {290, "eventfd2"},
    {291, "epoll_create1"},
    {292, "dup3"},
    {293, "pipe2", local, {descriptors(0)}},
    {294, "inotify_init1"},
    {295, "preadv", local, {data(Use::DataOut, 1, 2, Length::Vector)}},
    {296, "pwritev", local, {data(Use::DataIn, 1, 2, Length::Vector)}},
    {297, "rt_tgsigqueueinfo", local, {in(3, 128)}},
    {298, "perf_event_open", local, {in(0, 128)}},
    {299, "recvmmsg", waits, {data(Use::DataOut, 1, 2, Length::Messages), in(4, 16)}},
    {300, "fanotify_init"},
    {301, "fanotify_mark", local, {string(4)}},
    {302, "prlimit64", local, {in(2, 16), out(3, 16)}},
    {303, "name_to_handle_at", local, {string(1), out(3, 4)}},
    {304, "open_by_handle_at"},
    {305, "clock_adjtime", local, {in_out(1, 208)}},
    {306, "syncfs"},
    {307, "sendmmsg", waits, {data(Use::DataIn, 1, 2, Length::Messages)}},
    {308, "setns"},
    {309, "getcpu", local, {out(0, 4), out(1, 4)}},
    {310, "process_vm_readv", local, {in_n(1, 2, 16), in_n(3, 4, 16)}},
    {311, "process_vm_writev", local, {in_n(1, 2, 16), in_n(3, 4, 16)}},
    {312, "kcmp"},
    {313, "finit_module", local, {string(1)}},
    {314, "sched_setattr", local, {in(1, 56)}},
    {315, "sched_getattr", local, {out(1, 56)}},
    {316, "renameat2", local, {string(1), string(3)}},
    {317, "seccomp"},
    {318, "getrandom", local, {out_result(0, 1)}},
    {319, "memfd_create", local, {string(0)}},
    {320, "kexec_file_load"},
    {321, "bpf", local, {in_n(1, 2)}},
    {322, "execveat", executes, {string(1)}},
    {323, "userfaultfd"},
    {324, "membarrier"},
    {325, "mlock2", meets},
    {326, "copy_file_range", local, {in_out(1, 8), in_out(3, 8)}},
    {327, "preadv2", stream, {data(Use::DataOut, 1, 2, Length::Vector)}},
    {328, "pwritev2", stream, {data(Use::DataIn, 1, 2, Length::Vector)}},
    {329, "pkey_mprotect", space},
    {330, "pkey_alloc"},
    {331, "pkey_free"},
    {332, "statx", local, {string(1), out(4, 256)}},
    {333, "io_pgetevents", waits, {out_result(3, 2, 32), in(4, 16)}},
    {334, "rseq"},
    {424, "pidfd_send_signal"},
    {425, "io_uring_setup"},
    {426, "io_uring_enter"},
    {427, "io_uring_register"},
    {428, "open_tree", local, {string(1)}},
    {429, "move_mount", local, {string(1), string(3)}},
    {430, "fsopen", local, {string(0)}},
    {431, "fsconfig"},
    {432, "fsmount"},
    {433, "fspick", local, {string(1)}},
    {434, "pidfd_open"},
    {435, "clone3", creates, {in_n(0, 1)}},
    {436, "close_range"},
    {437, "openat2", local, {string(1), in_n(2, 3)}},
    {438, "pidfd_getfd"},
    {439, "faccessat2", local, {string(1)}},
    {440, "process_madvise", local, {in_n(1, 2, 16)}},
    {441, "epoll_pwait2", waits, {out_result(1, 2, 12), in(3, 16), in(4, 8)}},
    {442, "mount_setattr", local, {string(1), in_n(3, 4)}},
    {443, "quotactl_fd"},
    {444, "landlock_create_ruleset", local, {in_n(0, 1)}},
    {445, "landlock_add_rule"},
    {446, "landlock_restrict_self"},
    {447, "memfd_secret"},
    {448, "process_mrelease"},
    {449, "futex_waitv", waits, {in_n(0, 1, 24)}},
    {450, "set_mempolicy_home_node"},
});

constexpr std::size_t first_part = 335;  ///< numbers from 0 on
constexpr std::size_t second_part = 424; ///< where the numbers go on that all architectures share

/// The number of rows where the kernel has no such call.
constexpr std::size_t place_of(std::uint64_t number) {
    if (number < first_part) return number;
    if (number < second_part) return table.size();
    return number - second_part < table.size() - first_part ? number - second_part + first_part
                                                            : table.size();
}

static_assert([] {
    for (std::size_t place = 0; place < table.size(); ++place)
        if (place_of(table[place].number) != place) return false;
    return true;
}());

} // namespace system_call_rows

inline constexpr const auto& system_calls = system_call_rows::table;

/// Null where the kernel has no such call.
[[nodiscard]] constexpr const SystemCall* find_system_call(std::uint64_t number) {
    const std::size_t place = system_call_rows::place_of(number);
    return place < system_calls.size() ? &system_calls[place] : nullptr;
}

/// Nothing special where the kernel has no such call.
[[nodiscard]] constexpr CallTraits traits_of_call(std::uint64_t number) {
    const SystemCall* const call = find_system_call(number);
    return call != nullptr ? call->traits : CallTraits{};
}

[[nodiscard]] constexpr bool creates_task(std::uint64_t number) {
    return traits_of_call(number).effect == CallEffect::CreatesTask;
}
[[nodiscard]] constexpr bool executes_image(std::uint64_t number) {
    return traits_of_call(number).effect == CallEffect::ExecutesImage;
}
[[nodiscard]] constexpr bool never_returns(std::uint64_t number) {
    return traits_of_call(number).effect == CallEffect::EndsTask;
}
[[nodiscard]] constexpr bool changes_space(std::uint64_t number) {
    return traits_of_call(number).effect == CallEffect::ChangesSpace;
}

/// Does it bring data from a file, pipe or socket?
[[nodiscard]] constexpr bool brings_data(std::uint64_t number) {
    const SystemCall* const call = find_system_call(number);
    return call != nullptr && call->buffers.front().use == UserBuffer::Use::DataOut;
}

/// The buffer that holds the first file name; `use` is None where there is none.
[[nodiscard]] constexpr UserBuffer path_buffer(const SystemCall& call) {
    for (const UserBuffer& buffer : call.buffers)
        if (buffer.use == UserBuffer::Use::In && buffer.length == UserBuffer::Length::String) return buffer;
    return {};
}

} // namespace pagewalk
