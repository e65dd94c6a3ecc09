#include "os/reclaim/swap.h"

#include "base/error.h"
#include "os/reclaim/rotate_reclaimable.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace pagewalk::os {
namespace {

// Where the area lies on the device: behind all files (assumed).
constexpr std::uint64_t first_sector = (1ULL << 62) / sector_size;

/// While it lives, what the operation allocates is charged to this group.
class ChargedTo {
public:
    ChargedTo(Operation& op, MemoryCgroup* group) : m_op(op), m_before(std::exchange(op.cgroup, group)) {}
    ~ChargedTo() { m_op.cgroup = m_before; }
    ChargedTo(const ChargedTo&) = delete;
    ChargedTo& operator=(const ChargedTo&) = delete;

private:
    Operation& m_op;
    MemoryCgroup* m_before;
};

} // namespace

Swap::Swap(const Parts& parts, std::uint64_t bytes, std::uint32_t zram_percent)
    : m_parts(parts), m_area(bytes >> page_shift), m_entries(m_area.end()), m_charged(m_area.end()) {
    if (zram_percent != 0 && bytes != 0)
        m_zram = std::make_unique<Zram>(parts.frames, parts.counters, zram_percent, m_area.end());
    note_room();
}

std::uint32_t& Swap::word(Pfn frame) {
    const std::size_t chunk = static_cast<std::size_t>(frame.value() / std::tuple_size_v<Words>);
    if (chunk >= m_slots.size()) m_slots.resize(chunk + 1);
    if (m_slots[chunk] == nullptr) m_slots[chunk] = std::make_unique<Words>();
    return (*m_slots[chunk])[frame.value() % std::tuple_size_v<Words>];
}

void Swap::note_room() {
    m_parts.counters.reclaim.swap_slots = m_area.used();
    m_parts.workingset.set_swap_room(m_area.free() != 0);
}

/// The slot may be free from now on.
void Swap::note_release(Operation& op, SwapSlot slot) {
    if (!m_area.in_use(slot)) {
        if (m_zram != nullptr) m_zram->discard(op, slot);
        entry(slot).shadow = 0;
        std::uint16_t& charged = m_charged[static_cast<std::size_t>(slot)];
        m_parts.frames.cgroups().uncharge_swap(std::exchange(charged, std::uint16_t{0}));
    }
    note_room();
}

void Swap::insert(Operation& op, Pfn frame, SwapSlot slot) {
    entry(slot) = {.frame = frame};
    word(frame) = static_cast<std::uint32_t>(slot);
    m_parts.frames.pages().at(frame).owner_flags |= frame_flags::swapcache;
    ++m_parts.counters.nr_file_pages;
    ++m_parts.counters.reclaim.nr_swapcached;
    op.path.call(KernelFunction::AddToSwapCache);
    op.path.store_page(frame);
    note_room();
}

void Swap::remove(Operation& op, Pfn frame, Shadow shadow) {
    const SwapSlot slot = slot_of(frame);
    entry(slot) = {.shadow = shadow};
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::swapcache);
    --page.refcount;
    --m_parts.counters.nr_file_pages;
    --m_parts.counters.reclaim.nr_swapcached;
    op.path.store_page(frame);
    m_area.leave_cache(slot);
    note_release(op, slot);
}

bool Swap::add(Operation& op, Pfn frame) {
    MemoryCgroups& groups = m_parts.frames.cgroups();
    const std::uint16_t group = groups.group_of(frame);
    if (!groups.may_swap(group)) return false;
    const auto slot = m_area.take();
    if (!slot) return false;
    groups.charge_swap(m_charged[static_cast<std::size_t>(*slot)] = group);
    op.path.call(KernelFunction::AddToSwap);
    insert(op, frame, *slot);
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    ++page.refcount;
    page.owner_flags |= frame_flags::dirty; // its contents are nowhere else
    return true;
}

/// A write to the zram device is over when it returns.
bool Swap::compress(Operation& op, Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    const SwapSlot slot = slot_of(frame);
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::reclaim);
    m_zram->discard(op, slot); // what was there of it is out of date
    if (!m_zram->store(op, slot, frame)) return false;
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::dirty);
    ++m_parts.counters.reclaim.nr_vmscan_write;
    ++m_parts.counters.reclaim.pswpout;
    if (m_on_transfer) m_on_transfer({Transfer::Way::Out, frame, slot});
    return true;
}

