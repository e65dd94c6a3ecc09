#include "base/rng.h"
#include "models/cache/directory.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

std::vector<std::size_t> holders(DirectoryEntry entry) {
    std::vector<std::size_t> seen;
    entry.for_each([&](CpuId cpu) { seen.push_back(index_of(cpu)); });
    return seen;
}

TEST(DirectoryEntry, VisitsItsHoldersInOrder) {
    Directory directory(64, 256);
    DirectoryEntry entry = directory.find_or_insert(0);
    EXPECT_TRUE(entry.empty());
    for (const unsigned cpu : {200U, 3U, 64U, 255U}) entry.add(static_cast<CpuId>(cpu));
    entry.remove(CpuId{64});
    EXPECT_EQ(holders(entry), (std::vector<std::size_t>{3, 200, 255}));
    EXPECT_TRUE(entry.contains(CpuId{200}));
    EXPECT_FALSE(entry.contains(CpuId{64}));
    entry.set_only(CpuId{70});
    EXPECT_EQ(holders(entry), (std::vector<std::size_t>{70}));
    entry.remove(CpuId{70});
    EXPECT_TRUE(entry.empty());
}

TEST(DirectoryEntry, StateAndLineDoNotDisturbEachOther) {
    Directory directory(64, 1);
    const LineNumber last = CacheLine::number_mask - 1;
    DirectoryEntry entry = directory.find_or_insert(last);
    EXPECT_EQ(entry.state(), DirectoryEntry::State::Shared);
    entry.set_state(DirectoryEntry::State::Exclusive);
    EXPECT_EQ(entry.state(), DirectoryEntry::State::Exclusive);
    EXPECT_EQ(entry.line(), last);
    entry.set_state(DirectoryEntry::State::Shared);
    EXPECT_EQ(entry.state(), DirectoryEntry::State::Shared);
    EXPECT_EQ(entry.line(), last);
    EXPECT_TRUE(directory.find(last));
    EXPECT_FALSE(directory.find(0));
}

class DirectoryOf : public testing::TestWithParam<std::size_t> {};

TEST_P(DirectoryOf, AgreesWithAMapThroughInsertsErasesAndGrowth) {
    const std::size_t cpus = GetParam();
    Directory directory(64, cpus);
    std::map<LineNumber, std::set<std::size_t>> model;
    Rng rng(11, "lines");
    for (int i = 0; i < 100'000; ++i) {
        const LineNumber line = rng.below(1500);
        const std::size_t cpu = rng.below(cpus);
        DirectoryEntry entry = directory.find(line);
        ASSERT_EQ(static_cast<bool>(entry), model.contains(line));
        if (entry) {
            ASSERT_EQ(holders(entry), std::vector<std::size_t>(model[line].begin(), model[line].end()));
        }
        if (rng.below(2) == 0) {
            directory.find_or_insert(line).add(static_cast<CpuId>(cpu));
            model[line].insert(cpu);
        } else if (entry) {
            directory.erase(entry);
            model.erase(line);
        }
        ASSERT_EQ(directory.size(), model.size());
    }
    for (const auto& [line, cpus_of_line] : model)
        EXPECT_EQ(holders(directory.find(line)),
                  std::vector<std::size_t>(cpus_of_line.begin(), cpus_of_line.end()));
}
INSTANTIATE_TEST_SUITE_P(Cpus, DirectoryOf, testing::Values(1, 2, 64, 65, 128, 192, 200, 256));

} // namespace
} // namespace pagewalk::models
