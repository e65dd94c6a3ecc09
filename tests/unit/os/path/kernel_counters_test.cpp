#include "os/path/kernel_counters.h"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(KernelCounters, AreDeclaredOnceEachWithUnitAndMeaning) {
    const KernelCounters counters;
    StatRegistry registry;
    counters.declare(registry.group("os"));
    std::set<std::string> names;
    for (const Statistic& counter : registry.counters()) {
        EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
        EXPECT_FALSE(counter.unit.empty()) << counter.name;
        EXPECT_FALSE(counter.description.empty()) << counter.name;
    }
    EXPECT_GT(names.size(), 50U);
}

TEST(KernelCounters, ArePublishedByTheNamesOfWhatTheyCount) {
    KernelCounters counters;
    StatRegistry registry;
    counters.declare(registry.group("os"));
    const StatSnapshot before = registry.snapshot();
    counters.pgfault = 12;
    counters.nr_mapped = 7;
    counters.faults[static_cast<std::size_t>(FaultKind::CopyOnWrite)] = 5;
    counters.allocations[static_cast<std::size_t>(AllocationSource::Reserve)] = 3;
    const StatSnapshot now = registry.region(before, registry.snapshot());
    const auto value_of = [&](std::string_view name) { return now.counters.at(registry.find("os", name)); };
    EXPECT_EQ(value_of("pgfault"), 12U);
    EXPECT_EQ(value_of("nr_mapped"), 7U);
    EXPECT_EQ(value_of("faults_copy_on_write"), 5U);
    EXPECT_EQ(value_of("allocations_reserve"), 3U);
}

} // namespace
} // namespace pagewalk::os
