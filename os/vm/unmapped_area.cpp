#include "os/vm/unmapped_area.h"

#include "contract/kernel_layout.h"

#include <algorithm>
#include <cerrno>
#include <optional>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t stack_guard = 256 * page_size; // stack_guard_gap
constexpr VirtAddr low_begin{0x40000000}, low_end{0x80000000};
constexpr VirtAddr task_size{0x7ffffffff000};
constexpr VirtAddr bottom_up_base{0x2aaaaaaaa000}; // TASK_UNMAPPED_BASE: a third of it

/// vm_start_gap: a stack keeps a guard below itself.
VirtAddr guarded_start(const Vma& area) {
    if (!area.has(vm::grows_down)) return area.start;
    return VirtAddr(area.start.value() - std::min(area.start.value(), stack_guard));
}

bool is_free(const VmaList& areas, VirtAddr start, std::uint64_t bytes) {
    const std::size_t at = areas.find(start);
    return at == areas.size() || start + bytes <= guarded_start(areas[at]);
}

/// The highest place below `limit`.
std::optional<VirtAddr> search_down(const VmaList& areas, const PlaceRequest& request, VirtAddr limit) {
    const std::uint64_t bytes = request.bytes;
    VirtAddr top = limit;
    std::size_t at = areas.find(limit);
    if (at < areas.size()) top = std::min(top, std::max(guarded_start(areas[at]), VirtAddr{}));
    for (;; --at) {
        const VirtAddr bottom = at == 0 ? lowest_map : std::max(areas[at - 1].end, lowest_map);
        if (top >= bottom && top - bottom >= bytes) {
            const VirtAddr start((top.value() - bytes) & ~(request.alignment - 1));
            if (start >= bottom) return start;
        }
        if (at == 0) return std::nullopt;
        top = std::min(top, guarded_start(areas[at - 1]));
    }
}

/// The lowest place in [from, limit).
std::optional<VirtAddr> search_up(const VmaList& areas, std::uint64_t bytes, VirtAddr from, VirtAddr limit) {
    VirtAddr start = from;
    for (std::size_t at = areas.find(from); start + bytes <= limit; ++at) {
        if (at == areas.size() || start + bytes <= guarded_start(areas[at])) return start;
        start = std::max(start, areas[at].end);
    }
    return std::nullopt;
}

std::expected<VirtAddr, int> fixed(const VmaList& areas, const PlaceRequest& request) {
    if (request.hint.value() % request.alignment != 0) return std::unexpected(EINVAL);
    if (request.hint > VirtAddr(task_size.value() - request.bytes)) return std::unexpected(ENOMEM);
    if (request.hint < lowest_map) return std::unexpected(EPERM);
    const std::size_t at = areas.find(request.hint);
    const bool taken = at < areas.size() && areas[at].start < request.hint + request.bytes;
    if (taken && request.kind == PlaceRequest::Kind::FixedNoReplace) return std::unexpected(EEXIST);
    return request.hint;
}

} // namespace

std::expected<VirtAddr, int> find_unmapped_area(const VmaList& areas, const PlaceRequest& request) {
    using Kind = PlaceRequest::Kind;
    if (request.bytes == 0) return std::unexpected(EINVAL);
    if (request.bytes > task_size.value()) return std::unexpected(ENOMEM);
    if (request.kind == Kind::Fixed || request.kind == Kind::FixedNoReplace) return fixed(areas, request);
    if (request.hint != VirtAddr{}) {
        const VirtAddr rounded(request.hint.value() & ~(request.alignment - 1));
        const VirtAddr hint = std::max(rounded, lowest_map); // round_hint_to_min
        if (hint.value() % request.alignment == 0 && hint <= VirtAddr(task_size.value() - request.bytes) &&
            is_free(areas, hint, request.bytes))
            return hint;
    }
    std::optional<VirtAddr> place;
    if (request.kind == Kind::Low) {
        place = search_up(areas, request.bytes, low_begin, low_end);
    } else {
        place = search_down(areas, request, mmap_base);
        if (!place) place = search_up(areas, request.bytes, bottom_up_base, task_size);
    }
    return place ? std::expected<VirtAddr, int>(*place) : std::unexpected(ENOMEM);
}

} // namespace pagewalk::os
