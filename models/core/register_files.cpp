#include "models/core/register_files.h"

#include "contract/register_names.h"

#include <algorithm>

namespace pagewalk::models {
namespace {

constexpr std::uint32_t unlimited = 1U << 14; ///< more than a reorder buffer can hold results
constexpr std::uint8_t integer_entry = 1;
constexpr std::uint8_t vector_entry = 4;

std::uint32_t integer_count(std::uint32_t packed) { return packed & 3; }
std::uint32_t vector_count(std::uint32_t packed) { return packed >> 2 & 3; }

} // namespace

RegisterFiles::RegisterFiles(std::uint32_t integer_entries, std::uint32_t vector_entries)
    : m_integer(integer_entries == 0 ? unlimited : integer_entries),
      m_vector(vector_entries == 0 ? unlimited : vector_entries) {
    const bool one_file = vector_entries == 0;
    for (std::size_t id = 1; id < first_internal_register; ++id) {
        const bool vector = !one_file && is_vector_register(static_cast<RegisterId>(id));
        m_first[id] = m_second[id] = first_write + (vector ? vector_entry : integer_entry);
    }
    if (!one_file) m_second[flags_register] = 0;
}

Cycles RegisterFiles::available_of_both(Need need) const {
    const std::uint32_t integers = integer_count(need.packed), vectors = vector_count(need.packed);
    Cycles cycle;
    if (integers != 0) cycle = m_integer.available(integers);
    if (vectors != 0) cycle = std::max(cycle, m_vector.available(vectors));
    return cycle;
}

void RegisterFiles::take_of_both(Need need, Cycles committed) {
    m_integer.take(integer_count(need.packed), committed);
    m_vector.take(vector_count(need.packed), committed);
}

RegisterFiles::Need RegisterFiles::rename_written_first(const MicroOp& uop) {
    for (const RegisterId id : uop.destinations) {
        if ((m_first[id] & first_write) == 0) continue;
        m_first[id] &= first_write - 1;
        m_second[id] &= first_write - 1;
        (m_first[id] == vector_entry ? m_vector : m_integer).keep_one();
    }
    return {static_cast<std::uint32_t>(m_first[uop.destinations[0]] + m_second[uop.destinations[1]])};
}

} // namespace pagewalk::models
