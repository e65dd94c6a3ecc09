#include "workloads/qemu/placed_program.h"

#include <deque>
#include <optional>

#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

constexpr std::uint64_t stack_page = 0x4000800000;
constexpr std::uint64_t linux_stack_page = 0x7fffffffe000;

/// A thread that hands out what a test has put in.
struct FakeStream final : InstructionStream {
    struct Step {
        std::vector<MemoryReference> references;
        std::optional<SyscallRecord> call;
    };
    std::deque<Step> steps;
    StaticBlock block{.pc = VirtAddr(0x401000), .byte_count = 4, .instruction_count = 1};
    Step current;
    BlockExecution execution;

    StreamBatch fetch() override {
        if (steps.empty()) return {};
        current = steps.front();
        steps.pop_front();
        execution = {&block, current.references.data(), static_cast<std::uint32_t>(current.references.size()),
                     1};
        const auto status = current.call ? StreamStatus::SystemCall : StreamStatus::More;
        return {{&execution, 1}, status, current.call ? &*current.call : nullptr};
    }
    void touch(std::uint64_t address) {
        steps.push_back({{MemoryReference(VirtAddr(address), 0, 3, true)}, {}});
    }
    void call(std::uint32_t number, std::array<std::uint64_t, 6> arguments, std::int64_t result) {
        steps.push_back({{}, SyscallRecord{.number = number, .arguments = arguments, .result = result}});
    }
};

struct FakeProgram final : Workload {
    FakeStream first, child_stream;
    [[nodiscard]] std::string description() const override { return "fake"; }
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override {
        InitialMapping stack{.start = VirtAddr(0x4000001000), .end = VirtAddr(0x4000801000)};
        stack.grows_down = true;
        stack.written_from = stack.end - 8;
        stack.written_to = stack.end;
        return {{.start = VirtAddr(0x400000), .end = VirtAddr(0x402000), .file = "p"}, stack};
    }
    [[nodiscard]] InstructionStream& thread(ThreadIndex) override { return first; }
    [[nodiscard]] InstructionStream* child(ThreadIndex, std::int64_t) override { return &child_stream; }
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex, std::int64_t) override { return ThreadIndex{1}; }
};

struct Placed : testing::Test {
    FakeProgram* source = new FakeProgram;
    PlacedProgram program{std::unique_ptr<Workload>(source)};
    InstructionStream& stream = program.thread(ThreadIndex{0});

    static VirtAddr touched(InstructionStream& from) {
        return from.fetch().blocks[0].references[0].address();
    }
};

TEST_F(Placed, ShowsTheStackWhereLinuxHasIt) {
    source->first.touch(stack_page + 0x123);
    source->first.touch(0x401800);
    EXPECT_EQ(touched(stream), VirtAddr(linux_stack_page + 0x123));
    EXPECT_EQ(touched(stream), VirtAddr(0x401800));
    EXPECT_TRUE(program.takes_places());
    EXPECT_EQ(program.initial_mappings().back().end, VirtAddr(0x7ffffffff000));
}

TEST_F(Placed, GivesMappingsThePlacesThatTheyAreGiven) {
    source->first.call(9, {0, 0x2000, 3, 0x22, ~0ULL, 0}, 0x4000900000);
    source->first.touch(0x4000901008);
    source->first.call(11, {0x4000900000, 0x2000}, 0);
    EXPECT_EQ(stream.fetch().syscall->result, 0x4000900000); // where the source has it
    stream.place(VirtAddr(0x4000900000), 0x2000, VirtAddr(0x7ffff7ff7000));
    EXPECT_EQ(touched(stream), VirtAddr(0x7ffff7ff8008));
    EXPECT_EQ(stream.fetch().syscall->arguments[0], 0x7ffff7ff7000U);
}

TEST_F(Placed, MovesPointersOfCallsAndNothingElse) {
    source->first.call(1, {1, stack_page, stack_page}, 5); // write: descriptor, buffer, length
    const StreamBatch batch = stream.fetch();
    EXPECT_EQ(batch.syscall->arguments[1], linux_stack_page);
    EXPECT_EQ(batch.syscall->arguments[2], stack_page);
}

TEST_F(Placed, ChildrenBeginWithTheirParentsPlaces) {
    source->first.call(57, {}, 77);
    (void)stream.fetch();
    InstructionStream& child = *program.child(ThreadIndex{0}, 77);
    child.place(VirtAddr(0x4000900000), 0x1000, VirtAddr(0x7ffff7ff8000));
    source->child_stream.touch(stack_page);
    source->child_stream.touch(0x4000900000);
    source->first.touch(0x4000900000);
    EXPECT_EQ(touched(child), VirtAddr(linux_stack_page));
    EXPECT_EQ(touched(child), VirtAddr(0x7ffff7ff8000));
    EXPECT_EQ(touched(stream), VirtAddr(0x4000900000)); // a process of its own
}

TEST_F(Placed, MovesCodeThatWasMapped) {
    stream.place(VirtAddr(0x4000900000), 0x1000, VirtAddr(0x7ffff7ff8000));
    source->first.block.pc = VirtAddr(0x4000900010);
    source->first.touch(0x401000);
    source->first.touch(0x401000);
    const StaticBlock* const block = stream.fetch().blocks[0].block;
    EXPECT_EQ(block->pc, VirtAddr(0x7ffff7ff8010));
    EXPECT_EQ(stream.fetch().blocks[0].block, block); // its address identifies it
}

} // namespace
} // namespace pagewalk::workloads
