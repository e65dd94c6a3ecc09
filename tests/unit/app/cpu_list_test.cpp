#include "app/cpu_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

CpuMask mask_of(std::initializer_list<std::size_t> cpus) {
    CpuMask mask;
    for (const std::size_t cpu : cpus) mask.set(cpu);
    return mask;
}

TEST(CpuList, ReadsNumbersAndRanges) {
    EXPECT_EQ(parse_cpu_list("0", 1), mask_of({0}));
    EXPECT_EQ(parse_cpu_list("0,2-4", 5), mask_of({0, 2, 3, 4}));
    EXPECT_EQ(parse_cpu_list("3-3,1", 4), mask_of({1, 3}));
}

TEST(CpuList, RefusesWhatIsNoListOfTheMachinesCpus) {
    for (const char* text : {"", "4", "0-4", "2-1", "a", "0,", "1-", "-1", "0 1", "0x1"}) {
        const auto list = parse_cpu_list(text, 4);
        ASSERT_FALSE(list) << text;
        EXPECT_THAT(list.error(), HasSubstr("from 0 to 3")) << text;
    }
}

} // namespace
} // namespace pagewalk::app
