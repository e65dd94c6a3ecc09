#pragma once

#include "os/file/writeback.h"
#include "os/task/kernel_thread.h"

namespace pagewalk::os {

/// The thread that writes dirty pages back: those that are old, and where there are too many any of them.
class Flusher final : public KernelThread {
public:
    static constexpr std::uint64_t chunk = 2048; ///< pages of an inode before the next one's turn

    Flusher(TaskRunner& runner, Writeback& writeback) : KernelThread(runner), m_writeback(writeback) {}

    void run(Operation& op) override;

private:
    /// Writes up to a chunk of each inode that `wants` it. Returns how many pages.
    template <class Wants>
    std::uint64_t write_round(Operation& op, const Wants& wants);
    void write_what_is_due(Operation& op);

    Writeback& m_writeback;
};

} // namespace pagewalk::os
