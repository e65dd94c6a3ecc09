#include "models/core/core_stats.h"

#include <string>

namespace pagewalk::models {
namespace {

constexpr EnumNames<StallCause> cause_names{
    {StallCause::Base, "base"},
    {StallCause::ICache, "icache"},
    {StallCause::Itlb, "itlb"},
    {StallCause::Branch, "branch"},
    {StallCause::Dependency, "dependency"},
    {StallCause::L1, "l1"},
    {StallCause::L2, "l2"},
    {StallCause::Llc, "llc"},
    {StallCause::RemoteCache, "remote_cache"},
    {StallCause::Memory, "memory"},
    {StallCause::RemoteMemory, "remote_memory"},
    {StallCause::Dtlb, "dtlb"},
    {StallCause::StoreQueue, "store_queue"},
    {StallCause::Exception, "exception"},
    {StallCause::Lock, "lock"},
};

} // namespace

void CoreStats::declare(StatGroup group) const {
    group.counter("cycles", cycles, "cycles", "cycles of the core, idle ones included");
    group.counter("user_instructions", user_instructions, "instructions", "program instructions committed");
    group.counter("kernel_instructions", kernel_instructions, "instructions",
                  "kernel instructions committed");
    group.counter("user_uops", user_uops, "count", "program micro-ops committed");
    group.counter("kernel_uops", kernel_uops, "count", "kernel micro-ops committed");
    group.counter("user_cycles", user_cycles, "cycles", "cycles in user mode");
    group.counter("kernel_cycles", kernel_cycles, "cycles", "cycles in kernel mode, idle ones excluded");
    group.counter("loads", loads, "count", "loads executed");
    group.counter("stores", stores, "count", "stores executed");
    group.counter("forwarded_loads", forwarded_loads, "count",
                  "loads served by an older store in the store queue");
    group.counter("branch_misses", branch_misses, "count", "mispredicted branches of the program");
    for (std::size_t mode = 0; mode < 2; ++mode) {
        const StatGroup stack = group.group(mode == 0 ? "cpi_stack/user" : "cpi_stack/kernel");
        for (std::size_t cause = 0; cause < stall_cause_count; ++cause) {
            const std::string name(cause_names[static_cast<StallCause>(cause)]);
            StatGroup(stack).counter(name, cpi_stack[mode][cause], "cycles", "cycles charged to " + name);
        }
    }
    group.ratio("ipc", "user_instructions", "cycles", 1, "instructions/cycle",
                "program instructions per cycle");
}

} // namespace pagewalk::models
