#include "models/memory/address_mapping.h"

#include <set>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

DramConfig geometry(AddressMapping mapping) {
    DramConfig config;
    config.channels = 2;
    config.ranks = 2;
    config.mapping = mapping;
    config.bank_hash = BankHash::Off;
    return config;
}

DramPlace line(const AddressMapper& mapper, std::uint64_t n) { return mapper.place(PhysAddr(n * 64)); }

TEST(AddressMapper, BankGroupInterleaveTurnsChannelThenGroupLineByLine) {
    const AddressMapper mapper(geometry(AddressMapping::BankGroupInterleave));
    EXPECT_EQ(line(mapper, 1).channel, 1U);
    EXPECT_EQ(line(mapper, 2).bank_group, 1U);
    EXPECT_EQ(line(mapper, 8).bank_group, 0U);
    EXPECT_EQ(line(mapper, 8).bank, line(mapper, 0).bank);
    // 2 channels x 4 groups x 128 columns later comes the next bank.
    EXPECT_EQ(line(mapper, 1023).bank, 12U);
    EXPECT_EQ(line(mapper, 1024).bank, 1U);
    EXPECT_EQ(line(mapper, 4096).rank, 1U);
    EXPECT_EQ(line(mapper, 8191).row, 0U);
    EXPECT_EQ(line(mapper, 8192).row, 1U);
}

TEST(AddressMapper, RowInterleaveFillsARowFirst) {
    const AddressMapper mapper(geometry(AddressMapping::RowInterleave));
    EXPECT_EQ(line(mapper, 254).bank, line(mapper, 0).bank);
    EXPECT_EQ(line(mapper, 256).bank_group, 1U);
}

TEST(AddressMapper, BankInterleaveTurnsAllBanksBeforeTheColumn) {
    const AddressMapper mapper(geometry(AddressMapping::BankInterleave));
    std::set<std::uint32_t> banks;
    for (std::uint64_t n = 0; n < 64; n += 2) banks.insert(line(mapper, n).bank);
    EXPECT_EQ(banks.size(), 32U);
    EXPECT_EQ(line(mapper, 64).bank, line(mapper, 0).bank);
    EXPECT_EQ(line(mapper, 64).row, line(mapper, 0).row);
}

TEST(AddressMapper, HashSpreadsTheSameBankOfFollowingRows) {
    DramConfig config = geometry(AddressMapping::BankGroupInterleave);
    config.bank_hash = BankHash::LowBits;
    const AddressMapper mapper(config);
    std::set<std::uint32_t> banks;
    for (std::uint64_t row = 0; row < 16; ++row) banks.insert(line(mapper, row * 8192).bank);
    EXPECT_EQ(banks.size(), 16U);
}

TEST(AddressMapper, FoldedHashSpreadsRowsThatDifferInHighBitsAlone) {
    DramConfig config = geometry(AddressMapping::BankInterleave);
    for (const BankHash hash : {BankHash::LowBits, BankHash::AllBits}) {
        config.bank_hash = hash;
        const AddressMapper mapper(config);
        std::set<std::uint32_t> banks;
        for (std::uint64_t high = 0; high < 16; ++high) banks.insert(line(mapper, (high << 8) * 8192).bank);
        EXPECT_EQ(banks.size(), hash == BankHash::AllBits ? 16U : 1U);
    }
    // Row 0x321: 3 ^ 2 ^ 1 is 0, so that it lies as row 0 does.
    EXPECT_EQ(line(AddressMapper(config), std::uint64_t{0x321} * 8192).bank, 0U);
    EXPECT_EQ(line(AddressMapper(config), std::uint64_t{0x329} * 8192).bank, 2U); // 8: bank 2 of group 0
}

TEST(AddressMapper, NoTwoRowsShareAPlaceWhateverTheMappingHashOrChannels) {
    for (const auto& [mapping, hash] : {std::pair{AddressMapping::BankGroupInterleave, BankHash::LowBits},
                                        std::pair{AddressMapping::RowInterleave, BankHash::LowBits},
                                        std::pair{AddressMapping::BankInterleave, BankHash::LowBits},
                                        std::pair{AddressMapping::BankInterleave, BankHash::AllBits}})
        for (const std::uint32_t channels : {1U, 3U, 4U}) {
            DramConfig config = geometry(mapping);
            config.bank_hash = hash;
            config.channels = channels;
            const AddressMapper mapper(config);
            // A row holds 128 lines: as many lines must share each (channel, bank, row).
            std::multiset<std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>> places;
            const std::uint64_t lines = std::uint64_t{channels} * 32 * 128 * 2;
            for (std::uint64_t n = 0; n < lines; ++n) {
                const DramPlace p = line(mapper, n);
                ASSERT_LT(p.channel, channels);
                ASSERT_LT(p.bank, 32U);
                places.insert({p.channel, p.bank, p.row});
            }
            for (auto it = places.begin(); it != places.end(); it = places.upper_bound(*it))
                ASSERT_EQ(places.count(*it), 128U);
        }
}

} // namespace
} // namespace pagewalk::models
