#include "workloads/qemu/placed_program.h"

#include "contract/system_calls.h"
#include "workloads/qemu/linux_image.h"

#include <algorithm>
#include <array>
#include <sys/syscall.h>

namespace pagewalk::workloads {

namespace {

/// Arguments that are addresses beside those that point to buffers (contract/system_calls.h).
struct AddressArguments {
    std::uint32_t number;
    std::array<bool, 6> is_address;
};
constexpr std::array address_arguments = std::to_array<AddressArguments>({
    {SYS_mmap, {true}},
    {SYS_mprotect, {true}},
    {SYS_munmap, {true}},
    {SYS_brk, {true}},
    {SYS_mremap, {true, false, false, false, true}},
    {SYS_msync, {true}},
    {SYS_mincore, {true, false, true}},
    {SYS_madvise, {true}},
    {SYS_shmat, {false, true}},
    {SYS_shmdt, {true}},
    {SYS_mlock, {true}},
    {SYS_mlock2, {true}},
    {SYS_munlock, {true}},
    {SYS_futex, {true, false, false, false, true}},
    {SYS_remap_file_pages, {true}},
    {SYS_mbind, {true}},
});

constexpr std::uint64_t clone_vm = 0x100;

} // namespace

const StaticBlock* PlacedProgram::Space::ours(const StaticBlock* theirs) {
    if (!shifts.may_shift(theirs->pc)) return theirs;
    const VirtAddr pc = shifts.ours(theirs->pc);
    std::unique_ptr<StaticBlock>& block = blocks[{theirs, pc}];
    if (block != nullptr) return block.get();
    block = std::make_unique<StaticBlock>(*theirs);
    block->pc = pc;
    block->target = shifts.ours(theirs->target);
    return block.get();
}

class PlacedProgram::Stream final : public InstructionStream {
public:
    Stream(PlacedProgram& program, ThreadIndex index, InstructionStream& source, std::shared_ptr<Space> space)
        : m_program(program), m_index(index), m_source(source), m_space(std::move(space)) {}

    [[nodiscard]] StreamBatch fetch() override {
        StreamBatch batch = m_source.fetch();
        place_blocks(batch);
        if (batch.syscall == nullptr) return batch;
        m_call = *batch.syscall;
        place_call();
        batch.syscall = &m_call;
        if (batch.status == StreamStatus::SystemCall && m_call.result == 0 &&
            (m_call.number == SYS_execve || m_call.number == SYS_execveat))
            m_program.enter_image(*this);
        return batch;
    }
    [[nodiscard]] bool ready() override { return m_source.ready(); }
    void place(VirtAddr theirs, std::uint64_t bytes, VirtAddr ours) override {
        m_space->shifts.place(theirs, bytes, ours);
    }
    [[nodiscard]] bool takes_answers() const override { return m_source.takes_answers(); }
    void answer(std::int64_t result, std::span<const std::byte> data) override {
        m_source.answer(result, data);
    }

    [[nodiscard]] ThreadIndex index() const { return m_index; }
    [[nodiscard]] const std::shared_ptr<Space>& space() const { return m_space; }
    [[nodiscard]] const std::vector<InitialMapping>& image() const { return m_image; }
    [[nodiscard]] bool has_executed() const { return m_executed; }
    void enter(LinuxImage image) {
        m_space = std::make_shared<Space>();
        m_space->shifts = std::move(image.shifts);
        m_image = std::move(image.mappings);
        m_executed = true;
    }

