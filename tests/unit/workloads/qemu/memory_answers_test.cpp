#include "workloads/qemu/plugin/memory_answers.h"

#include <sys/syscall.h>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

using Arguments = std::array<std::uint64_t, 6>;

template <class Object>
std::uint64_t address_of(Object& object) {
    return reinterpret_cast<std::uint64_t>(&object);
}

TEST(MemoryAnswers, PutStatesOfPagesWhereTheProgramWantsThem) {
    std::array<std::int32_t, 3> told{7, 7, 7};
    const std::array<std::int32_t, 2> states{1, -ENOENT};
    EXPECT_EQ(MemoryAnswers::deliver(SYS_move_pages, {0, 2, 0, 0, address_of(told)}, 0,
                                     std::as_bytes(std::span(states))),
              0);
    EXPECT_EQ(told, (std::array<std::int32_t, 3>{1, -ENOENT, 7}));
    EXPECT_EQ(MemoryAnswers::deliver(SYS_move_pages, {0, 2, 0, 0, 8}, 0, std::as_bytes(std::span(states))),
              -EFAULT);
}

TEST(MemoryAnswers, PutAPolicyIntoAsManyWordsAsThereIsRoomFor) {
    std::int32_t mode = -1;
    std::array<std::uint64_t, 3> nodes{~0ULL, ~0ULL, ~0ULL};
    std::array<std::byte, 12> data{};
    data[0] = std::byte{2};
    data[4] = std::byte{6};
    EXPECT_EQ(MemoryAnswers::deliver(SYS_get_mempolicy, {address_of(mode), address_of(nodes), 129}, 0, data),
              0);
    EXPECT_EQ(mode, 2);
    EXPECT_EQ(nodes, (std::array<std::uint64_t, 3>{6, 0, ~0ULL}));
    EXPECT_EQ(MemoryAnswers::deliver(SYS_get_mempolicy, {0, 0, 0}, 0, data), 0);
}

TEST(MemoryAnswers, LeaveErrorsAsTheyAre) {
    EXPECT_EQ(MemoryAnswers::deliver(SYS_mbind, {}, -EIO, {}), -EIO);
    EXPECT_EQ(MemoryAnswers::deliver(SYS_get_mempolicy, {8}, -EINVAL, {}), -EINVAL);
}

TEST(MemoryAnswers, GoOnWithThePagesThatOneCallDoesNotTell) {
    Arguments arguments{0, 2500, 0x10000, 0x20000, 0x30000, 2};
    EXPECT_TRUE(MemoryAnswers::go_on(SYS_move_pages, arguments));
    EXPECT_EQ(arguments, (Arguments{0, 1476, 0x12000, 0x21000, 0x31000, 2}));
    arguments[3] = 0; // asks
    EXPECT_TRUE(MemoryAnswers::go_on(SYS_move_pages, arguments));
    EXPECT_EQ(arguments, (Arguments{0, 452, 0x14000, 0, 0x32000, 2}));
    EXPECT_FALSE(MemoryAnswers::go_on(SYS_move_pages, arguments));
    EXPECT_FALSE(MemoryAnswers::go_on(SYS_mbind, arguments));
}

} // namespace
} // namespace pagewalk::workloads
