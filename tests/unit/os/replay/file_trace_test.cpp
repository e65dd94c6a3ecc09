#include "base/error.h"
#include "os/replay/file_trace.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

constexpr const char* text = R"(0 P0 - mm_filemap_add_to_page_cache pfn=7 i_ino=12 index=99 s_dev=5 order=0
# MARK seq=0 step=exec who=P0
0 P0 - mm_filemap_add_to_page_cache pfn=1 i_ino=0 index=500 s_dev=5 order=0
0 P0 - mm_filemap_add_to_page_cache pfn=2 i_ino=12 index=0 s_dev=5 order=0
0 P0 - mm_filemap_add_to_page_cache pfn=3 i_ino=12 index=1 s_dev=5 order=0
0 38 - block_rq_issue dev=5 sector=8 nr_sector=16 bytes=8192 rwbs=RA comm=p3 cmd=
0 38 - block_rq_issue dev=5 sector=80 nr_sector=8 bytes=4096 rwbs=RM comm=p3 cmd=
0 38 - block_rq_issue dev=5 sector=80 nr_sector=8 bytes=4096 rwbs=WS comm=p3 cmd=
# MARK seq=1 step=1 who=P0
0 P0 - mm_filemap_delete_from_page_cache pfn=3 i_ino=12 index=1 s_dev=5 order=0
0 P0 - mm_filemap_add_to_page_cache pfn=3 i_ino=3 index=1 s_dev=9 order=0
# MARK seq=2 step=2 who=P0
)";

FilemapEvent add(std::uint64_t index, std::uint32_t inode = 4) {
    return {.index = index, .i_ino = inode, .call = FilemapCall::AddToPageCache};
}

TEST(FileTrace, FollowsTheFileWithMostPages) {
    const FileTrace trace = parse_file_trace(text, "trace.txt");
    ASSERT_EQ(trace.steps.size(), 2U);
    EXPECT_EQ(trace.steps[0].marker, "1");
    EXPECT_EQ(trace.steps[0].added, (std::vector<std::uint64_t>{0, 1}));
    EXPECT_TRUE(trace.steps[1].added.empty());
    EXPECT_EQ(trace.steps[1].deleted, std::vector<std::uint64_t>{1});
    EXPECT_EQ(trace.reads, (std::map<std::uint64_t, std::uint64_t>{{16, 1}}));
}

TEST(FileTrace, NamesALineThatLacksAField) {
    EXPECT_THROW((void)parse_file_trace("# MARK seq=0 step=exec who=P0\n"
                                        "0 P0 - mm_filemap_add_to_page_cache pfn=2 i_ino=12 s_dev=5\n",
                                        "trace.txt"),
                 InputError);
}

TEST(FileTrace, OfASimulationIsComparedStepByStep) {
    FileTraceRecorder recorder;
    recorder.end_step("1", std::vector{add(7, 1), add(0), add(1)});
    recorder.end_step("2", {});
    recorder.add_requests(
        std::vector<BlockEvent>{{.nr_sector = 16}, {.nr_sector = 8, .call = BlockCall::Write}});
    ProgramReport report;
    compare_file_traces(parse_file_trace(text, "trace.txt"), recorder.take(), report);
    EXPECT_EQ(report.cached.text(), "1 of 2"); // page 1 was not deleted
    EXPECT_EQ(report.requests.text(), "1 of 1");
    ASSERT_EQ(report.differences.size(), 1U);
    EXPECT_EQ(report.differences[0].first.field, "pages deleted");
    EXPECT_EQ(report.differences[0].first.real, "1");
}

TEST(FileTrace, WithoutInsertionsIsComparedWithNothing) {
    FileTraceRecorder recorder;
    recorder.end_step("1", std::vector{add(1)});
    ProgramReport report;
    compare_file_traces(
        parse_file_trace("# MARK seq=0 step=exec who=P0\n# MARK seq=1 step=1 who=P0\n", "trace.txt"),
        recorder.take(), report);
    EXPECT_EQ(report.cached.total, 0U);
    EXPECT_TRUE(report.differences.empty());
}

TEST(FileTrace, OfASimulationInAnotherOrderIsNotTheSame) {
    FileTraceRecorder recorder;
    recorder.end_step("1", std::vector{add(1), add(0)});
    ProgramReport report;
    compare_file_traces(parse_file_trace(text, "trace.txt"), recorder.take(), report);
    EXPECT_EQ(report.cached.text(), "0 of 1");
    EXPECT_EQ(report.requests.text(), "0 of 1");
}

} // namespace
} // namespace pagewalk::os
