#pragma once

#include "base/option.h"
#include "base/time.h"
#include "contract/instruction_stream.h"
#include "models/core/branch_predictor.h"

#include <array>
#include <cstdint>
#include <string>

namespace pagewalk::models {

/// Whether a branch waits for those before it.
enum class BranchOrder : std::uint8_t { AnyOrder, InOrder };

struct CoreConfig {
    std::uint64_t frequency = 3'200'000'000;
    std::uint32_t fetch_width = 6;
    std::uint32_t dispatch_width = 6;
    std::uint32_t commit_width = 8;
    std::uint32_t rob_entries = 512;
    std::uint32_t scheduler_entries = 160;
    std::uint32_t load_queue_entries = 192;
    std::uint32_t store_queue_entries = 114;
    std::uint32_t integer_registers = 280;
    std::uint32_t vector_registers = 332;
    BranchOrder branch_order = BranchOrder::AnyOrder;
    std::uint32_t fetch_buffer = 144;
    Cycles front_end_depth{5};
    Cycles mispredict_penalty{12};
    Cycles decode_redirect_penalty{8};
    bool perfect_branches = false;
    Cycles exception_penalty{30};
    Cycles forward_latency{5};
    std::uint32_t kernel_mispredict_interval = 200;
    /// Execution ports of each class of micro-op, as comma-separated port numbers 0..15.
    std::array<std::string, uop_class_count> ports{"",  "0,1,5,6,10", "1",   "1",      "1,5",     "0,1",
                                                   "0", "0,1,5",      "0,6", "2,3,11", "4,7,8,9", "0"};
    BranchPredictorConfig branch_predictor;

    void declare(OptionGroup group);
    void validate(const OptionSet& options) const;
    /// One bit a port. 0: the class needs none.
    [[nodiscard]] std::array<std::uint16_t, uop_class_count> port_masks() const;
};

} // namespace pagewalk::models
