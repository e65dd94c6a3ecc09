#pragma once

#include "workloads/synthetic/make_synthetic.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {

/// Everything one thread did.
struct Record {
    struct Access {
        std::uint64_t address;
        std::uint32_t size;
        bool store;
        auto operator<=>(const Access&) const = default;
    };
    std::vector<const StaticBlock*> blocks;
    std::vector<Access> accesses;
    std::vector<SyscallRecord> syscalls;
    std::uint64_t instructions = 0;

    [[nodiscard]] std::vector<SyscallRecord> calls(std::uint32_t number) const {
        std::vector<SyscallRecord> found;
        for (const SyscallRecord& call : syscalls)
            if (call.number == number) found.push_back(call);
        return found;
    }
    /// What the thread's choices show in: addresses touched and arguments of system calls.
    [[nodiscard]] std::vector<std::uint64_t> choices() const {
        std::vector<std::uint64_t> made;
        for (const Access& access : accesses) made.push_back(access.address);
        for (const SyscallRecord& call : syscalls)
            made.insert(made.end(), call.arguments.begin(), call.arguments.end());
        return made;
    }
};

inline Record run(InstructionStream& stream) {
    Record result;
    for (;;) {
        const StreamBatch batch = stream.fetch();
        for (const BlockExecution& execution : batch.blocks) {
            result.blocks.push_back(execution.block);
            EXPECT_EQ(execution.instruction_count, execution.block->instruction_count);
            result.instructions += execution.instruction_count;
            for (std::uint32_t i = 0; i < execution.reference_count; ++i) {
                const MemoryReference reference = execution.references[i];
                result.accesses.push_back(
                    {reference.address().value(), reference.size(), reference.is_store()});
            }
        }
        if (batch.status == StreamStatus::SystemCall) result.syscalls.push_back(*batch.syscall);
        if (batch.status == StreamStatus::End) return result;
        EXPECT_TRUE(batch.status != StreamStatus::More || !batch.blocks.empty());
    }
}

/// Small enough to run to its natural end in a moment.
inline SyntheticConfig small_config() {
    SyntheticConfig config;
    config.common.instructions = 0;
    config.common.first_touch = FirstTouch::Pages;
    config.gups.table_bytes = 1 << 16;
    config.stream = {4096, 3};
    config.block_io.operations = 500;
    config.net_receive.messages = 500;
    config.net_send.messages = 500;
    config.file_reads.operations = 500;
    config.pointer_chase = {1 << 16, 64, 2};
    config.alloc_churn.operations = 500;
    config.alloc_churn.slots = 16;
    config.btree = {10'000, 500};
    config.kernel_objects.operations = 500;
    config.kernel_objects.slots = 16;
    config.kvstore.entries = 1000;
    config.kvstore.requests = 500;
    return config;
}

inline Record run_first(const std::string& name, const SyntheticConfig& config) {
    return run(make_synthetic(name, config)->thread(ThreadIndex{0}));
}

} // namespace pagewalk::workloads
