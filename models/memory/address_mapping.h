#pragma once

#include "base/address.h"
#include "models/memory/dram_config.h"

#include <bit>
#include <cstdint>

namespace pagewalk::models {

/// Where in a controller's DRAM a line is.
struct DramPlace {
    std::uint32_t channel = 0;
    std::uint32_t rank = 0;
    std::uint32_t bank_group = 0; ///< in the rank
    std::uint32_t bank = 0;       ///< in the channel: rank, bank group and bank in one number
    std::uint64_t row = 0;
};

/// Splits physical addresses. The row takes all bits that are left, so that any address has a place: a
/// controller's capacity is not checked here.
class AddressMapper {
public:
    explicit AddressMapper(const DramConfig& config)
        : m_group_bits(bits(config.organisation().bank_groups)),
          m_bank_bits(bits(config.organisation().banks)),
          m_group_hash(config.bank_hash != BankHash::Off ? mask(m_group_bits) : 0),
          m_bank_hash(config.bank_hash != BankHash::Off ? mask(m_bank_bits) : 0),
          m_fold_bits(config.bank_hash == BankHash::AllBits ? m_group_bits + m_bank_bits : 0),
          m_rank_mask(mask(bits(config.ranks))), m_channels(config.channels),
          m_channel_bits(bits(config.channels)) {
        const unsigned rank_bits = bits(config.ranks);
        const auto column_bits =
            static_cast<unsigned>(std::countr_zero(config.organisation().row_bytes / line_size));
        // From the lowest bit upwards.
        switch (config.mapping) {
        case AddressMapping::BankGroupInterleave:
            m_group_shift = 0;
            m_bank_shift = m_group_bits + column_bits;
            break;
        case AddressMapping::RowInterleave:
            m_group_shift = column_bits;
            m_bank_shift = column_bits + m_group_bits;
            break;
        case AddressMapping::BankInterleave:
            m_group_shift = 0;
            m_bank_shift = m_group_bits;
            break;
        }
        m_rank_shift = m_bank_shift + m_bank_bits;
        m_row_shift = column_bits + m_group_bits + m_bank_bits + rank_bits;
        // ceil(2^(64 + channel_bits - 1) / channels): multiplying by it divides every line number exactly,
        // as those have less than 63 bits (Granlund and Montgomery, Division by invariant integers, 1994).
        if (!std::has_single_bit(m_channels))
            m_reciprocal = static_cast<std::uint64_t>(
                ((static_cast<unsigned __int128>(1) << (63 + m_channel_bits)) + m_channels - 1) / m_channels);
    }

    [[nodiscard]] DramPlace place(PhysAddr address) const {
        const std::uint64_t line = address.value() >> line_shift;
        std::uint64_t rest = line >> m_channel_bits;
        if (m_reciprocal != 0)
            rest = static_cast<std::uint64_t>((static_cast<unsigned __int128>(line) * m_reciprocal) >> 64) >>
                   (m_channel_bits - 1);
        DramPlace p;
        p.channel = static_cast<std::uint32_t>(line - rest * m_channels);
        p.row = rest >> m_row_shift;
        p.rank = field(rest, m_rank_shift, m_rank_mask);
        const std::uint64_t mixed_in = m_fold_bits == 0 ? p.row : folded(p.row);
        p.bank_group = field(rest, m_group_shift, mask(m_group_bits)) ^ field(mixed_in, 0, m_group_hash);
        const std::uint32_t bank =
            field(rest, m_bank_shift, mask(m_bank_bits)) ^ field(mixed_in, m_group_bits, m_bank_hash);
        p.bank = ((p.rank << m_group_bits | p.bank_group) << m_bank_bits) | bank;
        return p;
    }

private:
    [[nodiscard]] static unsigned bits(std::uint32_t count) {
        return static_cast<unsigned>(std::bit_width(count - 1));
    }
    [[nodiscard]] static std::uint32_t mask(unsigned bit_count) { return (1U << bit_count) - 1; }
    [[nodiscard]] static std::uint32_t field(std::uint64_t from, unsigned shift, std::uint32_t mask) {
        return static_cast<std::uint32_t>(from >> shift) & mask;
    }

    /// Its pieces of m_fold_bits, exclusive-ored.
    [[nodiscard]] std::uint64_t folded(std::uint64_t row) const {
        std::uint64_t all = 0;
        for (; row != 0; row >>= m_fold_bits) all ^= row;
        return all;
    }

    unsigned m_group_bits, m_bank_bits;
    std::uint32_t m_group_hash, m_bank_hash; ///< which of the row's bits are mixed in
    unsigned m_fold_bits;                    ///< 0: the row is not folded
    std::uint32_t m_rank_mask;
    std::uint32_t m_channels;
    unsigned m_channel_bits;
    std::uint64_t m_reciprocal = 0; ///< of the number of channels; 0 where that is a power of two
    unsigned m_group_shift = 0, m_bank_shift = 0, m_rank_shift = 0, m_row_shift = 0;
};

} // namespace pagewalk::models