void Swap::decompress_pending(Operation& op) {
    for (const Pfn frame : m_pending) {
        m_zram->load(op, slot_of(frame), frame);
        if (m_on_transfer) m_on_transfer({Transfer::Way::In, frame, slot_of(frame)});
        m_parts.locks.end_read(frame.value(), {op.cpu, op.now});
    }
    m_pending.clear();
}

bool Swap::write(Operation& op, Pfn frame) {
    op.path.call(KernelFunction::Pageout);
    if (m_zram != nullptr) return compress(op, frame);
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    page.owner_flags =
        static_cast<std::uint16_t>((page.owner_flags | frame_flags::writeback) & ~frame_flags::dirty);
    op.path.store_page(frame);
    ReclaimCounters& counters = m_parts.counters.reclaim;
    ++counters.nr_vmscan_write;
    ++counters.pswpout;
    ++counters.nr_swap_writeback;
    m_pending.push_back(frame);
    return false;
}

void Swap::submit(Operation& op) { transfer(op, BlockRequest::Kind::Write); }

/// One request a run of slots.
void Swap::transfer(Operation& op, BlockRequest::Kind kind) {
    const bool write = kind == BlockRequest::Kind::Write;
    const auto flush = [&](SwapSlot first) {
        const std::uint64_t sector =
            first_sector + static_cast<std::uint64_t>(first) * (page_size / sector_size);
        if (write)
            m_parts.block.write(op, sector, m_run, *this);
        else
            m_parts.block.read(op, sector, m_run);
        m_run.clear();
    };
    std::uint64_t first = 0;
    for (const Pfn frame : m_pending) {
        const SwapSlot slot = slot_of(frame);
        const auto at = static_cast<std::uint64_t>(slot);
        if (!m_run.empty() && at != first + m_run.size()) flush(static_cast<SwapSlot>(first));
        if (m_run.empty()) first = at;
        m_run.push_back(frame);
        if (m_on_transfer) m_on_transfer({write ? Transfer::Way::Out : Transfer::Way::In, frame, slot});
    }
    if (!m_run.empty()) flush(static_cast<SwapSlot>(first));
    m_pending.clear();
}

Pfn Swap::find(Operation& op, SwapSlot slot) {
    op.path.call(KernelFunction::SwapCacheGetFolio);
    Entry& cached = entry(slot);
    if (cached.frame == no_pfn) return no_pfn;
    op.path.load_page(cached.frame);
    if (cached.read_ahead) {
        cached.read_ahead = false;
        ++m_hits;
        ++m_parts.counters.reclaim.swap_ra_hit;
    }
    return cached.frame;
}

/// __read_swap_cache_async. Others may do the same, or free the slot, while this one waits for memory.
Swap::Read Swap::read(Operation& op, SwapSlot slot) {
    if (entry(slot).frame != no_pfn) return {entry(slot).frame, false};
    if (!m_area.in_use(slot)) return {};
    op.path.call(KernelFunction::ReadSwapCacheAsync);
    op.path.call(KernelFunction::AllocPages);
    const auto frame = [&] {
        const ChargedTo owner(op, m_parts.frames.cgroups().find(m_charged[static_cast<std::size_t>(slot)]));
        return m_parts.frames.allocate(op,
                                       {.mask = gfp::highuser_movable, .purpose = AllocationPurpose::SwapIn});
    }();
    if (!frame) return {};
    if (entry(slot).frame != no_pfn || !m_area.in_use(slot)) {
        m_parts.frames.free(op, *frame, 0);
        return {entry(slot).frame, false};
    }
    const Shadow shadow = entry(slot).shadow;
    m_area.enter_cache(slot);
    m_parts.frames.pages().at(*frame).owner_flags =
        frame_flags::anonymous | frame_flags::swapbacked | frame_flags::locked;
    m_parts.frames.set_mapping(*frame, {});
    insert(op, *frame, slot);
    if (shadow != 0) m_parts.workingset.refault(op, *frame, shadow);
    m_parts.lru.add(op, *frame);
    op.path.call(KernelFunction::SwapReadpage);
    ++m_parts.counters.reclaim.pswpin;
    return {*frame, true};
}

