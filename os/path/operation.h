#pragma once

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "os/path/function_trace.h"
#include "os/path/kernel_events.h"
#include "os/path/kernel_path_builder.h"

#include <cstdint>
#include <vector>

namespace pagewalk::os {

/// Facts about one path that can only be recorded once it has run, because its marks have no time before.
struct PathLog {
    struct Allocation {
        AllocationEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<Allocation> allocations;
    FunctionCalls functions;
    struct DriverCall {
        DriverEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<DriverCall> driver_calls;
    struct ObjectCall {
        KmemEvent event;
        std::uint32_t begin = 0; ///< mark
        std::uint32_t end = 0;   ///< mark
    };
    std::vector<ObjectCall> objects;
    FaultEvent fault;
    bool has_fault = false;
    std::uint32_t fault_begin = 0; ///< mark
    Tick fault_start = no_time;    ///< instead of the mark, for a fault that slept since
    /// Page-table frames that were freed: a walker may still be in one until the path's TLB flushes are done.
    std::vector<Pfn> dead_tables;

    void clear() {
        allocations.clear();
        functions.clear();
        driver_calls.clear();
        objects.clear();
        dead_tables.clear();
        has_fault = false;
        fault_start = no_time;
    }
};

/// One kernel operation in progress: who, where, when, and the path it fills.
struct Operation {
    KernelPathBuilder path;
    PathLog& log;
    CpuId cpu{};
    TaskId task{};
    Tick now{};
    /// Page faults that this operation resolves do not sleep one by one: the I/O of all of them ends here.
    Tick io_done{};
};

/// While the scope lives, the operation is in a call of `function`.
[[nodiscard]] inline FunctionScope in(Operation& op, TracedFunction function) {
    return {op.log.functions, op.path.path(), function};
}

} // namespace pagewalk::os
