#include "base/error.h"
#include "tests/unit/workloads/synthetic/synthetic_support.h"
#include "workloads/synthetic/emitter.h"

#include <map>

namespace pagewalk::workloads {
namespace {

std::vector<SyscallRecord> reads(const SyntheticConfig& config) {
    return run_first("file_reads", config).calls(linux_abi::sys_pread64);
}

SyntheticConfig of(ReadPattern pattern) {
    SyntheticConfig config = small_config();
    config.file_reads.pattern = pattern;
    config.file_reads.file_bytes = 100 * config.file_reads.block_bytes;
    return config;
}

TEST(FileReads, OpenTheFileAndReadBlocksOfIt) {
    const SyntheticConfig config = of(ReadPattern::Zipf);
    const Record got = run_first("file_reads", config);
    ASSERT_EQ(got.calls(linux_abi::sys_openat).size(), 1U);
    const SyscallRecord open = got.calls(linux_abi::sys_openat)[0];
    EXPECT_EQ(open.path, "/data");
    const auto calls = reads(config);
    ASSERT_EQ(calls.size(), 500U);
    for (const SyscallRecord& call : calls) {
        EXPECT_EQ(call.arguments[0], static_cast<std::uint64_t>(open.result));
        EXPECT_EQ(call.arguments[2], config.file_reads.block_bytes);
        EXPECT_EQ(call.arguments[3] % config.file_reads.block_bytes, 0U);
        EXPECT_LT(call.arguments[3], config.file_reads.file_bytes);
        EXPECT_EQ(call.result, config.file_reads.block_bytes);
    }
}

TEST(FileReads, ScanFromStartToEndAgainAndAgain) {
    const auto calls = reads(of(ReadPattern::Scan));
    for (std::size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(calls[i].arguments[3], i % 100 * 16384);
}

TEST(FileReads, PreferPopularBlocksInNoOrder) {
    std::map<std::uint64_t, int> times;
    for (const SyscallRecord& call : reads(of(ReadPattern::Zipf))) ++times[call.arguments[3]];
    int most = 0;
    for (const auto& [place, count] : times) most = std::max(most, count);
    EXPECT_GT(most, 50); // of 500: a fifth goes to the first of 100
    EXPECT_GT(times.size(), 40U);
}

TEST(FileReads, MixPopularBlocksWithScansThatGoOn) {
    SyntheticConfig config = of(ReadPattern::Mixed);
    config.file_reads.scan_every = 40;
    config.file_reads.scan_blocks = 10;
    const auto calls = reads(config);
    for (std::size_t round = 0; round < 10; ++round)
        for (std::size_t i = 0; i < 10; ++i)
            EXPECT_EQ(calls[round * 50 + 40 + i].arguments[3], (round * 10 + i) * 16384);
}

TEST(FileReads, RefuseAFileSmallerThanABlock) {
    SyntheticConfig config = of(ReadPattern::Scan);
    config.file_reads.file_bytes = 8192;
    EXPECT_THROW((void)make_synthetic("file_reads", config), ConfigError);
}

} // namespace
} // namespace pagewalk::workloads
