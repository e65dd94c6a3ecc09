#include "workloads/synthetic/kernel_objects.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/units.h"
#include "workloads/synthetic/object_schedule.h"
#include "workloads/synthetic/synthetic_workload.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

namespace pagewalk::workloads {

namespace {

constexpr std::uint64_t first_cache = 1;

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::optional<ObjectShare> parse_share(std::string_view text) {
    const std::size_t colon = text.find(':');
    const auto bytes = parse_quantity(trimmed(text.substr(0, colon)), Unit::Bytes);
    ObjectShare share{.weight = 1};
    if (!bytes) return std::nullopt;
    share.bytes = *bytes;
    if (colon != std::string_view::npos) {
        const std::string_view weight = trimmed(text.substr(colon + 1));
        const auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), share.weight);
        if (error != std::errc{} || end != weight.data() + weight.size()) return std::nullopt;
    }
    return share;
}

std::uint32_t number(DriverCall call) { return static_cast<std::uint32_t>(call); }

struct Calls {
    DriverCall allocate;
    DriverCall free;
};
Calls calls_of(ObjectsFrom from) {
    switch (from) {
    case ObjectsFrom::Cache:
        return {DriverCall::CacheAllocate, DriverCall::CacheFree};
    case ObjectsFrom::Vmalloc:
        return {DriverCall::Vmalloc, DriverCall::Vfree};
    case ObjectsFrom::Pages:
        return {DriverCall::AllocatePages, DriverCall::FreePages};
    case ObjectsFrom::Kmalloc:
        break;
    }
    return {DriverCall::Kmalloc, DriverCall::Kfree};
}

/// What the driver call names as its kind of object.
std::uint64_t what(ObjectsFrom from, const std::vector<ObjectShare>& sizes, std::uint32_t share) {
    if (from == ObjectsFrom::Cache) return first_cache + share;
    const std::uint64_t bytes = sizes[share].bytes;
    if (from != ObjectsFrom::Pages) return bytes;
    return static_cast<std::uint64_t>(std::bit_width((bytes - 1) / page_size));
}

Program create_caches(ThreadContext context, std::vector<ObjectShare> sizes) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        context.emit.system_call(number(DriverCall::CacheCreate),
                                 {first_cache + i, sizes[i].bytes, 0, 0, 0, 0}, 0);
        co_yield Pause::SystemCall;
    }
}

Program call_driver(ThreadContext context, KernelObjectsConfig config, std::vector<ObjectShare> sizes) {
    Emitter& emit = context.emit;
    Code& code = emit.code();
    constexpr Code::Reg random = 10, slot = 11, slots = 12, counter = 13;

    // head: count; choose; allocate, jump head | free, jump head
    StaticBlock& head = code.block();
    code.alu(counter, {counter});
    code.compare({counter});
    code.branch();
    StaticBlock& choose = code.block();
    code.alu(random, {random});
    code.multiply(slot, {random});
    code.alu(slot, {slot, slots});
    code.compare({slot});
    code.branch();
    const StaticBlock& allocate_site = emit.syscall_site();
    const StaticBlock& allocated = code.block();
    code.jump(head.pc);
    choose.target = code.here();
    const StaticBlock& free_site = emit.syscall_site();
    const StaticBlock& freed = code.block();
    code.jump(head.pc);
    head.target = code.here();

    const Calls calls = calls_of(config.from);
    ObjectSchedule schedule(config, sizes, context.thread, context.threads, context.rng);
    ObjectOperation operation;
    while ((config.pattern == ObjectPattern::Remote || !emit.done()) && schedule.next(operation)) {
        emit.execute(head);
        emit.execute(choose);
        const std::uint64_t kind = what(config.from, sizes, operation.share);
        if (operation.kind == ObjectOperation::Kind::Allocate) {
            const std::uint64_t touched = sizes[operation.share].bytes * config.touched_percent / 100;
            emit.system_call(allocate_site, number(calls.allocate),
                             {kind, operation.handle, operation.count, 0, touched, 0}, 0, operation.order);
            co_yield Pause::SystemCall;
            emit.execute(allocated);
        } else {
            emit.system_call(free_site, number(calls.free),
                             {kind, operation.handle, operation.count, 0, 0, 0}, 0, operation.order);
            co_yield Pause::SystemCall;
            emit.execute(freed);
        }
        if (emit.full()) co_yield Pause::BatchFull;
    }
    emit.execute(head);
}

} // namespace

std::vector<ObjectShare> parse_object_sizes(std::string_view text) {
    std::vector<ObjectShare> sizes;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t comma = std::min(text.find(',', at), text.size());
        const std::string_view item = trimmed(text.substr(at, comma - at));
        const auto share = parse_share(item);
        if (!share)
            throw ConfigError("synthetic.kernel_objects.sizes: '" + excerpt(item) +
                              "' is not size:weight, such as 64:3 or 4KiB:1");
        sizes.push_back(*share);
        at = comma + 1;
    }
    return sizes;
}

std::unique_ptr<Workload> make_kernel_objects(const CommonConfig& common, const KernelObjectsConfig& config) {
    validate(common);
    const std::vector<ObjectShare> sizes = parse_object_sizes(config.sizes);
    require_range("synthetic.kernel_objects.sizes (entries)", sizes.size(), 1, 1024);
    const std::uint64_t largest = config.from == ObjectsFrom::Vmalloc ? 1ULL << 30 : 4ULL << 20;
    for (const ObjectShare& share : sizes) {
        require_range("synthetic.kernel_objects.sizes (bytes)", share.bytes, 1, largest);
        require_range("synthetic.kernel_objects.sizes (weight)", share.weight, 1, 1U << 20);
    }
    require_range("synthetic.kernel_objects.slots", config.slots, 1, 1U << 20);
    require_range("synthetic.kernel_objects.batch", config.batch, 1, 4096);
    require_range("synthetic.kernel_objects.touched", config.touched_percent, 0, 100);
    require_range("synthetic.kernel_objects.operations", config.operations, 1, 1ULL << 40);
    Recipe recipe;
    recipe.description = "kernel_objects: kernel memory of " + std::to_string(sizes.size()) + " sizes";
    if (config.from == ObjectsFrom::Cache)
        recipe.prepare = [sizes](ThreadContext context) { return create_caches(context, sizes); };
    recipe.work = [config, sizes](ThreadContext context) { return call_driver(context, config, sizes); };
    return make_synthetic_workload(common, std::move(recipe));
}

} // namespace pagewalk::workloads
