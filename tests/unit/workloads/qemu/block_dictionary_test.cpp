#include "base/error.h"
#include "workloads/qemu/block_dictionary.h"

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

using Code = std::vector<std::uint8_t>;

const BlockInfo& single(BlockDictionary& dictionary, std::uint32_t id, const Code& code) {
    const Code lengths{static_cast<std::uint8_t>(code.size())};
    dictionary.add(id, VirtAddr(0x1000), lengths, code);
    return *dictionary.find(id);
}

TEST(BlockDictionary, KnowsWhereEachKindOfBranchCanGo) {
    BlockDictionary dictionary;
    const BlockInfo& nop = single(dictionary, 0, {0x90});
    EXPECT_TRUE(nop.may_precede(0x1001));
    EXPECT_FALSE(nop.may_precede(0x1000));
    const BlockInfo& conditional = single(dictionary, 1, {0x75, 0xfe});
    EXPECT_TRUE(conditional.may_precede(0x1002));
    EXPECT_TRUE(conditional.may_precede(0x1000));
    EXPECT_FALSE(conditional.may_precede(0x1001));
    const BlockInfo& far_conditional = single(dictionary, 2, {0x0f, 0x84, 0x00, 0x01, 0x00, 0x00});
    EXPECT_TRUE(far_conditional.may_precede(0x1106));
    EXPECT_FALSE(far_conditional.may_precede(0x1107));
    const BlockInfo& call = single(dictionary, 3, {0xe8, 0xfb, 0xff, 0xff, 0xff});
    EXPECT_TRUE(call.may_precede(0x1000));
    EXPECT_FALSE(call.may_precede(0x9999));
    for (const Code& code : {Code{0xc3}, Code{0xff, 0xd0}, Code{0x41, 0xff, 0xe4}, Code{0x0f, 0x05},
                             Code{0xf3, 0xc3}, Code{0xff, 0x25, 0, 0, 0, 0}, Code{0xcc}}) {
        BlockDictionary one;
        EXPECT_TRUE(single(one, 0, code).may_precede(0x9999));
    }
    // push and vector instructions that share bytes with branches
    for (const Code& code : {Code{0xff, 0xf0}, Code{0xc5, 0xf8, 0x77}, Code{0x66, 0x0f, 0x6f, 0xc1}}) {
        BlockDictionary one;
        EXPECT_FALSE(single(one, 0, code).may_precede(0x9999));
    }
}

TEST(BlockDictionary, MarksRepStringInstructionsAsTheirOwnSuccessor) {
    BlockDictionary dictionary;
    const BlockInfo& rep = single(dictionary, 0, {0xf3, 0x48, 0xab});
    EXPECT_TRUE(rep.block->rep_continuation);
    EXPECT_TRUE(rep.may_precede(0x1000));
    EXPECT_FALSE(single(dictionary, 1, {0x48, 0xab}).block->rep_continuation);
    EXPECT_FALSE(single(dictionary, 2, {0xf3, 0x0f, 0x10, 0x00}).block->rep_continuation);
}

TEST(BlockDictionary, LoadsUnknownIdsAndKeepsAddresses) {
    BlockDictionary* self = nullptr;
    BlockDictionary dictionary([&](std::uint32_t id) {
        if (id != 5) self->add(id, VirtAddr(id), Code{1}, Code{0x90});
    });
    self = &dictionary;
    const BlockInfo* first = dictionary.find(7);
    ASSERT_NE(first, nullptr);
    for (std::uint32_t id = 8; id < 20000; ++id) ASSERT_NE(dictionary.find(id), nullptr);
    EXPECT_EQ(dictionary.find(7), first);
    EXPECT_EQ(first->block->pc, VirtAddr(7));
    EXPECT_EQ(dictionary.find(5), nullptr);
    EXPECT_EQ(dictionary.find(0xffffffff), nullptr);
}

TEST(BlockDictionary, RefusesDamagedBlocks) {
    BlockDictionary dictionary;
    EXPECT_THROW(dictionary.add(0, VirtAddr(0), {}, {}), RunError);
    EXPECT_THROW(dictionary.add(0, VirtAddr(0), Code{2}, Code{0x90}), RunError);
    EXPECT_THROW(dictionary.add(0, VirtAddr(0), Code{0}, {}), RunError);
    EXPECT_THROW(dictionary.add(0, VirtAddr(0), Code{16}, Code(16, 0x90)), RunError);
    EXPECT_THROW(dictionary.add(0xffffffff, VirtAddr(0), Code{1}, Code{0x90}), RunError);
    dictionary.add(0, VirtAddr(0), Code{1}, Code{0x90});
    EXPECT_THROW(dictionary.add(0, VirtAddr(0), Code{1}, Code{0x90}), RunError);
}

} // namespace
} // namespace pagewalk::workloads