    /// The memory of a child that the last call has made.
    [[nodiscard]] std::shared_ptr<Space> childs_space() const {
        const bool shares = (m_call.number == SYS_clone && (m_call.arguments[0] & clone_vm) != 0) ||
                            m_call.number == SYS_clone3 || m_call.number == SYS_vfork;
        if (shares) return m_space;
        auto copy = std::make_shared<Space>();
        copy->shifts = m_space->shifts;
        return copy;
    }

private:
    /// Copies what has to be changed; most programs have little that lies elsewhere.
    void place_blocks(StreamBatch& batch) {
        const AddressShifts& shifts = m_space->shifts;
        if (shifts.empty() || batch.blocks.empty()) return;
        m_blocks.assign(batch.blocks.begin(), batch.blocks.end());
        std::size_t count = 0;
        for (const BlockExecution& block : m_blocks) count += block.reference_count;
        m_references.resize(count);
        MemoryReference* next = m_references.data();
        for (BlockExecution& block : m_blocks) {
            block.block = m_space->ours(block.block);
            const MemoryReference* const first = next;
            for (std::uint32_t i = 0; i < block.reference_count; ++i) {
                const MemoryReference reference = block.references[i];
                const VirtAddr theirs = reference.address();
                *next++ = MemoryReference((reference.raw() & ~address_mask) |
                                          (shifts.ours(theirs).value() & address_mask));
            }
            block.references = first;
        }
        batch.blocks = m_blocks;
    }

    void place_call() {
        const AddressShifts& shifts = m_space->shifts;
        const auto move = [&](std::uint64_t& address) { address = shifts.ours(VirtAddr(address)).value(); };
        const auto* const row =
            std::ranges::find(address_arguments, m_call.number, &AddressArguments::number);
        std::array<bool, 6> moved{};
        if (row != address_arguments.end()) moved = row->is_address;
        if (const SystemCall* const call = find_system_call(m_call.number))
            for (const UserBuffer& buffer : call->buffers)
                if (buffer.use != UserBuffer::Use::None) moved[buffer.argument] = true;
        for (std::size_t i = 0; i < moved.size(); ++i)
            if (moved[i]) move(m_call.arguments[i]);
        for (UserSegment& segment : m_call.segments) segment.address = shifts.ours(segment.address);
        if (m_call.number != SYS_brk) return;
        const VirtAddr brk(static_cast<std::uint64_t>(m_call.result));
        m_call.result = static_cast<std::int64_t>(shifts.ours(brk).value());
    }

    static constexpr std::uint64_t address_mask = (1ULL << 48) - 1;
    PlacedProgram& m_program;
    ThreadIndex m_index;
    InstructionStream& m_source;
    std::shared_ptr<Space> m_space;
    std::vector<InitialMapping> m_image;
    bool m_executed = false;
    std::vector<BlockExecution> m_blocks;
    std::vector<MemoryReference> m_references;
    SyscallRecord m_call;
};

PlacedProgram::PlacedProgram(std::unique_ptr<Workload> source)
    : m_source(std::move(source)), m_first(std::make_shared<Space>()) {
    LinuxImage image = place_as_linux(m_source->initial_mappings());
    m_initial = std::move(image.mappings);
    m_first->shifts = std::move(image.shifts);
}

PlacedProgram::~PlacedProgram() = default;

PlacedProgram::Stream& PlacedProgram::stream(ThreadIndex index, InstructionStream& source,
                                             std::shared_ptr<Space> space) {
    std::unique_ptr<Stream>& stream = m_streams[index];
    if (stream == nullptr) stream = std::make_unique<Stream>(*this, index, source, std::move(space));
    return *stream;
}

InstructionStream& PlacedProgram::thread(ThreadIndex index) {
    return stream(index, m_source->thread(index), m_first);
}

InstructionStream* PlacedProgram::child(ThreadIndex parent, std::int64_t child) {
    InstructionStream* const source = m_source->child(parent, child);
    if (source == nullptr) return nullptr;
    const auto known = m_streams.find(parent);
    return &stream(m_source->index_of_child(parent, child), *source,
                   known != m_streams.end() ? known->second->childs_space() : m_first);
}

std::vector<InitialMapping> PlacedProgram::image(ThreadIndex index) const {
    const auto known = m_streams.find(index);
    return known != m_streams.end() && known->second->has_executed() ? known->second->image() : m_initial;
}

void PlacedProgram::enter_image(Stream& stream) {
    m_left.push_back(stream.space());
    const std::vector<InitialMapping> image = m_source->image(stream.index());
    stream.enter(image.empty() ? LinuxImage{} : place_as_linux(image));
}

} // namespace pagewalk::workloads
