#include "base/error.h"
#include "tests/support/evidence.h"
#include "tests/unit/workloads/trace/trace_support.h"
#include "workloads/trace/champsim_trace.h"
#include "workloads/trace/open_trace.h"

#include <map>
#include <set>

namespace pagewalk::workloads {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChampSimTrace : public TraceFiles {
protected:
    Drained read(const std::vector<ChampSimRecord>& records) {
        m_workload = open_trace(write("t.champsim", bytes_of(records)));
        return drain(m_workload->thread(ThreadIndex{0}));
    }
    Drained read_bytes(const std::string& name, const std::string& bytes) {
        m_workload = open_trace(write(name, bytes));
        return drain(m_workload->thread(ThreadIndex{0}));
    }
    std::unique_ptr<Workload> m_workload; ///< owns the blocks of what read() returns
};

TEST_F(ChampSimTrace, CutsBlocksAtBranchesAndReusesThem) {
    const Drained got = read(loop_trace(4));
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.instructions, 13U);
    ASSERT_EQ(got.executions.size(), 5U);
    const StaticBlock& loop = *got.executions[0].block;
    EXPECT_EQ(loop.pc, VirtAddr(0x401000));
    EXPECT_EQ(loop.instruction_count, 3U);
    EXPECT_EQ(loop.branch, BranchKind::Conditional);
    EXPECT_EQ(loop.target, VirtAddr(0x401000));
    EXPECT_TRUE(loop.bytes.empty());
    EXPECT_EQ(got.executions[1].block, &loop);
    EXPECT_EQ(got.executions[2].block, &loop);
    EXPECT_EQ(got.executions[4].block->pc, VirtAddr(0x401009));
    EXPECT_EQ(got.executions[4].block->branch, BranchKind::None);
}

TEST_F(ChampSimTrace, KnowsTheLengthOfABranchOnceItFallsThrough) {
    const Drained got = read(loop_trace(3));
    EXPECT_THAT(got.executions[0].block->lengths, ElementsAre(4, 3, 4));
    // The last execution falls through to 0x401009, so its block ends there, and jumps to the same target.
    EXPECT_THAT(got.executions[2].block->lengths, ElementsAre(4, 3, 2));
    EXPECT_EQ(got.executions[2].block->end(), VirtAddr(0x401009));
    EXPECT_EQ(got.executions[2].block->target, VirtAddr(0x401000));
}

TEST_F(ChampSimTrace, GivesEachExecutionItsOwnReferences) {
    const Drained got = read(loop_trace(3));
    for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(got.references[i].size(), 1U);
        EXPECT_EQ(got.references[i][0].address(), VirtAddr(0x7000000 + i * 72));
        EXPECT_EQ(got.references[i][0].instruction(), 0U);
        EXPECT_EQ(got.references[i][0].size(), 1U);
        EXPECT_FALSE(got.references[i][0].is_store());
    }
}

TEST_F(ChampSimTrace, LearnsTheLengthOfACallFromItsReturn) {
    std::vector<ChampSimRecord> records;
    for (int i = 0; i < 3; ++i) {
        records.push_back(call(0x401000, 0x7ffe0000));
        records.push_back(ret(0x402000, 0x7ffe0000));
        records.push_back(conditional(0x401005, true));
    }
    const Drained got = read(records);
    ASSERT_EQ(got.executions.size(), 9U);
    EXPECT_EQ(got.executions[0].block->branch, BranchKind::DirectCall);
    EXPECT_EQ(got.executions[0].block->target, VirtAddr(0x402000));
    EXPECT_EQ(got.executions[0].block->byte_count, 4U);
    EXPECT_EQ(got.executions[1].block->branch, BranchKind::Return);
    EXPECT_EQ(got.executions[3].block->end(), VirtAddr(0x401005));
    EXPECT_EQ(got.executions[6].block, got.executions[3].block);
}

TEST_F(ChampSimTrace, NeverTakesAJumpAheadForAFallThrough) {
    // Its length is unknown and its target where the assumed length would end.
    const Drained got =
        read({conditional(0x1000, true), plain(0x1004), conditional(0x1007, true), plain(0x1000)});
    EXPECT_EQ(got.executions[0].block->target, VirtAddr(0x1004));
    EXPECT_NE(got.executions[0].block->end(), VirtAddr(0x1004));
}

