#pragma once

#include "base/time.h"
#include "contract/instruction_stream.h"
#include "contract/kernel_interface.h"

#include <cstddef>
#include <cstdint>

namespace pagewalk::models {

/// Where a thread is in its stream: a block being executed and what of it is done.
struct StreamCursor {
    StreamBatch batch;
    std::size_t block = 0;
    std::uint32_t uop = 0;
    std::uint32_t reference = 0;
    bool begun = false;      ///< the current block has been fetched and predicted
    bool watch_told = false; ///< that the current block holds the watched instruction
    bool status_pending =
        false; ///< what ends the batch (a system call, the stream's end) is still to be handled

    [[nodiscard]] bool batch_done() const { return block == batch.blocks.size(); }
    void pass_block() {
        ++block;
        uop = reference = 0;
        begun = watch_told = false;
    }
};

/// A page fault that stopped the core before an instruction.
struct PendingFault {
    VirtAddr address{};
    FaultAccess access = FaultAccess::Read;
};

enum class RunExit : std::uint8_t {
    BatchDone,
    Fault,
    CycleLimit,
    InstructionLimit,
    Watched, ///< the next block holds the watched instruction
};

/// Where a core stops, before the first block that would pass it.
struct RunLimits {
    Cycles cycle{~0ULL};
    std::uint64_t instructions = ~0ULL; ///< of programs, executed by this core
    VirtAddr watched{~0ULL};            ///< an instruction's address

    /// The first time that this is asked about an execution of the block.
    [[nodiscard]] bool meets_watched(const StaticBlock& block, StreamCursor& cursor) const {
        if (watched - block.pc >= block.byte_count || cursor.watch_told) [[likely]]
            return false;
        return cursor.watch_told = true;
    }
};

} // namespace pagewalk::models
