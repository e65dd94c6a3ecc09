#include "os/reclaim/table_filter.h"

#include <memory>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(TableFilter, MissesNoneThatItHasAndTakesFewOthersForThem) {
    const auto filter = std::make_unique<TableFilter>();
    for (std::uint64_t frame = 1000; frame < 2000; ++frame) filter->add(Pfn(frame));
    for (std::uint64_t frame = 1000; frame < 2000; ++frame) EXPECT_TRUE(filter->may_have(Pfn(frame)));
    unsigned mistaken = 0;
    for (std::uint64_t frame = 100'000; frame < 110'000; ++frame)
        mistaken += filter->may_have(Pfn(frame)) ? 1 : 0;
    EXPECT_LT(mistaken, 200U); // 2000 of 32768 bits, two of them by chance
    filter->clear();
    EXPECT_FALSE(filter->may_have(Pfn(1000)));
}

} // namespace
} // namespace pagewalk::os