TEST_F(ChampSimTrace, LeavesTheTargetOfReturnsAndIndirectJumpsToThePredictor) {
    ChampSimRecord jump = conditional(0x1000, true);
    jump.source_registers = {3, 0, 0, 0};
    std::vector<ChampSimRecord> records;
    for (std::uint64_t i = 0; i < 3; ++i) {
        records.push_back(jump);
        records.push_back(ret(0x2000 + i * 64, 0x7ffe0000));
    }
    const Drained got = read(records);
    EXPECT_EQ(got.executions[0].block->branch, BranchKind::IndirectJump);
    EXPECT_EQ(got.executions[0].block->target, VirtAddr(0));
    EXPECT_EQ(got.executions[2].block, got.executions[0].block);
    EXPECT_EQ(got.executions[1].block->target, VirtAddr(0));
}

TEST_F(ChampSimTrace, MakesAnotherBlockWhenTheInstructionsChange) {
    std::vector<ChampSimRecord> records = loop_trace(2);
    records[4].source_registers[0] = 9;
    const Drained got = read(records);
    EXPECT_EQ(got.instructions, records.size());
    EXPECT_NE(got.executions[0].block, got.executions[1].block);
    EXPECT_EQ(got.executions[1].block->uops[1].sources[0], 9);
}

TEST_F(ChampSimTrace, AllowsFewerAccessesThanTheBlockHasAndMakesAnotherForMore) {
    std::vector<ChampSimRecord> records = loop_trace(4);
    records[3].source_memory = {};
    records[6].source_memory[2] = 0x9000;
    const Drained got = read(records);
    EXPECT_EQ(got.executions[1].block, got.executions[0].block);
    EXPECT_TRUE(got.references[1].empty());
    EXPECT_NE(got.executions[2].block, got.executions[0].block);
    ASSERT_EQ(got.references[2].size(), 2U);
    EXPECT_EQ(got.references[2][1].address(), VirtAddr(0x9000));
}

TEST_F(ChampSimTrace, CutsAtSixtyFourInstructions) {
    std::vector<ChampSimRecord> records;
    for (std::uint64_t i = 0; i < 130; ++i) records.push_back(plain(0x1000 + i * 5));
    const Drained got = read(records);
    ASSERT_EQ(got.executions.size(), 3U);
    EXPECT_EQ(got.executions[0].instruction_count, 64U);
    EXPECT_EQ(got.executions[0].block->byte_count, 64U * 5);
    EXPECT_EQ(got.executions[2].instruction_count, 2U);
}

TEST_F(ChampSimTrace, CutsWhereTheTraceJumpsWithoutABranch) {
    const Drained got = read({plain(0x1000), plain(0x1000), plain(0x1000), plain(0x1002), plain(0x9000)});
    EXPECT_EQ(got.instructions, 5U);
    ASSERT_EQ(got.executions.size(), 4U);
    EXPECT_EQ(got.executions[0].block->branch, BranchKind::None);
    EXPECT_EQ(got.executions[1].block, got.executions[0].block);
    EXPECT_EQ(got.executions[2].instruction_count, 2U);
}

TEST_F(ChampSimTrace, DecodesAReadModifyWriteIntoLoadOperationStore) {
    ChampSimRecord update = plain(0x1000);
    update.destination_registers = {25, 0};
    update.source_registers = {3, 4, 0, 0};
    update.source_memory = {0x8000, 0, 0, 0};
    update.destination_memory = {0x8000, 0};
    const Drained got = read({update, plain(0x1004)});
    const auto& uops = got.executions[0].block->uops;
    ASSERT_EQ(uops.size(), 4U);
    EXPECT_EQ(uops[0].cls, UopClass::Load);
    EXPECT_TRUE(uops[0].first_of_instruction);
    EXPECT_THAT(uops[0].sources, ElementsAre(3, 4, 0, 0));
    EXPECT_EQ(uops[1].cls, UopClass::IntAlu);
    EXPECT_EQ(uops[1].sources[0], uops[0].destinations[0]);
    EXPECT_EQ(uops[1].destinations[0], 25);
    EXPECT_FALSE(uops[1].first_of_instruction);
    EXPECT_EQ(uops[2].cls, UopClass::Store);
    EXPECT_THAT(uops[2].sources, ElementsAre(3, 4, 0, 0)); // waits for neither
    EXPECT_TRUE(uops[3].first_of_instruction);
    EXPECT_EQ(uops[3].instruction, 1U);
    ASSERT_EQ(got.references[0].size(), 2U);
    EXPECT_FALSE(got.references[0][0].is_store());
    EXPECT_TRUE(got.references[0][1].is_store());
}

