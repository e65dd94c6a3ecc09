#include "os/vm/khugepaged.h"
#include "tests/unit/os/vm/vm_rig.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::cpu1;
using test::page;
using test::VmRig;

constexpr std::uint64_t huge = HugePages::frames;

struct KhugepagedOnCpu1 : testing::Test {
    VmRig rig;
    KhugepagedConfig config;
    std::unique_ptr<Khugepaged> daemon;
    std::shared_ptr<AddressSpace> space = rig.new_space();

    void begin() {
        daemon = std::make_unique<Khugepaged>(rig.vm, rig.objects, rig.lru, rig.runner, config);
        rig.vm.set_khugepaged(*daemon);
        rig.run(cpu1, [this](Operation& op) { daemon->run(op); });
    }
    void TearDown() override { rig.unwind(); }
    /// Lets it work until it sleeps.
    void work() {
        while (rig.pick(cpu1) != nullptr) {
        }
    }
    void advise(std::uint32_t set, std::uint32_t clear) {
        rig.at_once([&](Operation& op) { rig.vm.advise(op, *space, page(0), page(2 * huge), set, clear); });
    }
    /// An area of two huge pages' size, of which every `stride`th page is small and there.
    void write_small_pages(std::uint64_t stride) {
        rig.map(*space, {.start = page(0),
                         .bytes = 2 * HugePages::bytes,
                         .flags = vm::read | vm::write | vm::no_huge_page});
        for (std::uint64_t i = 0; i < 2 * huge; i += stride) rig.touch(*space, page(i));
    }
    [[nodiscard]] bool is_huge(std::uint64_t number) {
        return static_cast<bool>(rig.tables.find_huge(*space, page(number)));
    }
};

TEST_F(KhugepagedOnCpu1, PutsSmallPagesTogetherOnceTheirAreaMayHaveHugeOnes) {
    begin();
    write_small_pages(8);
    work();
    EXPECT_FALSE(is_huge(0));
    advise(vm::huge_page, vm::no_huge_page);
    work();
    EXPECT_TRUE(is_huge(0) && is_huge(huge));
    EXPECT_EQ(rig.counters.thp_collapse_alloc, 2U);
    EXPECT_EQ(space->anon_pages, 2 * huge);
    EXPECT_EQ(rig.counters.nr_anon_pages, 2 * huge);
    EXPECT_EQ(rig.counters.nr_lru_anon, 2 * huge);
    EXPECT_EQ(rig.touch(*space, page(1)).kind, FaultKind::Spurious); // writable at once
}

TEST_F(KhugepagedOnCpu1, LeavesRangesThatLackTooManyPages) {
    config.limits.none = 447;
    begin();
    write_small_pages(8); // 448 are missing
    advise(vm::huge_page, vm::no_huge_page);
    work();
    EXPECT_FALSE(is_huge(0));
    EXPECT_EQ(rig.counters.thp_scan_exceed_none_pte, 2U);
}

TEST_F(KhugepagedOnCpu1, LooksAgainAfterItsSleep) {
    config.limits.none = 447;
    begin();
    write_small_pages(8);
    advise(vm::huge_page, vm::no_huge_page);
    work();
    rig.touch(*space, page(1)); // 447 are missing
    rig.now += Tick(config.scan_sleep.value() / 2);
    work();
    EXPECT_FALSE(is_huge(0));
    rig.now += Tick(config.scan_sleep.value() / 2);
    work();
    EXPECT_TRUE(is_huge(0));
    EXPECT_FALSE(is_huge(huge));
}

TEST_F(KhugepagedOnCpu1, SleepsBetweenRoundsOfSoManyPages) {
    config.pages_to_scan = huge;
    begin();
    write_small_pages(8);
    advise(vm::huge_page, vm::no_huge_page);
    work();
    EXPECT_TRUE(is_huge(0));
    EXPECT_FALSE(is_huge(huge));
    rig.now += config.scan_sleep;
    work();
    EXPECT_TRUE(is_huge(huge));
}

TEST_F(KhugepagedOnCpu1, ForgetsSpacesThatHaveGone) {
    begin();
    write_small_pages(8);
    advise(vm::huge_page, vm::no_huge_page);
    rig.at_once([&](Operation& op) {
        rig.vm.drop_user(op, *space);
        rig.vm.destroy(op, *space);
    });
    work();
    EXPECT_EQ(rig.counters.thp_collapse_alloc, 0U);
    EXPECT_TRUE(daemon->asleep());
}

TEST_F(KhugepagedOnCpu1, LeavesSharedRangesAboveTheLimit) {
    begin();
    write_small_pages(1);
    const auto child = rig.at_once([&](Operation& op) { return rig.vm.fork(op, *space); });
    for (std::uint64_t i = 0; i < huge - 256; ++i) rig.touch(*space, page(i)); // 256 are shared
    for (std::uint64_t i = huge; i < 2 * huge - 257; ++i) rig.touch(*space, page(i));
    advise(vm::huge_page, vm::no_huge_page);
    work();
    EXPECT_TRUE(is_huge(0));
    EXPECT_FALSE(is_huge(huge));
    EXPECT_EQ(rig.counters.thp_scan_exceed_share_pte, 1U);
    EXPECT_EQ(child->anon_pages, 2 * huge);
}

} // namespace
} // namespace pagewalk::os
