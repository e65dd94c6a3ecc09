#include "models/core/decoder.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

using enum UopClass;
using Bytes = std::vector<std::uint8_t>;
using Classes = std::vector<UopClass>;

// Register names of the decoder's: 1 + the encoding's number, vectors from 17.
constexpr RegisterId rax = 1, rcx = 2, rdx = 3, rbx = 4, rsp = 5, rsi = 7, rdi = 8;
constexpr RegisterId xmm0 = 17, xmm1 = 18, flags = 49;

StaticBlock decoded(std::initializer_list<Bytes> instructions) {
    StaticBlock block;
    block.pc = VirtAddr(0x401000);
    for (const Bytes& bytes : instructions) {
        block.bytes.insert(block.bytes.end(), bytes.begin(), bytes.end());
        block.lengths.push_back(static_cast<std::uint8_t>(bytes.size()));
    }
    block.byte_count = static_cast<std::uint32_t>(block.bytes.size());
    block.instruction_count = static_cast<std::uint16_t>(block.lengths.size());
    decode(block);
    return block;
}
Classes classes(const StaticBlock& block) {
    Classes result;
    for (const MicroOp& uop : block.uops) result.push_back(uop.cls);
    return result;
}
bool reads(const MicroOp& uop, RegisterId id) {
    return std::ranges::find(uop.sources, id) != uop.sources.end();
}
bool writes(const MicroOp& uop, RegisterId id) {
    return std::ranges::find(uop.destinations, id) != uop.destinations.end();
}
/// `later` takes a value that `earlier` makes.
bool depends(const MicroOp& later, const MicroOp& earlier) {
    return std::ranges::any_of(earlier.destinations,
                               [&](RegisterId id) { return id != 0 && reads(later, id); });
}

TEST(Decoder, MoveFromMemoryIsOneLoad) {
    const StaticBlock block = decoded({{0x48, 0x8b, 0x04, 0xcb}}); // mov rax, [rbx+rcx*8]
    ASSERT_EQ(classes(block), (Classes{Load}));
    EXPECT_TRUE(reads(block.uops[0], rbx) && reads(block.uops[0], rcx));
    EXPECT_TRUE(writes(block.uops[0], rax));
    EXPECT_EQ(block.uops[0].latency, 0); // nothing beyond the cache's
}

TEST(Decoder, MoveToMemoryIsOneStore) {
    const StaticBlock block = decoded({{0x48, 0x89, 0x03}}); // mov [rbx], rax
    ASSERT_EQ(classes(block), (Classes{Store}));
    EXPECT_TRUE(reads(block.uops[0], rbx) && reads(block.uops[0], rax));
}

TEST(Decoder, AddToMemoryLoadsComputesAndStoresInAChain) {
    const StaticBlock block = decoded({{0x48, 0x01, 0x03}}); // add [rbx], rax
    ASSERT_EQ(classes(block), (Classes{Load, IntAlu, Store}));
    EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
    EXPECT_TRUE(depends(block.uops[2], block.uops[1]));
    EXPECT_TRUE(reads(block.uops[1], rax) && writes(block.uops[1], flags));
    EXPECT_FALSE(writes(block.uops[1], rax));
    EXPECT_TRUE(reads(block.uops[0], rbx) && reads(block.uops[2], rbx));
    EXPECT_TRUE(block.uops[0].first_of_instruction);
    EXPECT_FALSE(block.uops[1].first_of_instruction || block.uops[2].first_of_instruction);
}

TEST(Decoder, AddFromMemoryLoadsAndComputes) {
    const StaticBlock block = decoded({{0x48, 0x03, 0x03}}); // add rax, [rbx]
    ASSERT_EQ(classes(block), (Classes{Load, IntAlu}));
    EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
    EXPECT_TRUE(reads(block.uops[1], rax) && writes(block.uops[1], rax));
}

