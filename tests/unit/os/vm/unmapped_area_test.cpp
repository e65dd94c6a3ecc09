#include "os/vm/unmapped_area.h"

#include <cerrno>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

using Kind = PlaceRequest::Kind;

void add(VmaList& areas, std::uint64_t start, std::uint64_t end, std::uint32_t flags = vm::read) {
    areas.insert(areas.find(VirtAddr(start)),
                 {.start = VirtAddr(start), .end = VirtAddr(end), .flags = flags});
}

VirtAddr place(const VmaList& areas, const PlaceRequest& request) {
    return find_unmapped_area(areas, request).value_or(VirtAddr(~0ULL));
}
int error(const VmaList& areas, const PlaceRequest& request) {
    const auto found = find_unmapped_area(areas, request);
    return found ? 0 : found.error();
}

/// As after execve of a static program.
VmaList started() {
    VmaList areas;
    add(areas, 0x400000, 0x40e000);
    add(areas, 0x7ffff7ff9000, 0x7ffff7ffd000);
    add(areas, 0x7ffff7ffd000, 0x7ffff7fff000);
    add(areas, 0x7ffffffde000, 0x7ffffffff000, vm::read | vm::write | vm::grows_down);
    return areas;
}

TEST(UnmappedArea, IsFoundFromTheTopDown) {
    VmaList areas = started();
    EXPECT_EQ(place(areas, {.bytes = 64 * page_size}), VirtAddr(0x7ffff7fb9000));
    add(areas, 0x7ffff7fb9000, 0x7ffff7ff9000);
    EXPECT_EQ(place(areas, {.bytes = page_size}), VirtAddr(0x7ffff7fb8000));
    VmaList hole = started();
    add(hole, 0x7ffff7fb9000, 0x7ffff7ff0000);
    EXPECT_EQ(place(hole, {.bytes = 9 * page_size}), VirtAddr(0x7ffff7ff0000)); // fits exactly
    EXPECT_EQ(place(hole, {.bytes = 10 * page_size}), VirtAddr(0x7ffff7faf000));
}

TEST(UnmappedArea, HonoursAHintThatIsFree) {
    VmaList areas = started();
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x100000020123), .bytes = page_size}), VirtAddr(0x100000020000));
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x1000), .bytes = page_size}), lowest_map);
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x40d000), .bytes = page_size}), VirtAddr(0x7ffff7ff8000));
    // A stack's guard is not free.
    add(areas, 0x200000000000, 0x200000001000, vm::grows_down);
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x1fffffff0000), .bytes = page_size}), VirtAddr(0x7ffff7ff8000));
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x1ffffeff0000), .bytes = page_size}), VirtAddr(0x1ffffeff0000));
}

TEST(UnmappedArea, OfHugePagesBeginsWhereTheyDo) {
    constexpr std::uint64_t huge = 2ULL << 20;
    VmaList areas = started();
    const PlaceRequest anywhere{.bytes = huge, .alignment = huge};
    EXPECT_EQ(place(areas, anywhere), VirtAddr(0x7ffff7c00000));
    add(areas, 0x7ffff7c00000, 0x7ffff7e00000);
    EXPECT_EQ(place(areas, anywhere), VirtAddr(0x7ffff7a00000));
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x100000301000), .bytes = huge, .alignment = huge}),
              VirtAddr(0x100000200000));
    EXPECT_EQ(
        error(areas,
              {.hint = VirtAddr(0x100000001000), .bytes = huge, .kind = Kind::Fixed, .alignment = huge}),
        EINVAL);
}

TEST(UnmappedArea, Below2GiBIsSearchedFromBelow) {
    VmaList areas = started();
    EXPECT_EQ(place(areas, {.bytes = page_size, .kind = Kind::Low}), VirtAddr(0x40000000));
    add(areas, 0x40000000, 0x40004000);
    EXPECT_EQ(place(areas, {.bytes = page_size, .kind = Kind::Low}), VirtAddr(0x40004000));
    EXPECT_EQ(error(areas, {.bytes = 1ULL << 30, .kind = Kind::Low}), ENOMEM);
}

TEST(UnmappedArea, FixedPlacesAreChecked) {
    const VmaList areas = started();
    EXPECT_EQ(place(areas, {.hint = VirtAddr(0x401000), .bytes = page_size, .kind = Kind::Fixed}),
              VirtAddr(0x401000));
    EXPECT_EQ(error(areas, {.hint = VirtAddr(0x401000), .bytes = page_size, .kind = Kind::FixedNoReplace}),
              EEXIST);
    EXPECT_EQ(error(areas, {.hint = VirtAddr(0x401001), .bytes = page_size, .kind = Kind::Fixed}), EINVAL);
    EXPECT_EQ(error(areas, {.hint = VirtAddr(0x1000), .bytes = page_size, .kind = Kind::Fixed}), EPERM);
    EXPECT_EQ(error(areas, {.hint = VirtAddr(0x7ffffffff000), .bytes = page_size, .kind = Kind::Fixed}),
              ENOMEM);
    EXPECT_EQ(error(areas, {.bytes = 0}), EINVAL);
}

} // namespace
} // namespace pagewalk::os
