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
        : m_mapping(config.mapping), m_channels(config.channels), m_channel_bits(bits(config.channels)),
          m_rank_bits(bits(config.ranks)), m_group_bits(bits(config.bank_groups)),
          m_bank_bits(bits(config.banks)),
          m_column_bits(static_cast<unsigned>(std::countr_zero(config.row_bytes / line_size))),
          m_hashed(config.bank_hash), m_power_of_two_channels(std::has_single_bit(config.channels)) {}

    [[nodiscard]] DramPlace place(PhysAddr address) const {
        std::uint64_t rest = address.value() >> line_shift;
        DramPlace p;
        if (m_power_of_two_channels) {
            p.channel = take(rest, m_channel_bits);
        } else {
            p.channel = static_cast<std::uint32_t>(rest % m_channels);
            rest /= m_channels;
        }
        std::uint32_t bank = 0;
        switch (m_mapping) {
        case AddressMapping::BankGroupInterleave:
            p.bank_group = take(rest, m_group_bits);
            rest >>= m_column_bits;
            bank = take(rest, m_bank_bits);
            p.rank = take(rest, m_rank_bits);
            break;
        case AddressMapping::RowInterleave:
            rest >>= m_column_bits;
            p.bank_group = take(rest, m_group_bits);
            bank = take(rest, m_bank_bits);
            p.rank = take(rest, m_rank_bits);
            break;
        case AddressMapping::BankInterleave:
            p.bank_group = take(rest, m_group_bits);
            bank = take(rest, m_bank_bits);
            p.rank = take(rest, m_rank_bits);
            rest >>= m_column_bits;
            break;
        }
        p.row = rest;
        if (m_hashed) {
            std::uint64_t low = rest;
            p.bank_group ^= take(low, m_group_bits);
            bank ^= take(low, m_bank_bits);
        }
        p.bank = ((p.rank << m_group_bits | p.bank_group) << m_bank_bits) | bank;
        return p;
    }

private:
    [[nodiscard]] static unsigned bits(std::uint32_t count) {
        return static_cast<unsigned>(std::bit_width(count - 1));
    }
    [[nodiscard]] static std::uint32_t take(std::uint64_t& rest, unsigned bit_count) {
        const auto field = static_cast<std::uint32_t>(rest & ((1ULL << bit_count) - 1));
        rest >>= bit_count;
        return field;
    }

    AddressMapping m_mapping;
    std::uint32_t m_channels;
    unsigned m_channel_bits, m_rank_bits, m_group_bits, m_bank_bits, m_column_bits;
    bool m_hashed;
    bool m_power_of_two_channels;
};

} // namespace pagewalk::models