TEST(Decoder, PushStoresAndPopLoadsWithoutAChainThroughTheStackPointer) {
    const StaticBlock block = decoded({{0x50}, {0x59}}); // push rax; pop rcx
    ASSERT_EQ(classes(block), (Classes{Store, Load}));
    EXPECT_TRUE(reads(block.uops[0], rax) && reads(block.uops[0], rsp));
    EXPECT_FALSE(writes(block.uops[0], rsp));
    EXPECT_TRUE(writes(block.uops[1], rcx));
    EXPECT_FALSE(writes(block.uops[1], rsp));
    EXPECT_EQ(block.uops[1].instruction, 1);
}

TEST(Decoder, CallStoresItsReturnAddressAndBranches) {
    const StaticBlock block = decoded({{0x90}, {0xe8, 0x10, 0x00, 0x00, 0x00}}); // nop; call +16
    EXPECT_EQ(classes(block), (Classes{Nop, Store, Branch}));
    EXPECT_EQ(block.branch, BranchKind::DirectCall);
    EXPECT_EQ(block.target, VirtAddr(0x401000 + 6 + 16));
}

TEST(Decoder, ReturnLoadsItsTarget) {
    const StaticBlock block = decoded({{0xc3}});
    ASSERT_EQ(classes(block), (Classes{Load, Branch}));
    EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
    EXPECT_TRUE(reads(block.uops[0], rsp));
    EXPECT_EQ(block.branch, BranchKind::Return);
}

TEST(Decoder, IndirectCallsReadTheirTarget) {
    const StaticBlock by_register = decoded({{0xff, 0xd0}}); // call rax
    ASSERT_EQ(classes(by_register), (Classes{Store, Branch}));
    EXPECT_TRUE(reads(by_register.uops[1], rax));
    EXPECT_EQ(by_register.branch, BranchKind::IndirectCall);
    const StaticBlock by_memory = decoded({{0xff, 0x13}}); // call [rbx]
    ASSERT_EQ(classes(by_memory), (Classes{Load, Store, Branch}));
    EXPECT_TRUE(depends(by_memory.uops[2], by_memory.uops[0]));
    EXPECT_EQ(by_memory.branch, BranchKind::IndirectCall);
}

TEST(Decoder, ConditionalBranchReadsFlagsAndHasItsTarget) {
    const StaticBlock block = decoded({{0x48, 0x39, 0xd8}, {0x74, 0x05}}); // cmp rax, rbx; je +5
    ASSERT_EQ(classes(block), (Classes{IntAlu, Branch}));
    EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
    EXPECT_FALSE(writes(block.uops[0], rax));
    EXPECT_EQ(block.branch, BranchKind::Conditional);
    EXPECT_EQ(block.target, VirtAddr(0x401000 + 5 + 5));
}

TEST(Decoder, DirectJumpMayGoBack) {
    const StaticBlock block = decoded({{0xeb, 0xfe}}); // jmp to itself
    EXPECT_EQ(classes(block), (Classes{Branch}));
    EXPECT_EQ(block.branch, BranchKind::DirectJump);
    EXPECT_EQ(block.target, VirtAddr(0x401000));
}

TEST(Decoder, IndirectJumpsHaveNoTarget) {
    const StaticBlock by_register = decoded({{0xff, 0xe0}}); // jmp rax
    ASSERT_EQ(classes(by_register), (Classes{Branch}));
    EXPECT_TRUE(reads(by_register.uops[0], rax));
    EXPECT_EQ(by_register.branch, BranchKind::IndirectJump);
    EXPECT_EQ(by_register.target, VirtAddr());
    const StaticBlock by_memory = decoded({{0xff, 0x23}}); // jmp [rbx]
    ASSERT_EQ(classes(by_memory), (Classes{Load, Branch}));
    EXPECT_TRUE(depends(by_memory.uops[1], by_memory.uops[0]));
    EXPECT_EQ(by_memory.branch, BranchKind::IndirectJump);
}

TEST(Decoder, SystemCallEndsTheBlockSerialized) {
    const StaticBlock block = decoded({{0x0f, 0x05}});
    EXPECT_EQ(classes(block), (Classes{Serialize}));
    EXPECT_EQ(block.branch, BranchKind::Syscall);
}

TEST(Decoder, BlockWithoutABranchHasNone) {
    EXPECT_EQ(decoded({{0x48, 0x01, 0xd8}}).branch, BranchKind::None);
}

