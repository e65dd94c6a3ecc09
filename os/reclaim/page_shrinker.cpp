#include "os/reclaim/page_shrinker.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {
namespace {

bool has(const PageDescriptor& page, std::uint16_t flags) { return (page.owner_flags & flags) != 0; }

} // namespace

/// folio_check_references, as the policy has it.
PageShrinker::Judged PageShrinker::judge(Operation& op, Pfn frame) {
    op.path.call(KernelFunction::FolioReferenced);
    PageReferences references;
    const PageDescriptor& mapped = m_parts.frames.pages().peek(frame);
    if (mapped.mapcount != 0 || mapped.compound != 0) // what maps a huge page is counted elsewhere
        references = m_parts.users.take_references(op, frame, m_around);
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    const PageUse use{.entries = references.entries,
                      .referenced = has(page, frame_flags::referenced),
                      .executable = references.executable,
                      .file = lru_kind_of(page.owner_flags) == LruKind::File};
    page.owner_flags &= static_cast<std::uint16_t>(~frame_flags::referenced);
    if (references.locked) return Judged::Activate;
    const ReclaimPolicy::Verdict verdict = m_parts.policy.judge(frame, use);
    if (verdict.referenced) page.owner_flags |= frame_flags::referenced;
    return verdict.fate;
}

/// Pages that come round before they are written show that reclaim is faster than the disk.
PageShrinker::Fate PageShrinker::being_written(NodeId node, PageDescriptor& page, ScanControl& control) {
    if (control.by_kswapd && has(page, frame_flags::reclaim) &&
        m_parts.workingset.node(node).many_writeback) {
        ++control.pass.immediate;
    } else {
        page.owner_flags |= frame_flags::reclaim;
        ++control.pass.writeback;
    }
    return Fate::Activate;
}

/// pageout.
PageShrinker::Fate PageShrinker::write_back(Operation& op, NodeId node, Pfn frame, Judged judged,
                                            ScanControl& control) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    if (lru_kind_of(page.owner_flags) == LruKind::File) {
        if (!control.by_kswapd || !has(page, frame_flags::reclaim) ||
            !m_parts.workingset.node(node).many_dirty)
            ++m_parts.counters.reclaim.nr_vmscan_immediate_reclaim;
        page.owner_flags |= frame_flags::reclaim;
        return Fate::Activate;
    }
    if (judged == Judged::ReclaimClean || !control.may_io || !control.may_write) return Fate::Keep;
    if (page.refcount != 1) return Fate::Keep;
    m_parts.users.flush_unmapped(op);
    page.owner_flags |= frame_flags::reclaim;
    return m_parts.swap.write(op, frame) ? release(op, frame, control) : Fate::Keep;
}

/// Its frames are the oldest pages from now on, to be decided about one by one.
PageShrinker::Fate PageShrinker::split(Operation& op, Pfn frame) {
    m_parts.frames.lru().add_oldest(frame);
    if (m_parts.users.split(op, frame)) return Fate::Split;
    m_parts.frames.lru().remove(frame);
    return Fate::Activate;
}

/// __remove_mapping.
PageShrinker::Fate PageShrinker::release(Operation& op, Pfn frame, const ScanControl& control) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    if (has(page, frame_flags::anonymous) && !has(page, frame_flags::swapbacked)) {
        if (page.refcount != 0) return Fate::Keep;
        ++m_parts.counters.reclaim.pglazyfreed;
        return Fate::Free;
    }
    if (page.refcount != 1) return Fate::Keep;
    op.path.call(KernelFunction::RemoveMapping);
    if (has(page, frame_flags::swapcache)) {
        m_parts.swap.evict(op, frame, control.target);
    } else {
        m_parts.workingset.evict_file_page(frame, control.target);
        m_parts.users.evict_file_page(op, frame);
    }
    return Fate::Free;
}

PageShrinker::Fate PageShrinker::decide(Operation& op, NodeId node, Pfn frame, ScanControl& control) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    op.path.call(KernelFunction::ShrinkFolioList);
    op.path.load_page(frame);
    if (has(page, frame_flags::locked)) return Fate::Keep;
    // Memory that lives in a page cache alone could be swapped by Linux; here it stays.
    if (has(page, frame_flags::mlocked | frame_flags::unevictable)) return Fate::Activate;
    if (frame_flags::is_shmem(page.owner_flags)) return Fate::Activate;
    // Somebody has seen it in use since it was taken off its list.
    if (m_around != nullptr && !control.ignores_references && page.mapcount != 0 &&
        has(page, frame_flags::referenced))
        return Fate::Keep;
    const bool dirty_file = has(page, frame_flags::file) && has(page, frame_flags::dirty);
    if (dirty_file) ++control.pass.dirty;
    if (dirty_file && !has(page, frame_flags::writeback)) ++control.pass.unqueued_dirty;
    if (has(page, frame_flags::writeback)) return being_written(node, page, control);

    const Judged judged = control.ignores_references ? Judged::Reclaim : judge(op, frame);
    if (judged == Judged::Activate) return Fate::Activate;
    if (judged == Judged::Keep) return Fate::Keep;
    if (page.compound != 0) return split(op, frame);
    const bool swaps = has(page, frame_flags::anonymous) && has(page, frame_flags::swapbacked);
    if (swaps && !has(page, frame_flags::swapcache)) {
        if (!control.may_io || page.mapcount == 0) return Fate::Keep; // its last user is about to let it go
        if (!m_parts.swap.add(op, frame)) return Fate::Activate;
    }
    if (page.mapcount != 0 && !m_parts.users.unmap(op, frame)) return Fate::Activate;
    if (has(page, frame_flags::dirty)) return write_back(op, node, frame, judged, control);
    return release(op, frame, control);
}

void PageShrinker::activate(Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    if (has(page, frame_flags::mlocked | frame_flags::active)) return;
    page.owner_flags |= frame_flags::active;
    m_parts.counters.pgactivate += page.frames();
}

void PageShrinker::put_back(Pfn frame) {
    PageDescriptor& page = m_parts.frames.pages().at(frame);
    if (has(page, frame_flags::mlocked)) page.owner_flags |= frame_flags::unevictable;
    m_parts.frames.lru().add(frame);
    if (has(page, frame_flags::active))
        m_parts.workingset.age(
            {m_parts.frames.allocator().zone_of(frame)->node, m_parts.frames.cgroups().group_of(frame)},
            page.frames());
}

std::uint64_t PageShrinker::shrink(Operation& op, NodeId node, std::span<const Pfn> pages,
                                   ScanControl& control, std::vector<Pfn>* kept) {
    const AtomicSection whole(op);
    m_freed.clear();
    std::uint32_t stay = 0;
    for (const Pfn frame : pages) {
        const Fate fate = decide(op, node, frame, control);
        if (fate == Fate::Free) {
            m_freed.push_back(frame);
            continue;
        }
        if (fate == Fate::Split) continue;
        if (fate == Fate::Activate) activate(frame);
        if (kept != nullptr)
            kept->push_back(frame);
        else
            put_back(frame);
        ++stay;
    }
    op.path.call(KernelFunction::PutBackFolio, stay);
    m_parts.users.flush_unmapped(op);
    const std::uint64_t freed = m_freed.size();
    std::ranges::reverse(m_freed); // the list is built from its head
    m_parts.frames.free_batch(op, m_freed);
    m_parts.swap.submit(op);
    return freed;
}

} // namespace pagewalk::os
