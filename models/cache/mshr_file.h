#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace pagewalk::models {

/// Miss-status holding registers: how many misses a cache can have under way. Times are in whatever unit the
/// cache uses. A register is taken from when the miss is known until its line arrives.
///
/// Approximation: each register remembers its last use only. A miss whose time lies before that use began
/// finds the register free.
class MshrFile {
public:
    explicit MshrFile(std::size_t count) : m_registers(count) {}

    struct Grant {
        std::size_t index = 0;
        std::uint64_t start = 0; ///< when the miss gets its register; not before the time asked for
    };

    /// A register for a miss known at `time`. The caller must call hold() with the same grant.
    [[nodiscard]] Grant acquire(std::uint64_t time) {
        // Registers are handed out in turn, so the next one was taken longest ago: nearly always it is free.
        const std::size_t next = m_next;
        if (m_registers[next].release <= time) {
            m_next = next + 1 == m_registers.size() ? 0 : next + 1;
            return {next, time};
        }
        return acquire_slow(time);
    }

    [[nodiscard]] bool has_free(std::uint64_t time) const {
        for (const Register& r : m_registers)
            if (r.release <= time || r.start > time) return true;
        return false;
    }
    /// As acquire(), but nothing when all are taken: a prefetch does not wait.
    [[nodiscard]] std::optional<Grant> try_acquire(std::uint64_t time) {
        if (!has_free(time)) return std::nullopt;
        return acquire(time);
    }

    void hold(const Grant& grant, std::uint64_t release) {
        m_registers[grant.index] = {grant.start, release};
    }

private:
    struct Register {
        std::uint64_t start = 0;
        std::uint64_t release = 0;
    };

    [[nodiscard]] Grant acquire_slow(std::uint64_t time) {
        std::size_t first = 0;
        for (std::size_t i = 0; i < m_registers.size(); ++i) {
            const Register& r = m_registers[i];
            if (r.release <= time || r.start > time) return {i, time};
            if (r.release < m_registers[first].release) first = i;
        }
        return {first, m_registers[first].release};
    }

    std::vector<Register> m_registers;
    std::size_t m_next = 0;
};

} // namespace pagewalk::models
