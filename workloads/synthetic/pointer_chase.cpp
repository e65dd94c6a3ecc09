#include "workloads/synthetic/pointer_chase.h"

#include "workloads/synthetic/permutation.h"
#include "workloads/synthetic/synthetic_workload.h"

namespace pagewalk::workloads {

namespace {

Program chase(ThreadContext context, VirtAddr start, PointerChaseConfig config, Permutation order) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg pointer = 10, counter = 11;
    const StaticBlock& body = code.block();
    code.load(pointer, {pointer});
    code.alu(counter, {counter});
    code.branch(body.pc);

    const std::uint64_t elements = config.bytes / config.stride;
    std::uint64_t place = elements / context.threads * context.thread;
    for (std::uint64_t cycle = 0; cycle < config.cycles && !emit.done(); ++cycle)
        for (std::uint64_t i = 0; i < elements && !emit.done(); ++i) {
            emit.load(start + order(place) * config.stride, 0);
            if (++place == elements) place = 0;
            emit.execute(body);
            if (emit.full()) co_yield Pause::BatchFull;
        }
}

} // namespace

std::unique_ptr<Workload> make_pointer_chase(const CommonConfig& common, const PointerChaseConfig& config) {
    validate(common);
    require_range("synthetic.pointer_chase.stride", config.stride, 8, 1ULL << 30);
    require_range("synthetic.pointer_chase.footprint", config.bytes, config.stride, 1ULL << 44);
    require_range("synthetic.pointer_chase.cycles", config.cycles, 1, 1 << 30);
    Rng rng(common.seed, "workload.pointer_chase");
    Recipe recipe;
    recipe.description = "pointer_chase: " + std::to_string(config.bytes / config.stride) + " elements " +
                         std::to_string(config.stride) + " bytes apart";
    recipe.areas = lay_out({config.bytes});
    recipe.work = [start = recipe.areas[0].start, config,
                   order = Permutation(config.bytes / config.stride, rng)](ThreadContext context) {
        return chase(context, start, config, order);
    };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
