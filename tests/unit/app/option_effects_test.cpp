#include "app/option_effects.h"
#include "base/config_file.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> in_vain(std::initializer_list<std::string> settings) {
    SystemConfig config;
    const std::vector<std::string> list(settings);
    apply_settings(list, config.options);
    config.validate();
    return options_without_effect(config);
}

TEST(OptionEffects, NothingIsInVainThatNobodySet) { EXPECT_THAT(in_vain({}), IsEmpty()); }

TEST(OptionEffects, TellWhatWasSetInVainWhereAndWhatItWants) {
    EXPECT_THAT(in_vain({"os.swappiness=10"}),
                ElementsAre("os.swappiness = 10 (--set) has no effect: it wants os.swap"));
    EXPECT_THAT(in_vain({"os.swappiness=10", "os.swap=64MiB"}), IsEmpty());
}

TEST(OptionEffects, ALinkToAnExpanderWantsOne) {
    EXPECT_THAT(in_vain({"cxl.latency=30ns"}),
                ElementsAre("cxl.latency = 30ns (--set) has no effect: it wants cxl.memory"));
    EXPECT_THAT(in_vain({"cxl.latency=30ns", "cxl.memory=1GiB"}), IsEmpty());
}

TEST(OptionEffects, ADefaultGivenAgainIsNotInVain) { EXPECT_THAT(in_vain({"os.swappiness=60"}), IsEmpty()); }

TEST(OptionEffects, OneLineTellsOfAllThatOneRuleNames) {
    EXPECT_THAT(in_vain({"os.timing=off", "os.cost.handle_mm_fault.loads=1", "os.cost.do_fault.loads=2"}),
                ElementsAre(AllOf(HasSubstr("and 1 more of os.cost.*"), HasSubstr("os.timing = on"))));
}

TEST(OptionEffects, AnOptionIsToldOnce) {
    EXPECT_THAT(in_vain({"synthetic.stream.repeats=3"}),
                ElementsAre("synthetic.stream.repeats = 3 (--set) has no effect: it wants a generator"));
}

TEST(OptionEffects, OfGeneratorsOnlyTheChosenOnesOptionsHaveAny) {
    EXPECT_THAT(
        in_vain({"workload.kind=synthetic", "synthetic.stream.repeats=3", "synthetic.gups.table=1MiB"}),
        ElementsAre(HasSubstr("synthetic.stream.repeats")));
    EXPECT_THAT(in_vain({"program.1.synthetic=stream", "program.2.synthetic=gups",
                         "synthetic.stream.repeats=3", "synthetic.gups.table=1MiB"}),
                IsEmpty());
}

TEST(OptionEffects, AWorkloadOfTheFileThatTheCommandLineReplacesIsNoMistake) {
    SystemConfig config;
    config.options.set("workload.synthetic", "stream", "run.cfg:3");
    config.options.set("workload.kind", "program", "--");
    EXPECT_THAT(options_without_effect(config), IsEmpty());
    config.options.set("workload.kind", "program", "run.cfg:4");
    EXPECT_THAT(options_without_effect(config), ElementsAre(HasSubstr("(run.cfg:3)")));
}

TEST(OptionEffects, SmallMachinesHaveNoHugePages) {
    EXPECT_THAT(in_vain({"machine.memory=256MiB", "os.thp.enabled=madvise"}),
                ElementsAre(HasSubstr("more than 512MiB")));
}

TEST(OptionEffects, OfTranslationDesignsOnlyTheChosenOnesOptionsHaveAny) {
    EXPECT_THAT(in_vain({"mmu.victim_tlb.latency=9", "mmu.pom_tlb.size=64KiB"}),
                ElementsAre(HasSubstr("mmu.design = victim_tlb"), HasSubstr("mmu.design = pom_tlb")));
    EXPECT_THAT(in_vain({"mmu.design=victim_tlb", "mmu.victim_tlb.latency=9"}), IsEmpty());
    EXPECT_THAT(in_vain({"mmu.design=sequential_prefetch", "mmu.tlb_prefetch.degree=3",
                         "mmu.tlb_prefetch.table=9", "mmu.tlb_prefetch.latency=9"}),
                ElementsAre(AllOf(HasSubstr("mmu.tlb_prefetch.table = 9"), HasSubstr("stride_prefetch"))));
    EXPECT_THAT(in_vain({"mmu.walk_cache.formats.entries=3"}), ElementsAre(HasSubstr("flattened or cuckoo")));
    EXPECT_THAT(in_vain({"mmu.walk_cache.formats.entries=3", "os.page_table=cuckoo", "os.thp.enabled=never"}),
                IsEmpty());
    EXPECT_THAT(in_vain({"mmu.l2_tlb.entries=0", "mmu.l2_tlb.replacement=srrip"}),
                ElementsAre(HasSubstr("it wants mmu.l2_tlb.entries")));
}

TEST(OptionEffects, WarmingWantsSomethingToWarmFor) {
    EXPECT_THAT(in_vain({"run.warming=none"}), ElementsAre(HasSubstr("it wants run.begin_at")));
    EXPECT_THAT(in_vain({"run.warming=none", "run.begin_at=marker:1"}), IsEmpty());
}

TEST(OptionEffects, ARuleIsFoundForAnOptionAtItsDefaultToo) {
    SystemConfig config;
    config.validate();
    ASSERT_NE(rule_without_effect(config, "os.swappiness"), nullptr);
    EXPECT_EQ(rule_without_effect(config, "os.swappiness")->wants, "os.swap");
    EXPECT_EQ(rule_without_effect(config, "core.rob_entries"), nullptr);
}

TEST(OptionEffects, EveryRuleNamesOptionsThatThereAre) {
    const SystemConfig config;
    for (const EffectRule& rule : effect_rules()) {
        const auto named = [&](const Option& option) { return matches_glob(option.key, rule.options); };
        EXPECT_TRUE(std::ranges::any_of(config.options.all(), named)) << rule.options;
        EXPECT_FALSE(rule.wants.empty()) << rule.options;
    }
}

} // namespace
} // namespace pagewalk::app
