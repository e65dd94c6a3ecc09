#include "app/memory_policy_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;
using Mode = os::MemoryPolicy::Mode;

TEST(MemoryPolicyText, ReadsModesAndNodes) {
    EXPECT_EQ(parse_memory_policy("local", 1)->mode(), Mode::Local);
    const auto preferred = parse_memory_policy("preferred:1", 2);
    ASSERT_TRUE(preferred);
    EXPECT_EQ(preferred->mode(), Mode::Preferred);
    EXPECT_EQ(preferred->nodes(), os::NodeMask(0b10));
    const auto bound = parse_memory_policy("bind:0,2-3", 4);
    ASSERT_TRUE(bound);
    EXPECT_EQ(bound->mode(), Mode::Bind);
    EXPECT_EQ(bound->nodes(), os::NodeMask(0b1101));
    EXPECT_EQ(parse_memory_policy("interleave:0-1", 2)->mode(), Mode::Interleave);
}

TEST(MemoryPolicyText, RefusesOtherModesAndNodesThatAreNotThere) {
    for (const char* text :
         {"", "Local", "bind", "bind:", "bind:2", "preferred:0-1", "interleave:0;1", "weighted:0"}) {
        const auto policy = parse_memory_policy(text, 2);
        ASSERT_FALSE(policy) << text;
        EXPECT_THAT(policy.error(), HasSubstr("from 0 to 1")) << text;
    }
}

} // namespace
} // namespace pagewalk::app
