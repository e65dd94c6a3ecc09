#include "os/vm/page_table_placement.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Kind = PageTablePlacement::Kind;

TEST(PageTablePlacement, IsReadFromItsNames) {
    EXPECT_EQ(PageTablePlacement::parse("first_touch", 2)->kind, Kind::FirstTouch);
    EXPECT_EQ(PageTablePlacement::parse("replicated", 2)->kind, Kind::Replicated);
    const PageTablePlacement second = *PageTablePlacement::parse("1", 2);
    EXPECT_EQ(second.kind, Kind::Node);
    EXPECT_EQ(second.node, NodeId{1});
}

TEST(PageTablePlacement, OfANodeThatIsNotThereIsRefused) {
    for (const char* text : {"2", "-1", "", "1x", "local"})
        EXPECT_FALSE(PageTablePlacement::parse(text, 2)) << text;
    EXPECT_NE(PageTablePlacement::parse("2", 2).error().find("from 0 to 1"), std::string::npos);
}

/// A program on a machine of two nodes, whose tables lie as `placement` says. Its CPU is on node 0.
struct PlacedTables : testing::Test {
    test::Machine machine;
    void boot(const char* placement) {
        machine.config.page_table_node = placement;
        machine.config.memory = pc_memory_map({512ULL << 20, 512ULL << 20}, 2);
        machine.boot();
        task = machine.pick().task;
        machine.map_anonymous(base, 8 * page_size);
        machine.touch(base);
    }
    [[nodiscard]] NodeId node_of(Pfn frame) const { return machine.kernel->allocator().zone_of(frame)->node; }
    [[nodiscard]] PageTables& tables() { return machine.kernel->memory().tables(); }
    [[nodiscard]] const AddressSpace& space() const { return *machine.kernel->address_space(task); }
    static constexpr std::uint64_t base = 0x7f0000000000, far = base - (1ULL << 40);
    TaskId task{};
};

TEST_F(PlacedTables, LieWhereTheTaskThatNeedsThemRuns) {
    boot("first_touch");
    EXPECT_EQ(node_of(space().root), NodeId{0});
    EXPECT_EQ(node_of(tables().table_at(space(), VirtAddr(base), 1)), NodeId{0});
    EXPECT_EQ(tables().replicas(), nullptr);
}

TEST_F(PlacedTables, LieOnTheNodeThatIsGiven) {
    boot("1");
    EXPECT_EQ(node_of(space().root), NodeId{1});
    for (unsigned level = 1; level <= 3; ++level)
        EXPECT_EQ(node_of(tables().table_at(space(), VirtAddr(base), level)), NodeId{1});
}

TEST_F(PlacedTables, HaveACopyOnEachNode) {
    boot("replicated");
    ASSERT_NE(tables().replicas(), nullptr);
    for (unsigned level = 1; level <= 4; ++level) {
        const Pfn table = tables().table_at(space(), VirtAddr(base), level);
        EXPECT_EQ(node_of(tables().replicas()->on(NodeId{0}, table)), NodeId{0});
        EXPECT_EQ(node_of(tables().replicas()->on(NodeId{1}, table)), NodeId{1});
    }
}

TEST_F(PlacedTables, AndTheirCopiesGoTogether) {
    boot("replicated");
    const std::uint64_t counted = machine.kernel->counters().nr_page_table_pages;
    machine.map_anonymous(far, page_size);
    const std::uint64_t copies = tables().replicas()->tables();
    machine.touch(far);
    EXPECT_EQ(tables().replicas()->tables(), copies + 3);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, counted + 4); // two tables that count, twice
    machine.call(11, {far, page_size}, 0);
    EXPECT_EQ(tables().replicas()->tables(), copies);
    EXPECT_EQ(machine.kernel->counters().nr_page_table_pages, counted);
}

TEST_F(PlacedTables, AreWrittenOnEveryNode) {
    boot("replicated");
    const Pfn table = tables().table_at(space(), VirtAddr(base), 1);
    const PhysAddr written =
        address_of(tables().replicas()->on(NodeId{1}, table)) + 2 * sizeof(PageTableEntry);
    bool found = false;
    KernelPath& path =
        machine.kernel->page_fault(CpuId{}, VirtAddr(base + 2 * page_size), FaultAccess::Write, machine.now);
    for (const KernelStep& step : path.steps())
        found = found || (step.kind == StepKind::Store && step.address == kernel_layout::direct_map(written));
    EXPECT_TRUE(found);
    (void)test::run_path(*machine.kernel, CpuId{}, path, machine.now);
}

} // namespace
} // namespace pagewalk::os
