#include "os/slab/object_layout.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(GuardAreas, SurroundAnActiveObjectWithRedZones) {
    const SlabFlags flags = slab_flag::red_zone;
    const auto g = slub_geometry({96, 8, flags, Constructor::No}, {});
    const auto areas = guard_areas(*g, flags, Constructor::No, ObjectState::Active);
    ASSERT_EQ(areas.size(), 2u);
    EXPECT_EQ(areas[0].start, -8);
    EXPECT_EQ(areas[0].length, 8u);
    EXPECT_EQ(areas[1].start, 96);
    EXPECT_EQ(areas[1].length, 8u); // a size in whole words gets a word of its own
    EXPECT_EQ(areas[1].value, poison::red_active);
}

TEST(GuardAreas, PoisonFreeObjectsOnly) {
    const SlabFlags flags = slab_flag::poison;
    const auto g = slub_geometry({96, 8, flags, Constructor::No}, {});
    EXPECT_TRUE(guard_areas(*g, flags, Constructor::No, ObjectState::Active).empty());
    const auto areas = guard_areas(*g, flags, Constructor::No, ObjectState::Free);
    ASSERT_EQ(areas.size(), 2u);
    EXPECT_EQ(areas[0].value, poison::free);
    EXPECT_EQ(areas[0].length, 95u);
    EXPECT_EQ(areas[1].value, poison::end);
}

TEST(GuardAreas, LeaveConstructedObjectsAlone) {
    const SlabFlags flags = slab_flag::poison;
    const auto g = slub_geometry({96, 8, flags, Constructor::Yes}, {});
    EXPECT_TRUE(guard_areas(*g, flags, Constructor::Yes, ObjectState::Free).empty());
}

TEST(ObjectDamage, FindsWhatDiffersWithinARange) {
    ObjectDamage damage;
    damage.write(10, 4, 0xcc);
    EXPECT_FALSE(damage.find(8, 8, 0xcc));
    damage.write(11, 2, 0x41);
    const auto finding = damage.find(8, 8, 0xcc);
    ASSERT_TRUE(finding);
    EXPECT_EQ(finding->first, 11u);
    EXPECT_EQ(finding->last, 12u);
    EXPECT_EQ(finding->value, 0x41);
    EXPECT_FALSE(damage.find(0, 11, 0xcc));
    EXPECT_EQ(damage.at(12, 0), 0x41);
    damage.forget(11, 2);
    EXPECT_FALSE(damage.find(8, 8, 0xcc));
}

} // namespace
} // namespace pagewalk::os
