#pragma once

#include <cstdint>

namespace pagewalk::os {

/// Division by an object's size without dividing: exact for offsets and sizes up to 4 MiB.
class Reciprocal {
public:
    Reciprocal() = default;
    explicit Reciprocal(std::uint32_t size) : m_factor(((1ULL << shift) + size - 1) / size) {}

    [[nodiscard]] std::uint32_t quotient(std::uint64_t offset) const {
        return static_cast<std::uint32_t>(offset * m_factor >> shift);
    }

private:
    static constexpr unsigned shift = 44;
    std::uint64_t m_factor = 0;
};

} // namespace pagewalk::os
