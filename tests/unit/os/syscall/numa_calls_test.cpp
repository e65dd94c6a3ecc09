#include "contract/calls_about_memory.h"
#include "os/kernel/kernel.h"
#include "tests/unit/os/kernel/kernel_harness.h"

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using test::Machine;

constexpr std::uint64_t base = 0x7f0000000000;
constexpr std::uint64_t pages = 8;
constexpr std::uint64_t first = 0b01, second = 0b10; ///< nodes
constexpr std::uint64_t bind = 2, interleave = 3;
constexpr std::uint64_t strict = 1, move_own = 2;
constexpr std::uint64_t somewhere = 0x1000; ///< an argument that points to what the record has

struct NumaCalls : testing::Test {
    Machine machine;
    TaskId task{};

    void SetUp() override {
        machine.config.memory = pc_memory_map({256ULL << 20, 256ULL << 20}, 1);
        machine.boot();
        task = machine.pick().task;
        stream().asks = true;
        machine.map_anonymous(base, pages * page_size);
    }
    [[nodiscard]] test::ScriptedStream& stream() { return *machine.workload.streams[0]; }
    [[nodiscard]] std::optional<std::size_t> node_of(std::uint64_t page) {
        const AddressSpace* space = machine.kernel->address_space(task);
        const PteSlot slot = machine.kernel->memory().tables().find_leaf(const_cast<AddressSpace&>(*space),
                                                                         VirtAddr(base + page * page_size));
        if (!slot || !slot.entry->present()) return std::nullopt;
        return pagewalk::index_of(machine.kernel->allocator().zone_of(slot.entry->frame())->node);
    }
    void touch(std::uint64_t page) { machine.touch(base + page * page_size); }
    std::int64_t ask(SyscallRecord record) {
        stream().answered = 1234;
        machine.enter(record);
        const std::int64_t result = stream().answered;
        record.result = result;
        record.entered = true;
        machine.call(record);
        return result;
    }
    static SyscallRecord mbind(std::uint64_t page, std::uint64_t count, std::uint64_t mode,
                               std::uint64_t nodes, std::uint64_t flags = 0) {
        SyscallRecord record{
            .number = calls_about_memory::mbind,
            .arguments = {base + page * page_size, count * page_size, mode, somewhere, 65, flags}};
        record.segments.push_back({VirtAddr(somewhere), nodes});
        return record;
    }
    static SyscallRecord move_pages(const std::vector<std::uint64_t>& which,
                                    std::optional<std::int32_t> node) {
        SyscallRecord record{
            .number = calls_about_memory::move_pages,
            .arguments = {0, which.size(), somewhere, node ? somewhere : 0, somewhere, move_own}};
        for (const std::uint64_t page : which)
            record.segments.push_back(
                {VirtAddr(base + page * page_size), static_cast<std::uint32_t>(node.value_or(0))});
        return record;
    }
    [[nodiscard]] std::vector<std::int32_t> states() {
        std::vector<std::int32_t> values(stream().answer_data.size() / sizeof(std::int32_t));
        std::memcpy(values.data(), stream().answer_data.data(), stream().answer_data.size());
        return values;
    }
};

TEST_F(NumaCalls, BindWhatIsTouchedAfterwards) {
    touch(0);
    EXPECT_EQ(ask(mbind(0, 4, bind, second)), 0);
    touch(1);
    touch(5);
    EXPECT_EQ(node_of(0), 0U); // without MPOL_MF_MOVE it stays
    EXPECT_EQ(node_of(1), 1U);
    EXPECT_EQ(node_of(5), 0U);
}

TEST_F(NumaCalls, InterleavePagesByTheirPlace) {
    EXPECT_EQ(ask(mbind(0, pages, interleave, first | second)), 0);
    for (std::uint64_t i = 0; i < pages; ++i) touch(i);
    for (std::uint64_t i = 1; i < pages; ++i) EXPECT_NE(node_of(i), node_of(i - 1));
}

TEST_F(NumaCalls, MoveWhatThePolicyFindsMisplaced) {
    touch(0);
    touch(1);
    const std::uint64_t moved = machine.kernel->counters().pgmigrate_success;
    EXPECT_EQ(ask(mbind(0, 4, bind, second, move_own)), 0);
    EXPECT_EQ(node_of(0), 1U);
    EXPECT_EQ(node_of(1), 1U);
    EXPECT_EQ(machine.kernel->counters().pgmigrate_success, moved + 2);
    EXPECT_EQ(ask(mbind(0, 4, 0, 0)), 0);
    touch(2);
    EXPECT_EQ(node_of(2), 0U); // the task's policy again
}

TEST_F(NumaCalls, RefuseAStrictPolicyThatPagesBreak) {
    touch(0);
    EXPECT_EQ(ask(mbind(0, 4, bind, second, strict)), -EIO);
    touch(1);
    EXPECT_EQ(node_of(1), 0U); // nothing was set
    EXPECT_EQ(ask(mbind(0, 4, bind, first, strict)), 0);
}

