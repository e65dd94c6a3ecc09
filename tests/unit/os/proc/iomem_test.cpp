#include "os/proc/iomem.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

PhysicalResource resource(std::uint64_t begin, std::uint64_t end, const char* name) {
    return {{PhysAddr(begin), PhysAddr(end)}, name};
}

TEST(Iomem, IndentsWhatLiesInsideAndSortsByAddress) {
    MemoryMap map;
    map.resources = {resource(0x1000000, 0x1800000, "Kernel code"),
                     resource(0x100000, 0x40000000, "System RAM"), resource(0, 0x1000, "Reserved"),
                     resource(0x1000, 0x9fc00, "System RAM"),
                     resource(0x100000000, 0x140000000, "System RAM")};
    EXPECT_EQ(iomem_text(map), "00000000-00000fff : Reserved\n"
                               "00001000-0009fbff : System RAM\n"
                               "00100000-3fffffff : System RAM\n"
                               "  01000000-017fffff : Kernel code\n"
                               "100000000-13fffffff : System RAM\n");
}

TEST(Iomem, ARangeOfTheSameStartEnclosesTheShorterOne) {
    MemoryMap map;
    map.resources = {resource(0xf0000, 0xf8000, "Video ROM"), resource(0xf0000, 0x100000, "Reserved")};
    EXPECT_EQ(iomem_text(map), "000f0000-000fffff : Reserved\n  000f0000-000f7fff : Video ROM\n");
}

} // namespace
} // namespace pagewalk::os