TEST_F(ChampSimTrace, DecodesMovesAsOneMicroOp) {
    ChampSimRecord load = plain(0x1000), store = plain(0x1003);
    load.source_memory[0] = 0x8000;
    store.destination_registers = {};
    store.destination_memory[0] = 0x8000;
    const Drained got = read({load, store});
    const auto& uops = got.executions[0].block->uops;
    ASSERT_EQ(uops.size(), 2U);
    EXPECT_EQ(uops[0].cls, UopClass::Load);
    EXPECT_THAT(uops[0].destinations, ElementsAre(3, 0));
    EXPECT_EQ(uops[1].cls, UopClass::Store);
}

TEST_F(ChampSimTrace, KeepsThePushedStackPointerOutOfDependences) {
    ChampSimRecord push = plain(0x1000);
    push.destination_registers = {6, 0};
    push.source_registers = {6, 3, 0, 0};
    push.destination_memory[0] = 0x8000;
    const Drained got = read({push});
    for (const MicroOp& uop : got.executions[0].block->uops) EXPECT_THAT(uop.destinations, ElementsAre(0, 0));
}

TEST(ChampSimRecordTest, InfersBranchKindsFromTheRegisters) {
    const auto kind = [](std::array<std::uint8_t, 2> writes, std::array<std::uint8_t, 4> reads) {
        ChampSimRecord record;
        record.destination_registers = writes;
        record.source_registers = reads;
        return branch_kind(record);
    };
    EXPECT_EQ(kind({3, 25}, {3, 4, 0, 0}), BranchKind::None);
    EXPECT_EQ(kind({26, 0}, {26, 25, 0, 0}), BranchKind::Conditional);
    EXPECT_EQ(kind({26, 0}, {26, 2, 0, 0}), BranchKind::Conditional);
    EXPECT_EQ(kind({26, 0}, {26, 0, 0, 0}), BranchKind::DirectJump);
    EXPECT_EQ(kind({26, 0}, {0, 0, 0, 0}), BranchKind::DirectJump);
    EXPECT_EQ(kind({26, 0}, {3, 0, 0, 0}), BranchKind::IndirectJump);
    EXPECT_EQ(kind({26, 6}, {26, 6, 0, 0}), BranchKind::DirectCall);
    EXPECT_EQ(kind({26, 6}, {26, 6, 3, 0}), BranchKind::IndirectCall);
    EXPECT_EQ(kind({26, 6}, {6, 0, 0, 0}), BranchKind::Return);
}

TEST_F(ChampSimTrace, StatesItsSizeWhenUncompressedAndMapsOnTouch) {
    (void)read(loop_trace(4));
    EXPECT_EQ(m_workload->expected_instructions(), 13U);
    EXPECT_TRUE(m_workload->maps_on_touch());
    EXPECT_TRUE(m_workload->initial_mappings().empty());
    EXPECT_EQ(m_workload->child(ThreadIndex{0}, 5), nullptr);
    EXPECT_EQ(open_trace(write("t.xz", xz(bytes_of(loop_trace(4)))))->expected_instructions(), 0U);
}

TEST_F(ChampSimTrace, EndsAgainAfterTheEnd) {
    (void)read(loop_trace(4));
    EXPECT_EQ(m_workload->thread(ThreadIndex{0}).fetch().status, StreamStatus::End);
    EXPECT_TRUE(m_workload->thread(ThreadIndex{0}).fetch().blocks.empty());
}

