#include "models/core/core_config.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

struct CoreConfigTest : testing::Test {
    CoreConfigTest() { config.declare(options.group("core")); }
    [[nodiscard]] std::uint16_t mask(UopClass cls) const {
        return config.port_masks()[static_cast<std::size_t>(cls)];
    }
    CoreConfig config;
    OptionSet options;
};

TEST_F(CoreConfigTest, DefaultsAreValidAndEveryClassButNopHasAPort) {
    EXPECT_NO_THROW(config.validate(options));
    EXPECT_EQ(mask(UopClass::Nop), 0);
    for (std::size_t cls = 1; cls < uop_class_count; ++cls) EXPECT_NE(config.port_masks()[cls], 0) << cls;
}

TEST_F(CoreConfigTest, PortListBecomesAMask) {
    options.set("core.ports.load", "0,3,15", "--set");
    EXPECT_NO_THROW(config.validate(options));
    EXPECT_EQ(mask(UopClass::Load), 0x8009);
}

TEST_F(CoreConfigTest, RefusesPortListsThatAreNone) {
    for (const char* text : {"16", "1,,2", "a", "1 2", "-1", "1;2"}) {
        options.set("core.ports.store", text, "machine.cfg:3");
        EXPECT_THROW(config.validate(options), ConfigError) << text;
    }
}

TEST_F(CoreConfigTest, RefusalNamesTheKeyItsPlaceAndTheValue) {
    options.set("core.ports.int_div", "99", "machine.cfg:3");
    try {
        config.validate(options);
        FAIL() << "accepted port 99";
    } catch (const ConfigError& error) {
        const std::string text = error.what();
        for (const char* part : {"core.ports.int_div", "machine.cfg:3", "99", "0 to 15"})
            EXPECT_NE(text.find(part), std::string::npos) << text;
    }
}

TEST_F(CoreConfigTest, RefusesAClassWithoutPorts) {
    config.ports[static_cast<std::size_t>(UopClass::Branch)] = "";
    EXPECT_THROW(config.validate(options), ConfigError);
}

TEST_F(CoreConfigTest, RefusesFewerRegistersThanAProgramHas) {
    for (const char* key : {"core.integer_registers", "core.vector_registers"}) {
        options.set(key, "79", "--set");
        EXPECT_THROW(config.validate(options), ConfigError) << key;
        for (const char* enough : {"0", "80"}) {
            options.set(key, enough, "--set");
            EXPECT_NO_THROW(config.validate(options)) << key;
        }
    }
}

TEST_F(CoreConfigTest, OptionsReachTheirFields) {
    options.set("core.frequency", "2GHz", "--set");
    options.set("core.rob_entries", "224", "--set");
    options.set("core.branch_predictor.direction", "gshare", "--set");
    options.set("core.branch_predictor.return_stack", "16", "--set");
    EXPECT_EQ(config.frequency, 2'000'000'000U);
    EXPECT_EQ(config.rob_entries, 224U);
    EXPECT_EQ(config.branch_predictor.direction, DirectionPredictor::Gshare);
    EXPECT_EQ(config.branch_predictor.return_stack, 16U);
}

} // namespace
} // namespace pagewalk::models
