#include "os/syscall/numa_calls.h"

#include "contract/calls_about_memory.h"
#include "contract/kernel_layout.h"
#include "os/syscall/handlers.h"
#include "os/syscall/hugetlb_calls.h"
#include "os/syscall/named_task.h"
#include "os/vm/migrate_pages.h"
#include "os/vm/mmap_lock.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>

namespace pagewalk::os {
namespace {

// Source: include/uapi/linux/mempolicy.h of Linux 6.1
enum PolicyMode : std::uint64_t { Default, Preferred, Bind, Interleave, Local, PreferredMany, AfterLast };
constexpr std::uint64_t static_nodes = 1ULL << 15, relative_nodes = 1ULL << 14, numa_balancing = 1ULL << 13;
constexpr std::uint64_t mode_flags = static_nodes | relative_nodes | numa_balancing;
constexpr std::uint64_t strict = 1, move_own = 2, move_all = 4;

NodeMask nodes_of_machine(const CallContext& call) {
    const std::size_t count = call.kernel.frames.allocator().node_count();
    return NodeMask(count < max_nodes ? (1ULL << count) - 1 : ~0ULL);
}

bool has_memory(const CallContext& call, std::int64_t node) {
    return node >= 0 && node < static_cast<std::int64_t>(max_nodes) &&
           nodes_of_machine(call).contains(static_cast<NodeId>(node));
}

template <class Value>
void append(std::vector<std::byte>& data, Value value) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(&value);
    data.insert(data.end(), bytes, bytes + sizeof value);
}

/// mpol_new and mpol_set_nodemask: null for the default policy; nothing where Linux refuses the arguments.
std::optional<std::shared_ptr<MemoryPolicy>> policy_of(const CallContext& call, std::uint64_t mode_argument,
                                                       std::uint64_t given) {
    using Mode = MemoryPolicy::Mode;
    const std::uint64_t mode = mode_argument & ~mode_flags;
    constexpr std::uint64_t both = static_nodes | relative_nodes;
    const bool placed = (mode_argument & both) != 0;
    if (mode >= AfterLast || (mode_argument & both) == both) return std::nullopt;
    if ((mode_argument & numa_balancing) != 0 && mode != Bind) return std::nullopt;
    if (mode == Default) {
        if (given != 0) return std::nullopt;
        return nullptr;
    }
    if (mode == Local || (mode == Preferred && given == 0)) {
        if (given != 0 || placed) return std::nullopt;
        return std::make_shared<MemoryPolicy>();
    }
    const NodeMask nodes(given & nodes_of_machine(call).bits());
    if (nodes.empty()) return std::nullopt;
    const Mode model = mode == Bind ? Mode::Bind : mode == Interleave ? Mode::Interleave : Mode::Preferred;
    return std::make_shared<MemoryPolicy>(model, nodes);
}

/// Where a page goes that a policy finds misplaced: the nearest node of those that it allows.
NodeId target_of(const CallContext& call, MemoryPolicy* policy, std::uint64_t index) {
    const PageAllocator& allocator = call.kernel.frames.allocator();
    const NodeId own = allocator.cpus()[call.op.cpu];
    if (policy == nullptr) return own;
    const MemoryPolicy::Placement place = policy->place(own, index);
    if (place.nodes == nullptr || place.nodes->contains(place.preferred)) return place.preferred;
    for (const NodeId near : allocator.node_order()[pagewalk::index_of(place.preferred)])
        if (place.nodes->contains(near)) return near;
    return place.preferred;
}

bool is_covered(const VmaList& areas, VirtAddr start, VirtAddr end) {
    VirtAddr at = start;
    for (std::size_t i = areas.find(start); i < areas.size() && areas[i].start <= at && at < end; ++i)
        at = areas[i].end;
    return at >= end;
}

std::int32_t status_of(PageMove move, NodeId node) {
    switch (move) {
    case PageMove::Moved:
    case PageMove::There:
        return static_cast<std::int32_t>(node);
    case PageMove::Absent:
        return -ENOENT;
    case PageMove::ZeroPage:
        return -EFAULT;
    case PageMove::Shared:
        return -EACCES;
    case PageMove::Busy:
        return -EBUSY;
    case PageMove::NoMemory:
        return -ENOMEM;
    }
    return -EFAULT;
}

NodeMigrator migrator_of(const CallContext& call) {
    return {call.kernel.memory, call.kernel.frames, call.kernel.counters};
}

MovedPages pages_that_move(std::uint64_t flags) {
    return (flags & move_all) != 0 ? MovedPages::All : MovedPages::Own;
}

/// The mapped pages of a range, the first of each huge one.
std::vector<VirtAddr> mapped_pages(CallContext& call, AddressSpace& space, VirtAddr start, VirtAddr end) {
    std::vector<VirtAddr> pages;
    const auto note = [&pages](VirtAddr at, PteSlot) { pages.push_back(at); };
    call.kernel.memory.tables().for_each(space, start, end, note, note);
    return pages;
}

/// MPOL_MF_STRICT alone: is a page of the range on another node than the policy allows?
bool any_misplaced(CallContext& call, VirtAddr start, VirtAddr end, NodeMask allowed) {
    NodeMigrator migrator = migrator_of(call);
    return std::ranges::any_of(mapped_pages(call, call.space(), start, end), [&](VirtAddr at) {
        const auto node = migrator.node_of(call.space(), at);
        return node && !allowed.contains(*node);
    });
}

/// Moves what the policy finds misplaced. Returns whether a page could not be moved.
bool move_misplaced(CallContext& call, VirtAddr start, VirtAddr end, MemoryPolicy* policy,
                    std::uint64_t flags) {
    AddressSpace& space = call.space();
    NodeMigrator migrator = migrator_of(call);
    call.kernel.memory.drain_lru_batches(call.op);
    const bool any_node = policy == nullptr || policy->nodes().empty();
    bool failed = false;
    for (const VirtAddr at : mapped_pages(call, space, start, end)) {
        const std::size_t area = space.areas.find(at);
        const auto node = migrator.node_of(space, at);
        if (!node || area == space.areas.size() || (!any_node && policy->nodes().contains(*node))) continue;
        const NodeId target = target_of(call, policy, space.areas[area].index_of(at));
        const PageMove moved = migrator.move(call.op, space, at, target, pages_that_move(flags));
        failed = failed || moved == PageMove::Busy || moved == PageMove::NoMemory;
    }
    return failed;
}

std::uint64_t mask_of(const CallContext& call, std::size_t which) {
    return which < call.record.segments.size() ? call.record.segments[which].bytes : 0;
}

/// node_remap: the node of `to` that is to it what `node` is to `from`.
NodeId remapped(NodeId node, NodeMask from, NodeMask to) {
    const std::uint64_t below = from.bits() & ((1ULL << index_of(node)) - 1);
    std::uint64_t left = to.bits();
    for (int place = std::popcount(below) % std::popcount(left); place != 0; --place) left &= left - 1;
    return static_cast<NodeId>(std::countr_zero(left));
}

} // namespace

