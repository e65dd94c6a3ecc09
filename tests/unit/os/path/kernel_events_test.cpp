#include "os/path/kernel_events.h"

#include <set>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

std::size_t bytes_of(ColumnType type) { return std::size_t{1} << (static_cast<unsigned>(type) % 4); }

template <class Record>
class KernelEvents : public testing::Test {};
using Records = testing::Types<AllocationEvent, FaultEvent, KmemEvent, DriverEvent, KillEvent>;
TYPED_TEST_SUITE(KernelEvents, Records);

TYPED_TEST(KernelEvents, NameEveryByteOfTheirRecordButPadding) {
    const EventSchema schema = TypeParam::schema();
    std::set<std::size_t> bytes;
    for (const EventColumn& column : schema.columns) {
        EXPECT_FALSE(column.description.empty()) << schema.name << '.' << column.name;
        for (std::size_t i = 0; i < bytes_of(column.type); ++i)
            EXPECT_TRUE(bytes.insert(column.offset + i).second) << schema.name << '.' << column.name;
    }
    std::size_t padding = 0;
    if constexpr (requires(TypeParam record) { record.padding; }) padding = sizeof(TypeParam::padding);
    EXPECT_EQ(bytes.size() + padding, sizeof(TypeParam));
}

TEST(Kills, AreToldInTheKernelsWords) {
    KillRecord kill{.task = 5, .reason = KillReason::OutOfMemory, .name = "sort"};
    kill.total_vm = 100;
    kill.anon_rss = 20;
    kill.file_rss = 3;
    kill.shmem_rss = 1;
    kill.page_tables = 16;
    EXPECT_EQ(to_string(kill), "Out of memory: Killed process 5 (sort) total-vm:100kB, anon-rss:20kB, "
                               "file-rss:3kB, shmem-rss:1kB, UID:0 pgtables:16kB oom_score_adj:0");
    EXPECT_EQ(to_string(KillRecord{.task = 6, .address = 0x1000}), "task 6: SIGSEGV at address 0x1000");
}

} // namespace
} // namespace pagewalk::os
