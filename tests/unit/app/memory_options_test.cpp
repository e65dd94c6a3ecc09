#include "app/memory_options.h"
#include "base/error.h"

#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

struct MemoryOptionsTest : testing::Test {
    OptionSet set;
    MemoryOptions options;

    MemoryOptionsTest() { options.declare(set.group("program.1")); }
};

TEST_F(MemoryOptionsTest, LimitNothingByThemselves) {
    options.validate(set, "program.1");
    EXPECT_EQ(options.limits(), os::MemoryLimits());
}

TEST_F(MemoryOptionsTest, AreGivenInBytesAndMeantInPages) {
    set.set("program.1.memory_limit", "8MiB", "test");
    set.set("program.1.memory_high", "4MiB", "test");
    set.set("program.1.memory_low", "2MiB", "test");
    set.set("program.1.memory_min", "1MiB", "test");
    set.set("program.1.swap_limit", "0", "test");
    EXPECT_EQ(options.limits(),
              (os::MemoryLimits{.max = 2048, .high = 1024, .low = 512, .min = 256, .swap = 0}));
}

TEST_F(MemoryOptionsTest, RefuseALimitThatNoProgramFitsIn) {
    set.set("program.1.memory_high", "4KiB", "test");
    try {
        options.validate(set, "program.1");
        FAIL() << "accepted";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("program.1.memory_high"), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("at least 1MiB"), std::string::npos);
    }
}

} // namespace
} // namespace pagewalk::app
