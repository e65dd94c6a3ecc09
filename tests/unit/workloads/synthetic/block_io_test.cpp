#include "contract/block_request.h"
#include "tests/unit/workloads/synthetic/synthetic_support.h"

#include <set>

namespace pagewalk::workloads {
namespace {

std::vector<SyscallRecord> submits(const Record& record) {
    return record.calls(static_cast<std::uint32_t>(IoCall::Submit));
}

TEST(BlockIo, SubmitsItsOperationsAndDrains) {
    SyntheticConfig config = small_config();
    config.block_io = {.block_bytes = 8192, .queue_depth = 8, .batch = 4, .operations = 100};
    const Record got = run_first("block_io", config);
    const auto calls = submits(got);
    ASSERT_EQ(calls.size(), 25U);
    for (const SyscallRecord& call : calls) {
        EXPECT_EQ(call.arguments[0], 0U);
        EXPECT_EQ(call.arguments[1] * sector_size % (4 * 8192), 0U);
        EXPECT_LT(call.arguments[1] * sector_size, config.block_io.span);
        EXPECT_EQ(call.arguments[2], 8192U);
        EXPECT_EQ(call.arguments[3], 4U);
        EXPECT_EQ(call.arguments[4], 8U);
    }
    EXPECT_EQ(got.calls(static_cast<std::uint32_t>(IoCall::Drain)).size(), 1U);
}

TEST(BlockIo, GoesOnWhereTheLastRequestEndsOrAnywhere) {
    SyntheticConfig config = small_config();
    config.block_io.operations = 200;
    config.block_io.pattern = IoPattern::Sequential;
    const auto sequential = submits(run_first("block_io", config));
    for (std::size_t i = 0; i < sequential.size(); ++i) EXPECT_EQ(sequential[i].arguments[1], i * 8);
    config.block_io.pattern = IoPattern::Random;
    std::set<std::uint64_t> places;
    for (const SyscallRecord& call : submits(run_first("block_io", config))) places.insert(call.arguments[1]);
    EXPECT_GT(places.size(), 195U);
}

TEST(BlockIo, MixesReadsAndWrites) {
    SyntheticConfig config = small_config();
    config.block_io.operations = 1000;
    config.block_io.read_percent = 70;
    int reads = 0;
    for (const SyscallRecord& call : submits(run_first("block_io", config))) reads += call.arguments[0] == 0;
    EXPECT_NEAR(reads, 700, 60);
}

TEST(BlockIo, RefusesBlocksThatAreNoPages) {
    SyntheticConfig config = small_config();
    config.block_io.block_bytes = 5000;
    EXPECT_THROW((void)make_synthetic("block_io", config), ConfigError);
    config.block_io.block_bytes = 4096;
    config.block_io.batch = 2; // of a queue depth of 1
    EXPECT_THROW((void)make_synthetic("block_io", config), ConfigError);
}

} // namespace
} // namespace pagewalk::workloads
