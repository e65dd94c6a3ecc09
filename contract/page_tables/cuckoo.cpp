#include "contract/page_tables/cuckoo.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace pagewalk {

std::uint64_t CuckooTable::hash(std::uint64_t key, unsigned way) {
    constexpr std::array<std::uint64_t, ways> factors{0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL,
                                                      0xd6e8feb86659fd93ULL};
    const std::uint64_t mixed = key * factors[way];
    return (mixed ^ mixed >> 32) * factors[way] >> 24;
}

CuckooTable::Slot CuckooTable::slot_of(std::uint64_t key, unsigned way) {
    const std::uint64_t value = hash(key, way);
    Way* table = &m_old[way];
    std::uint64_t number = table->slots.empty() ? 0 : value & (table->slots.size() - 1);
    if (table->slots.empty() || number < table->moved) {
        table = &m_now[way];
        number = value & (table->slots.size() - 1);
    }
    return {&table->slots[number], number, table->area.at(number * line_size)};
}

EntryPlace CuckooTable::place_of(EntryLine& line, VirtAddr address) {
    const std::size_t place = EntryLine::place_of(address);
    return {&line.entries[place], slot_of(line.key, line.way).where + place * sizeof(PageTableEntry)};
}

PhysAddr CuckooTable::section_at(VirtAddr address) const {
    const std::uint64_t section = address.value() >> 21;
    return m_sections.at((hash(section, 0) & (m_section_slots - 1)) * section_bytes);
}

EntryPlace CuckooTable::find(VirtAddr address) {
    EntryLine* const line = m_lines.find(EntryLine::key_of(address));
    return line == nullptr ? EntryPlace{} : place_of(*line, address);
}

bool CuckooTable::begin_resize(TableFrames& frames) {
    const std::uint64_t wanted = m_now[0].slots.empty() ? first_slots : m_now[0].slots.size() * 2;
    std::array<Way, ways> larger;
    FrameArea sections;
    bool complete = sections.allocate(std::max(page_size, wanted * section_bytes), frames);
    for (Way& way : larger) complete = complete && way.area.allocate(wanted * line_size, frames);
    // Others may have been faster while this one waited for memory.
    if (!complete || resizing() || m_now[0].slots.size() >= wanted) {
        for (Way& way : larger) way.area.release(frames);
        sections.release(frames);
        return complete;
    }
    for (Way& way : larger) way.slots.assign(wanted, nullptr);
    if (!m_now[0].slots.empty()) m_old = std::move(m_now);
    m_now = std::move(larger);
    m_sections.release(frames);
    m_sections = std::move(sections);
    m_section_slots = m_sections.frames() * page_size / section_bytes;
    return true;
}

// A line of each old table, in the order of their slots; the old tables go once all have been moved.
void CuckooTable::move_some(TableFrames& frames) {
    for (unsigned way = 0; way < ways; ++way) {
        Way& old = m_old[way];
        if (old.moved == old.slots.size()) continue;
        frames.load(old.area.at(old.moved * line_size));
        EntryLine* const line = std::exchange(old.slots[old.moved], nullptr);
        ++old.moved;
        if (line == nullptr) continue;
        const Slot slot = slot_of(line->key, way);
        EntryLine* const other = std::exchange(*slot.line, line);
        frames.store(slot.where);
        if (other != nullptr) PAGEWALK_INVARIANT(insert(*other, frames));
    }
    const auto is_done = [](const Way& old) { return old.moved == old.slots.size(); };
    if (!std::ranges::all_of(m_old, is_done)) return;
    for (Way& old : m_old) {
        old.area.release(frames);
        old = {};
    }
}

// Displaces others until one finds a free slot. Undone where none does.
bool CuckooTable::insert(EntryLine& line, TableFrames& frames) {
    m_draw = m_draw * 6364136223846793005ULL + 1442695040888963407ULL;
    auto way = static_cast<unsigned>((m_draw >> 33) % ways);
    struct Move {
        Slot slot;
        unsigned way;
    };
    std::vector<Move> moves;
    EntryLine* homeless = &line;
    for (unsigned i = 0; i < most_moves; ++i) {
        const Slot slot = slot_of(homeless->key, way);
        frames.load(slot.where);
        frames.store(slot.where);
        homeless->way = way;
        homeless = std::exchange(*slot.line, homeless);
        if (homeless == nullptr) return true;
        moves.push_back({slot, way});
        m_draw = m_draw * 6364136223846793005ULL + 1442695040888963407ULL;
        way = (way + 1 + static_cast<unsigned>((m_draw >> 33) % (ways - 1))) % ways;
    }
    for (auto move = moves.rbegin(); move != moves.rend(); ++move) {
        homeless->way = move->way;
        homeless = std::exchange(*move->slot.line, homeless);
    }
    PAGEWALK_INVARIANT(homeless == &line);
    return false;
}

EntryPlace CuckooTable::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    // The load at which the paper resizes; what a failed resize leaves is filled to 0.85.
    const std::uint64_t lines = m_lines.size() + 1;
    if (!resizing() && lines * 10 > slots() * 6 && !begin_resize(frames) && lines * 20 > slots() * 17)
        return {};
    if (const EntryPlace place = find(address)) return place; // others were faster while this one waited
    if (resizing()) move_some(frames);
    EntryLine& line = m_lines.add(EntryLine::key_of(address));
    if (!insert(line, frames)) {
        m_lines.remove(line.key);
        return {};
    }
    frames.store(section_at(address));
    return place_of(line, address);
}

EntryPlace CuckooTable::next(VirtAddr& at, VirtAddr end) {
    EntryLine* const line = m_lines.next(at, end);
    return line == nullptr ? EntryPlace{} : place_of(*line, at);
}

void CuckooTable::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    m_lines.remove_empty(start, end, [&](const EntryLine& line) {
        const Slot slot = slot_of(line.key, line.way);
        *slot.line = nullptr;
        frames.store(slot.where);
        frames.store(section_at(VirtAddr(line.key << EntryLine::key_shift)));
    });
    if (m_lines.size() != 0) return;
    for (std::array<Way, ways>* tables : {&m_now, &m_old})
        for (Way& way : *tables) {
            way.area.release(frames);
            way = {};
        }
    m_sections.release(frames);
}

FormatWalk CuckooTable::walk(VirtAddr address, WalkMemory& memory) {
    FormatWalk walk;
    if (m_now[0].slots.empty()) return walk;
    const std::uint64_t key = EntryLine::key_of(address);
    const std::uint64_t offset = EntryLine::place_of(address) * sizeof(PageTableEntry);
    EntryLine* const line = m_lines.find(key);
    if (line != nullptr) walk.found = place_of(*line, address);
    if (memory.recall(address.value() >> 21)) {
        if (walk.found) walk.add(walk.found.where);
        return walk;
    }
    for (unsigned way = 0; way < ways; ++way) walk.add(slot_of(key, way).where + offset, way != 0);
    walk.add(section_at(address), true);
    return walk;
}

std::uint64_t CuckooTable::frames() const {
    std::uint64_t count = m_sections.frames();
    for (const std::array<Way, ways>* tables : {&m_now, &m_old})
        for (const Way& way : *tables) count += way.area.frames();
    return count;
}

} // namespace pagewalk
