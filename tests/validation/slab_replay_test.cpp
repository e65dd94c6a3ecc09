#include "base/error.h"
#include "os/replay/object_replay.h"
#include "tests/validation/page_captures.h"

#include <fstream>
#include <functional>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class SlabReplay : public testing::TestWithParam<std::string> {};

TEST_P(SlabReplay, PredictsEveryObjectAndEndsInTheKernelsState) {
    const ObjectReplayReport report = replay_objects(capture_path(GetParam()), {.first_difference = true});
    EXPECT_GT(report.kmalloc_objects, 25000u);
    EXPECT_EQ(report.matched, report.objects) << report.text();
    EXPECT_EQ(report.caches_identical, report.caches) << report.text();
    for (const auto& [what, times] : report.checks) {
        EXPECT_NE(what, "page requests with another mask") << times;
        EXPECT_NE(what, "page requests that the kernel did not make") << times;
        EXPECT_NE(what, "frames given back that the kernel kept") << times;
        EXPECT_NE(what, "misuse seen") << times;
    }
}

INSTANTIATE_TEST_SUITE_P(Captures, SlabReplay, testing::Values("a-w5", "slub-w5", "slab-w5", "slob-w5"),
                         test_name);

// A model with one rule broken must be told from the kernel.
struct BrokenRule {
    const char* name;
    const char* capture;
    std::function<void(SlabAllocator&)> prepare;
};

void for_each_slub(SlabAllocator& allocator, const std::function<void(SlubCache&)>& change) {
    for (const auto& cache : allocator.caches()) change(static_cast<SlubCache&>(*cache));
}
void for_each_slab(SlabAllocator& allocator, const std::function<void(SlabCache&)>& change) {
    for (const auto& cache : allocator.caches()) change(static_cast<SlabCache&>(*cache));
}

const std::vector<BrokenRule>& broken_rules() {
    static const std::vector<BrokenRule> rules{
        {"SlubCpuPartialHoldsOneMore", "slub-w5",
         [](SlabAllocator& a) { for_each_slub(a, [](SlubCache& c) { ++c.geometry.cpu_partial_slabs; }); }},
        {"SlubWithoutCpuPartial", "slub-w5",
         [](SlabAllocator& a) { for_each_slub(a, [](SlubCache& c) { c.geometry.cpu_partial = 0; }); }},
        {"SlubKeepsOneSlabLess", "slub-w5",
         [](SlabAllocator& a) { for_each_slub(a, [](SlubCache& c) { --c.geometry.min_partial; }); }},
        {"SlubIgnoresTheRandomOrder", "a-w5",
         [](SlabAllocator& a) { for_each_slub(a, [](SlubCache& c) { c.random_sequence.clear(); }); }},
        {"SlabFlushesAndFillsOneLess", "slab-w5",
         [](SlabAllocator& a) {
             for_each_slab(a, [](SlabCache& c) {
                 for (ArrayCache& array : c.cpus) --array.batchcount;
             });
         }},
        {"SlabArrayHoldsOneLess", "slab-w5",
         [](SlabAllocator& a) {
             for_each_slab(a, [](SlabCache& c) {
                 for (ArrayCache& array : c.cpus) --array.limit;
             });
         }},
        {"SlabKeepsMoreFreeObjects", "slab-w5",
         [](SlabAllocator& a) {
             for_each_slab(a, [](SlabCache& c) {
                 for (SlabNode& node : c.nodes) node.free_limit += c.geometry.objects;
             });
         }},
        {"SlobStartsFromAnotherPage", "slob-w5", [](SlabAllocator& a) { (void)a.allocate_sized(100, {}); }},
    };
    return rules;
}

class BrokenSlabRule : public testing::TestWithParam<std::size_t> {};

TEST_P(BrokenSlabRule, IsSeen) {
    const BrokenRule& rule = broken_rules()[GetParam()];
    const ObjectReplayReport report = replay_objects(capture_path(rule.capture), {.prepare = rule.prepare});
    EXPECT_LT(report.matched, report.objects);
    EXPECT_FALSE(report.exact());
}

std::string rule_name(const testing::TestParamInfo<std::size_t>& rule) {
    return broken_rules()[rule.param].name;
}

INSTANTIATE_TEST_SUITE_P(Rules, BrokenSlabRule, testing::Range(std::size_t{0}, broken_rules().size()),
                         rule_name);

TEST(SlabReplayInput, RejectsACaptureWithoutAllocatorState) {
    EXPECT_THROW((void)replay_objects(capture_path("no-such-capture")), InputError);
    EXPECT_THROW((void)replay_objects(capture_path("a-static")), InputError);
}

} // namespace
} // namespace pagewalk::os