TEST_F(NumaCalls, RefuseWhatMakesNoSense) {
    EXPECT_EQ(ask(mbind(0, 2 * pages, bind, second)), -EFAULT); // beyond the area
    EXPECT_EQ(ask(mbind(0, 4, bind, 0)), -EINVAL);
    EXPECT_EQ(ask(mbind(0, 4, bind, 0b100)), -EINVAL); // no such node
    EXPECT_EQ(ask(mbind(0, 4, 6, first)), -EINVAL);
    EXPECT_EQ(ask(mbind(0, 4, 0, first)), -EINVAL);
    EXPECT_EQ(ask(mbind(0, 4, bind, first, 16)), -EINVAL);
    SyscallRecord odd = mbind(0, 4, bind, first);
    odd.arguments[0] += 1;
    EXPECT_EQ(ask(odd), -EINVAL);
    EXPECT_EQ(ask(mbind(0, 0, bind, first)), 0);
}

TEST_F(NumaCalls, TellWherePagesAre) {
    touch(0);
    machine.touch(base + page_size, FaultAccess::Read);
    EXPECT_EQ(ask(move_pages({0, 1, 2, 100}, {})), 0);
    EXPECT_EQ(states(), (std::vector<std::int32_t>{0, -EFAULT, -ENOENT, -EFAULT}));
}

TEST_F(NumaCalls, MovePagesToTheirNodes) {
    touch(0);
    touch(1);
    EXPECT_EQ(ask(move_pages({0, 3}, 1)), 0);
    EXPECT_EQ(states(), (std::vector<std::int32_t>{1, -ENOENT}));
    EXPECT_EQ(node_of(0), 1U);
    EXPECT_EQ(node_of(1), 0U);
    EXPECT_EQ(ask(move_pages({1}, 7)), -ENODEV);
    SyscallRecord unreadable = move_pages({0, 1}, 1);
    unreadable.segments.clear();
    EXPECT_EQ(ask(unreadable), -EFAULT);
}

TEST_F(NumaCalls, LeavePagesOfOthersWhereTheyAre) {
    touch(0);
    machine.workload.add_child(77);
    machine.call(57, {}, 77);
    EXPECT_EQ(ask(move_pages({0}, 1)), 0);
    EXPECT_EQ(states(), (std::vector<std::int32_t>{-EACCES}));
}

TEST_F(NumaCalls, MigrateAllPagesOfAProcess) {
    for (std::uint64_t i = 0; i < 4; ++i) touch(i);
    SyscallRecord record{.number = calls_about_memory::migrate_pages,
                         .arguments = {0, 65, somewhere, somewhere}};
    record.segments = {{VirtAddr(somewhere), first}, {VirtAddr(somewhere), second}};
    EXPECT_EQ(ask(record), 0);
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(node_of(i), 1U);
    record.segments[1].bytes = 0b100;
    EXPECT_EQ(ask(record), -EINVAL);
}

TEST_F(NumaCalls, TellAnAreasPolicyAndAPagesNode) {
    EXPECT_EQ(ask(mbind(2, 2, bind, second)), 0);
    const auto get = [&](std::uint64_t page, std::uint64_t flags) {
        return ask({.number = calls_about_memory::get_mempolicy,
                    .arguments = {somewhere, somewhere, 64, base + page * page_size, flags}});
    };
    constexpr std::uint64_t node = calls_about_memory::node_flag,
                            of_address = calls_about_memory::address_flag;
    EXPECT_EQ(get(2, of_address), 0);
    EXPECT_EQ(states(), (std::vector<std::int32_t>{2, 0b10, 0}));
    EXPECT_EQ(get(0, of_address), 0);
    EXPECT_EQ(states().front(), 0);
    touch(3);
    EXPECT_EQ(get(3, of_address | node), 0);
    EXPECT_EQ(states().front(), 1);
    EXPECT_EQ(get(100, of_address), -EFAULT);
}

TEST_F(NumaCalls, OfARecordingTakeEffectWhenTheyReturn) {
    stream().asks = false;
    SyscallRecord record = mbind(0, 4, bind, second);
    record.result = -EINVAL;
    machine.call(record);
    touch(0);
    EXPECT_EQ(node_of(0), 0U);
    record.result = 0;
    machine.call(record);
    touch(1);
    EXPECT_EQ(node_of(1), 1U);
}

TEST_F(NumaCalls, ReadFilesAboutTheirMemory) {
    machine.kernel->set_process_files(
        [](TaskId, std::string_view file) { return file == "statm" ? "1 2 3" : ""; });
    SyscallRecord record{.number = calls_about_memory::openat, .path = "/proc/self/statm"};
    EXPECT_EQ(ask(record), 0);
    ASSERT_EQ(stream().answer_data.size(), 5U);
    record.path = "/proc/self/maps"; // QEMU's
    EXPECT_EQ(ask(record), 1234);
}

} // namespace
} // namespace pagewalk::os
