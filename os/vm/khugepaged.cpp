#include "os/vm/khugepaged.h"

#include "os/vm/virtual_memory.h"

#include <algorithm>
#include <utility>

namespace pagewalk::os {

void Khugepaged::enter(Operation& op, AddressSpace& space) {
    if (std::ranges::find(m_slots, &space, &Slot::space) != m_slots.end()) return;
    const VirtAddr object = m_objects.allocate(op, ObjectKind::KhugepagedSlot);
    const bool idle = m_slots.empty();
    m_slots.push_back({&space, object});
    if (idle) wake(op);
}

void Khugepaged::leave(Operation& op, AddressSpace& space) {
    const auto found = std::ranges::find(m_slots, &space, &Slot::space);
    if (found == m_slots.end()) return;
    const auto place = static_cast<std::size_t>(found - m_slots.begin());
    m_objects.free(op, ObjectKind::KhugepagedSlot, found->object);
    m_slots.erase(found);
    if (m_scanned == &space) m_scanned = nullptr;
    if (place < m_at) --m_at;
    if (place == m_at) m_address = VirtAddr{};
}

/// lru_add_drain_all
void Khugepaged::drain_all(Operation& op) {
    for (std::size_t i = 0; i < m_lru.cpus(); ++i) m_lru.drain(op, static_cast<CpuId>(i));
}

/// Returns whether it may have waited: areas may be others since.
bool Khugepaged::try_collapse(Operation& op, AddressSpace& space, VirtAddr start) {
    if (!m_memory.worth_collapsing(op, space, start, &m_config.limits)) return false;
    m_scanned = &space;
    const Pfn head = m_memory.new_collapsed_page(op); // may wait, and the space may go meanwhile
    m_failed = head == no_pfn;
    if (m_failed) return true;
    // Who has the lock is not waited for: the space could go with it.
    if (m_scanned != nullptr && !space.mmap_lock.write_locked() && space.mmap_lock.readers() == 0)
        (void)m_memory.collapse(op, space, start, head);
    else
        m_memory.discard_huge_page(op, head);
    return true;
}

/// khugepaged_scan_mm_slot: up to one huge page, or `most` pages. Returns how many were looked at.
std::uint64_t Khugepaged::scan_space(Operation& op, AddressSpace& space, std::uint64_t most) {
    std::uint64_t seen = 1;
    if (space.mmap_lock.write_locked()) { // mmap_read_trylock
        next_space();
        return seen;
    }
    for (std::size_t i = space.areas.find(m_address); i < space.areas.size(); ++i) {
        const Vma& area = space.areas[i];
        if (area.anon == no_anon_vma) {
            ++seen;
            continue;
        }
        VirtAddr at((std::max(area.start, m_address).value() + HugePages::bytes - 1) &
                    ~(HugePages::bytes - 1));
        for (; at + HugePages::bytes <= area.end; at += HugePages::bytes) {
            if (!m_memory.may_be_huge(area, at)) break;
            m_address = at + HugePages::bytes;
            seen += HugePages::frames;
            if (try_collapse(op, space, at) || seen >= most) return seen; // areas may have changed
        }
        ++seen;
    }
    next_space();
    return seen;
}

void Khugepaged::next_space() {
    ++m_at;
    m_address = VirtAddr{};
}

/// khugepaged_do_scan: one pass, or as many pages as a round is for.
void Khugepaged::scan(Operation& op) {
    drain_all(op);
    bool slept = false;
    for (std::uint64_t seen = 0; seen < m_config.pages_to_scan && m_at < m_slots.size();) {
        seen += scan_space(op, *m_slots[m_at].space, m_config.pages_to_scan - seen);
        op.host->end_round(op); // others run, and locks are let go
        if (!std::exchange(m_failed, false)) continue;
        if (std::exchange(slept, true)) break;
        (void)sleep(op, op.now + m_config.alloc_sleep);
    }
    if (m_at >= m_slots.size()) m_at = 0;
}

void Khugepaged::run(Operation& op) {
    for (;;) {
        if (m_slots.empty()) {
            (void)sleep(op);
        } else {
            scan(op);
            op.host->end_round(op);
            if (!m_slots.empty()) (void)sleep(op, op.now + m_config.scan_sleep);
        }
        op.host->end_round(op);
    }
}

} // namespace pagewalk::os
