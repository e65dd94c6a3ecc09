#include "tests/unit/workloads/synthetic/synthetic_support.h"
#include "workloads/synthetic/emitter.h"
#include "workloads/synthetic/layout.h"

#include <set>

namespace pagewalk::workloads {
namespace {

const std::uint64_t base = layout::mmap_base.value();

TEST(Gups, UpdatesEachWordEquallyOften) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.gups = {1 << 14, 400};
    const Record got = run_first("gups", config);
    constexpr std::size_t words = (1 << 14) / 8;
    ASSERT_EQ(got.accesses.size(), words * 400 * 2);
    std::vector<std::uint64_t> hits(words);
    for (std::size_t i = 0; i < got.accesses.size(); i += 2) {
        EXPECT_EQ(got.accesses[i].address, got.accesses[i + 1].address);
        EXPECT_FALSE(got.accesses[i].store);
        EXPECT_TRUE(got.accesses[i + 1].store);
        ++hits.at((got.accesses[i].address - base) / 8);
    }
    // Chi-squared with 2047 degrees of freedom: mean 2047, standard deviation 64; five of them either way.
    std::uint64_t squares = 0;
    for (const std::uint64_t n : hits) squares += (n - 400) * (n - 400);
    EXPECT_LT(squares / 400, 2047U + 320);
    EXPECT_GT(squares / 400, 2047U - 320);
}

TEST(Gups, TakesEightInstructionsAnUpdate) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.gups.updates_per_word = 1;
    // Besides: mmap and exit of 4 instructions each, and the jump to the work.
    EXPECT_EQ(run_first("gups", config).instructions, (1 << 16) / 8 * 8 + 4 + 4 + 1);
}

TEST(PointerChase, VisitsEachElementOncePerCycle) {
    for (const auto& [bytes, stride] :
         {std::pair{1ULL << 16, 64ULL}, {1000ULL * 4096, 4096ULL}, {64ULL, 64ULL}, {192ULL, 64ULL}}) {
        SyntheticConfig config = small_config();
        config.common.first_touch = FirstTouch::Off;
        config.pointer_chase = {bytes, stride, 2};
        const Record got = run_first("pointer_chase", config);
        const std::size_t elements = bytes / stride;
        ASSERT_EQ(got.accesses.size(), 2 * elements);
        std::set<std::uint64_t> seen;
        for (std::size_t i = 0; i < elements; ++i) {
            seen.insert((got.accesses[i].address - base) / stride);
            EXPECT_EQ(got.accesses[i].address, got.accesses[i + elements].address);
        }
        EXPECT_EQ(seen.size(), elements);
        EXPECT_EQ(*seen.rbegin(), elements - 1);
    }
}

TEST(PointerChase, EndsPromptlyWhenManyCyclesAreLeft) {
    SyntheticConfig config = small_config();
    config.common.instructions = 1000;
    config.pointer_chase.cycles = 1 << 30;
    EXPECT_LT(run_first("pointer_chase", config).instructions, 1010U);
}

TEST(PointerChase, JumpsFarAndDependsOnTheLoadBefore) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.pointer_chase = {1 << 24, 64, 1};
    const auto workload = make_synthetic("pointer_chase", config);
    const Record got = run(workload->thread(ThreadIndex{0}));
    std::uint64_t near = 0;
    for (std::size_t i = 1; i < got.accesses.size(); ++i) {
        const auto distance =
            static_cast<std::int64_t>(got.accesses[i].address - got.accesses[i - 1].address);
        near += std::abs(distance) < 4096;
    }
    // A uniform jump lands within a page either way once in 2048.
    EXPECT_LT(near, got.accesses.size() / 1024);
    const auto& uops = got.blocks[got.blocks.size() - 2]->uops;
    EXPECT_EQ(uops[0].cls, UopClass::Load);
    EXPECT_EQ(uops[0].sources[0], uops[0].destinations[0]);
}

TEST(Stream, RunsCopyScaleAddTriadOverItsArrays) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.stream = {128, 1};
    const Record got = run_first("stream", config);
    const std::uint64_t a = base, b = base + (4 << 20), c = base + (8 << 20);
    std::vector<Record::Access> expected;
    for (std::uint64_t i = 0; i < 128; i += 32)
        expected.insert(expected.end(), {{a + i, 32, false}, {c + i, 32, true}});
    for (std::uint64_t i = 0; i < 128; i += 32)
        expected.insert(expected.end(), {{c + i, 32, false}, {b + i, 32, true}});
    for (std::uint64_t i = 0; i < 128; i += 32)
        expected.insert(expected.end(), {{a + i, 32, false}, {b + i, 32, false}, {c + i, 32, true}});
    for (std::uint64_t i = 0; i < 128; i += 32)
        expected.insert(expected.end(), {{b + i, 32, false}, {c + i, 32, false}, {a + i, 32, true}});
    EXPECT_EQ(got.accesses, expected);
}

