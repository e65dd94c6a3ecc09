#pragma once

#include "contract/kernel_layout.h"
#include "models/core/ooo_core.h"
#include "tests/unit/models/mmu/paging_rig.h"

#include <vector>

/// An out-of-order core over real caches, MMU and page tables, whose code and data are warm.
namespace pagewalk::models::rig {

inline constexpr VirtAddr code{0x401000};
inline constexpr VirtAddr data{0x7f0000000000};
inline constexpr VirtAddr kernel_memory = kernel_layout::direct_map_base;
inline constexpr std::uint64_t warm_lines = 16; ///< of `data`, and of `kernel_memory`
inline constexpr Cycles forever{~0ULL};         ///< of a step that is not to be cut
inline constexpr unsigned data_pages = 8;       ///< mapped, their first lines' translations warm

/// One execution of one block.
struct Step {
    StaticBlock block;
    std::vector<MemoryReference> references;
    std::uint32_t instructions = 0; ///< executed
};

[[nodiscard]] inline MicroOp op(UopClass cls, unsigned latency, RegisterId source = 0,
                                RegisterId destination = 0) {
    MicroOp uop;
    uop.cls = cls;
    uop.latency = static_cast<std::uint8_t>(latency);
    uop.sources[0] = source;
    uop.destinations[0] = destination;
    return uop;
}
[[nodiscard]] inline MicroOp alu(RegisterId source = 0, RegisterId destination = 0) {
    return op(UopClass::IntAlu, 1, source, destination);
}
[[nodiscard]] inline MicroOp load(RegisterId address = 0, RegisterId destination = 0) {
    return op(UopClass::Load, 0, address, destination);
}
[[nodiscard]] inline MicroOp store(RegisterId value = 0) { return op(UopClass::Store, 1, value); }

[[nodiscard]] inline CoreConfig with_ports(UopClass cls, const char* ports) {
    CoreConfig config;
    config.ports[static_cast<std::size_t>(cls)] = ports;
    return config;
}
[[nodiscard]] inline std::vector<MicroOp> repeat(std::size_t n, const MicroOp& uop) {
    return std::vector<MicroOp>(n, uop);
}

[[nodiscard]] inline MicroOp slow(unsigned latency, RegisterId destination = 0) {
    return op(UopClass::IntMul, latency, 0, destination);
}

/// A block of one micro-op an instruction.
[[nodiscard]] inline Step step(std::vector<MicroOp> uops, std::vector<MemoryReference> references = {},
                               VirtAddr pc = code) {
    Step result;
    for (std::size_t i = 0; i < uops.size(); ++i) {
        uops[i].instruction = static_cast<std::uint16_t>(i);
        uops[i].first_of_instruction = true;
    }
    result.block.pc = pc;
    result.block.byte_count = 16;
    result.block.instruction_count = static_cast<std::uint16_t>(uops.size());
    result.block.uops = std::move(uops);
    result.references = std::move(references);
    result.instructions = result.block.instruction_count;
    return result;
}
[[nodiscard]] inline MemoryReference read(unsigned instruction, VirtAddr address, unsigned size_log2 = 3) {
    return {address, instruction, size_log2, false};
}
[[nodiscard]] inline MemoryReference write(unsigned instruction, VirtAddr address, unsigned size_log2 = 3) {
    return {address, instruction, size_log2, true};
}

struct CoreRig : PagingRig {
    explicit CoreRig(const CoreConfig& config = {})
        : core(config, {Cycles(l1_cycles), Cycles(l1_cycles)}, caches, mmu) {
        space.map(code, Pfn(0x90000));
        space.map(code + page_size, Pfn(0x90001));
        space.map(kernel_memory, Pfn(0xa0000), PageSize::Page2M);
        space.map(kernel_layout::text_base, Pfn(0xb0000), PageSize::Page2M);
        std::vector<MicroOp> loads;
        std::vector<MemoryReference> references;
        for (unsigned i = 0; i < data_pages; ++i) {
            space.map(data + i * page_size, Pfn(0x80000 + i));
            references.push_back(read(i, data + i * page_size));
            loads.push_back(load());
        }
        for (unsigned i = 0; i < 2 * warm_lines; ++i) {
            const VirtAddr base = i < warm_lines ? data : kernel_memory;
            references.push_back(read(data_pages + i, base + i % warm_lines * line_size));
            loads.push_back(load());
        }
        Step warm = step(std::move(loads), std::move(references));
        warm.block.byte_count = page_size;
        (void)run({std::move(warm)});
        drain();
    }

    /// The pipeline is empty and all that was under way has arrived.
    void drain() { core.wait_until(core.cycle() + Cycles(10'000), StallCause::Exception); }

    RunExit run(std::vector<Step> steps, Cycles until = forever) {
        load_steps(std::move(steps));
        return core.run(cursor, until);
    }
    void load_steps(std::vector<Step> steps) {
        executions.clear();
        // The core may still know the last block: it stays.
        history.push_back(std::move(steps));
        for (const Step& s : history.back())
            executions.push_back({&s.block, s.references.data(),
                                  static_cast<std::uint32_t>(s.references.size()), s.instructions});
        cursor = {};
        cursor.batch.blocks = executions;
    }
    /// Cycles from an empty pipeline to the last commit.
    std::uint64_t time(std::vector<Step> steps) {
        drain();
        const Cycles begin = core.cycle();
        (void)run(std::move(steps));
        return (core.cycle() - begin).value();
    }

    OooCore core;
    StreamCursor cursor;
    std::vector<BlockExecution> executions;
    std::vector<std::vector<Step>> history;
};

} // namespace pagewalk::models::rig
