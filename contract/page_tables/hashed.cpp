#include "contract/page_tables/hashed.h"

#include <array>
#include <utility>

namespace pagewalk {

EntryPlace HashedLines::find(VirtAddr address) {
    EntryLine* const line = m_lines.find(m_lines.key_of(address));
    return line == nullptr ? EntryPlace{} : place_of(*line, address);
}

EntryPlace HashedLines::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    // Where there is no memory to grow, all but one slot can be used: a walk must come to an end.
    const std::uint64_t lines = m_lines.size() + m_reserved + 1;
    if (lines * 2 > m_slots.size() && !grow(frames) && lines >= m_slots.size()) return {};
    if (const EntryPlace place = find(address)) return place; // others were faster while this one waited
    EntryLine& line = m_lines.add(m_lines.key_of(address));
    insert(line, frames);
    return place_of(line, address);
}

bool HashedLines::reserve(std::uint64_t lines, TableFrames& frames) {
    const auto wanted = [&] { return m_lines.size() + m_reserved + lines; };
    while (wanted() * 2 > m_slots.size() && grow(frames)) {
    }
    if (wanted() >= m_slots.size()) return false;
    m_reserved += lines;
    return true;
}

void HashedLines::insert(EntryLine& line, TableFrames& frames) {
    std::uint64_t slot = home_of(line.key);
    for (; m_slots[slot] != nullptr; slot = after(slot)) frames.load(line_at(slot));
    m_slots[slot] = &line;
    line.slot = slot;
    frames.store(line_at(slot));
}

bool HashedLines::grow(TableFrames& frames) {
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
void HashedLines::take_out(const EntryLine& line, TableFrames& frames) {
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

EntryPlace HashedLines::next(VirtAddr& at, VirtAddr end) {
    EntryLine* const line = m_lines.next(at, end);
    return line == nullptr ? EntryPlace{} : place_of(*line, at);
}

void HashedLines::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    m_lines.remove_empty(start, end, [&](const EntryLine& line) { take_out(line, frames); });
    if (m_lines.size() != 0 || m_reserved != 0) return;
    m_area.release(frames);
    m_slots.clear();
}

FormatWalk HashedTable::walk(VirtAddr address, WalkMemory&) {
    FormatWalk walk;
    walk.found = find_mapped(address);
    struct Chain {
        const HashedLines& lines;
        bool goes_on;
        std::uint64_t slot;
    };
    std::array<Chain, 2> chains{{{m_small, m_small.in_use(), 0}, {m_large, m_large.in_use(), 0}}};
    for (Chain& chain : chains)
        if (chain.goes_on) chain.slot = chain.lines.first_slot(address);
    while (chains[0].goes_on || chains[1].goes_on) {
        bool with_last = false, found = false;
        for (Chain& chain : chains) {
            if (!chain.goes_on) continue;
            const PhysAddr where = chain.lines.entry_at(chain.slot, address);
            walk.add(where, std::exchange(with_last, true));
            found = found || (walk.found && where == walk.found.where);
            chain.goes_on = !chain.lines.ends_at(chain.slot, address);
            chain.slot = chain.lines.after(chain.slot);
        }
        if (found) break;
    }
    return walk;
}

} // namespace pagewalk
