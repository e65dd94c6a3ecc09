#include "workloads/synthetic/btree.h"

#include "workloads/synthetic/synthetic_workload.h"

namespace pagewalk::workloads {

namespace {

constexpr unsigned fanout_log2 = 4;
constexpr std::uint64_t fanout = 1 << fanout_log2;
constexpr std::uint64_t node_bytes = 256;
constexpr std::uint64_t children_offset = 128;

struct Level {
    std::uint64_t offset = 0; ///< of its first node, bytes
    unsigned shift = 0;       ///< key >> shift is the node
};

struct Shape {
    std::vector<Level> levels;
    std::uint64_t bytes = 0;
};

Shape shape_of(std::uint64_t keys) {
    unsigned shift = fanout_log2;
    while ((keys - 1) >> shift != 0) shift += fanout_log2;
    Shape shape;
    for (; shift != 0; shift -= fanout_log2) {
        shape.levels.push_back({shape.bytes, shift});
        shape.bytes += (((keys - 1) >> shift) + 1) * node_bytes;
    }
    return shape;
}

Program look_up(ThreadContext context, VirtAddr tree, Shape shape, BtreeConfig config) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg key = 10, node = 11, low = 12, high = 13, middle = 14, probe = 15, level = 16,
                        sum = 17, random = 18;

    StaticBlock& head = code.block();
    code.compare({sum});
    code.branch();
    const StaticBlock& draw = code.block();
    code.alu(random, {random});
    code.alu(random, {random});
    code.multiply(key, {random});
    code.alu(node, {});
    const StaticBlock& enter = code.block();
    code.alu(low, {});
    code.alu(high, {});
    StaticBlock& step = code.block();
    code.alu(middle, {low, high});
    code.alu(middle, {middle});
    code.load(probe, {node, middle});
    code.compare({probe, key});
    code.branch();
    const StaticBlock& left = code.block();
    code.alu(high, {middle});
    code.compare({low, high});
    code.branch(step.pc);
    StaticBlock& left_out = code.block();
    code.jump();
    step.target = code.here();
    const StaticBlock& right = code.block();
    code.alu(low, {middle});
    code.compare({low, high});
    code.branch(step.pc);
    left_out.target = code.here();
    const StaticBlock& descend = code.block();
    code.load(node, {node, low});
    code.alu(level, {level});
    code.branch(enter.pc);
    const StaticBlock& found = code.block();
    code.alu(sum, {sum, node});
    code.jump(head.pc);
    head.target = code.here();

    for (std::uint64_t lookup = 0; lookup < config.lookups && !emit.done(); ++lookup) {
        emit.execute(head);
        emit.execute(draw);
        const std::uint64_t wanted = context.rng.below(config.keys);
        for (const Level& at : shape.levels) {
            const VirtAddr address = tree + at.offset + (wanted >> at.shift) * node_bytes;
            const std::uint64_t child = wanted >> (at.shift - fanout_log2) & (fanout - 1);
            emit.execute(enter);
            std::uint64_t from = 0, to = fanout - 1;
            while (from < to) {
                const std::uint64_t probed = (from + to) / 2;
                emit.load(address + probed * 8, 2);
                emit.execute(step);
                if (probed < child) {
                    from = probed + 1;
                    emit.execute(right);
                } else {
                    to = probed;
                    emit.execute(left);
                    if (from == to) emit.execute(left_out);
                }
            }
            emit.load(address + children_offset + child * 8, 0);
            emit.execute(descend);
        }
        emit.execute(found);
        if (emit.full()) co_yield Pause::BatchFull;
    }
    emit.execute(head);
}

} // namespace

std::unique_ptr<Workload> make_btree(const CommonConfig& common, const BtreeConfig& config) {
    validate(common);
    require_range("synthetic.btree.keys", config.keys, 1, 1ULL << 36);
    require_range("synthetic.btree.lookups", config.lookups, 1, 1ULL << 40);
    const Shape shape = shape_of(config.keys);
    Recipe recipe;
    recipe.description = "btree: look-ups among " + std::to_string(config.keys) + " keys in " +
                         std::to_string(shape.levels.size()) + " levels";
    recipe.areas = lay_out({shape.bytes});
    recipe.work = [tree = recipe.areas[0].start, shape, config](ThreadContext context) {
        return look_up(context, tree, shape, config);
    };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
