#include "base/error.h"
#include "os/kernel/kernel_config.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

struct Config : testing::Test {
    KernelConfig config;
    OptionSet options;

    void SetUp() override { config.declare(options.group("os")); }
};

TEST_F(Config, HasDebiansDefaults) {
    EXPECT_EQ(config.timing, KernelTiming::On);
    EXPECT_EQ(config.init_on_alloc, InitOnAlloc::On);
    EXPECT_EQ(config.vm.fault_around_bytes, 64U * 1024);
    EXPECT_EQ(config.objects.kind, ObjectAllocatorConfig::Kind::Slub);
}

TEST_F(Config, TakesItsOptions) {
    options.set("os.timing", "off", "test");
    options.set("os.file_cache", "cold", "test");
    options.set("os.time_slice", "1ms", "test");
    EXPECT_EQ(config.timing, KernelTiming::Off);
    EXPECT_EQ(config.file_cache, FileCache::Cold);
    EXPECT_EQ(config.time_slice, Tick(1'000'000 * ticks_per_ns));
}

TEST_F(Config, RefusesWhatIsOutOfRange) {
    EXPECT_THROW(options.set("os.file_cache", "lukewarm", "test"), ConfigError);
    EXPECT_THROW(options.set("os.fault_around_bytes", "12KiB", "test"), ConfigError);
}

TEST_F(Config, RefusesASegmentThatLoadsMoreThanItExecutes) {
    config.memory = pc_memory_map({256ULL << 20}, 1);
    EXPECT_NO_THROW(config.validate());
    options.set("os.cost.asm_exc_page_fault.instructions", "10", "test");
    options.set("os.cost.asm_exc_page_fault.loads", "11", "test");
    EXPECT_THROW(config.validate(), ConfigError);
}

TEST_F(Config, RefusesASwapAreaWithoutRoom) {
    config.memory = pc_memory_map({256ULL << 20}, 1);
    options.set("os.swap", "1MiB", "test");
    EXPECT_NO_THROW(config.validate());
    options.set("os.swap", "4KiB", "test");
    EXPECT_THROW(config.validate(), ConfigError);
}

} // namespace
} // namespace pagewalk::os