TEST_F(ChampSimTrace, DeliversEveryRecordBeforeATruncationThenThrows) {
    const auto records = loop_trace(100'000);
    const std::string data = bytes_of(records);
    const std::string packed = xz(data);
    const Drained got = read_bytes("t.xz", packed.substr(0, packed.size() / 2));
    EXPECT_GT(got.instructions, records.size() / 4);
    EXPECT_LT(got.instructions, records.size());
    EXPECT_THAT(got.error, AllOf(HasSubstr("t.xz"), HasSubstr("truncated")));
    std::size_t at = 0;
    for (const auto& references : got.references)
        for (const MemoryReference reference : references)
            EXPECT_EQ(reference.address(), VirtAddr(0x7000000 + at++ * 72));
    EXPECT_THROW((void)m_workload->thread(ThreadIndex{0}).fetch(), RunError);
}

TEST_F(ChampSimTrace, ReportsARecordCutShortInsideCompressedData) {
    const Drained got = read_bytes("t.gz", gz(bytes_of(loop_trace(50)) + "half a record"));
    EXPECT_EQ(got.instructions, 151U);
    EXPECT_THAT(got.error, AllOf(HasSubstr("13 bytes of record 151"), HasSubstr("64-byte")));
}

TEST_F(ChampSimTrace, ReportsWhatCannotBeAnInstructionAfterWhatPrecedesIt) {
    auto records = loop_trace(5000);
    records[10'000].is_branch = 7;
    const Drained got = read(records);
    EXPECT_EQ(got.instructions, 10'000U);
    EXPECT_EQ(got.references[3333].size(), 1U);
    EXPECT_THAT(got.error,
                AllOf(HasSubstr("record 10000"), HasSubstr("byte 640000"), HasSubstr("is_branch")));
}

TEST_F(ChampSimTrace, NamesTheRecordOfAnAddressThatIsRefused) {
    for (const std::uint64_t address : {0xffff9c0a1000ULL, 0xffff888000100000ULL, 0x800000000000ULL}) {
        auto records = loop_trace(5000);
        records[10'000].source_memory[3] = address;
        const Drained got = read(records);
        EXPECT_EQ(got.instructions, 10'000U);
        EXPECT_THAT(got.error, AllOf(HasSubstr("record 10000"), HasSubstr("none of a user program")));
        records = loop_trace(3);
        records[1].destination_memory[1] = address;
        EXPECT_THAT(input_error_of([&] { (void)open_trace(write("head", bytes_of(records))); }),
                    AllOf(HasSubstr("record 1 "), HasSubstr("user_pages")));
    }
}

TEST_F(ChampSimTrace, MovesKernelAddressesWhereThatIsAsked) {
    auto records = loop_trace(3);
    const std::uint64_t first = records[0].ip;
    records[0].source_memory = {0xffff888000100040, 0, 0, 0};
    records[1].source_memory = {0xffff9c0a1000, 0, 0, 0};
    const auto workload =
        open_trace(write("t", bytes_of(records)), Decompress::InPlace, {KernelAddresses::UserPages});
    const Drained got = drain(workload->thread(ThreadIndex{0}));
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.executions[0].block->pc, VirtAddr(first));
    EXPECT_EQ(got.references[0][0].address(), VirtAddr(TraceAddresses::moved_begin + 0x100040));
    EXPECT_EQ(got.references[0][1].address(),
              VirtAddr(TraceAddresses::moved_begin + (1ULL << 30) + 0x1c0a1000));
}

TEST_F(ChampSimTrace, RejectsAFileThatIsNoTrace) {
    const auto open = [&](const std::string& name, const std::string& bytes) {
        return input_error_of([&] { (void)open_trace(write(name, bytes)); });
    };
    const std::string good = bytes_of(loop_trace(3));
    EXPECT_THAT(open("odd", good + "x"), AllOf(HasSubstr("641 bytes"), HasSubstr("64-byte")));
    EXPECT_THAT(open("short.gz", gz(good.substr(0, 40))), HasSubstr("less than one"));
    EXPECT_THAT(open("zeros", std::string(640, '\0')),
                AllOf(HasSubstr("record 0"), HasSubstr("address is 0")));
    auto absurd = loop_trace(3);
    absurd[2].branch_taken = 9;
    EXPECT_THAT(open("flags", bytes_of(absurd)), AllOf(HasSubstr("record 2"), HasSubstr("byte 128")));
    absurd = loop_trace(3);
    absurd[1].ip = 0x1234567812345678;
    EXPECT_THAT(open("ip", bytes_of(absurd)), HasSubstr("not canonical"));
    EXPECT_THAT(open("recording.pwt", "PWT1 and so on"), HasSubstr("Pagewalk recording"));
    EXPECT_THAT(open("notes.txt", "just some notes\nof mine\n"),
                AllOf(HasSubstr("just some notes"), HasSubstr("allowed")));
}

struct Reference {
    const char* program;
    std::uint64_t records;
    /// Kinds that ChampSim's report shows mispredictions of; empty where it predicted all.
    std::set<BranchKind> kinds;
    /// Branches in the 10 million instructions measured, from misses and accuracy in the report.
    std::uint64_t least_branches, most_branches;
    std::uint64_t loads; ///< ChampSim's L1D load accesses there; 0 where it forwarded some from stores
};

class ChampSimReference : public ::testing::TestWithParam<Reference> {};

TEST_P(ChampSimReference, DeliversAllRecordsWithChampSimsBranchKinds) {
    const Reference& reference = GetParam();
    const auto path = test::evidence("champsim/" + std::string(reference.program) + ".champsimtrace.xz");
    const auto workload = open_trace(path);
    InstructionStream& stream = workload->thread(ThreadIndex{0});
    constexpr std::uint64_t warmup = 1'000'000, measured = 10'000'000;
    std::uint64_t instructions = 0, branches = 0, loads = 0, not_followed = 0;
    std::map<BranchKind, std::uint64_t> kinds;
    VirtAddr fallthrough{}, target{};
    BranchKind last = BranchKind::None;
    for (StreamBatch batch = stream.fetch(); batch.status != StreamStatus::End; batch = stream.fetch())
        for (const BlockExecution& execution : batch.blocks) {
            const StaticBlock& block = *execution.block;
            if (last == BranchKind::Conditional && block.pc != fallthrough && block.pc != target)
                ++not_followed;
            if (instructions >= warmup && instructions < warmup + measured) {
                branches += block.branch != BranchKind::None;
                for (std::uint32_t i = 0; i < execution.reference_count; ++i)
                    loads += !execution.references[i].is_store();
            }
            ++kinds[block.branch];
            instructions += execution.instruction_count;
            last = block.branch;
            fallthrough = block.end();
            target = block.target;
        }
    EXPECT_EQ(instructions, reference.records);
    EXPECT_EQ(not_followed, 0U);
    for (const BranchKind kind : reference.kinds) EXPECT_GT(kinds[kind], 0U) << static_cast<int>(kind);
    EXPECT_GE(branches, reference.least_branches);
    EXPECT_LE(branches, reference.most_branches);
    RecordProperty("branches", std::to_string(branches));
    RecordProperty("loads", std::to_string(loads));
    if (reference.loads != 0) {
        EXPECT_NEAR(static_cast<double>(loads), static_cast<double>(reference.loads),
                    static_cast<double>(reference.loads) * 0.001);
    }
}

INSTANTIATE_TEST_SUITE_P(
    GroundTruth, ChampSimReference,
    ::testing::Values(Reference{"btree", 12'500'001, {BranchKind::Conditional}, 2'675'000, 2'685'000, 0},
                      Reference{"gups", 12'500'007, {BranchKind::Conditional}, 666'000, 667'000, 666'673},
                      Reference{"gzip",
                                12'500'008,
                                {BranchKind::Conditional, BranchKind::DirectCall, BranchKind::DirectJump,
                                 BranchKind::IndirectJump, BranchKind::Return},
                                1'718'000,
                                1'730'000,
                                0}),
    [](const auto& instance) { return std::string(instance.param.program); });

} // namespace
} // namespace pagewalk::workloads
