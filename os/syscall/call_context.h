#pragma once

#include "contract/instruction_stream.h"
#include "os/file/file_system.h"
#include "os/file/open_files.h"
#include "os/path/frame_allocator.h"
#include "os/path/kernel_counters.h"
#include "os/reclaim/node_reclaim.h"
#include "os/syscall/allocation_driver.h"
#include "os/syscall/shared_segments.h"
#include "os/task/futexes.h"
#include "os/task/processes.h"
#include "os/task/scheduler.h"
#include "os/task/task.h"
#include "os/vm/virtual_memory.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pagewalk::os {

/// What system calls work on.
struct CallParts {
    VirtualMemory& memory;
    FileSystem& files;
    OpenFiles& open_files;
    FrameAllocator& frames;
    Processes& processes;
    Futexes& futexes;
    Scheduler& scheduler;
    SharedSegments& segments;
    AllocationDriver& driver;
    KernelCounters& counters;
    NodeReclaim& reclaim;
    /// The text of a file of /proc/<task>.
    const std::function<std::string(TaskId task, std::string_view file)>& process_file;
};

/// One system call that has succeeded: who makes it, with what.
struct CallContext {
    const CallParts& kernel;
    Operation& op;
    Task& task;
    const SyscallRecord& record;

    [[nodiscard]] std::uint64_t argument(std::size_t i) const { return record.arguments[i]; }
    [[nodiscard]] VirtAddr address(std::size_t i) const { return VirtAddr(record.arguments[i]); }
    [[nodiscard]] std::uint64_t result() const { return static_cast<std::uint64_t>(record.result); }
    [[nodiscard]] AddressSpace& space() const { return *task.space; }
    [[nodiscard]] FileDescriptors& descriptors() const { return *task.files; }
};

} // namespace pagewalk::os
