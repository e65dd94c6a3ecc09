#include "models/mmu/nested/nested_config.h"

#include <string>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(NestedConfig, NoMachineIsVirtualByDefault) {
    const NestedConfig config;
    EXPECT_FALSE(config.enabled());
}

TEST(NestedConfig, ReadsTheHostsPages) {
    NestedConfig config;
    OptionSet options;
    config.declare(options.group("mmu").group("vm"));
    options.set("mmu.vm.pages", "2m", "--set");
    EXPECT_TRUE(config.enabled());
    EXPECT_EQ(config.page_size_of_host(), PageSize::Page2M);
}

TEST(NestedConfig, RefusesANestedTlbWhoseSetsDoNotFit) {
    NestedConfig config;
    OptionSet options;
    config.declare(options.group("mmu").group("vm"));
    options.set("mmu.vm.tlb.entries", "24", "--set");
    std::string refusal;
    try {
        config.validate(options);
    } catch (const ConfigError& error) {
        refusal = error.what();
    }
    EXPECT_NE(refusal.find("mmu.vm.tlb.entries = 24"), std::string::npos) << refusal;
}

} // namespace
} // namespace pagewalk::models
