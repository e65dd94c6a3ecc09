#include "os/vmalloc/vmalloc_fallback.h"
#include "tests/support/vmalloc_machine.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr std::uint64_t mib = 1ULL << 20;

class VmallocFallbackTest : public testing::Test {
protected:
    VirtAddr take(std::uint64_t size) {
        return machine.kmalloc.allocate_anywhere(size, {}, &fallback).value();
    }

    VmallocMachine machine{vmalloc_memory(128 * mib)};
    VmallocFallback fallback{machine.vmalloc, "alloc_fdtable+0x4e/0xe0"};
};

TEST_F(VmallocFallbackTest, ServesWhatKmallocCannot) {
    const VirtAddr small = take(100 * 1024);
    EXPECT_FALSE(fallback.owns(small));
    const VirtAddr large = take(20 * mib);
    ASSERT_TRUE(fallback.owns(large));
    EXPECT_EQ(machine.vmalloc.tables().level_at(large), 2u); // kvmalloc allows huge mappings
    EXPECT_EQ(machine.vmalloc.find(large)->caller, "alloc_fdtable+0x4e/0xe0");
    machine.kmalloc.free_anywhere(large, CpuId{}, &fallback);
    machine.kmalloc.free_anywhere(small, CpuId{}, &fallback);
    EXPECT_EQ(machine.vmalloc.pages(), 0u);
    EXPECT_TRUE(machine.vmalloc.reports().empty());
}

TEST_F(VmallocFallbackTest, GivesNothingBeyondTheMachinesMemory) {
    EXPECT_FALSE(machine.kmalloc.allocate_anywhere(1ULL << 40, {}, &fallback).has_value());
}

} // namespace
} // namespace pagewalk::os
