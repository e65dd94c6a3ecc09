#include "base/error.h"
#include "tests/unit/workloads/trace/trace_support.h"
#include "workloads/trace/lackey_trace.h"
#include "workloads/trace/open_trace.h"

namespace pagewalk::workloads {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LackeyTrace : public TraceFiles {
protected:
    Drained read(const std::string& text) { return read_file("t.lackey", text); }
    Drained read_file(const std::string& name, const std::string& bytes) {
        m_workload = open_trace(write(name, bytes));
        return drain(m_workload->thread(ThreadIndex{0}));
    }
    std::unique_ptr<Workload> m_workload;
};

TEST_F(LackeyTrace, ReadsInstructionsAndTheirAccesses) {
    const Drained got = read("==12== Lackey, an example Valgrind tool\n"
                             "I  04001000,3\n"
                             " L 1ffeffe7e0,8\n"
                             "I  04001003,5\n"
                             " M 0421a000,4\n"
                             " S 1ffeffe7d8,8\n"
                             "==12== \n");
    EXPECT_EQ(got.error, "");
    ASSERT_EQ(got.executions.size(), 1U);
    const StaticBlock& block = *got.executions[0].block;
    EXPECT_EQ(block.pc, VirtAddr(0x4001000));
    EXPECT_THAT(block.lengths, ElementsAre(3, 5));
    EXPECT_EQ(block.byte_count, 8U);
    ASSERT_EQ(got.references[0].size(), 4U);
    EXPECT_EQ(got.references[0][0].address(), VirtAddr(0x1ffeffe7e0));
    EXPECT_EQ(got.references[0][0].instruction(), 0U);
    EXPECT_EQ(got.references[0][1].size(), 4U);
    EXPECT_FALSE(got.references[0][1].is_store());
    EXPECT_TRUE(got.references[0][2].is_store());
    EXPECT_EQ(got.references[0][2].address(), VirtAddr(0x421a000));
    EXPECT_EQ(got.references[0][3].instruction(), 1U);
    EXPECT_TRUE(m_workload->maps_on_touch());
}

TEST_F(LackeyTrace, OrdersAModifyAsLoadOperationStore) {
    const Drained got = read("I  1000,3\n M 8000,8\n");
    const auto& uops = got.executions[0].block->uops;
    ASSERT_EQ(uops.size(), 3U);
    EXPECT_EQ(uops[0].cls, UopClass::Load);
    EXPECT_EQ(uops[1].cls, UopClass::IntAlu);
    EXPECT_EQ(uops[1].sources[0], uops[0].destinations[0]);
    EXPECT_EQ(uops[2].cls, UopClass::Store);
    EXPECT_EQ(uops[2].sources[0], uops[1].destinations[0]);
}

TEST_F(LackeyTrace, SplitsAccessesOfOddSizes) {
    const Drained got = read("I  1000,3\n L 8000,10\nI  1003,4\n S 9000,160\n");
    std::vector<std::uint32_t> sizes;
    for (const MemoryReference reference : got.references[0]) sizes.push_back(reference.size());
    EXPECT_THAT(sizes, ElementsAre(8, 2, 64, 64, 32));
    EXPECT_EQ(got.references[0][1].address(), VirtAddr(0x8008));
}

TEST_F(LackeyTrace, TakesWhatIsLongerThanALineLineByLine) {
    const Drained got = read("I  1000,3\n S 9030,100\n");
    std::vector<std::uint32_t> sizes;
    for (const MemoryReference reference : got.references[0]) sizes.push_back(reference.size());
    EXPECT_THAT(sizes, ElementsAre(16, 64, 16, 4));
    EXPECT_EQ(got.references[0][1].address(), VirtAddr(0x9040));
}

TEST_F(LackeyTrace, BeginsWithTheFirstInstructionThatIsWhole) {
    const Drained got = read(" S 00600aa0,1\n L 1000,8\nI  004005b6,5\nI  004005bb,5\n L 7ff000384,4\n");
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.instructions, 2U);
    ASSERT_EQ(got.references[0].size(), 1U);
    EXPECT_EQ(got.references[0][0].address(), VirtAddr(0x7ff000384));
}

TEST_F(LackeyTrace, SkipsLinesOfSuperblocks) {
    const Drained got = read("==1== Lackey\nSB 00400000\nI  00400000,4\nSB 00400004\nI  00400004,4\n");
    EXPECT_EQ(got.error, "");
    EXPECT_EQ(got.instructions, 2U);
}

TEST_F(LackeyTrace, NamesTheLineOfAnAddressThatIsRefused) {
    const Drained got = read("I  1000,3\nI  1003,2\n L ffff888000100000,8\nI  1005,1\n");
    EXPECT_EQ(got.instructions, 2U);
    EXPECT_THAT(got.error,
                AllOf(HasSubstr("line 3"), HasSubstr("0xffff888000100000"), HasSubstr("user_pages")));
    EXPECT_THAT(read("I  1000,3\n L 7ffffffffffc,8\nI  1003,1\n").error, HasSubstr("0x800000000003"));
}

