#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/address_shifts.h"

#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace pagewalk::workloads {

/// A program that the emulator has put at addresses of its own choice, at those where Linux would have it:
/// its image as of linux_image.h, what it maps where the OS layer says (InstructionStream::place).
class PlacedProgram final : public Workload {
public:
    explicit PlacedProgram(std::unique_ptr<Workload> source);
    ~PlacedProgram() override;

    [[nodiscard]] std::string description() const override { return m_source->description(); }
    [[nodiscard]] std::uint64_t expected_instructions() const override {
        return m_source->expected_instructions();
    }
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override { return m_initial; }
    [[nodiscard]] InstructionStream& thread(ThreadIndex index) override;
    [[nodiscard]] InstructionStream* child(ThreadIndex parent, std::int64_t child) override;
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex parent, std::int64_t child) override {
        return m_source->index_of_child(parent, child);
    }
    [[nodiscard]] bool maps_on_touch() const override { return m_source->maps_on_touch(); }
    [[nodiscard]] bool has_run() const override { return m_source->has_run(); }
    [[nodiscard]] std::vector<InitialMapping> image(ThreadIndex index) const override;
    bool wait_for_news(std::uint64_t limit_us) override { return m_source->wait_for_news(limit_us); }
    [[nodiscard]] int exit_status() const override { return m_source->exit_status(); }
    [[nodiscard]] std::vector<ProcessRecord> processes() const override { return m_source->processes(); }
    [[nodiscard]] bool is_live() const override { return m_source->is_live(); }
    [[nodiscard]] bool takes_places() const override { return true; }
    [[nodiscard]] std::string missing() const override { return m_source->missing(); }

private:
    /// A process's memory, and the blocks that lie elsewhere there.
    struct Space {
        AddressShifts shifts;
        /// A core knows a block by where it is in the host's memory: those of earlier places stay.
        std::map<std::pair<const StaticBlock*, VirtAddr>, std::unique_ptr<StaticBlock>> blocks;

        [[nodiscard]] const StaticBlock* ours(const StaticBlock* theirs);
    };
    class Stream;

    [[nodiscard]] Stream& stream(ThreadIndex index, InstructionStream& source, std::shared_ptr<Space> space);
    void enter_image(Stream& stream);

    std::unique_ptr<Workload> m_source;
    std::vector<InitialMapping> m_initial;
    std::shared_ptr<Space> m_first;
    std::map<ThreadIndex, std::unique_ptr<Stream>> m_streams;
    std::vector<std::shared_ptr<Space>> m_left; ///< by execve; cores may still know their blocks
};

} // namespace pagewalk::workloads
