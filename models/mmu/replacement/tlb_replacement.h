#pragma once

#include "base/address.h"
#include "base/enum_table.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace pagewalk::models {

/// Which translation leaves a full set of a TLB. Lru is the TLB's own.
enum class TlbReplacementKind : std::uint8_t { Lru, Srrip, Random, Chirp };
inline constexpr EnumNames<TlbReplacementKind> tlb_replacement_names{{TlbReplacementKind::Lru, "lru"},
                                                                     {TlbReplacementKind::Srrip, "srrip"},
                                                                     {TlbReplacementKind::Random, "random"},
                                                                     {TlbReplacementKind::Chirp, "chirp"}};

/// A replacement policy of a TLB. A slot is a way of a set: the ways of a set have consecutive numbers.
/// Contract: no call allocates.
class TlbReplacement {
public:
    virtual ~TlbReplacement() = default;
    /// The instruction whose look-up or insertion comes next.
    virtual void note_instruction(VirtAddr) {}
    virtual void hit(std::size_t slot) = 0;
    /// Another translation has come into the slot.
    virtual void filled(std::size_t slot) = 0;
    /// The way to be replaced in a set that is full. `first`: its first slot. `used`: by way, larger is more
    /// recent.
    [[nodiscard]] virtual std::size_t victim(std::size_t first, std::span<const std::int64_t> used) = 0;
};

struct TlbShape {
    std::size_t slots = 0;
    std::size_t ways = 0;
};

/// Null for Lru.
[[nodiscard]] std::unique_ptr<TlbReplacement> make_tlb_replacement(TlbReplacementKind kind, TlbShape shape);

} // namespace pagewalk::models
