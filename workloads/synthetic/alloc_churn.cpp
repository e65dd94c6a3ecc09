#include "workloads/synthetic/alloc_churn.h"

#include "workloads/synthetic/layout.h"
#include "workloads/synthetic/synthetic_workload.h"

#include <algorithm>

namespace pagewalk::workloads {

namespace {

std::uint64_t draw_size(const AllocChurnConfig& config, std::uint64_t total_weight, Rng& rng) {
    std::uint64_t at = rng.below(total_weight);
    for (const auto& share : config.sizes) {
        if (at < share.weight) return layout::page_round(share.bytes);
        at -= share.weight;
    }
    return layout::page_round(config.sizes.back().bytes);
}

Program churn(ThreadContext context, AllocChurnConfig config) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, slot = 11, slots = 12, pointer = 13, end = 14, counter = 15;

    // head: draw a slot; map, touch, jump head | free: unmap; go on, or grow the heap, touch, jump head
    StaticBlock& head = code.block();
    code.compare({counter});
    code.branch();
    StaticBlock& draw = code.block();
    code.alu(random, {random});
    code.alu(random, {random});
    code.multiply(slot, {random});
    code.alu(slot, {slot, slots});
    code.compare({slot});
    code.branch();
    const StaticBlock& map_site = emit.syscall_site();
    const auto touch_loop = [&]() -> const StaticBlock& {
        const StaticBlock& loop = code.block();
        code.store(counter, {pointer});
        code.alu(pointer, {pointer});
        code.compare({pointer, end});
        code.branch(loop.pc);
        return loop;
    };
    const StaticBlock& touch_block = touch_loop();
    const StaticBlock& mapped = code.block();
    code.alu(counter, {counter});
    code.jump(head.pc);
    draw.target = code.here();
    const StaticBlock& unmap_site = emit.syscall_site();
    const StaticBlock& freed = code.block();
    code.alu(counter, {counter});
    code.branch(head.pc);
    const StaticBlock& brk_site = emit.syscall_site();
    StaticBlock& grown = code.block();
    code.compare({pointer, end});
    code.branch();
    const StaticBlock& touch_heap = touch_loop();
    grown.target = code.here();
    const StaticBlock& heap_done = code.block();
    code.jump(head.pc);
    head.target = code.here();

    std::uint64_t total_weight = 0, largest = 0;
    for (const auto& share : config.sizes) {
        total_weight += share.weight;
        largest = std::max(largest, share.bytes);
    }
    const std::uint64_t window = layout::huge_page_round(largest) + layout::huge_page_bytes;
    const VirtAddr windows = layout::mmap_base + window * config.slots * context.thread;
    std::vector<std::uint64_t> live(config.slots);
    VirtAddr heap_end = layout::heap + layout::heap_bytes;
    std::uint64_t frees = 0;

    for (std::uint64_t operation = 0; operation < config.operations && !emit.done(); ++operation) {
        emit.execute(head);
        emit.execute(draw);
        const std::uint64_t drawn = context.rng.below(config.slots);
        const VirtAddr start = windows + window * drawn;
        if (live[drawn] == 0) {
            const std::uint64_t bytes = live[drawn] = draw_size(config, total_weight, context.rng);
            emit.map(map_site, start, bytes);
            co_yield Pause::SystemCall;
            const std::uint64_t touched = std::max(page_size, bytes / 100 * config.touched_percent);
            for (std::uint64_t at = 0; at < touched; at += page_size) {
                emit.store(start + at, 0);
                emit.execute(touch_block);
                if (emit.full()) co_yield Pause::BatchFull;
            }
            emit.execute(mapped);
            continue;
        }
        emit.system_call(unmap_site, linux_abi::sys_munmap, {start.value(), live[drawn], 0, 0, 0, 0}, 0);
        co_yield Pause::SystemCall;
        live[drawn] = 0;
        emit.execute(freed);
        if (context.thread != 0 || config.brk_every == 0 || ++frees % config.brk_every != 0) continue;
        const VirtAddr old_end = heap_end;
        heap_end += config.brk_step;
        if (heap_end - layout::heap > config.brk_limit) heap_end = layout::heap + layout::heap_bytes;
        emit.system_call(brk_site, linux_abi::sys_brk, {heap_end.value(), 0, 0, 0, 0, 0},
                         static_cast<std::int64_t>(heap_end.value()));
        co_yield Pause::SystemCall;
        emit.execute(grown);
        for (VirtAddr at = old_end; at < heap_end; at += page_size) {
            emit.store(at, 0);
            emit.execute(touch_heap);
            if (emit.full()) co_yield Pause::BatchFull;
        }
        emit.execute(heap_done);
    }
    emit.execute(head);
}

} // namespace

std::unique_ptr<Workload> make_alloc_churn(const CommonConfig& common, const AllocChurnConfig& config) {
    validate(common);
    require_range("synthetic.alloc_churn.slots", config.slots, 1, 65536);
    require_range("synthetic.alloc_churn.touched", config.touched_percent, 0, 100);
    require_range("synthetic.alloc_churn.operations", config.operations, 1, 1ULL << 40);
    require_range("synthetic.alloc_churn.sizes (entries)", config.sizes.size(), 1, 1024);
    for (const auto& share : config.sizes) {
        require_range("synthetic.alloc_churn.sizes (bytes)", share.bytes, page_size, 1ULL << 30);
        require_range("synthetic.alloc_churn.sizes (weight)", share.weight, 1, 1U << 30);
    }
    require_range("synthetic.alloc_churn.brk_step", config.brk_step, page_size, 1ULL << 30);
    require_range("synthetic.alloc_churn.brk_step (a multiple of 4096; remainder)",
                  config.brk_step % page_size, 0, 0);
    require_range("synthetic.alloc_churn.brk_limit", config.brk_limit, layout::heap_bytes + config.brk_step,
                  1ULL << 40);
    Recipe recipe;
    recipe.description = "alloc_churn: mmap, touch and munmap in " + std::to_string(config.slots) + " slots";
    recipe.work = [config](ThreadContext context) { return churn(context, config); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