// swapin_nr_pages: as many pages as the last ones have earned, a power of two.
std::uint64_t Swap::window(SwapSlot slot) {
    if (m_zram != nullptr) return 1;
    constexpr std::uint64_t most = 1U << page_cluster;
    const auto at = static_cast<std::uint64_t>(slot);
    const std::uint64_t hits = std::exchange(m_hits, 0);
    std::uint64_t pages = hits + 2;
    if (hits == 0) {
        const bool neighbour = at == m_last_slot + 1 || at + 1 == m_last_slot;
        pages = neighbour ? 2 : 1;
    } else {
        pages = std::max<std::uint64_t>(std::bit_ceil(pages), 4);
    }
    pages = std::max(std::min(pages, most), m_last_window / 2);
    if (hits == 0) m_last_slot = at;
    m_last_window = pages;
    return pages;
}

Pfn Swap::read_ahead(Operation& op, SwapSlot slot) {
    const std::uint64_t mask = window(slot) - 1;
    const auto wanted = static_cast<std::uint64_t>(slot);
    op.path.call(KernelFunction::SwapClusterReadahead);
    std::vector<Pfn> started;
    const auto read_one = [&](std::uint64_t at) {
        const Read got = read(op, static_cast<SwapSlot>(at));
        if (got.started) started.push_back(got.frame);
        if (!got.started || at == wanted) return got.frame;
        entry(static_cast<SwapSlot>(at)).read_ahead = true;
        ++m_parts.counters.reclaim.swap_ra;
        return got.frame;
    };
    const std::uint64_t first = std::max<std::uint64_t>(wanted & ~mask, 1);
    const std::uint64_t last = std::min(wanted | mask, m_area.end() - 1);
    for (std::uint64_t at = first; at <= last; ++at)
        if (at != wanted) (void)read_one(at);
    const Pfn frame = read_one(wanted);
    std::ranges::sort(started, {}, [this](Pfn page) { return slot_of(page); });
    PAGEWALK_INVARIANT(m_pending.empty());
    m_pending = std::move(started);
    if (m_zram != nullptr)
        decompress_pending(op);
    else
        transfer(op, BlockRequest::Kind::Read);
    m_parts.lru.drain(op);
    return frame;
}

void Swap::drop_reference(Operation& op, SwapSlot slot) {
    m_area.drop(slot);
    note_release(op, slot);
}

void Swap::drop(Operation& op, SwapSlot slot) {
    op.path.call(KernelFunction::SwapFree);
    drop_reference(op, slot);
    const Pfn frame = entry(slot).frame;
    if (m_area.references(slot) != 0 || frame == no_pfn) return;
    const PageDescriptor& page = m_parts.frames.pages().peek(frame);
    if (page.mapcount != 0 || (page.owner_flags & frame_flags::locked) != 0) return;
    if (!try_to_free(op, frame) || page.refcount != 0) return;
    op.path.call(KernelFunction::ReleaseFreedPage);
    m_parts.frames.free(op, frame, 0);
}

bool Swap::try_to_free(Operation& op, Pfn frame) {
    if (!caches(frame) || (flags(frame) & frame_flags::writeback) != 0) return false;
    if (m_area.references(slot_of(frame)) != 0) return false;
    op.path.call(KernelFunction::DeleteFromSwapCache);
    remove(op, frame, 0);
    m_parts.frames.pages().at(frame).owner_flags |= frame_flags::dirty;
    return true;
}

void Swap::evict(Operation& op, Pfn frame, const MemoryCgroup* target) {
    remove(op, frame, m_parts.workingset.evict(frame, target));
}

void Swap::replace(Pfn from, Pfn to) {
    const SwapSlot slot = slot_of(from);
    entry(slot).frame = to;
    word(to) = static_cast<std::uint32_t>(slot);
}

void Swap::written(std::uint64_t frame, const Moment& moment) {
    PAGEWALK_INVARIANT((flags(Pfn(frame)) & frame_flags::writeback) != 0);
    rotate_reclaimable(m_parts.frames, m_parts.counters, Pfn(frame));
    m_parts.locks.end_write(frame, moment);
    --m_parts.counters.reclaim.nr_swap_writeback;
    if (m_on_written) m_on_written(Pfn(frame), moment);
}

} // namespace pagewalk::os
