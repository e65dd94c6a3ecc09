#include "os/vm/hugetlb_files.h"
#include "tests/unit/os/vm/hugetlb_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::HugetlbRig;
using test::with_hugetlb;

struct Files : testing::Test {
    HugetlbRig rig{with_hugetlb("8")};
    HugetlbFiles& known = rig.vm.hugetlb_files();
    InodeId file = rig.at_once(
        [&](Operation& op) { return known.create(op, "/anon_hugepage (deleted)", HugetlbSize::Page2M); });
};

TEST_F(Files, PromiseAPrivateMappingOnePageAPlace) {
    auto reservation = rig.at_once([&](Operation& op) { return known.reserve_private(op, file, 5); });
    ASSERT_NE(reservation, nullptr);
    EXPECT_EQ(rig.pool().reserved(), 5U);
    EXPECT_EQ(rig.at_once([&](Operation& op) { return known.reserve_private(op, file, 4); }), nullptr);
    reservation->use(2);
    EXPECT_FALSE(reservation->is_open(2));
    EXPECT_TRUE(reservation->is_open(3));
    rig.at_once([&](Operation& op) {
        (void)rig.vm.hugetlb(); // the page of place 2 was taken: its promise is kept
        known.close(op, *reservation, 0, 4);
    });
    EXPECT_EQ(rig.pool().reserved(), 2U); // places 0, 1 and 3 have gone
    EXPECT_EQ(reservation->close(0, 5), 1U);
}

TEST_F(Files, PromiseEachPlaceOfASharedFileOnce) {
    EXPECT_TRUE(rig.at_once([&](Operation& op) { return known.reserve_shared(op, file, 0, 4); }));
    EXPECT_TRUE(rig.at_once([&](Operation& op) { return known.reserve_shared(op, file, 2, 4); }));
    EXPECT_EQ(rig.pool().reserved(), 6U);
    EXPECT_FALSE(rig.at_once([&](Operation& op) { return known.reserve_shared(op, file, 0, 9); }));
    const Pfn head = rig.at_once([&](Operation& op) { return known.find_or_add(op, file, 3); });
    EXPECT_NE(head, no_pfn);
    EXPECT_EQ(known.find(file, 3), head);
    EXPECT_EQ(rig.at_once([&](Operation& op) { return known.find_or_add(op, file, 3); }), head);
    EXPECT_EQ(rig.pool().reserved(), 5U);
    EXPECT_EQ(rig.pool().counts().free, 7U);
}

TEST_F(Files, GiveEverythingBackWithTheirLastUser) {
    (void)rig.at_once([&](Operation& op) { return known.reserve_shared(op, file, 0, 4); });
    (void)rig.at_once([&](Operation& op) { return known.find_or_add(op, file, 1); });
    rig.at_once([&](Operation& op) { rig.files.drop_user(op, file); });
    EXPECT_EQ(rig.pool().reserved(), 0U);
    EXPECT_EQ(rig.pool().counts().free, 8U);
}

TEST_F(Files, LosePagesWhereAHoleIsPunched) {
    (void)rig.at_once([&](Operation& op) { return known.reserve_shared(op, file, 0, 4); });
    for (const std::uint64_t place : {0, 1, 2})
        (void)rig.at_once([&](Operation& op) { return known.find_or_add(op, file, place); });
    rig.at_once([&](Operation& op) { known.remove(op, file, 1, 4); });
    EXPECT_NE(known.find(file, 0), no_pfn);
    EXPECT_EQ(known.find(file, 1), no_pfn);
    EXPECT_EQ(rig.pool().counts().free, 7U);
    EXPECT_EQ(rig.pool().reserved(), 0U);
}

TEST_F(Files, KeepAPromiseUntilItsTaskTakesIt) {
    known.keep(TaskId{7}, {file, nullptr});
    EXPECT_FALSE(known.take_kept(TaskId{8}));
    const auto kept = known.take_kept(TaskId{7});
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->file, file);
    EXPECT_FALSE(known.take_kept(TaskId{7}));
}

} // namespace
} // namespace pagewalk::os
