#include "workloads/synthetic/gups.h"

#include "workloads/synthetic/synthetic_workload.h"

#include <algorithm>

namespace pagewalk::workloads {

namespace {

Program update_table(ThreadContext context, Area table, std::uint64_t words, std::uint64_t updates,
                     bool atomic) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, sign = 11, index = 12, base = 13, counter = 14;
    constexpr unsigned update_instruction = 5;
    const StaticBlock& body = code.block();
    code.alu(sign, {random});
    code.alu(sign, {sign});
    code.alu(random, {random});
    code.alu(random, {random, sign});
    code.alu(index, {random});
    if (atomic)
        code.locked_update({random, index, base});
    else
        code.update({random, index, base});
    code.alu(counter, {counter});
    code.branch(body.pc);

    for (std::uint64_t left = updates; left != 0 && !emit.done(); --left) {
        const VirtAddr word = table.start + context.rng.below(words) * 8;
        emit.load(word, update_instruction);
        emit.store(word, update_instruction);
        emit.execute(body);
        if (emit.full()) co_yield Pause::BatchFull;
    }
}

} // namespace

std::unique_ptr<Workload> make_gups(const CommonConfig& common, const GupsConfig& config) {
    validate(common);
    require_range("synthetic.gups.table", config.table_bytes, 8, 1ULL << 44);
    require_range("synthetic.gups.updates_per_word", config.updates_per_word, 1, 1ULL << 20);
    const std::uint64_t words = config.table_bytes / 8;
    const std::uint64_t updates =
        std::max<std::uint64_t>(1, words * config.updates_per_word / common.threads);
    Recipe recipe;
    recipe.description = "gups: random updates of " + std::to_string(config.table_bytes) + " bytes";
    recipe.areas = lay_out({config.table_bytes});
    recipe.work = [table = recipe.areas[0], words, updates, atomic = config.atomic](ThreadContext context) {
        return update_table(context, table, words, updates, atomic);
    };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