TEST(Decoder, LeaComputesItsAddressWithoutMemory) {
    const StaticBlock block = decoded({{0x48, 0x8d, 0x44, 0x8b, 0x08}}); // lea rax, [rbx+rcx*4+8]
    ASSERT_EQ(classes(block), (Classes{IntAlu}));
    EXPECT_TRUE(reads(block.uops[0], rbx) && reads(block.uops[0], rcx));
    EXPECT_TRUE(writes(block.uops[0], rax));
}

TEST(Decoder, ZeroIdiomsDependOnNothingAndNeedNoPort) {
    for (const Bytes& bytes : {Bytes{0x31, 0xc0},                // xor eax, eax
                               Bytes{0x29, 0xc0},                // sub eax, eax
                               Bytes{0x66, 0x0f, 0xef, 0xc0},    // pxor xmm0, xmm0
                               Bytes{0x0f, 0x57, 0xc0},          // xorps xmm0, xmm0
                               Bytes{0xc5, 0xfd, 0xef, 0xc0}}) { // vpxor ymm0, ymm0, ymm0
        const StaticBlock block = decoded({bytes});
        ASSERT_EQ(classes(block), (Classes{Nop})) << int(bytes[0]);
        EXPECT_FALSE(reads(block.uops[0], rax) || reads(block.uops[0], xmm0));
        EXPECT_TRUE(writes(block.uops[0], rax) || writes(block.uops[0], xmm0));
    }
}

TEST(Decoder, OperationOnTwoRegistersIsNoZeroIdiom) {
    const StaticBlock block = decoded({{0x31, 0xd8}}); // xor eax, ebx
    ASSERT_EQ(classes(block), (Classes{IntAlu}));
    EXPECT_TRUE(reads(block.uops[0], rax) && reads(block.uops[0], rbx));
}

TEST(Decoder, FloatingPointSubtractionFromItselfIsNoZeroIdiom) {
    const StaticBlock block = decoded({{0x0f, 0x5c, 0xc0}}); // subps xmm0, xmm0: NaN stays NaN
    ASSERT_EQ(classes(block), (Classes{FpAdd}));
    EXPECT_TRUE(reads(block.uops[0], xmm0));
}

TEST(Decoder, RegisterMoveIsEliminatedAndKeepsItsDependence) {
    for (const Bytes& bytes :
         {Bytes{0x48, 0x89, 0xd8}, Bytes{0x0f, 0x28, 0xc1}}) { // mov rax, rbx; movaps xmm0, xmm1
        const StaticBlock block = decoded({bytes});
        ASSERT_EQ(classes(block), (Classes{Nop}));
        EXPECT_TRUE(reads(block.uops[0], rbx) || reads(block.uops[0], xmm1));
        EXPECT_TRUE(writes(block.uops[0], rax) || writes(block.uops[0], xmm0));
    }
}

TEST(Decoder, LockedInstructionsSerialize) {
    for (const Bytes& bytes : {Bytes{0xf0, 0x01, 0x03}, // lock add [rbx], eax
                               Bytes{0x87, 0x03},       // xchg [rbx], eax: locked without the prefix
                               Bytes{0xf0, 0x48, 0x0f, 0xb1, 0x0b}}) { // lock cmpxchg [rbx], rcx
        const StaticBlock block = decoded({bytes});
        ASSERT_EQ(classes(block), (Classes{Load, Serialize, Store}));
        EXPECT_EQ(block.uops[1].latency, locked_operation_latency);
        EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
        EXPECT_TRUE(depends(block.uops[2], block.uops[1]));
    }
}

TEST(Decoder, DivisionHoldsItsUnit) {
    const StaticBlock wide = decoded({{0x48, 0xf7, 0xf1}}); // div rcx
    ASSERT_EQ(classes(wide), (Classes{IntDiv}));
    EXPECT_FALSE(wide.uops[0].pipelined);
    EXPECT_EQ(wide.uops[0].latency, 18);
    EXPECT_TRUE(reads(wide.uops[0], rax) && reads(wide.uops[0], rdx) && reads(wide.uops[0], rcx));
    EXPECT_TRUE(writes(wide.uops[0], rax) && writes(wide.uops[0], rdx));
    const StaticBlock narrow = decoded({{0xf7, 0xf9}}); // idiv ecx
    ASSERT_EQ(classes(narrow), (Classes{IntDiv}));
    EXPECT_EQ(narrow.uops[0].latency, 12);
}