TEST_F(LackeyTrace, KeepsControlCharactersOutOfMessages) {
    std::string text; // longer than what tells the format
    for (int i = 0; i < 20'000; ++i) text += "I  1000,3\n";
    const Drained got = read(text + std::string("I \x1b[2J\0\n", 8));
    EXPECT_THAT(got.error, AllOf(HasSubstr("line 20001"), HasSubstr("I \\x1b[2J\\x00")));
}

TEST_F(LackeyTrace, TellsBranchesFromTheirSuccessors) {
    // 1003 jumps to 1000 until it falls through; 1008 always jumps to 2000; 2000 jumps to two places.
    const Drained got = read("I  1000,3\nI  1003,2\nI  1000,3\nI  1003,2\nI  1005,3\nI  1008,2\nI  2000,1\n"
                             "I  1000,3\nI  1003,2\nI  1005,3\nI  1008,2\nI  2000,1\nI  1005,3\nI  1008,2\n");
    std::vector<BranchKind> kinds;
    for (const auto& execution : got.executions) kinds.push_back(execution.block->branch);
    EXPECT_THAT(kinds, ElementsAre(BranchKind::DirectJump, BranchKind::Conditional, BranchKind::DirectJump,
                                   BranchKind::DirectJump, BranchKind::Conditional, BranchKind::DirectJump,
                                   BranchKind::IndirectJump, BranchKind::DirectJump));
    EXPECT_EQ(got.executions[1].block, got.executions[4].block);
    EXPECT_EQ(got.executions[1].block->target, VirtAddr(0x1000));
    EXPECT_EQ(got.executions[1].block->end(), VirtAddr(0x1005));
    EXPECT_EQ(got.executions[0].block->uops.back().cls, UopClass::Branch);
    EXPECT_EQ(got.instructions, 14U);
}

TEST_F(LackeyTrace, MarksRepeatedStringInstructions) {
    const Drained got =
        read("I  1000,3\nI  1003,2\n S 8000,8\nI  1003,2\n S 8008,8\nI  1003,2\n S 8010,8\nI  1005,1\n");
    ASSERT_EQ(got.executions.size(), 3U);
    EXPECT_FALSE(got.executions[0].block->rep_continuation);
    EXPECT_EQ(got.executions[0].block->branch, BranchKind::None);
    EXPECT_TRUE(got.executions[1].block->rep_continuation);
    EXPECT_TRUE(got.executions[2].block->rep_continuation);
    EXPECT_EQ(got.executions[2].instruction_count, 2U);
}

TEST_F(LackeyTrace, DeliversALongTraceWholeFromEveryCompression) {
    std::string text;
    for (unsigned i = 0; i < 30'000; ++i) {
        text +=
            "I  00401000,3\n L 7f" + std::to_string(1'000'000 + i * 8) + ",8\nI  00401003,4\nI  00401007,2\n";
    }
    std::uint64_t expected_references = 30'000;
    const std::vector<std::pair<std::string, std::string>> files = {
        {"t", text}, {"t.xz", xz(text)}, {"t.gz", gz(text)}, {"t.zst", zst(text)}};
    for (const auto& [name, bytes] : files) {
        const Drained got = read_file(name, bytes);
        EXPECT_EQ(got.instructions, 90'000U);
        std::uint64_t references = 0;
        for (const auto& own : got.references) references += own.size();
        EXPECT_EQ(references, expected_references);
    }
}

TEST_F(LackeyTrace, ReportsABadLineByNumberAfterWhatPrecedesIt) {
    std::string text = "==1== start\n";
    for (int i = 0; i < 1000; ++i) text += "I  1000,3\nI  1003,2\n";
    const Drained got = read(text + "I  10zz,3\nI  1000,3\n");
    EXPECT_EQ(got.instructions, 2000U);
    EXPECT_THAT(got.error, AllOf(HasSubstr("t.lackey"), HasSubstr("line 2002"), HasSubstr("I  10zz,3"),
                                 HasSubstr("allowed")));
    EXPECT_THROW((void)m_workload->thread(ThreadIndex{0}).fetch(), RunError);
}

TEST_F(LackeyTrace, ReportsATextWithoutInstructions) {
    EXPECT_THAT(read(" L 1000,8\n S 1008,8\n").error, HasSubstr("without an instruction"));
    EXPECT_THAT(read("==1== Lackey\n").error, HasSubstr("without an instruction"));
}

TEST_F(LackeyTrace, ReportsTruncatedCompressedText) {
    std::string text;
    for (unsigned i = 0; i < 100'000; ++i)
        text += "I  00401000,3\n S " + std::to_string(10'000'000 + i * 7919 % 1000003) + ",8\n";
    const std::string packed = gz(text);
    const Drained got = read_file("t.gz", packed.substr(0, packed.size() / 2));
    EXPECT_GT(got.instructions, 25'000U);
    EXPECT_LT(got.instructions, 100'000U);
    EXPECT_THAT(got.error, HasSubstr("truncated"));
}

TEST(LackeyLineTest, RejectsWhatTheFormatDoesNotHave) {
    for (const char* line :
         {"I 1000,3", "I  1000,", "I  1000", "I  ,3", "I  1000,0", "I  1000,16", " X 1000,8", " L 1000,4097",
          " L 1000,8 ", "L  1000,8", " L 11112222333344445,8", ""})
        EXPECT_FALSE(parse_lackey_line(line).has_value()) << line;
    EXPECT_TRUE(parse_lackey_line("I  1000,15").has_value());
    EXPECT_TRUE(parse_lackey_line(" M 1000,4096").has_value());
    EXPECT_TRUE(is_valgrind_message("==123== text"));
    EXPECT_TRUE(is_valgrind_message(""));
    EXPECT_FALSE(is_valgrind_message("== text"));
}

} // namespace
} // namespace pagewalk::workloads
