#include "results/host_facts.h"

#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

TEST(HostFacts, NameTheHostAndItsProcessor) {
    const HostFacts facts = read_host_facts();
    EXPECT_FALSE(facts.name.empty());
    EXPECT_FALSE(facts.cpu_model.empty());
}

TEST(HostFacts, TimesAreIso8601InUtc) {
    const std::string now = utc_now();
    ASSERT_EQ(now.size(), 20);
    EXPECT_EQ(now[10], 'T');
    EXPECT_EQ(now.back(), 'Z');
    EXPECT_GE(now, "2024");
}

} // namespace
} // namespace pagewalk::results
