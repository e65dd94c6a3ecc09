#include "base/option.h"

#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace pagewalk;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

enum class Policy : std::uint8_t { Lru, Random };

struct Config {
    std::uint32_t entries = 64;
    std::uint64_t capacity = 32768;
    Tick latency{80'000};
    bool timing = true;
    Policy policy = Policy::Lru;
    std::string name = "x";

    void declare(OptionGroup group) {
        group.number("entries", entries, {1, 1024, OptionRange::Shape::PowerOfTwo},
                     {Unit::Count, "entries", "assumed"});
        group.number("capacity", capacity, {64, 1 << 30}, {Unit::Bytes, "capacity", "assumed"});
        group.number("latency", latency, {0, 1'000'000}, {Unit::Ticks, "latency", "assumed"});
        group.flag("timing", timing, {Unit::None, "timing", "user"});
        group.choice("policy", policy, {{Policy::Lru, "lru"}, {Policy::Random, "random"}},
                     {Unit::None, "replacement", "user"});
        group.text("name", name, {Unit::None, "name", "user"});
    }
};

std::string message_of(OptionSet& options, std::string_view key, std::string_view value) {
    try {
        options.set(key, value, "a.cfg:3");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST(OptionSet, SetsFieldsOfEveryType) {
    Config config;
    OptionSet options;
    config.declare(options.group("mmu.l2_tlb"));
    options.set("mmu.l2_tlb.entries", "256", "--set");
    options.set("mmu.l2_tlb.capacity", "48KiB", "--set");
    options.set("mmu.l2_tlb.latency", "0.1us", "--set");
    options.set("mmu.l2_tlb.timing", "off", "--set");
    options.set("mmu.l2_tlb.policy", "random", "--set");
    options.set("mmu.l2_tlb.name", "two words", "--set");
    EXPECT_EQ(config.entries, 256U);
    EXPECT_EQ(config.capacity, 48U * 1024);
    EXPECT_EQ(config.latency, Tick(100'000));
    EXPECT_FALSE(config.timing);
    EXPECT_EQ(config.policy, Policy::Random);
    EXPECT_EQ(config.name, "two words");
    EXPECT_EQ(options.where("mmu.l2_tlb.entries"), "--set");
    EXPECT_EQ(options.where("mmu.l2_tlb.ways"), "default");
}

TEST(OptionSet, ErrorsNameFileLineKeyValueAndWhatIsAllowed) {
    Config config;
    OptionSet options;
    config.declare(options.group("tlb"));
    for (const auto& [key, value, allowed] :
         {std::tuple{"tlb.entries", "2000", "1 to 1024"}, std::tuple{"tlb.entries", "48", "power of two"},
          std::tuple{"tlb.capacity", "many", "a size such as"},
          std::tuple{"tlb.latency", "80", "needs a unit"}, std::tuple{"tlb.timing", "true", "on, off"},
          std::tuple{"tlb.policy", "fifo", "lru, random"}}) {
        const std::string message = message_of(options, key, value);
        EXPECT_THAT(message, HasSubstr("a.cfg:3"));
        EXPECT_THAT(message, HasSubstr(key));
        EXPECT_THAT(message, HasSubstr(value));
        EXPECT_THAT(message, HasSubstr(allowed));
    }
    EXPECT_EQ(config.entries, 64U) << "a rejected value must not stick";
}

TEST(OptionSet, AnUnknownKeySuggestsTheNearest) {
    Config config;
    OptionSet options;
    config.declare(options.group("tlb"));
    EXPECT_THAT(message_of(options, "tlb.entires", "4"), HasSubstr("did you mean 'tlb.entries'"));
}

TEST(OptionSet, ResolvedTextSetsTheSameValuesAgain) {
    Config config;
    OptionSet options;
    config.declare(options.group("a"));
    options.set("a.entries", "128", "--set");
    EXPECT_EQ(options.resolved(),
              "[a]\nentries = 128\ncapacity = 32KiB\nlatency = 80ns\ntiming = on\npolicy = lru\nname = x\n");
}

TEST(OptionSet, NumberedSectionsAreThereOnceOneIsSet) {
    std::map<std::uint64_t, Config> configs;
    OptionSet options;
    options.numbered("tlb", 12, [&](OptionGroup group, std::uint64_t n) { configs[n].declare(group); });
    EXPECT_TRUE(options.all().empty());
    options.set("tlb.12.entries", "128", "a.cfg:1");
    options.set("tlb.3.entries", "256", "a.cfg:2");
    options.set("tlb.12.name", "y", "a.cfg:3");
    EXPECT_EQ(configs.at(12).entries, 128U);
    EXPECT_EQ(configs.at(12).name, "y");
    EXPECT_EQ(configs.at(3).entries, 256U);
    EXPECT_EQ(configs.size(), 2U);
    EXPECT_THAT(options.resolved(), HasSubstr("[tlb.12]\nentries = 128\n"));
    EXPECT_THAT(message_of(options, "tlb.3.entires", "4"), HasSubstr("did you mean 'tlb.3.entries'"));
}

TEST(OptionSet, NumberedSectionsHaveNumbersFromOneToTheMost) {
    OptionSet options;
    options.numbered("tlb", 12, [](OptionGroup, std::uint64_t) { FAIL() << "declared"; });
    for (const char* key :
         {"tlb.0.name", "tlb.13.name", "tlb.x.name", "tlb.1", "tlb.name", "tlb.01.name", "tlb.-1.name"})
        EXPECT_THAT(message_of(options, key, "4"),
                    AllOf(HasSubstr("a.cfg:3: "), HasSubstr("sections are [tlb.1] to [tlb.12]")))
            << key;
    EXPECT_THAT(message_of(options, "tlbs.1.name", "4"), Not(HasSubstr("sections")));
}

TEST(Glob, MatchesStars) {
    EXPECT_TRUE(matches_glob("core0/mmu/l2_tlb", "core*/mmu*"));
    EXPECT_TRUE(matches_glob("abc", "*"));
    EXPECT_TRUE(matches_glob("abc", "a*c*"));
    EXPECT_FALSE(matches_glob("abc", "a*d"));
    EXPECT_FALSE(matches_glob("", "a"));
}
