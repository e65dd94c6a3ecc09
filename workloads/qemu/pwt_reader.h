#pragma once

#include "contract/instruction_stream.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// Whether the threads of a recorded process wait for each other where its address space changed
/// (space_order.h).
enum class ThreadOrder : std::uint8_t {
    Kept,    ///< for simulation: NotYet where another thread must come first
    Ignored, ///< for a look at one thread alone
};

/// A recorded program (.pwt, see pwt.md). Each stream may be read by a thread of ours of its own.
class PwtReader final : public Workload {
public:
    /// Errors: InputError naming file and offset when it cannot be opened, is of another kind or version, or
    /// is damaged where all of it depends on it; RunError from fetch() when a stream proves damaged. A
    /// recording without an end, cut off or still going on, is read as far as it goes, with a warning on
    /// stderr.
    explicit PwtReader(const std::string& path, ThreadOrder order = ThreadOrder::Kept);
    ~PwtReader() override;

    [[nodiscard]] std::string description() const override;
    [[nodiscard]] std::uint64_t expected_instructions() const override;
    [[nodiscard]] std::vector<InitialMapping> initial_mappings() const override;
    [[nodiscard]] bool has_run() const override { return true; }
    [[nodiscard]] InstructionStream& thread(ThreadIndex index) override;
    [[nodiscard]] InstructionStream* child(ThreadIndex parent, std::int64_t child) override;
    /// Precondition: child() is not null.
    [[nodiscard]] ThreadIndex index_of_child(ThreadIndex parent, std::int64_t child) override;
    /// The program's, as a shell gives it; 0 where the recording has no end.
    [[nodiscard]] int exit_status() const override;
    /// Errors: RunError when threads wait for each other in a circle, which a sound recording rules out.
    bool wait_for_news(std::uint64_t limit_us) override;
    [[nodiscard]] std::vector<ProcessRecord> processes() const override;
    /// Also where the recording has no end.
    [[nodiscard]] std::string missing() const override;
    /// Counts the execves that the thread's stream has delivered; not to be used with seek().
    [[nodiscard]] std::vector<InitialMapping> image(ThreadIndex index) const override;

    [[nodiscard]] std::size_t thread_count() const;
    [[nodiscard]] std::uint64_t instructions(ThreadIndex index) const;
    /// False when the recording has no end.
    [[nodiscard]] bool is_complete() const;
    /// Lets the thread's next fetch begin with the chunk that holds its instruction `number`, and returns the
    /// number of the first instruction there, exact but for the one block that may straddle two chunks. What
    /// comes before, system calls included, is skipped.
    std::uint64_t seek(ThreadIndex index, std::uint64_t number);

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace pagewalk::workloads
