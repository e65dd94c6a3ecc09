#include "base/error.h"
#include "tests/unit/workloads/synthetic/synthetic_support.h"
#include "workloads/synthetic/emitter.h"
#include "workloads/synthetic/layout.h"
#include "workloads/synthetic/synthetic_workload.h"

#include <algorithm>
#include <set>

namespace pagewalk::workloads {
namespace {

using ::testing::HasSubstr;

class EveryGenerator : public ::testing::TestWithParam<std::string_view> {
protected:
    [[nodiscard]] std::string name() const { return std::string(GetParam()); }
    [[nodiscard]] bool is_about_a_nic() const { return name().starts_with("net_"); }
};

TEST_P(EveryGenerator, FollowsItsBranchesToItsEndAndWhereItIsCutShort) {
    for (const std::uint64_t instructions : {0ULL, 10ULL, 3000ULL}) {
        SyntheticConfig config = small_config();
        config.common.instructions = instructions;
        const auto workload = make_synthetic(name(), config);
        const Record got = run(workload->thread(ThreadIndex{0}));
        for (std::size_t i = 1; i < got.blocks.size(); ++i) {
            const StaticBlock& before = *got.blocks[i - 1];
            const StaticBlock& block = *got.blocks[i];
            const bool falls_through = block.pc == before.end() && before.branch != BranchKind::DirectJump;
            const bool jumps = before.branch != BranchKind::None && before.branch != BranchKind::Syscall &&
                               block.pc == before.target;
            ASSERT_TRUE(falls_through || jumps)
                << "execution " << i << " of " << instructions << std::hex << " from " << before.pc.value()
                << " to " << block.pc.value();
        }
    }
}

TEST_P(EveryGenerator, HasConsistentBlocks) {
    const auto workload = make_synthetic(name(), small_config());
    const Record got = run(workload->thread(ThreadIndex{0}));
    std::map<std::uint64_t, const StaticBlock*> by_start;
    for (const StaticBlock* block : std::set(got.blocks.begin(), got.blocks.end())) {
        EXPECT_TRUE(by_start.emplace(block->pc.value(), block).second) << "two blocks at one address";
        EXPECT_EQ(block->lengths.size(), block->instruction_count);
        std::uint32_t bytes = 0;
        for (const std::uint8_t length : block->lengths) bytes += length;
        EXPECT_EQ(block->byte_count, bytes);
        EXPECT_EQ(std::ranges::count(block->uops, true, &MicroOp::first_of_instruction),
                  block->instruction_count);
        EXPECT_GE(block->pc, layout::text);
        EXPECT_LE(block->end(), layout::text + layout::text_bytes);
    }
    std::uint64_t end = 0;
    for (const auto& [start, block] : by_start) {
        EXPECT_GE(start, end) << "blocks overlap";
        end = block->end().value();
    }
}

TEST_P(EveryGenerator, ReferencesTheInstructionsThatAccessMemory) {
    const auto workload = make_synthetic(name(), small_config());
    InstructionStream& stream = workload->thread(ThreadIndex{0});
    for (StreamBatch batch = stream.fetch(); batch.status != StreamStatus::End; batch = stream.fetch())
        for (const BlockExecution& execution : batch.blocks) {
            std::vector<std::pair<unsigned, bool>> expected, got;
            for (const MicroOp& uop : execution.block->uops)
                if (uop.cls == UopClass::Load || uop.cls == UopClass::Store)
                    expected.emplace_back(uop.instruction, uop.cls == UopClass::Store);
            for (std::uint32_t i = 0; i < execution.reference_count; ++i)
                got.emplace_back(execution.references[i].instruction(), execution.references[i].is_store());
            ASSERT_EQ(got, expected);
        }
}

TEST_P(EveryGenerator, TouchesOnlyMemoryItHas) {
    const auto workload = make_synthetic(name(), small_config());
    std::map<std::uint64_t, std::uint64_t> mapped; // start -> end
    for (const InitialMapping& mapping : workload->initial_mappings())
        if (mapping.writable) mapped[mapping.start.value()] = mapping.end.value();
    InstructionStream& stream = workload->thread(ThreadIndex{0});
    for (StreamBatch batch = stream.fetch(); batch.status != StreamStatus::End; batch = stream.fetch()) {
        for (const BlockExecution& execution : batch.blocks)
            for (std::uint32_t i = 0; i < execution.reference_count; ++i) {
                const std::uint64_t address = execution.references[i].address().value();
                auto it = mapped.upper_bound(address);
                ASSERT_NE(it, mapped.begin()) << std::hex << address;
                ASSERT_LE(address + execution.references[i].size(), (--it)->second) << std::hex << address;
            }
        if (batch.status != StreamStatus::SystemCall) continue;
        const SyscallRecord& call = *batch.syscall;
        const auto result = static_cast<std::uint64_t>(call.result);
        if (call.number == linux_abi::sys_mmap) {
            EXPECT_EQ(result % page_size, 0U);
            const auto next = mapped.lower_bound(result);
            EXPECT_TRUE(next == mapped.end() || next->first >= result + call.arguments[1])
                << "mappings overlap";
            mapped[result] = result + call.arguments[1];
        } else if (call.number == linux_abi::sys_munmap) {
            ASSERT_TRUE(mapped.contains(call.arguments[0]));
            EXPECT_EQ(mapped[call.arguments[0]], call.arguments[0] + call.arguments[1]);
            mapped.erase(call.arguments[0]);
        } else if (call.number == linux_abi::sys_brk) {
            EXPECT_EQ(call.arguments[0], result);
            mapped[layout::heap.value()] = result;
        }
    }
}

TEST_P(EveryGenerator, RepeatsFromTheSameSeedAndDiffersFromAnother) {
    SyntheticConfig config = small_config();
    const Record first = run_first(name(), config), second = run_first(name(), config);
    EXPECT_EQ(first.choices(), second.choices());
    EXPECT_EQ(first.instructions, second.instructions);
    config.common.seed = 2;
    if (name() != "stream" && !is_about_a_nic()) { // these draw nothing
        EXPECT_NE(run_first(name(), config).choices(), first.choices());
    }
}

TEST_P(EveryGenerator, StopsSoonAfterItsInstructionsAndExits) {
    SyntheticConfig config = small_config();
    config.common.instructions = 3000;
    const auto workload = make_synthetic(name(), config);
    EXPECT_EQ(workload->expected_instructions(), 3000U);
    InstructionStream& stream = workload->thread(ThreadIndex{0});
    const Record got = run(stream);
    EXPECT_GE(got.instructions, 3000U);
    // One operation of alloc_churn touches up to 1024 pages in 4 instructions each.
    EXPECT_LT(got.instructions, 3000U + 4 * 1024 + 200);
    EXPECT_EQ(got.syscalls.back().number, linux_abi::sys_exit_group);
    EXPECT_EQ(stream.fetch().status, StreamStatus::End);
    EXPECT_TRUE(stream.fetch().blocks.empty());
}

TEST_P(EveryGenerator, StartsThreadsByClone) {
    SyntheticConfig config = small_config();
    config.common.threads = 3;
    const auto workload = make_synthetic(name(), config);
    const Record main = run(workload->thread(ThreadIndex{0}));
    const auto clones = main.calls(linux_abi::sys_clone);
    ASSERT_EQ(clones.size(), 2U);
    EXPECT_EQ(clones[0].result, 1001);
    EXPECT_EQ(clones[1].result, 1002);
    EXPECT_EQ(main.syscalls.back().number, linux_abi::sys_exit);
    EXPECT_EQ(workload->index_of_child(ThreadIndex{0}, 1002), ThreadIndex{2});
    EXPECT_EQ(workload->child(ThreadIndex{0}, 1003), nullptr);
    EXPECT_EQ(workload->child(ThreadIndex{0}, 1000), nullptr);
    EXPECT_EQ(workload->child(ThreadIndex{1}, 1002), nullptr);
    const Record first = run(*workload->child(ThreadIndex{0}, 1001));
    const Record second = run(*workload->child(ThreadIndex{0}, 1002));
    if (!is_about_a_nic()) {
        EXPECT_NE(first.choices(), second.choices());
    }
    EXPECT_EQ(first.syscalls.back().number, linux_abi::sys_exit);
    EXPECT_EQ(first.blocks.front()->pc, layout::work_text);
}

TEST_P(EveryGenerator, SharesItsInstructionsAmongThreads) {
    SyntheticConfig config;
    config.common.instructions = 400'000;
    config.common.threads = 4;
    config.common.first_touch = FirstTouch::Off;
    config.block_io.operations = 100'000;
    config.net_receive.messages = 100'000;
    config.net_send.messages = 100'000;
    const auto workload = make_synthetic(name(), config);
    for (std::uint32_t i = 0; i < 4; ++i) {
        const Record got = run(workload->thread(static_cast<ThreadIndex>(i)));
        EXPECT_GE(got.instructions, 100'000U);
        EXPECT_LT(got.instructions, 105'000U);
    }
}

INSTANTIATE_TEST_SUITE_P(Synthetic, EveryGenerator, ::testing::ValuesIn(synthetic_names()),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(MakeSynthetic, ListsTheNamesWhenOneIsUnknown) {
    try {
        (void)make_synthetic("gusp", {});
        FAIL();
    } catch (const InputError& error) {
        EXPECT_THAT(error.what(), HasSubstr("\"gusp\""));
        EXPECT_THAT(error.what(), HasSubstr("alloc_churn, block_io, btree, file_reads, gups, kernel_objects, "
                                            "kvstore, net_receive, net_send, pointer_chase, stream"));
    }
}

TEST(MakeSynthetic, NamesKeyValueAndRangeOfABadNumber) {
    const auto error_of = [](const char* name, auto change) -> std::string {
        SyntheticConfig config;
        change(config);
        try {
            (void)make_synthetic(name, config);
        } catch (const ConfigError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(error_of("gups", [](auto& c) { c.gups.table_bytes = 7; }),
                HasSubstr("synthetic.gups.table = 7: allowed: 8 to"));
    EXPECT_THAT(error_of("gups", [](auto& c) { c.common.threads = 0; }), HasSubstr("synthetic.threads = 0"));
    EXPECT_THAT(error_of("stream", [](auto& c) { c.stream.array_bytes = 1; }),
                HasSubstr("synthetic.stream.array = 1"));
    EXPECT_THAT(error_of("stream", [](auto& c) { c.stream.array_bytes = 128, c.common.threads = 5; }),
                HasSubstr("1 to 4"));
    EXPECT_THAT(error_of("pointer_chase", [](auto& c) { c.pointer_chase.bytes = 8; }),
                HasSubstr("synthetic.pointer_chase.footprint = 8"));
    EXPECT_THAT(error_of("pointer_chase", [](auto& c) { c.pointer_chase.stride = 4; }),
                HasSubstr("stride = 4"));
    EXPECT_THAT(error_of("alloc_churn", [](auto& c) { c.alloc_churn.slots = 0; }), HasSubstr("slots = 0"));
    EXPECT_THAT(error_of("alloc_churn", [](auto& c) { c.alloc_churn.sizes.clear(); }), HasSubstr("sizes"));
    EXPECT_THAT(error_of("alloc_churn", [](auto& c) { c.alloc_churn.brk_step = 5000; }),
                HasSubstr("multiple of 4096"));
    EXPECT_THAT(error_of("btree", [](auto& c) { c.btree.keys = 0; }), HasSubstr("keys = 0"));
    const auto error_of_sizes = [&](const char* sizes) {
        return error_of("kernel_objects", [sizes](auto& c) { c.kernel_objects.sizes = sizes; });
    };
    EXPECT_THAT(error_of_sizes(""), HasSubstr("'' is not size:weight"));
    EXPECT_THAT(error_of_sizes("64:3, 4Kib:1"), HasSubstr("'4Kib:1' is not size:weight"));
    EXPECT_THAT(error_of_sizes("64:x"), HasSubstr("'64:x'"));
    EXPECT_THAT(error_of_sizes("0:1"), HasSubstr("(bytes) = 0"));
    EXPECT_THAT(error_of_sizes("64:0"), HasSubstr("(weight) = 0"));
    EXPECT_THAT(error_of_sizes("8MiB:1"), HasSubstr("(bytes) = 8388608"));
    EXPECT_THAT(error_of("kernel_objects", [](auto& c) { c.kernel_objects.slots = 0; }),
                HasSubstr("slots = 0"));
    EXPECT_THAT(error_of("kvstore", [](auto& c) { c.kvstore.value_bytes = 100; }),
                HasSubstr("multiple of 64"));
    EXPECT_THAT(error_of("kvstore", [](auto& c) { c.kvstore.put_percent = 101; }), HasSubstr("0 to 100"));
}

TEST(SyntheticFirstTouch, StoresToEveryLineInOrderOrEveryPageOrNothing) {
    SyntheticConfig config = small_config();
    config.gups.updates_per_word = 1;
    config.common.first_touch = FirstTouch::Lines;
    const Record lines = run_first("gups", config);
    const std::uint64_t table = layout::mmap_base.value();
    for (std::uint64_t i = 0; i < (1 << 16) / 32; ++i)
        ASSERT_EQ(lines.accesses[i], (Record::Access{table + i * 32, 32, true}));
    config.common.first_touch = FirstTouch::Pages;
    const Record pages = run_first("gups", config);
    for (std::uint64_t i = 0; i < 16; ++i)
        ASSERT_EQ(pages.accesses[i], (Record::Access{table + i * 4096, 8, true}));
    config.common.first_touch = FirstTouch::Off;
    EXPECT_EQ(run_first("gups", config).accesses.size(), pages.accesses.size() - 16);
    EXPECT_EQ(lines.accesses.size() - 2048, pages.accesses.size() - 16);
}

TEST(SyntheticHugePages, AdvisesEachAreaAfterMappingIt) {
    SyntheticConfig config = small_config();
    config.common.huge_pages = true;
    const Record got = run_first("stream", config);
    const auto maps = got.calls(linux_abi::sys_mmap), advices = got.calls(linux_abi::sys_madvise);
    ASSERT_EQ(maps.size(), 3U);
    ASSERT_EQ(advices.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(advices[i].arguments[0], static_cast<std::uint64_t>(maps[i].result));
        EXPECT_EQ(advices[i].arguments[1], maps[i].arguments[1]);
        EXPECT_EQ(advices[i].arguments[2], 14U);
        EXPECT_EQ(static_cast<std::uint64_t>(maps[i].result) % (2 << 20), 0U);
    }
}

TEST(SyntheticHugetlb, MapsEachAreaFromThePoolOfHugePages) {
    SyntheticConfig config = small_config();
    config.common.hugetlb = true;
    const auto maps = run_first("stream", config).calls(linux_abi::sys_mmap);
    ASSERT_EQ(maps.size(), 3U);
    for (const auto& map : maps) {
        EXPECT_EQ(map.arguments[3], 0x40022U); // MAP_HUGETLB | MAP_ANONYMOUS | MAP_PRIVATE
        EXPECT_EQ(static_cast<std::uint64_t>(map.result) % (2 << 20), 0U);
    }
}

} // namespace
} // namespace pagewalk::workloads
