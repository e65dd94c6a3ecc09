#include "workloads/qemu/linux_image.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

InitialMapping mapping(std::uint64_t start, std::uint64_t end, std::string file = {}) {
    return {.start = VirtAddr(start), .end = VirtAddr(end), .file = std::move(file)};
}
InitialMapping stack(std::uint64_t start, std::uint64_t end, std::uint64_t pointer) {
    InitialMapping area = mapping(start, end);
    area.writable = area.grows_down = true;
    area.written_from = VirtAddr(pointer);
    area.written_to = area.end;
    return area;
}
InitialMapping heap(std::uint64_t at) {
    InitialMapping area = mapping(at, at);
    area.heap = true;
    return area;
}

const InitialMapping& at(const LinuxImage& image, std::uint64_t start) {
    const auto found = std::ranges::find(image.mappings, VirtAddr(start), &InitialMapping::start);
    EXPECT_NE(found, image.mappings.end()) << std::hex << start;
    return found == image.mappings.end() ? image.mappings.front() : *found;
}

// Source of the expected addresses: /proc/PID/maps under Linux 6.1 with norandmaps.
TEST(LinuxImage, PutsAStaticProgramsStackAndVdsoWhereLinuxHasThem) {
    const LinuxImage image = place_as_linux(
        {mapping(0x400000, 0x401000, "p1"), heap(0x40e000), stack(0x4000001000, 0x4000801000, 0x4000800e00)});
    ASSERT_EQ(image.mappings.size(), 5U);
    EXPECT_EQ(image.mappings[0].start, VirtAddr(0x400000));
    EXPECT_TRUE(at(image, 0x40e000).heap);
    EXPECT_TRUE(at(image, 0x7ffff7ff9000).of_kernel); // vvar
    EXPECT_EQ(at(image, 0x7ffff7ffd000).end, VirtAddr(0x7ffff7fff000));
    EXPECT_TRUE(at(image, 0x7ffff7ffd000).executable);
    EXPECT_EQ(at(image, 0x7ffffffde000).end, VirtAddr(0x7ffffffff000));
    EXPECT_EQ(at(image, 0x7ffffffde000).written_from, VirtAddr(0x7fffffffee00));
    EXPECT_EQ(image.shifts.ours(VirtAddr(0x4000800e00)), VirtAddr(0x7fffffffee00));
    EXPECT_EQ(image.shifts.ours(VirtAddr(0x400123)), VirtAddr(0x400123));
}

TEST(LinuxImage, MovesAProgramWithoutFixedAddressAndItsLoader) {
    const LinuxImage image = place_as_linux(
        {mapping(0x4000000000, 0x4000002000, "true"), mapping(0x4000008000, 0x400000a000, "true"),
         heap(0x400000a000), stack(0x400200b000, 0x400280b000, 0x400280ae00),
         mapping(0x400280b000, 0x400280c000, "ld.so"), mapping(0x400283c000, 0x4002840000, "ld.so")});
    EXPECT_EQ(at(image, 0x555555554000).file, "true");
    EXPECT_TRUE(at(image, 0x55555555e000).heap);
    EXPECT_EQ(image.shifts.ours(VirtAddr(0x4000009000)), VirtAddr(0x55555555d000));
    EXPECT_EQ(image.shifts.ours(VirtAddr(0x400000b000)), VirtAddr(0x55555555f000)); // its break, grown
    EXPECT_EQ(at(image, 0x7ffff7fca000).file, "ld.so"); // 0x35000 bytes below mmap_base
    EXPECT_EQ(image.shifts.ours(VirtAddr(0x400283ffff)), VirtAddr(0x7ffff7ffefff));
    EXPECT_EQ(at(image, 0x7ffff7fc8000).end, VirtAddr(0x7ffff7fca000)); // the vdso lies below the loader
}

} // namespace
} // namespace pagewalk::workloads
