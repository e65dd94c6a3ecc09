#include "app/list_statistics.h"
#include "base/error.h"

#include <sstream>

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

TEST(ListStatistics, ReplacesTheNumbersOfInstancesAlone) {
    EXPECT_EQ(path_pattern("cpu12/l1d"), "cpuN/l1d");
    EXPECT_EQ(path_pattern("cpu0/mmu/l2_tlb"), "cpuN/mmu/l2_tlb");
    EXPECT_EQ(path_pattern("llc0"), "llcN");
    EXPECT_EQ(path_pattern("kernel/cpu3"), "kernel/cpuN");
    EXPECT_EQ(path_pattern("cpu"), "cpu");
    EXPECT_EQ(path_pattern("kernel/slab/kmalloc-64"), "kernel/slab/CACHE");
    EXPECT_EQ(path_pattern("kernel/dma/iommu/nic"), "kernel/dma/iommu/DEVICE");
}

class TwoCpus : public testing::Test {
protected:
    TwoCpus() {
        for (const char* cpu : {"cpu0", "cpu1"}) {
            StatGroup group = registry.group(cpu).group("l2");
            group.counter("hits", hits, "count", "accesses that hit");
            group.counter("accesses", accesses, "count", "all accesses");
            group.ratio("hit_rate", "hits", "accesses", 1, "ratio", "hits of all accesses");
        }
    }
    std::uint64_t hits = 3, accesses = 4;
    StatRegistry registry;
};

TEST_F(TwoCpus, AppearAsOneComponent) {
    std::ostringstream out;
    print_statistic_tables(out, registry);
    const std::string text = out.str();
    const std::size_t section = text.find("\n## cpuN/l2\n");
    ASSERT_NE(section, std::string::npos) << text;
    EXPECT_EQ(text.find("\n## ", section + 1), std::string::npos) << text;
    const std::size_t row = text.find("| hits | count | accesses that hit |\n");
    ASSERT_NE(row, std::string::npos) << text;
    EXPECT_EQ(text.find("| hits |", row + 1), std::string::npos) << text;
}

TEST_F(TwoCpus, AreFilteredByPathAndName) {
    std::ostringstream out;
    print_statistics(out, registry, "*/hits");
    EXPECT_EQ(out.str(), "cpuN/l2/hits [count]\n    accesses that hit\n");
    EXPECT_THROW(print_statistics(out, registry, "nothing"), InputError);
}

} // namespace
} // namespace pagewalk::app
