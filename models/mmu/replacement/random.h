#pragma once

#include "models/mmu/replacement/tlb_replacement.h"

#include <cstdint>

namespace pagewalk::models {

/// A way drawn by a linear feedback shift register of 16 bits, as hardware draws it: every TLB draws the same
/// sequence in every run. Source: Xilinx XAPP 052, taps of a register of 16 bits.
class RandomTlb final : public TlbReplacement {
public:
    explicit RandomTlb(TlbShape) {}

    void hit(std::size_t) override {}
    void filled(std::size_t) override {}
    [[nodiscard]] std::size_t victim(std::size_t, std::span<const std::int64_t> used) override {
        const unsigned bit = (m_register ^ m_register >> 1 ^ m_register >> 3 ^ m_register >> 12) & 1;
        m_register = static_cast<std::uint16_t>(m_register >> 1 | bit << 15);
        return m_register % used.size();
    }

private:
    std::uint16_t m_register = 1;
};

} // namespace pagewalk::models
