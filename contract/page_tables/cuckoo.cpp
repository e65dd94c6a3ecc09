#include "contract/page_tables/cuckoo.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace pagewalk {

std::uint64_t CuckooLines::hash(std::uint64_t key, unsigned way) {
    constexpr std::array<std::uint64_t, ways> factors{0x9e3779b97f4a7c15ULL, 0xc2b2ae3d27d4eb4fULL,
                                                      0xd6e8feb86659fd93ULL};
    const std::uint64_t mixed = key * factors[way];
    return (mixed ^ mixed >> 32) * factors[way] >> 24;
}

CuckooLines::Slot CuckooLines::slot_of(std::uint64_t key, unsigned way) {
    const std::uint64_t value = hash(key, way);
    Way* table = &m_old[way];
    std::uint64_t number = table->slots.empty() ? 0 : value & (table->slots.size() - 1);
    if (table->slots.empty() || number < table->moved) {
        table = &m_now[way];
        number = value & (table->slots.size() - 1);
    }
    return {&table->slots[number], number, table->area.at(number * line_size)};
}

PhysAddr CuckooLines::where_of(std::uint64_t key, unsigned way) const {
    return const_cast<CuckooLines*>(this)->slot_of(key, way).where;
}

EntryPlace CuckooLines::place_of(EntryLine& line, VirtAddr address) {
    const std::size_t place = m_lines.place_of(address);
    return {&line.entries[place], where_of(line.key, line.way) + place * sizeof(PageTableEntry),
            m_lines.level()};
}

PhysAddr CuckooLines::section_at(VirtAddr address) const {
    const std::uint64_t section = m_lines.key_of(address) >> 6;
    return m_sections.at((hash(section, 0) & (m_section_slots - 1)) * section_bytes);
}

EntryPlace CuckooLines::find(VirtAddr address) {
    EntryLine* const line = m_lines.find(m_lines.key_of(address));
    return line == nullptr ? EntryPlace{} : place_of(*line, address);
}

bool CuckooLines::begin_resize(TableFrames& frames) {
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
void CuckooLines::move_some(TableFrames& frames) {
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
bool CuckooLines::insert(EntryLine& line, TableFrames& frames) {
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

EntryPlace CuckooLines::ensure(VirtAddr address, TableFrames& frames) {
    if (const EntryPlace place = find(address)) return place;
    // The load at which the paper resizes; what a failed resize leaves is filled to 0.85.
    const std::uint64_t lines = m_lines.size() + m_reserved + 1;
    if (!resizing() && lines * 10 > slots() * 6 && !begin_resize(frames) && lines * 20 > slots() * 17)
        return {};
    if (const EntryPlace place = find(address)) return place; // others were faster while this one waited
    if (resizing()) move_some(frames);
    EntryLine& line = m_lines.add(m_lines.key_of(address));
    if (!insert(line, frames)) {
        m_lines.remove(line.key);
        return {};
    }
    frames.store(section_at(address));
    return place_of(line, address);
}

// Room for many lines at once cannot wait for insertions to move the old ones.
bool CuckooLines::reserve(std::uint64_t lines, TableFrames& frames) {
    const auto wanted = [&] { return m_lines.size() + m_reserved + lines; };
    while (wanted() * 10 > slots() * 6) {
        while (resizing()) move_some(frames);
        if (!begin_resize(frames)) break;
    }
    if (wanted() * 20 > slots() * 17) return false;
    m_reserved += lines;
    return true;
}

EntryPlace CuckooLines::next(VirtAddr& at, VirtAddr end) {
    EntryLine* const line = m_lines.next(at, end);
    return line == nullptr ? EntryPlace{} : place_of(*line, at);
}

void CuckooLines::release(VirtAddr start, VirtAddr end, TableFrames& frames) {
    m_lines.remove_empty(start, end, [&](const EntryLine& line) {
        const Slot slot = slot_of(line.key, line.way);
        *slot.line = nullptr;
        frames.store(slot.where);
        frames.store(section_at(m_lines.start_of(line.key)));
    });
    if (m_lines.size() != 0 || m_reserved != 0) return;
    for (std::array<Way, ways>* tables : {&m_now, &m_old})
        for (Way& way : *tables) {
            way.area.release(frames);
            way = {};
        }
    m_sections.release(frames);
}

void CuckooLines::add_ways(VirtAddr address, FormatWalk& walk) const {
    const std::uint64_t offset = m_lines.place_of(address) * sizeof(PageTableEntry);
    for (unsigned way = 0; way < ways; ++way)
        walk.add(where_of(m_lines.key_of(address), way) + offset, walk.count != 0);
    walk.add(section_at(address), true);
}

std::uint64_t CuckooLines::frames() const {
    std::uint64_t count = m_sections.frames();
    for (const std::array<Way, ways>* tables : {&m_now, &m_old})
        for (const Way& way : *tables) count += way.area.frames();
    return count;
}

FormatWalk CuckooTable::walk(VirtAddr address, WalkMemory& memory) {
    constexpr std::uint64_t of_huge_pages = 1ULL << 62;
    FormatWalk walk;
    walk.found = find_mapped(address);
    const bool small_known = m_small.in_use() && memory.recall(address.value() >> 21);
    const bool large_known = m_large.in_use() && memory.recall(of_huge_pages | address.value() >> 30);
    if (walk.found && (small_known || (large_known && walk.found.level == 2))) {
        walk.add(walk.found.where);
        return walk;
    }
    if (m_small.in_use() && !small_known) m_small.add_ways(address, walk);
    if (m_large.in_use() && !large_known && !small_known) m_large.add_ways(address, walk);
    return walk;
}

} // namespace pagewalk
