#include "os/syscall/hugetlb_calls.h"

#include "os/vm/unmapped_area.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace pagewalk::os {
namespace {

// Source: include/uapi/asm-generic/mman-common.h and hugetlb_encode.h of Linux 6.1
constexpr std::uint64_t map_shared = 0x1, map_fixed = 0x10, map_no_reserve = 0x4000, map_populate = 0x8000,
                        map_fixed_no_replace = 0x100000;
constexpr unsigned size_shift = 26;
constexpr std::uint64_t size_mask = 0x3f;

std::uint64_t whole_pages(std::uint64_t bytes, HugetlbSize size) {
    return (bytes + bytes_of(size) - 1) / bytes_of(size);
}

/// hugetlb_file_setup: the mapping's file, with a promise of its pages. Errors: EINVAL, ENOMEM.
std::expected<HugetlbFiles::Promised, int> promise(CallContext& call) {
    const std::uint64_t flags = call.argument(3);
    const auto size = hugetlb_size(flags);
    if (!size || call.argument(1) == 0) return std::unexpected(EINVAL);
    HugetlbFiles& files = call.kernel.memory.hugetlb_files();
    const std::uint64_t pages = whole_pages(call.argument(1), *size);
    HugetlbFiles::Promised promised{.file = files.create(call.op, "/anon_hugepage (deleted)", *size),
                                    .reservation = nullptr};
    if ((flags & map_no_reserve) != 0) return promised;
    bool kept = false;
    if ((flags & map_shared) != 0) {
        kept = files.reserve_shared(call.op, promised.file, 0, pages);
    } else {
        promised.reservation = files.reserve_private(call.op, promised.file, pages);
        kept = promised.reservation != nullptr;
    }
    if (kept) return promised;
    call.kernel.files.drop_user(call.op, promised.file);
    return std::unexpected(ENOMEM);
}

/// The same for who was told that there is memory, whatever there is.
HugetlbFiles::Promised promise_or_try(CallContext& call, HugetlbSize size) {
    HugetlbFiles& files = call.kernel.memory.hugetlb_files();
    if (auto kept = files.take_kept(call.task.id)) return std::move(*kept);
    if (auto promised = promise(call)) return std::move(*promised);
    return {.file = files.create(call.op, "/anon_hugepage (deleted)", size), .reservation = nullptr};
}

std::optional<VirtAddr> place_of(CallContext& call, std::uint64_t bytes, std::uint64_t alignment) {
    if (!call.task.program->workload->takes_places()) return VirtAddr(call.result());
    const std::uint64_t flags = call.argument(3);
    using Kind = PlaceRequest::Kind;
    const Kind kind = (flags & map_fixed_no_replace) != 0 ? Kind::FixedNoReplace
                      : (flags & map_fixed) != 0          ? Kind::Fixed
                                                          : Kind::Anywhere;
    const auto place = find_unmapped_area(
        call.space().areas, {.hint = call.address(0), .bytes = bytes, .kind = kind, .alignment = alignment});
    if (!place) return std::nullopt;
    call.task.stream->place(VirtAddr(call.result()), bytes, *place);
    return *place;
}

} // namespace

std::optional<HugetlbSize> hugetlb_size(std::uint64_t map_flags) {
    const std::uint64_t log2 = map_flags >> size_shift & size_mask;
    if (log2 == 0) return HugetlbSize::Page2M; // default_hugepagesz
    for (const HugetlbSize size : {HugetlbSize::Page2M, HugetlbSize::Page1G})
        if (log2 < 64 && 1ULL << log2 == bytes_of(size)) return size;
    return std::nullopt;
}

MemoryAnswer answer_mmap(CallContext& call) {
    const auto size = hugetlb_size(call.argument(3));
    const bool fixed = (call.argument(3) & (map_fixed | map_fixed_no_replace)) != 0;
    if (!size || (fixed && call.argument(0) % bytes_of(*size) != 0)) return {-EINVAL, {}};
    auto promised = promise(call);
    if (!promised) return {-promised.error(), {}};
    call.kernel.memory.hugetlb_files().keep(call.task.id, std::move(*promised));
    MemoryAnswer answer;
    if ((call.argument(3) & map_no_reserve) == 0) return answer;
    const HugetlbPool& pool = call.kernel.memory.hugetlb().pool(*size);
    const std::uint64_t pages =
        pool.counts().free - pool.reserved() + pool.overcommit() - pool.counts().surplus;
    answer.data.resize(sizeof pages);
    std::memcpy(answer.data.data(), &pages, sizeof pages);
    return answer;
}

void map_hugetlb(CallContext& call) {
    const std::uint64_t flags = call.argument(3);
    const auto size = hugetlb_size(flags);
    if (!size) return;
    const std::uint64_t bytes = whole_pages(call.argument(1), *size) * bytes_of(*size);
    HugetlbFiles::Promised promised = promise_or_try(call, *size);
    const auto place = place_of(call, bytes, bytes_of(*size));
    if (place && place->value() % bytes_of(*size) == 0) {
        MapRequest request{.start = *place, .bytes = bytes, .inode = promised.file};
        request.reservation = std::move(promised.reservation);
        request.flags = (static_cast<std::uint32_t>(call.argument(2)) & vm::access) | vm::hugetlb |
                        vm::dont_expand | ((flags & map_shared) != 0 ? vm::shared : 0) |
                        ((flags & map_no_reserve) != 0 ? vm::no_reserve : 0);
        call.kernel.memory.map(call.op, call.space(), request);
        if ((flags & map_populate) != 0) call.kernel.memory.populate(call.op, call.space(), *place, bytes);
    } else if (promised.reservation != nullptr) {
        call.kernel.memory.hugetlb_files().close(call.op, *promised.reservation, 0,
                                                 whole_pages(bytes, *size));
    }
    call.kernel.files.drop_user(call.op, promised.file);
}

void drop_promise(CallContext& call) {
    auto kept = call.kernel.memory.hugetlb_files().take_kept(call.task.id);
    if (!kept) return;
    if (kept->reservation != nullptr) {
        const std::uint64_t pages = whole_pages(call.argument(1), kept->reservation->size());
        call.kernel.memory.hugetlb_files().close(call.op, *kept->reservation, 0, pages);
    }
    call.kernel.files.drop_user(call.op, kept->file);
}

bool cuts_hugetlb(const CallContext& call, VirtAddr start, VirtAddr end) {
    const VmaList& areas = call.space().areas;
    for (const VirtAddr at : {start, end}) {
        const std::size_t found = areas.find(at);
        if (found == areas.size() || !areas[found].contains(at)) continue;
        if (!areas[found].has(vm::hugetlb)) continue;
        if (at.value() % call.kernel.memory.page_bytes(areas[found]) != 0) return true;
    }
    return false;
}

} // namespace pagewalk::os
