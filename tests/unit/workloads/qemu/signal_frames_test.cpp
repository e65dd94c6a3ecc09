#include "workloads/qemu/plugin/signal_frames.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr std::uint64_t handler = 0x401000, restorer = 0x402000;
constexpr std::size_t rsp = 4;

/// A stack with a frame whose first word is the restorer, and the registers of a thread that runs on it.
struct Stack : testing::Test {
    alignas(16) std::array<std::uint64_t, 8> words{0, 0, 0, 0, restorer, 0, 0, 0};
    std::array<std::uint64_t, 16> registers{};
    SignalFrames frames;

    Stack() {
        const std::array<std::uint64_t, 4> action{handler, 0x0400'0000, restorer, 0};
        frames.note_action(address_of(action[0]));
        registers[rsp] = address_of(words[4]);
    }
    static std::uint64_t address_of(const std::uint64_t& word) {
        return reinterpret_cast<std::uint64_t>(&word);
    }
};

TEST_F(Stack, IsAlignedForAHandlerAndAsQemuWantsItAfterwards) {
    ASSERT_TRUE(frames.is_handler(handler));
    frames.enter(registers.data());
    EXPECT_EQ(registers[rsp], address_of(words[3]));
    EXPECT_EQ(words[3], restorer);
    registers[rsp] += 8; // the handler's ret
    SignalFrames::leave(registers.data());
    EXPECT_EQ(registers[rsp] - 8, address_of(words[4]));
}

TEST_F(Stack, OfAFunctionThatTheProgramCallsItselfStays) {
    registers[rsp] = address_of(words[3]); // the ABI's alignment
    words[3] = restorer;
    frames.enter(registers.data());
    EXPECT_EQ(registers[rsp], address_of(words[3]));
    registers[rsp] = address_of(words[4]);
    words[4] = 0x403000; // called from elsewhere, by code that aligns nothing
    frames.enter(registers.data());
    EXPECT_EQ(registers[rsp], address_of(words[4]));
}

TEST_F(Stack, OfAHandlerThatWasNotSeenStaysUntilItsEnd) {
    registers[rsp] += 8; // ret from where QEMU began it
    SignalFrames::leave(registers.data());
    EXPECT_EQ(registers[rsp], address_of(words[5]));
}

TEST_F(Stack, ThatIsNotMappedIsLeftAlone) {
    registers[rsp] = 16;
    frames.enter(registers.data());
    SignalFrames::leave(registers.data());
    EXPECT_EQ(registers[rsp], 16U);
}

TEST(SignalFrames, DefaultAndIgnoredSignalsHaveNoHandler) {
    SignalFrames frames;
    for (const std::uint64_t action : {0, 1}) {
        const std::array<std::uint64_t, 4> words{action, 0x0400'0000, restorer, 0};
        frames.note_action(reinterpret_cast<std::uint64_t>(words.data()));
        EXPECT_FALSE(frames.is_handler(action));
    }
    frames.note_action(0);
    frames.note_action(8); // not mapped
    EXPECT_FALSE(frames.is_handler(8));
}

TEST(AddressSet, HoldsWhatItHasRoomFor) {
    AddressSet set;
    for (std::uint64_t i = 1; i <= 600; ++i) set.insert(i % 512 + 1);
    EXPECT_TRUE(set.contains(1));
    EXPECT_TRUE(set.contains(512));
    EXPECT_FALSE(set.contains(513));
    set.insert(513);
    EXPECT_FALSE(set.contains(513));
}

} // namespace
} // namespace pagewalk::workloads
