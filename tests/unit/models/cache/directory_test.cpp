#include "base/rng.h"
#include "models/cache/directory.h"

#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(SharerSet, VisitsItsCpusInOrder) {
    SharerSet set;
    for (const unsigned cpu : {200U, 3U, 64U, 255U}) set.add(static_cast<CpuId>(cpu));
    set.remove(CpuId{64});
    std::vector<std::size_t> seen;
    set.for_each([&](CpuId cpu) { seen.push_back(index_of(cpu)); });
    EXPECT_EQ(seen, (std::vector<std::size_t>{3, 200, 255}));
    EXPECT_TRUE(set.contains(CpuId{200}));
    EXPECT_FALSE(set.contains(CpuId{64}));
}

TEST(Directory, AgreesWithAMapThroughInsertsErasesAndGrowth) {
    Directory directory(64);
    std::map<LineNumber, std::size_t> model;
    Rng rng(11, "lines");
    for (int i = 0; i < 200'000; ++i) {
        const LineNumber line = rng.below(1500);
        DirectoryEntry* const entry = directory.find(line);
        ASSERT_EQ(entry != nullptr, model.contains(line));
        if (entry != nullptr) {
            ASSERT_TRUE(entry->sharers.contains(static_cast<CpuId>(model[line])));
        }
        if (rng.below(2) == 0) {
            if (entry == nullptr) {
                const std::size_t cpu = rng.below(256);
                directory.find_or_insert(line).sharers.add(static_cast<CpuId>(cpu));
                model[line] = cpu;
            }
        } else if (entry != nullptr) {
            directory.erase(*entry);
            model.erase(line);
        }
        ASSERT_EQ(directory.size(), model.size());
    }
    for (const auto& [line, cpu] : model) ASSERT_NE(directory.find(line), nullptr);
}

} // namespace
} // namespace pagewalk::models
