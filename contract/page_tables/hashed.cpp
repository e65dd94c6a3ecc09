#include "contract/page_tables/hashed.h"

#include <utility>

namespace pagewalk {

EntryPlace HashedTable::find(VirtAddr address) {
    EntryLine* const line = m_lines.find(EntryLine::key_of(address));
    return line == nullptr ? EntryPlace{} : place_of(*line, address);
}

EntryPlace HashedTable::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    // Where there is no memory to grow, all but one slot can be used: a walk must come to an end.
    if ((m_lines.size() + 1) * 2 > m_slots.size() && !grow(frames) && m_lines.size() + 1 >= m_slots.size())
        return {};
    if (const EntryPlace place = find(address)) return place; // others were faster while this one waited
    EntryLine& line = m_lines.add(EntryLine::key_of(address));
    insert(line, frames);
    return place_of(line, address);
}

void HashedTable::insert(EntryLine& line, TableFrames& frames) {
    std::uint64_t slot = home_of(line.key);
    for (; m_slots[slot] != nullptr; slot = after(slot)) frames.load(line_at(slot));
    m_slots[slot] = &line;
    line.slot = slot;
    frames.store(line_at(slot));
}

bool HashedTable::grow(TableFrames& frames) {
    const std::uint64_t slots = m_slots.empty() ? first_slots : m_slots.size() * 2;
    FrameArea area;
    if (!area.allocate(slots * line_size, frames)) return false;
    if (slots <= m_slots.size()) { // others were faster while this one waited
        area.release(frames);
        return true;
    }
    for (std::uint64_t slot = 0; slot < m_slots.size(); ++slot)
        if (m_slots[slot] != nullptr) frames.load(line_at(slot));
    std::swap(m_area, area);
    m_slots.assign(slots, nullptr);
    m_lines.for_each([&](EntryLine& line) { insert(line, frames); });
    area.release(frames);
    return true;
}

// Lines behind the hole move up unless they are at or after their home.
void HashedTable::take_out(const EntryLine& line, TableFrames& frames) {
    std::uint64_t hole = line.slot;
    const std::uint64_t mask = m_slots.size() - 1;
    for (std::uint64_t slot = after(hole); m_slots[slot] != nullptr; slot = after(slot)) {
        frames.load(line_at(slot));
        if (((slot - home_of(m_slots[slot]->key)) & mask) < ((slot - hole) & mask)) continue;
        m_slots[hole] = m_slots[slot];
        m_slots[hole]->slot = hole;
        frames.store(line_at(hole));
        hole = slot;
    }
    m_slots[hole] = nullptr;
    frames.store(line_at(hole));
}

EntryPlace HashedTable::next(VirtAddr& at, VirtAddr end) {
    EntryLine* const line = m_lines.next(at, end);
    return line == nullptr ? EntryPlace{} : place_of(*line, at);
}

void HashedTable::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    m_lines.remove_empty(start, end, [&](const EntryLine& line) { take_out(line, frames); });
    if (m_lines.size() != 0) return;
    m_area.release(frames);
    m_slots.clear();
}

FormatWalk HashedTable::walk(VirtAddr address, WalkMemory&) {
    FormatWalk walk;
    if (m_slots.empty()) return walk;
    const std::uint64_t key = EntryLine::key_of(address);
    for (std::uint64_t slot = home_of(key);; slot = after(slot)) {
        walk.add(line_at(slot) + EntryLine::place_of(address) * sizeof(PageTableEntry));
        if (m_slots[slot] == nullptr) return walk;
        if (m_slots[slot]->key == key) {
            walk.found = place_of(*m_slots[slot], address);
            return walk;
        }
    }
}

} // namespace pagewalk
