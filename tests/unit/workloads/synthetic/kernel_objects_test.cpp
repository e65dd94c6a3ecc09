#include "tests/unit/workloads/synthetic/synthetic_support.h"

#include <algorithm>

namespace pagewalk::workloads {
namespace {

std::vector<SyscallRecord> calls(const Record& record, DriverCall call) {
    return record.calls(static_cast<std::uint32_t>(call));
}

TEST(KernelObjects, FreesEachObjectWithTheCallThatPairsWithItsAllocation) {
    SyntheticConfig config = small_config();
    config.kernel_objects.pattern = ObjectPattern::Pairs;
    const std::vector<std::tuple<ObjectsFrom, DriverCall, DriverCall>> pairs{
        {ObjectsFrom::Kmalloc, DriverCall::Kmalloc, DriverCall::Kfree},
        {ObjectsFrom::Cache, DriverCall::CacheAllocate, DriverCall::CacheFree},
        {ObjectsFrom::Vmalloc, DriverCall::Vmalloc, DriverCall::Vfree},
        {ObjectsFrom::Pages, DriverCall::AllocatePages, DriverCall::FreePages}};
    for (const auto& [from, allocate, free] : pairs) {
        config.kernel_objects.from = from;
        const Record got = run_first("kernel_objects", config);
        EXPECT_EQ(calls(got, allocate).size(), 250U);
        EXPECT_EQ(calls(got, free).size(), 250U);
    }
}

TEST(KernelObjects, MakesACacheForEachSizeBeforeItsFirstObject) {
    SyntheticConfig config = small_config();
    config.kernel_objects.from = ObjectsFrom::Cache;
    config.kernel_objects.sizes = "40:1, 2KiB:3";
    const Record got = run_first("kernel_objects", config);
    const auto created = calls(got, DriverCall::CacheCreate);
    ASSERT_EQ(created.size(), 2U);
    EXPECT_EQ(created[0].arguments[1], 40U);
    EXPECT_EQ(created[1].arguments[1], 2048U);
    for (const SyscallRecord& call : calls(got, DriverCall::CacheAllocate))
        EXPECT_TRUE(call.arguments[0] == created[0].arguments[0] ||
                    call.arguments[0] == created[1].arguments[0]);
}

TEST(KernelObjects, AsksForTheSmallestOrderThatHoldsTheSize) {
    SyntheticConfig config = small_config();
    config.kernel_objects.from = ObjectsFrom::Pages;
    for (const auto& [size, order] :
         {std::pair{"1:1", 0U}, {"4096:1", 0U}, {"4097:1", 1U}, {"132KiB:1", 6U}}) {
        config.kernel_objects.sizes = size;
        EXPECT_EQ(calls(run_first("kernel_objects", config), DriverCall::AllocatePages).at(0).arguments[0],
                  order);
    }
}

TEST(KernelObjects, HasTheDriverWriteTheTouchedShare) {
    SyntheticConfig config = small_config();
    config.kernel_objects.sizes = "1000:1";
    config.kernel_objects.touched_percent = 25;
    EXPECT_EQ(calls(run_first("kernel_objects", config), DriverCall::Kmalloc).at(0).arguments[4], 250U);
}

TEST(KernelObjects, DrawsSizesByWeight) {
    SyntheticConfig config = small_config();
    config.kernel_objects.operations = 20'000;
    config.kernel_objects.pattern = ObjectPattern::Pairs;
    config.kernel_objects.sizes = "64:3,128:1";
    const auto made = calls(run_first("kernel_objects", config), DriverCall::Kmalloc);
    const auto small = std::ranges::count_if(made, [](const auto& call) { return call.arguments[0] == 64; });
    // Binomial of 10000 with 3/4: standard deviation 43; five of them either way.
    EXPECT_NEAR(static_cast<double>(small), 7500, 217);
}

} // namespace
} // namespace pagewalk::workloads
