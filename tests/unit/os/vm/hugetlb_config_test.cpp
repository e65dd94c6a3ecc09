#include "base/error.h"
#include "os/vm/hugetlb_config.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(HugetlbConfig, SpreadsANumberOverTheNodes) {
    const auto pages = HugetlbPages::parse("12", 2);
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->anywhere, 12U);
    EXPECT_TRUE(pages->per_node.empty());
    EXPECT_EQ(pages->sum(), 12U);
}

TEST(HugetlbConfig, GivesEachNodeWhatItIsToHave) {
    const auto pages = HugetlbPages::parse("1:8,0:4,1:1", 2);
    ASSERT_TRUE(pages);
    EXPECT_EQ(pages->per_node, (std::vector<std::uint64_t>{4, 9}));
    EXPECT_EQ(pages->sum(), 13U);
}

TEST(HugetlbConfig, NamesTheNodesThatThereAre) {
    for (const char* text : {"", "x", "-1", "2:1", "1:", ":1", "0:1,", "0:1;1:1", "99999999999999999999"}) {
        const auto pages = HugetlbPages::parse(text, 2);
        ASSERT_FALSE(pages) << text;
        EXPECT_EQ(pages.error(), "must be a number of pages, or NODE:NUMBER,... of nodes 0 to 1");
    }
    HugetlbConfig config;
    config.pages_1gib = "3:1";
    EXPECT_THROW(config.validate(2), ConfigError);
    EXPECT_NO_THROW(config.validate(4));
}

TEST(HugetlbConfig, HasPagesWhereThereMayBeSome) {
    HugetlbConfig config;
    EXPECT_FALSE(config.has_pages());
    config.overcommit = 1;
    EXPECT_TRUE(config.has_pages());
    config = {};
    config.pages_1gib = "1:0,0:1";
    EXPECT_TRUE(config.has_pages());
    config.pages_1gib = "0:0";
    EXPECT_FALSE(config.has_pages());
}

} // namespace
} // namespace pagewalk::os
