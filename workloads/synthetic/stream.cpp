#include "workloads/synthetic/stream.h"

#include "workloads/synthetic/synthetic_workload.h"

#include <array>

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t vector_bytes = 32;
constexpr unsigned vector_log2 = 5;

struct Kernel {
    unsigned first_source, second_source, destination; ///< arrays a, b, c
    unsigned loads;
    bool scales, adds;
};
constexpr std::array<Kernel, 4> kernels{{
    {0, 0, 2, 1, false, false},
    {2, 0, 1, 1, true, false},
    {0, 1, 2, 2, false, true},
    {1, 2, 0, 2, true, true},
}};

Program run_kernels(ThreadContext context, std::vector<Area> arrays, std::uint64_t vectors,
                    std::uint64_t repeats) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg index = 10, end = 11, scalar = 30, x = 31, y = 32;
    constexpr std::array<Code::Reg, 3> base{12, 13, 14};

    std::array<const StaticBlock*, kernels.size()> bodies{};
    std::array<unsigned, kernels.size()> store_instruction{};
    for (std::size_t k = 0; k < kernels.size(); ++k) {
        const Kernel& kernel = kernels[k];
        const StaticBlock& body = code.block();
        bodies[k] = &body;
        code.vector_load(x, {base[kernel.first_source], index});
        if (kernel.loads == 2) code.vector_load(y, {base[kernel.second_source], index});
        if (kernel.scales) code.vector_multiply(kernel.adds ? y : x, {kernel.adds ? y : x, scalar});
        if (kernel.adds) code.vector_add(x, {x, y});
        store_instruction[k] = body.instruction_count;
        code.vector_store(x, {base[kernel.destination], index});
        code.alu(index, {index});
        code.compare({index, end});
        code.branch(body.pc);
    }
    constexpr Code::Reg counter = 15;
    const StaticBlock& again = code.block();
    code.alu(counter, {counter});
    code.branch(bodies[0]->pc);

    const std::uint64_t first = vectors * context.thread / context.threads;
    const std::uint64_t last = vectors * (context.thread + 1) / context.threads;
    for (std::uint64_t repeat = 0; repeat < repeats && !emit.done(); ++repeat) {
        for (std::size_t k = 0; k < kernels.size(); ++k) {
            const Kernel& kernel = kernels[k];
            std::uint64_t i = first;
            // Once done, one iteration each leads out of the remaining kernels.
            do {
                const std::uint64_t at = i * vector_bytes;
                emit.load(arrays[kernel.first_source].start + at, 0, vector_log2);
                if (kernel.loads == 2) emit.load(arrays[kernel.second_source].start + at, 1, vector_log2);
                emit.store(arrays[kernel.destination].start + at, store_instruction[k], vector_log2);
                emit.execute(*bodies[k]);
                if (emit.full()) co_yield Pause::BatchFull;
            } while (++i < last && !emit.done());
        }
        emit.execute(again);
    }
}

} // namespace

std::unique_ptr<Workload> make_stream(const CommonConfig& common, const StreamConfig& config) {
    validate(common);
    require_range("synthetic.stream.array", config.array_bytes, 128, 1ULL << 42);
    require_range("synthetic.stream.repeats", config.repeats, 1, 1 << 30);
    const std::uint64_t vectors = config.array_bytes / vector_bytes;
    require_range("synthetic.threads", common.threads, 1, vectors);
    Recipe recipe;
    recipe.description = "stream: copy, scale, add, triad over three arrays of " +
                         std::to_string(config.array_bytes) + " bytes";
    recipe.areas = lay_out({config.array_bytes, config.array_bytes, config.array_bytes});
    recipe.work = [arrays = recipe.areas, vectors, repeats = config.repeats](ThreadContext context) {
        return run_kernels(context, arrays, vectors, repeats);
    };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
