#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/block_dictionary.h"
#include "workloads/qemu/event_words.h"

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace pagewalk::workloads {

/// Turns the event words of one thread (event_words.h) into batches. References point into the words given,
/// except those of a batch's last block, which is held back until its successor shows whether it ran to its
/// end; so what is delivered does not depend on where the words were cut into pieces. Iterations of rep movs
/// and rep stos that go upwards are joined to accesses of up to 32 bytes, as processors with fast string
/// operations make them.
class BatchDecoder {
public:
    static constexpr std::size_t max_blocks_per_batch = 512;

    enum class Outcome : std::uint8_t {
        NeedWords, ///< everything used; blocks() may hold some
        BatchFull,
        Entered,    ///< syscall() begins after blocks() and may block, or something comes before its end
        SystemCall, ///< syscall() is complete and comes after blocks(); none are left for an exit or a
                    ///< change()
        Epoch,      ///< after blocks() the thread noted epoch()
        End,
    };
    struct Progress {
        std::size_t words = 0; ///< used up; they must stay valid while blocks() is in use
        Outcome outcome = Outcome::NeedWords;
    };

    /// `epoch`: the space epoch (space_order.h) when the stream began.
    explicit BatchDecoder(BlockDictionary& dictionary, std::uint64_t epoch = 0);

    /// Errors: RunError when the words are damaged. The message does not name the source.
    Progress decode(std::span<const std::uint64_t> words);

    [[nodiscard]] std::span<const BlockExecution> blocks() const { return m_blocks; }
    [[nodiscard]] const SyscallRecord& syscall() const { return m_syscall; }
    /// The space epoch that syscall() began where it changes an address space that threads share, otherwise
    /// 0.
    [[nodiscard]] std::uint64_t change() const { return m_change; }
    [[nodiscard]] std::uint64_t epoch() const { return m_epoch; }
    /// A system call was entered whose return has not been seen.
    [[nodiscard]] bool in_system_call() const { return m_in_system_call; }
    /// The thread runs no further instruction.
    [[nodiscard]] bool has_ended() const { return m_ended; }
    /// Delivered so far; iterations of one rep string instruction count once.
    [[nodiscard]] std::uint64_t instructions() const { return m_instructions; }

private:
    struct Pending {
        const BlockInfo* info = nullptr;
        const MemoryReference* references = nullptr;
        std::uint32_t reference_count = 0;
    };
    enum class Ending : std::uint8_t { Complete, Perhaps };

    [[nodiscard]] const BlockInfo& info_of(std::uint64_t block_word);
    [[nodiscard]] Ending ending_before(std::uint64_t word);
    [[nodiscard]] bool join_iteration(const BlockInfo& info, std::span<const MemoryReference> iteration);
    void release_joined();
    [[nodiscard]] bool is_joined(const MemoryReference* references) const {
        return references >= m_joined.data() && references < m_joined.data() + m_joined.size();
    }
    void deliver_pending(Ending ending);
    void hold_back();
    [[nodiscard]] Outcome handle_epoch(std::uint64_t epoch, std::uint64_t next_word, std::size_t& words);
    Outcome handle_event(EventKind kind, std::span<const std::uint64_t> payload);
    void read_enter(std::span<const std::uint64_t> payload);
    void read_return(std::span<const std::uint64_t> payload);
    [[nodiscard]] std::uint32_t executed(Ending ending);

    BlockDictionary* m_dictionary;
    std::vector<BlockExecution> m_blocks;
    Pending m_pending;
    std::array<std::vector<MemoryReference>, 2> m_held; ///< by turns: one may be in the batch in use
    std::size_t m_held_turn = 0;
    std::vector<MemoryReference>
        m_joined; ///< of the batch's string operations; never grows while they are in use
    std::array<std::uint32_t, 2> m_joined_bytes{};    ///< that the pending block's joined references cover
    std::vector<std::uint16_t> m_complete_references; ///< by block id: references of a complete execution + 1
    SyscallRecord m_syscall;
    bool m_in_system_call = false;
    std::uint64_t m_change = 0;
    std::uint64_t m_epoch = 0;
    bool m_ended = false;
    std::uint64_t m_last_pc = 0;
    std::uint64_t m_instructions = 0;
};

} // namespace pagewalk::workloads