MemoryAnswer answer_mbind(CallContext& call) {
    const std::uint64_t flags = call.argument(5);
    const VirtAddr start = call.address(0);
    if ((flags & ~(strict | move_own | move_all)) != 0 || start.value() % page_size != 0)
        return {-EINVAL, {}};
    const std::uint64_t bytes = (call.argument(1) + page_size - 1) & ~(page_size - 1);
    const VirtAddr end = start + bytes;
    if (end < start) return {-EINVAL, {}};
    if (end == start) return {};
    const auto policy = policy_of(call, call.argument(2), mask_of(call, 0));
    if (!policy) return {-EINVAL, {}};
    const bool moves = (flags & (move_own | move_all)) != 0;
    const bool is_strict = (flags & strict) != 0 && *policy != nullptr;

    const MmapWriteLocked locked(call.op, call.space());
    if (!is_covered(call.space().areas, start, end)) return {-EFAULT, {}};
    const NodeMask nodes = *policy == nullptr ? NodeMask() : (*policy)->nodes();
    if (is_strict && !moves && any_misplaced(call, start, end, nodes)) return {-EIO, {}};
    call.kernel.memory.set_policy(call.op, call.space(), start, end, *policy);
    if (!moves) return {};
    const bool failed = move_misplaced(call, start, end, policy->get(), flags);
    return {failed && is_strict ? -EIO : 0, {}};
}

MemoryAnswer answer_move_pages(CallContext& call) {
    const std::uint64_t flags = call.argument(5);
    if ((flags & ~(move_own | move_all)) != 0) return {-EINVAL, {}};
    Task* const named = named_task(call, static_cast<std::int32_t>(call.argument(0)));
    AddressSpace& space = named == nullptr ? call.space() : *named->space;
    const auto& pages = call.record.segments;
    if (pages.size() < std::min<std::uint64_t>(call.argument(1), calls_about_memory::most_pages))
        return {-EFAULT, {}};
    const bool asks_only = call.argument(3) == 0;
    NodeMigrator migrator = migrator_of(call);
    MemoryAnswer answer;
    if (!asks_only) call.kernel.memory.drain_lru_batches(call.op);
    for (const UserSegment& page : pages) {
        const MmapReadLocked locked(call.op, space);
        const std::size_t area = space.areas.find(page.address);
        const bool mapped = area < space.areas.size() && space.areas[area].start <= page.address;
        const auto wanted = static_cast<std::int32_t>(page.bytes);
        if (!asks_only && !has_memory(call, wanted)) return {-ENODEV, std::move(answer.data)};
        std::int32_t status = -EFAULT;
        if (mapped && asks_only) {
            const auto node = migrator.node_of(space, page.address);
            const PteSlot slot = call.kernel.memory.tables().find_leaf(space, page.address);
            const bool zero = slot && slot.entry->present(); // a page that is on no node
            status = node ? static_cast<std::int32_t>(*node) : zero ? -EFAULT : -ENOENT;
        } else if (mapped) {
            const auto node = static_cast<NodeId>(wanted);
            const PageMove moved = migrator.move(call.op, space, page.address, node, pages_that_move(flags));
            if (moved == PageMove::NoMemory) ++answer.result;
            status = status_of(moved, node);
        }
        append(answer.data, status);
    }
    return answer;
}

