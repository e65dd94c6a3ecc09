#pragma once

#include <cstdint>

namespace pagewalk::os {

/// The total order of the ordered system calls' beginnings and ends: event k takes place after all before it.
class OrderGate {
public:
    /// May the event take place? 0 = unordered.
    [[nodiscard]] bool due(std::uint64_t order) const { return order <= m_next; }
    /// The event has taken place.
    void pass(std::uint64_t order) {
        if (order >= m_next) m_next = order + 1;
    }
    [[nodiscard]] std::uint64_t next() const { return m_next; }

private:
    std::uint64_t m_next = 1;
};

} // namespace pagewalk::os
