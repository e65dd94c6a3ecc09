#pragma once

#include "base/address.h"
#include "os/path/operation.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// Bytes on their way from a writer to a reader, in the kernel's memory: a pipe's, or one direction of a
/// socket's. What was read is known before the write that brings it has ended in simulated time: such bytes
/// are lent memory of their own, and given up as soon as their write puts them in.
class ByteQueue {
public:
    /// A stretch of the kernel's memory; no bytes: there is no memory.
    struct Part {
        VirtAddr address{};
        std::uint32_t bytes = 0;
    };

    /// What its calls cost beside what they touch.
    struct Costs {
        KernelFunction read, read_part;   ///< a call, and each part that it copies
        KernelFunction write, write_part; ///< the same
    };

    ByteQueue() = default;
    ByteQueue(const ByteQueue&) = delete;
    ByteQueue& operator=(const ByteQueue&) = delete;
    virtual ~ByteQueue() = default;

    /// Whoever is at the other end is outside the simulated machine: takes all at once, and has all that is
    /// asked for.
    void lead_outside() { m_owed = std::numeric_limits<std::uint64_t>::max(); }

    /// Memory at the queue's end for the next bytes of a write that has `left` to go.
    [[nodiscard]] virtual Part append(Operation& op, std::uint64_t left) = 0;
    /// The writer has filled what append() gave, or spliced.
    void filled(Operation& op, std::uint64_t bytes) {
        const std::uint64_t taken = std::min(bytes, m_owed);
        if (m_owed != std::numeric_limits<std::uint64_t>::max()) m_owed -= taken;
        consume(op, taken);
    }
    /// The first bytes, `most` of them at most: lent where no write has brought them.
    [[nodiscard]] Part next(Operation& op, std::uint64_t most) {
        if (const Part part = front(most); part.bytes != 0) return part;
        const Part lent = append(op, most);
        if (m_owed != std::numeric_limits<std::uint64_t>::max()) m_owed += lent.bytes;
        return lent;
    }
    /// Shows `bytes` of somebody else's page, from `offset` on, as the queue's next (splice): the page has a
    /// user more.
    virtual void splice(Operation& op, Pfn frame, std::uint32_t offset, std::uint32_t bytes) = 0;
    /// Takes back the last bytes: they were not written after all.
    virtual void withdraw(Operation& op, std::uint64_t bytes) = 0;
    /// A write that may block has put in `bytes` before its result is known.
    void note_begun(TaskId writer, std::uint64_t bytes) { m_begun.emplace_back(writer, bytes); }
    /// The write has ended. Returns what it had put in when it began.
    [[nodiscard]] std::uint64_t take_begun(TaskId writer) {
        const auto found = std::ranges::find(m_begun, writer, &Begun::first);
        if (found == m_begun.end()) return 0;
        const std::uint64_t bytes = found->second;
        m_begun.erase(found);
        return bytes;
    }
    /// Takes out the first bytes, as many as there are.
    virtual void consume(Operation& op, std::uint64_t bytes) = 0;
    /// Frees what it holds and is.
    virtual void destroy(Operation& op) = 0;
    [[nodiscard]] virtual Costs costs() const = 0;
    /// Bytes in it.
    [[nodiscard]] virtual std::uint64_t size() const = 0;

protected:
    [[nodiscard]] virtual Part front(std::uint64_t most) const = 0;

private:
    using Begun = std::pair<TaskId, std::uint64_t>;
    std::uint64_t m_owed = 0; ///< bytes that were read and not yet written
    std::vector<Begun> m_begun;
};

} // namespace pagewalk::os
