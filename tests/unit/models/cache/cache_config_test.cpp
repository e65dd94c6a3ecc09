#include "models/cache/cache_config.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(CacheConfig, CapacityAndWaysGiveTheSets) {
    PrivateHierarchyConfig config;
    OptionSet options;
    config.declare(options.group("cache"));
    options.set("cache.l2.capacity", "2MiB", "--set");
    options.set("cache.l2.ways", "16", "--set");
    options.set("cache.l2.replacement", "srrip", "--set");
    options.set("cache.walks_through", "l2", "--set");
    config.validate();
    EXPECT_EQ(config.l2.sets, 2048U);
    EXPECT_EQ(config.l2.replacement, Replacement::Srrip);
    EXPECT_EQ(config.walks_through, WalksThrough::L2);
}

TEST(CacheConfig, RefusesACapacityWhoseSetsAreNoPowerOfTwo) {
    CacheConfig config = CacheConfig::l1d();
    config.capacity = 48 << 10;
    EXPECT_NO_THROW(config.validate("l1d"));
    config.ways = 8;
    try {
        config.validate("l1d");
        FAIL() << "accepted";
    } catch (const ConfigError& error) {
        EXPECT_NE(std::string(error.what()).find("l1d.capacity = 48KiB"), std::string::npos) << error.what();
    }
}

TEST(CacheConfig, DefaultsAreIceLakeServersSizes) {
    const PrivateHierarchyConfig config;
    EXPECT_EQ(config.l1i.lines() * 64, 32U << 10);
    EXPECT_EQ(config.l1d.lines() * 64, 48U << 10);
    EXPECT_EQ(config.l2.lines() * 64, 1280U << 10);
    EXPECT_EQ(LlcConfig().cache.lines() * 64, 1536U << 10);
}

} // namespace
} // namespace pagewalk::models
