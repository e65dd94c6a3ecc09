#pragma once

#include "contract/instruction_stream.h"
#include "workloads/synthetic/common_config.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::workloads {

/// Memory mapped, touched and unmapped without end, so that the kernel's allocation and freeing paths run.
struct AllocChurnConfig {
    struct SizeShare {
        std::uint64_t bytes;  ///< of a block; 4 KiB .. 1 GiB
        std::uint32_t weight; ///< relative frequency; 1 or more
    };
    /// Assumed: above glibc's mmap threshold most blocks are small and a few are large.
    std::vector<SizeShare> sizes{{16 << 10, 40}, {64 << 10, 30}, {256 << 10, 20}, {2 << 20, 8}, {4 << 20, 2}};
    std::uint32_t slots = 256;           ///< blocks that may live at a time, for each thread; 1 .. 65536
    std::uint32_t touched_percent = 100; ///< of a block's pages, from its start; 0 .. 100, at least one page
    std::uint32_t brk_every = 16;        ///< frees between two changes of the heap; 0 = never
    std::uint64_t brk_step = 0x21000;    ///< bytes of one growth; glibc's 132 KiB
    std::uint64_t brk_limit = 64ULL << 20; ///< at which the heap shrinks back to its start
    std::uint64_t operations = 100'000;    ///< for each thread at the natural end
};

/// Each operation draws a slot: a free one is mmapped with a size of the mix and touched, one store a page; a
/// used one is munmapped. The heap grows by brk, is touched, and shrinks again; the first thread alone does
/// that. Footprint: on average half the slots live. Errors: ConfigError.
[[nodiscard]] std::unique_ptr<Workload> make_alloc_churn(const CommonConfig& common,
                                                         const AllocChurnConfig& config);

} // namespace pagewalk::workloads
