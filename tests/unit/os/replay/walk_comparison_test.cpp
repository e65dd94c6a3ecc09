#include "os/replay/walk_comparison.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;
constexpr std::uint64_t base = 0x100000000000;

/// The running task's memory, as a walk of it would show it.
struct Walked : testing::Test {
    Machine machine;
    TaskId task{};
    ProgramReport report{.name = "job"};

    Walked() {
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(base, 4 * page_size);
        machine.touch(base);
        machine.touch(base + page_size);
        machine.touch(base + 2 * page_size, FaultAccess::Read);
    }
    AddressSpace& space() { return *machine.kernel->processes().find(task)->space; }
    Pfn frame(std::uint64_t at) {
        return machine.kernel->memory().tables().find(space(), VirtAddr(at)).entry->frame();
    }
    ProcessWalk walk() {
        WalkedProcess process{.threads = {"P0"}, .root = space().root};
        for (const Vma& area : space().areas)
            process.areas.push_back({.start = area.start,
                                     .end = area.end,
                                     .flags = area.flags | 0x8000070,
                                     .page_offset = area.page_offset,
                                     .name = "-"});
        for (unsigned level = 3; level != 0; --level)
            process.tables.push_back(
                {level, VirtAddr(base),
                 machine.kernel->memory().tables().table_at(space(), VirtAddr(base), level)});
        process.runs = {
            {.at = VirtAddr(base), .pages = 1, .frame = frame(base), .flags = "nwd"},
            {.at = VirtAddr(base + page_size), .pages = 1, .frame = frame(base + page_size), .flags = "nwd"},
            {.at = VirtAddr(base + 2 * page_size), .pages = 1, .frame = Pfn(0x3000), .flags = "z"}};
        return {.step = "3", .processes = {process}};
    }
    const ProgramReport& compare(const ProcessWalk& walk) {
        WalkComparison(report, *machine.kernel, task).compare(walk);
        return report;
    }
};

TEST_F(Walked, MemoryThatIsTheSameIsExact) {
    EXPECT_TRUE(compare(walk()).exact()) << report.details(false);
    EXPECT_EQ(report.pages.total, 3U); // the zero page wherever it lies
    EXPECT_EQ(report.tables.total, 4U);
    EXPECT_EQ(report.areas.total, space().areas.size());
}

TEST_F(Walked, EachWrongFrameCounts) {
    ProcessWalk other = walk();
    other.processes[0].runs[1].frame = Pfn(0x1234);
    other.processes[0].tables[2].frame = Pfn(0x1235);
    other.processes[0].root = Pfn(0x1236);
    EXPECT_EQ(compare(other).pages.text(), "2 of 3");
    EXPECT_EQ(report.tables.text(), "2 of 4");
    EXPECT_NE(report.details(false).find("P0 page of 100000001000: real 1234, ours "), std::string::npos);
}

TEST_F(Walked, PagesAreasAndTablesThatOneSideLacksCount) {
    ProcessWalk other = walk();
    other.processes[0].runs.pop_back();
    other.processes[0].areas.front().flags |= vm::locked;
    other.processes[0].tables.pop_back();
    EXPECT_EQ(compare(other).pages.text(), "2 of 3");
    EXPECT_EQ(report.areas.same + 1, space().areas.size());
    EXPECT_EQ(report.tables.text(), "3 of 4");
}

TEST_F(Walked, AProcessThatIsNotThereCounts) {
    ProcessWalk other = walk();
    other.processes[0].threads = {"P7"};
    EXPECT_EQ(compare(other).pages.text(), "0 of 3");
    EXPECT_FALSE(report.exact());
    WalkComparison(report, *machine.kernel, task).miss(walk());
    EXPECT_EQ(report.pages.text(), "0 of 6");
    EXPECT_EQ(report.tables.total, 8U);
}

TEST(SpaceImageOfAWalk, KeepsWhatTheKernelNeeds) {
    WalkedProcess process{.threads = {"P0"}, .root = Pfn(7)};
    process.areas = {{.start = VirtAddr(0x400000),
                      .end = VirtAddr(0x402000),
                      .flags = 0x8000075,
                      .page_offset = 1,
                      .name = "p1"},
                     {.start = VirtAddr(0x500000),
                      .end = VirtAddr(0x501000),
                      .flags = 0x8100073,
                      .anon_vma = PhysAddr(64),
                      .name = "[heap]"}};
    process.tables = {{1, VirtAddr(0x400000), Pfn(9)}, {3, VirtAddr(0), Pfn(8)}};
    process.runs = {{.at = VirtAddr(0x400000), .pages = 2, .frame = Pfn(0x45), .flags = "s"},
                    {.at = VirtAddr(0x500000), .pages = 1, .frame = Pfn(0x55), .flags = "nwd"},
                    {.at = VirtAddr(0x7ffff7ffd000), .pages = 1, .frame = Pfn(0x65), .flags = "k"}};
    const SpaceImage image = image_of(process, {Pfn(0x55)}, "/bin/");
    EXPECT_EQ(image.root, Pfn(7));
    EXPECT_EQ(image.areas[0].file, "/bin/p1");
    EXPECT_EQ(image.areas[0].flags, vm::read | vm::exec);
    EXPECT_TRUE(image.areas[1].has_anon_vma);
    EXPECT_EQ(image.areas[1].flags, vm::read | vm::write | vm::account);
    EXPECT_EQ(image.tables[0].level, 3U); // from the top down
    ASSERT_EQ(image.pages.size(), 3U);    // without the kernel's
    EXPECT_EQ(image.pages[1].frame, Pfn(0x46));
    EXPECT_TRUE(image.pages[2].in_lru_batch);
    EXPECT_TRUE(image.pages[2].dirty);
}

} // namespace
} // namespace pagewalk::os
