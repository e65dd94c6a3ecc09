#include "os/page/touch_steps.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(TouchSteps, AreRecordedOnlyWhenAskedFor) {
    TouchSteps touched;
    touched.work(AllocatorWork::AllocSlow);
    touched.acquire(VirtAddr(64));
    touched.flush(VirtAddr(0), VirtAddr(page_size));
    touched.entry(AllocatorWork::ClearEntry, VirtAddr(64));
    EXPECT_TRUE(touched.steps().empty());
    touched.record(true);
    touched.work(AllocatorWork::MoveObject, 7);
    touched.store_page(Pfn(3));
    ASSERT_EQ(touched.steps().size(), 2U);
    EXPECT_EQ(touched.steps()[0].count, 7U);
    EXPECT_EQ(touched.steps()[1].address, kernel_layout::struct_page(Pfn(3)));
}

TEST(TouchSteps, CountsEntriesOfALineAndOfEachKindApart) {
    TouchSteps touched;
    touched.record(true);
    for (std::uint64_t i = 0; i < 12; ++i) touched.entry(AllocatorWork::WriteEntry, VirtAddr(32 + 8 * i));
    touched.entry(AllocatorWork::ClearEntry, VirtAddr(120));
    EXPECT_EQ(touched.times(AllocatorWork::WriteEntry), 12U);
    EXPECT_EQ(touched.times(AllocatorWork::ClearEntry), 1U);
    EXPECT_EQ(touched.steps().size(), 6U); // two lines written, one of them again to clear
    touched.clear();
    EXPECT_TRUE(touched.steps().empty());
}

} // namespace
} // namespace pagewalk::os