struct OperationCase {
    const char* name;
    Bytes bytes;
    UopClass cls;
    unsigned latency;
    bool pipelined = true;
};

struct RegisterOperation : testing::TestWithParam<OperationCase> {};

TEST_P(RegisterOperation, HasItsClassAndLatency) {
    const StaticBlock block = decoded({GetParam().bytes});
    ASSERT_EQ(block.uops.size(), 1U);
    EXPECT_EQ(block.uops[0].cls, GetParam().cls);
    EXPECT_EQ(block.uops[0].latency, GetParam().latency);
    EXPECT_EQ(block.uops[0].pipelined, GetParam().pipelined);
}

// Fog, "Instruction tables" (2022), Ice Lake.
INSTANTIATE_TEST_SUITE_P(
    IceLake, RegisterOperation,
    testing::Values(OperationCase{"add", {0x48, 0x01, 0xd8}, IntAlu, 1},
                    OperationCase{"shl", {0x48, 0xc1, 0xe0, 0x03}, IntAlu, 1},
                    OperationCase{"imul", {0x48, 0x0f, 0xaf, 0xc3}, IntMul, 3},
                    OperationCase{"mul", {0x48, 0xf7, 0xe3}, IntMul, 3},
                    OperationCase{"popcnt", {0xf3, 0x48, 0x0f, 0xb8, 0xc3}, IntMul, 3},
                    OperationCase{"pext", {0xc4, 0xe2, 0xe2, 0xf5, 0xc1}, IntMul, 3},
                    OperationCase{"pextrq", {0x66, 0x48, 0x0f, 0x3a, 0x16, 0xc0, 0x01}, VecAlu, 3},
                    OperationCase{"addsd", {0xf2, 0x0f, 0x58, 0xc1}, FpAdd, 4},
                    OperationCase{"mulsd", {0xf2, 0x0f, 0x59, 0xc1}, FpMul, 4},
                    OperationCase{"mulps", {0x0f, 0x59, 0xc1}, FpMul, 4},
                    OperationCase{"vmulpd", {0xc5, 0xf5, 0x59, 0xc2}, FpMul, 4},
                    OperationCase{"vfmadd231pd", {0xc4, 0xe2, 0xf5, 0xb8, 0xc2}, FpMul, 4},
                    OperationCase{"divsd", {0xf2, 0x0f, 0x5e, 0xc1}, FpDiv, 14, false},
                    OperationCase{"divps", {0x0f, 0x5e, 0xc1}, FpDiv, 11, false},
                    OperationCase{"vdivpd", {0xc5, 0xf5, 0x5e, 0xc2}, FpDiv, 14, false},
                    OperationCase{"paddd", {0x66, 0x0f, 0xfe, 0xc1}, VecAlu, 1},
                    OperationCase{"movq_from_gpr", {0x66, 0x48, 0x0f, 0x6e, 0xc0}, VecAlu, 3},
                    OperationCase{"cpuid", {0x0f, 0xa2}, Serialize, 100},
                    OperationCase{"mfence", {0x0f, 0xae, 0xf0}, Serialize, 30},
                    OperationCase{"lfence", {0x0f, 0xae, 0xe8}, Serialize, 30},
                    OperationCase{"rdtsc", {0x0f, 0x31}, IntAlu, 40}, OperationCase{"nop", {0x90}, Nop, 0},
                    OperationCase{"long_nop", {0x0f, 0x1f, 0x44, 0x00, 0x00}, Nop, 0},
                    OperationCase{"endbr64", {0xf3, 0x0f, 0x1e, 0xfa}, Nop, 0},
                    OperationCase{"prefetcht0", {0x0f, 0x18, 0x0b}, Nop, 0}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(Decoder, ConditionalMoveReadsBothRegistersAndFlags) {
    const StaticBlock block = decoded({{0x48, 0x0f, 0x44, 0xc3}}); // cmove rax, rbx
    ASSERT_EQ(classes(block), (Classes{IntAlu}));
    for (const RegisterId id : {rax, rbx, flags}) EXPECT_TRUE(reads(block.uops[0], id)) << int(id);
    EXPECT_TRUE(writes(block.uops[0], rax));
}

TEST(Decoder, VectorMovesAreOneLoadOrStore) {
    const StaticBlock load = decoded({{0xc5, 0xfe, 0x6f, 0x06}}); // vmovdqu ymm0, [rsi]
    ASSERT_EQ(classes(load), (Classes{Load}));
    EXPECT_TRUE(reads(load.uops[0], rsi) && writes(load.uops[0], xmm0));
    const StaticBlock store = decoded({{0xc5, 0xfe, 0x7f, 0x07}}); // vmovdqu [rdi], ymm0
    ASSERT_EQ(classes(store), (Classes{Store}));
    EXPECT_TRUE(reads(store.uops[0], rdi) && reads(store.uops[0], xmm0));
}

TEST(Decoder, VectorOperationOnMemoryLoadsAndComputes) {
    const StaticBlock block = decoded({{0xc5, 0xf4, 0x58, 0x03}}); // vaddps ymm0, ymm1, [rbx]
    ASSERT_EQ(classes(block), (Classes{Load, FpAdd}));
    EXPECT_TRUE(depends(block.uops[1], block.uops[0]));
    EXPECT_TRUE(reads(block.uops[1], xmm1) && writes(block.uops[1], xmm0));
}

TEST(Decoder, GatherHasOneLoadForAllItsElements) {
    const StaticBlock block =
        decoded({{0xc4, 0xe2, 0x6d, 0x90, 0x04, 0x8b}}); // vpgatherdd ymm0,[rbx+ymm1*4],ymm2
    EXPECT_EQ(std::ranges::count(classes(block), Load), 1);
    EXPECT_TRUE(reads(block.uops[0], rbx) && reads(block.uops[0], xmm1));
}

TEST(Decoder, RepeatedStringInstructionContinues) {
    const StaticBlock block = decoded({{0xf3, 0xa4}}); // rep movsb
    ASSERT_EQ(classes(block), (Classes{Load, IntAlu, Store}));
    EXPECT_TRUE(block.rep_continuation);
    EXPECT_TRUE(reads(block.uops[0], rsi) && reads(block.uops[2], rdi));
    EXPECT_FALSE(decoded({{0xa4}}).rep_continuation);               // movsb
    EXPECT_FALSE(decoded({{0x90}, {0xf3, 0xa4}}).rep_continuation); // not the first instruction
    EXPECT_FALSE(decoded({{0xf3, 0x0f, 0x1e, 0xfa}}).rep_continuation);
}

TEST(Decoder, UndecodableInstructionIsOneNop) {
    const StaticBlock block =
        decoded({{0x48, 0x01, 0xd8}, {0x06}, {0xc3}}); // add; invalid in 64-bit mode; ret
    EXPECT_EQ(classes(block), (Classes{IntAlu, Nop, Load, Branch}));
    EXPECT_EQ(block.uops[1].instruction, 1);
    EXPECT_EQ(block.branch, BranchKind::Return);
}

TEST(Decoder, EveryInstructionHasOneFirstMicroOp) {
    const StaticBlock block = decoded({{0x48, 0x01, 0x03}, {0x90}, {0x06}, {0x50}, {0xff, 0x13}});
    std::vector<unsigned> firsts(block.instruction_count);
    for (const MicroOp& uop : block.uops) firsts.at(uop.instruction) += uop.first_of_instruction ? 1 : 0;
    EXPECT_EQ(firsts, std::vector<unsigned>(block.instruction_count, 1));
}

TEST(Decoder, DecodingTwiceGivesTheSame) {
    StaticBlock block = decoded({{0x48, 0x01, 0x03}, {0xc3}});
    const Classes once = classes(block);
    decode(block);
    EXPECT_EQ(classes(block), once);
}

} // namespace
} // namespace pagewalk::models
