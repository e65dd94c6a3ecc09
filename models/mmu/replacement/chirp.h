#pragma once

#include "models/mmu/replacement/tlb_replacement.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace pagewalk::models {

/// Predicts from control-flow history whether a translation will be used again (after Mirbagher-Ajorpaz et
/// al., "CHiRP: Control-Flow History Reuse Prediction", MICRO 2020): those that will not leave first, then
/// the least recent. A signature hashes the addresses of the instructions that came to this TLB last; a
/// counter of two bits for each learns from the first hit, or from a departure without any.
///
/// Approximation: the history holds the instructions alone; CHiRP's has the branches between them too.
class ChirpTlb final : public TlbReplacement {
public:
    explicit ChirpTlb(TlbShape shape) : m_slots(shape.slots) {}

    void note_instruction(VirtAddr pc) override {
        m_history = m_history << bits_a_pc ^ pc.value() >> 2;
        const std::uint64_t mixed = (m_history ^ pc.value() >> 2) * 0x9e3779b97f4a7c15ULL;
        m_signature = static_cast<std::uint16_t>(mixed >> (64 - signature_bits));
    }
    void hit(std::size_t slot) override {
        Slot& here = m_slots[slot];
        if (!here.used) {
            std::uint8_t& counter = m_dead[here.signature];
            if (counter > 0) --counter;
        }
        here = {m_signature, true, predicts_dead()};
    }
    void filled(std::size_t slot) override { m_slots[slot] = {m_signature, false, predicts_dead()}; }
    [[nodiscard]] std::size_t victim(std::size_t first, std::span<const std::int64_t> used) override {
        const std::span<Slot> set(&m_slots[first], used.size());
        const auto dead = std::ranges::find(set, true, &Slot::dead);
        if (dead != set.end()) return static_cast<std::size_t>(dead - set.begin());
        const auto oldest = static_cast<std::size_t>(std::ranges::min_element(used) - used.begin());
        if (!set[oldest].used) {
            std::uint8_t& counter = m_dead[set[oldest].signature];
            if (counter < most) ++counter;
        }
        return oldest;
    }

private:
    struct Slot {
        std::uint16_t signature = 0;
        bool used = false; ///< since it came in
        bool dead = false; ///< predicted
    };
    static constexpr unsigned bits_a_pc = 4;
    static constexpr unsigned signature_bits = 12; ///< CHiRP: 4096 counters
    static constexpr std::uint8_t most = 3;

    [[nodiscard]] bool predicts_dead() const { return m_dead[m_signature] == most; }

    std::uint64_t m_history = 0;
    std::uint16_t m_signature = 0;
    std::array<std::uint8_t, 1U << signature_bits> m_dead{};
    std::vector<Slot> m_slots;
};

} // namespace pagewalk::models
