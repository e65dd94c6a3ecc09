#pragma once

#include "workloads/qemu/batch_decoder.h"
#include "workloads/qemu/space_order.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pagewalk::workloads {

/// A thread's decoder that keeps the thread's place in its process's SpaceOrder: it stops where others have
/// to come first, and tells them how far it has come.
class StreamDecoder {
public:
    /// Without `order` nothing is held back.
    StreamDecoder(BlockDictionary& dictionary, SpaceOrder* order, std::size_t thread, std::uint64_t epoch);

    /// To be called when all that was handed out has taken place.
    void resume();
    /// Others have to come first; decode() must not be called. Cheap.
    [[nodiscard]] bool is_held();

    [[nodiscard]] bool waits_for_others() const { return m_hold != Hold::Nothing; }
    /// decode() hands something out without words.
    [[nodiscard]] bool has_change_due() const { return m_change_due; }

    struct Progress {
        std::size_t words = 0;            ///< used up; they must stay valid while the batch is in use
        std::optional<StreamBatch> batch; ///< to hand out
        bool stuck = false;               ///< the words end in the middle of an event
    };
    /// Errors: RunError when the words are damaged.
    Progress decode(std::span<const std::uint64_t> words);

    [[nodiscard]] const BatchDecoder& decoder() const { return m_decoder; }
    /// The thread's stream is over: nobody waits for it any more.
    void leave();

private:
    enum class Hold : std::uint8_t { Nothing, Epoch, Change };

    BatchDecoder m_decoder;
    SpaceOrder* m_order;
    std::size_t m_thread;
    Hold m_hold = Hold::Epoch; ///< a thread begins after the changes that had ended by then
    bool m_change_due = false; ///< it is to be handed out
    std::uint64_t m_change_in_use = 0;
};

} // namespace pagewalk::workloads