MemoryAnswer answer_migrate_pages(CallContext& call) {
    if (call.record.segments.size() < 2) return {-EFAULT, {}};
    Task* const named = named_task(call, static_cast<std::int32_t>(call.argument(0)));
    AddressSpace& space = named == nullptr ? call.space() : *named->space;
    const NodeMask from(mask_of(call, 0)), to(mask_of(call, 1) & nodes_of_machine(call).bits());
    if (to.empty()) return {-EINVAL, {}};
    const bool same_number = std::popcount(from.bits()) == std::popcount(to.bits());
    NodeMigrator migrator = migrator_of(call);
    call.kernel.memory.drain_lru_batches(call.op);
    MemoryAnswer answer;
    const MmapReadLocked locked(call.op, space);
    for (const VirtAddr at : mapped_pages(call, space, VirtAddr{}, kernel_layout::user_end)) {
        const auto node = migrator.node_of(space, at);
        if (!node || !from.contains(*node) || (!same_number && to.contains(*node))) continue;
        const PageMove moved = migrator.move(call.op, space, at, remapped(*node, from, to));
        if (moved == PageMove::Busy || moved == PageMove::NoMemory) ++answer.result;
    }
    return answer;
}

MemoryAnswer answer_get_mempolicy(CallContext& call) {
    const std::uint64_t flags = call.argument(4);
    const VirtAddr address = call.address(3);
    if ((flags & ~(calls_about_memory::node_flag | calls_about_memory::address_flag)) != 0)
        return {-EINVAL, {}};
    if (call.argument(1) != 0 && call.argument(2) < call.kernel.frames.allocator().node_count())
        return {-EINVAL, {}};
    const VmaList& areas = call.space().areas;
    const std::size_t area = areas.find(address);
    if (area == areas.size() || areas[area].start > address) return {-EFAULT, {}};
    const std::shared_ptr<MemoryPolicy> policy = areas[area].policy;
    std::int32_t value = 0;
    if ((flags & calls_about_memory::node_flag) != 0) {
        call.kernel.memory.populate(call.op, call.space(), address.page(), page_size,
                                    VirtualMemory::Populate::Read);
        // The zero page is the first node's (assumed: boot takes it from there).
        const auto node = migrator_of(call).node_of(call.space(), address);
        value = static_cast<std::int32_t>(node.value_or(NodeId{}));
    } else if (policy != nullptr) {
        using Mode = MemoryPolicy::Mode;
        const Mode mode = policy->mode();
        value = mode == Mode::Local       ? Local
                : mode == Mode::Preferred ? Preferred
                : mode == Mode::Bind      ? Bind
                                          : Interleave;
    }
    MemoryAnswer answer;
    append(answer.data, value);
    append(answer.data, policy != nullptr ? policy->nodes().bits() : std::uint64_t{0});
    return answer;
}

namespace {

std::optional<MemoryAnswer> answer_to(CallContext& call) {
    switch (call.record.number) {
    case calls_about_memory::mbind:
        return answer_mbind(call);
    case calls_about_memory::move_pages:
        return answer_move_pages(call);
    case calls_about_memory::migrate_pages:
        return answer_migrate_pages(call);
    case calls_about_memory::get_mempolicy:
        if (!calls_about_memory::is_about_nodes(call.record.number, call.record.arguments))
            return std::nullopt;
        return answer_get_mempolicy(call);
    case calls_about_memory::mmap:
        if (!calls_about_memory::maps_hugetlb(call.record.number, call.record.arguments)) return std::nullopt;
        return answer_mmap(call);
    default:
        break;
    }
    if (!calls_about_memory::opens_file(call.record.number, call.record.path)) return std::nullopt;
    const std::string text =
        call.kernel.process_file(call.task.id, calls_about_memory::file_of(call.record.path));
    MemoryAnswer answer;
    answer.data.resize(text.size());
    std::memcpy(answer.data.data(), text.data(), text.size());
    return answer;
}

} // namespace

void answer_call_about_memory(CallContext& call) {
    if (!call.task.stream->takes_answers()) return;
    if (const auto answer = answer_to(call)) call.task.stream->answer(answer->result, answer->data);
}

// What a recording's call did it does at its end.
void sys_mbind(CallContext& call) {
    if (!call.task.stream->takes_answers()) (void)answer_mbind(call);
}
void sys_move_pages(CallContext& call) {
    if (!call.task.stream->takes_answers()) (void)answer_move_pages(call);
}
void sys_migrate_pages(CallContext& call) {
    if (!call.task.stream->takes_answers()) (void)answer_migrate_pages(call);
}

} // namespace pagewalk::os
