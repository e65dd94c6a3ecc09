#include "models/core/register_files.h"

#include "contract/register_names.h"

#include <algorithm>

namespace pagewalk::models {
namespace {

constexpr std::uint32_t unlimited = 1U << 14; ///< more than a reorder buffer can hold results

std::uint32_t integer_count(std::uint32_t counts) { return counts & 0x7f; }
std::uint32_t vector_count(std::uint32_t counts) { return counts >> 8 & 0x7f; }

} // namespace

RegisterFiles::RegisterFiles(std::uint32_t integer_entries, std::uint32_t vector_entries)
    : m_integer(integer_entries == 0 ? unlimited : integer_entries),
      m_vector(vector_entries == 0 ? unlimited : vector_entries) {
    const bool one_file = vector_entries == 0;
    for (std::size_t id = 1; id < first_internal_register; ++id) {
        const bool vector = !one_file && is_vector_register(static_cast<RegisterId>(id));
        m_first[id] = m_second[id] = first_write + (vector ? one_vector : one_integer);
    }
    if (!one_file) m_second[flags_register] = 0;
}

Cycles RegisterFiles::reserve_from(const MicroOp& uop, Cycles now) {
    if (need_of(uop) >= first_write) {
        note_first_writes(uop);
        m_free = 0;
    }
    m_need = need_of(uop);
    Cycles cycle;
    const auto take_from = [&](const File& file, std::uint32_t count, std::uint32_t known) {
        if (count <= known) return known - count;
        const Cycles available = file.available(count);
        cycle = std::max(cycle, available);
        return available > now ? 0 : file.count_free(now) - count;
    };
    const std::uint32_t integers = take_from(m_integer, integer_count(m_need), integer_count(m_free));
    m_free = integers + one_vector * take_from(m_vector, vector_count(m_need), vector_count(m_free));
    return cycle;
}

void RegisterFiles::commit_both(Cycles committed) {
    m_integer.take(integer_count(m_need), committed);
    m_vector.take(vector_count(m_need), committed);
}

void RegisterFiles::note_first_writes(const MicroOp& uop) {
    for (const RegisterId id : uop.destinations) {
        if ((m_first[id] & first_write) == 0) continue;
        m_first[id] &= first_write - 1;
        m_second[id] &= first_write - 1;
        (m_first[id] == one_vector ? m_vector : m_integer).keep_one();
    }
}

} // namespace pagewalk::models
