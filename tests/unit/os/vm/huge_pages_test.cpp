#include "os/vm/huge_pages.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::VmRig;

struct HugePagesOf : testing::Test {
    VmRig rig;
    HugePages huge{rig.frames, rig.counters};

    Pfn make() {
        const Pfn head = rig.at_once([&](Operation& op) {
            return *rig.frames.allocate(op, {.mask = gfp::transhuge_light, .order = HugePages::order});
        });
        huge.make(head);
        rig.frames.set_mapping(head, {FrameMapping::Kind::Anonymous, 3, 512});
        return head;
    }
    void put(Pfn frame) {
        rig.at_once([&](Operation& op) { huge.put(op, frame); });
    }
};

TEST_F(HugePagesOf, KnowTheFirstFrameOfEachOther) {
    const Pfn head = make();
    EXPECT_TRUE(huge.is_part(head) && huge.is_part(head + 511));
    EXPECT_EQ(huge.head_of(head + 511), head);
    const Pfn small =
        rig.at_once([&](Operation& op) { return *rig.frames.allocate(op, {.mask = gfp::user}); });
    EXPECT_FALSE(huge.is_part(small));
    EXPECT_EQ(huge.head_of(small), small);
    rig.at_once([&](Operation& op) { huge.discard(op, head); });
}

TEST_F(HugePagesOf, CountMappingsOfPartsAndOfTheWhole) {
    const Pfn head = make();
    huge.add_whole(head);
    huge.add_mapping(head + 4);
    EXPECT_EQ(huge.mapcount(head + 4), 2U);
    EXPECT_EQ(huge.mapcount(head), 1U);
    EXPECT_EQ(huge.references(head + 9), 2U);
    EXPECT_FALSE(huge.remove_mapping(head + 4)); // mapped with the whole
    EXPECT_EQ(huge.remove_whole(head), HugePages::frames);
    EXPECT_TRUE(huge.deferred().empty());
    put(head + 4);
    put(head);
    EXPECT_FALSE(huge.is_part(head));
}

TEST_F(HugePagesOf, AreDeferredOnceWhenOnlyPartsStayMapped) {
    const Pfn head = make();
    huge.add_whole(head);
    huge.split_mapping(head);
    EXPECT_EQ(huge.references(head), HugePages::frames);
    EXPECT_TRUE(huge.remove_mapping(head + 1));
    EXPECT_TRUE(huge.remove_mapping(head + 2));
    EXPECT_EQ(rig.counters.thp_deferred_split_page, 1U);
    EXPECT_EQ(huge.deferred().first(), head.value() + 2);
    for (std::uint64_t i = 0; i < HugePages::frames; ++i) {
        if (i != 1 && i != 2) (void)huge.remove_mapping(head + i);
        put(head + i);
    }
    EXPECT_TRUE(huge.deferred().empty());
}

TEST_F(HugePagesOf, BecomePagesOfTheirOwn) {
    const Pfn head = make();
    huge.add_whole(head);
    huge.split_mapping(head);
    (void)huge.remove_mapping(head + 7);
    put(head + 7);
    const std::uint64_t freed = rig.counters.pgfree;
    rig.at_once([&](Operation& op) { huge.break_up(op, head); });
    EXPECT_EQ(rig.counters.pgfree - freed, 1U);
    EXPECT_EQ(rig.frames.mapping(head + 9).index, 521U);
    EXPECT_EQ(rig.frames.pages().peek(head + 9).refcount, 1U);
    for (std::uint64_t i = 0; i < HugePages::frames; ++i) {
        if (i == 7) continue;
        EXPECT_TRUE(huge.remove_mapping(head + i));
        put(head + i);
    }
    EXPECT_EQ(rig.counters.pgfree - freed, HugePages::frames);
}

} // namespace
} // namespace pagewalk::os