TEST(AllocChurn, FreesWhatItMapsAndMovesTheHeapBothWays) {
    SyntheticConfig config = small_config();
    config.alloc_churn.operations = 20'000;
    config.alloc_churn.brk_limit = 1 << 20;
    config.alloc_churn.sizes = {{16 << 10, 9}, {64 << 10, 1}};
    const Record got = run_first("alloc_churn", config);
    const auto maps = got.calls(linux_abi::sys_mmap), unmaps = got.calls(linux_abi::sys_munmap);
    EXPECT_EQ(maps.size() + unmaps.size(), 20'000U);
    EXPECT_LE(maps.size() - unmaps.size(), 16U);
    std::uint64_t large = 0;
    for (const SyscallRecord& map : maps) large += map.arguments[1] == 64 << 10;
    EXPECT_NEAR(static_cast<double>(large), 1000, 150);
    std::uint64_t end = (layout::heap + layout::heap_bytes).value(), grown = 0, shrunk = 0;
    for (const SyscallRecord& call : got.calls(linux_abi::sys_brk)) {
        ++(call.arguments[0] > end ? grown : shrunk);
        end = call.arguments[0];
    }
    EXPECT_EQ(grown + shrunk, unmaps.size() / 16);
    EXPECT_GT(shrunk, 50U);
    EXPECT_GT(grown, 5 * shrunk);
}

TEST(AllocChurn, TouchesTheShareOfPagesAskedFor) {
    SyntheticConfig config = small_config();
    config.alloc_churn.brk_every = 0;
    config.alloc_churn.sizes = {{400 << 10, 1}};
    config.alloc_churn.touched_percent = 25;
    const Record got = run_first("alloc_churn", config);
    EXPECT_EQ(got.accesses.size(), got.calls(linux_abi::sys_mmap).size() * 25);
}

TEST(Btree, DescendsEveryLevelByBinarySearch) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.btree = {1 << 12, 300};
    const Record got = run_first("btree", config);
    // Three levels: four keys and a child each.
    ASSERT_EQ(got.accesses.size(), 300U * 3 * 5);
    const std::uint64_t level_starts[] = {base, base + 256, base + 256 * 17, base + 256 * (17 + 256)};
    std::set<std::uint64_t> leaves;
    for (std::size_t i = 0; i < got.accesses.size(); i += 5) {
        const std::size_t level = i / 5 % 3;
        const std::uint64_t node = (got.accesses[i].address - base) / 256;
        EXPECT_EQ(got.accesses[i].address % 256, 7U * 8) << "the first probe is the middle key";
        for (std::size_t j = 0; j < 5; ++j) {
            EXPECT_EQ((got.accesses[i + j].address - base) / 256, node);
            EXPECT_EQ(got.accesses[i + j].address % 256 >= 128, j == 4);
        }
        EXPECT_GE(got.accesses[i].address, level_starts[level]);
        EXPECT_LT(got.accesses[i].address, level_starts[level + 1]);
        // The child that was loaded is the node that is searched next.
        if (level < 2) {
            const std::uint64_t child = got.accesses[i + 4].address % 256 / 8 - 16;
            const std::uint64_t within = (got.accesses[i].address - level_starts[level]) / 256;
            EXPECT_EQ((got.accesses[i + 5].address - level_starts[level + 1]) / 256, within * 16 + child);
        }
        if (level == 2) leaves.insert(node);
    }
    EXPECT_GT(leaves.size(), 150U);
}

TEST(Kvstore, CopiesValuesOutForGetsAndInForPuts) {
    for (const std::uint32_t put : {0U, 100U}) {
        SyntheticConfig config = small_config();
        config.common.first_touch = FirstTouch::Off;
        config.kvstore.put_percent = put;
        config.kvstore.value_bytes = 256;
        const Record got = run_first("kvstore", config);
        const auto maps = got.calls(linux_abi::sys_mmap);
        const auto buffer = static_cast<std::uint64_t>(maps[2].result);
        std::uint64_t into_buffer = 0, into_table = 0;
        for (const Record::Access& access : got.accesses)
            if (access.store) ++(access.address >= buffer ? into_buffer : into_table);
        EXPECT_EQ(into_buffer, put == 0 ? 500U * 8 : 0U);
        EXPECT_EQ(into_table, put == 0 ? 0U : 500U * 8);
    }
}

TEST(Kvstore, AsksForPopularKeysMoreOften) {
    SyntheticConfig config = small_config();
    config.common.first_touch = FirstTouch::Off;
    config.kvstore.requests = 20'000;
    config.kvstore.value_bytes = 64;
    const Record got = run_first("kvstore", config);
    std::map<std::uint64_t, std::uint64_t> requests; // by bucket
    for (const Record::Access& access : got.accesses)
        if (access.size == 8 && access.address < base + 8 * 1000) ++requests[access.address];
    std::uint64_t most = 0;
    for (const auto& [bucket, n] : requests) most = std::max(most, n);
    // 1 / sum of r^-0.99 for 1000 ranks is 0.1303: 2606 requests expected, standard deviation 48.
    EXPECT_NEAR(static_cast<double>(most), 2606, 300);
}

} // namespace
} // namespace pagewalk::workloads
