#pragma once

#include "contract/system_calls.h"
#include "contract/time_out.h"
#include "workloads/qemu/event_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace pagewalk::workloads {

using CallArguments = std::array<std::uint64_t, 6>;

/// What a system call finds in the program's memory beyond its arguments: its first file name, which
/// pieces of memory its iovecs name or its argument strings are, and the time or the CPUs or nodes that it
/// points to, or its pages. Read through the kernel, because the program's pointers may be bad.
class CallMemory {
public:
    /// Of the calling process, whose id is `pid`.
    void read(pid_t pid, std::uint64_t number, const CallArguments& arguments) {
        m_pid = pid;
        m_clock_source = 0;
        m_path.clear();
        m_segments.clear();
        const SystemCall* const call = find_system_call(number);
        if (call == nullptr) return;
        for (const UserBuffer& buffer : call->buffers) read_buffer(buffer, arguments);
        if (const auto time_out = time_out_of(number, arguments)) read_time(*time_out, arguments);
        if (number == SYS_clock_gettime) {
            m_clock = static_cast<clockid_t>(arguments[0]);
            m_clock_source = arguments[1];
        }
        if (number == SYS_execve || number == SYS_execveat) {
            const std::size_t first = number == SYS_execve ? 1 : 2;
            read_strings(arguments[first]);
            read_strings(arguments[first + 1]);
        }
        if (number == SYS_sched_setaffinity) read_mask(arguments[2], arguments[1]);
        if (number == SYS_set_mempolicy) read_nodes(arguments[1], arguments[2]);
        if (number == SYS_mbind) read_nodes(arguments[3], arguments[4]);
        if (number == SYS_migrate_pages) {
            read_nodes(arguments[2], arguments[1]);
            read_nodes(arguments[3], arguments[1]);
        }
        if (number == SYS_move_pages) read_pages(arguments);
    }
    /// The two file descriptors that a call has written, the first in the low half; contract: it has.
    [[nodiscard]] std::uint64_t read_descriptors(std::uint64_t address) const {
        std::uint64_t both = 0;
        return copy(address, &both, sizeof both) ? both : ~0ULL;
    }

    /// The call has returned: the program knows a clock's time if it has read it.
    void note_return(std::int64_t result) {
        if (m_clock_source != 0) m_knows_clock = result == 0 && copy(m_clock_source, &m_now, sizeof m_now);
    }

    [[nodiscard]] std::string_view path() const { return m_path; }
    [[nodiscard]] const std::vector<iovec>& segments() const { return m_segments; }

private:
    static constexpr std::uint64_t page_bytes = 4096;

    void read_buffer(const UserBuffer& buffer, const CallArguments& arguments) {
        const std::uint64_t address = arguments[buffer.argument];
        if (buffer.use == UserBuffer::Use::None || address == 0) return;
        switch (buffer.length) {
        case UserBuffer::Length::String:
            if (m_path.empty()) read_path(address);
            break;
        case UserBuffer::Length::Vector:
            read_vector(address, arguments[buffer.by]);
            break;
        case UserBuffer::Length::Message:
            read_messages(address, 1, sizeof(msghdr));
            break;
        case UserBuffer::Length::Messages:
            read_messages(address, arguments[buffer.by], sizeof(mmsghdr));
            break;
        default:
            break;
        }
    }
    void read_messages(std::uint64_t address, std::uint64_t count, std::uint64_t stride) {
        for (; count != 0 && m_segments.size() < max_segments; --count, address += stride) {
            msghdr header{};
            if (!copy(address, &header, sizeof header)) return;
            read_vector(reinterpret_cast<std::uint64_t>(header.msg_iov), header.msg_iovlen);
        }
    }
    void read_vector(std::uint64_t address, std::uint64_t count) {
        const std::size_t before = m_segments.size();
        m_segments.resize(before + std::min<std::uint64_t>(count, max_segments - before));
        const std::size_t bytes = (m_segments.size() - before) * sizeof(iovec);
        if (bytes != 0 && !copy(address, &m_segments[before], bytes)) m_segments.resize(before);
    }
    /// An array of pointers to strings, null at its end, and these.
    void read_strings(std::uint64_t array) {
        constexpr std::uint64_t step = 64; // pointers read at a time
        std::array<std::uint64_t, step> pointers{};
        for (std::uint64_t at = array; at != 0; at += sizeof pointers) {
            // To the page's end, where the next may be missing.
            const std::uint64_t in_page = (page_bytes - at % page_bytes) / sizeof at;
            const std::uint64_t count = std::min(step, std::max<std::uint64_t>(in_page, 1));
            if (!copy(at, pointers.data(), count * sizeof at)) return;
            for (std::uint64_t i = 0; i < count; ++i) {
                if (pointers[i] == 0 || m_segments.size() >= max_segments) return;
                add_segment(pointers[i], string_bytes(pointers[i]));
                add_segment(at + i * sizeof at, sizeof at);
            }
            at -= sizeof pointers - count * sizeof at;
        }
    }
    /// What follows a piece directly belongs to it.
    void add_segment(std::uint64_t address, std::uint64_t bytes) {
        if (bytes == 0) return;
        for (iovec& known : std::span(m_segments).last(std::min<std::size_t>(m_segments.size(), 2)))
            if (reinterpret_cast<std::uint64_t>(known.iov_base) + known.iov_len == address) {
                known.iov_len += bytes;
                return;
            }
        m_segments.push_back({reinterpret_cast<void*>(address), bytes});
    }
    /// With its null byte; 0 where it has none that can be read.
    [[nodiscard]] std::uint64_t string_bytes(std::uint64_t address) const {
        constexpr std::uint64_t longest = 128UL << 10; // Linux: MAX_ARG_STRLEN
        std::array<char, page_bytes> part;
        for (std::uint64_t length = 0; length < longest;) {
            const std::uint64_t step = page_bytes - (address + length) % page_bytes;
            if (!copy(address + length, part.data(), step)) return 0;
            const std::size_t end = std::string_view(part.data(), step).find('\0');
            if (end != std::string_view::npos) return length + end + 1;
            length += step;
        }
        return 0;
    }
    /// How long from now, in nanoseconds. A point in time counts from when the thread last read the clock, or
    /// from the last point that it waited for: how fast the host is does not matter then.
    void read_time(const TimeOut& time_out, const CallArguments& arguments) {
        if (time_out.form == TimeOut::Form::Milliseconds) return;
        const std::uint64_t address = arguments[time_out.argument];
        std::array<std::int64_t, 2> time{}; // seconds, and the rest in ns or us
        if (address == 0 || !copy(address, &time, sizeof time)) return;
        timespec now{};
        if (time_out.clock) {
            if (m_knows_clock && m_clock == *time_out.clock)
                now = m_now;
            else if (clock_gettime(*time_out.clock, &now) != 0)
                return;
            m_clock = *time_out.clock;
            m_now = {time[0], time[1]};
            m_knows_clock = true;
        }
        constexpr __int128 ns_per_second = 1'000'000'000;
        const std::int64_t unit = time_out.form == TimeOut::Form::Timeval ? 1000 : 1;
        const __int128 ns =
            (static_cast<__int128>(time[0]) - now.tv_sec) * ns_per_second + time[1] * unit - now.tv_nsec;
        constexpr std::uint64_t longest = 1ULL << 62;
        m_segments.push_back({reinterpret_cast<void*>(address),
                              ns <= 0 ? 0 : static_cast<std::uint64_t>(ns > longest ? longest : ns)});
    }
    /// Linux's maxnode counts one bit too many.
    void read_nodes(std::uint64_t address, std::uint64_t bits) {
        if (bits > 1) read_mask(address, (bits + 6) / 8);
    }
    /// The first pages that move_pages names, each with the node where it is to be, if any.
    void read_pages(const CallArguments& arguments) {
        std::array<std::uint64_t, max_segments> pages{};
        std::array<std::int32_t, max_segments> nodes{};
        const std::size_t count = std::min<std::uint64_t>(arguments[1], pages.size());
        if (count == 0 || !copy(arguments[2], pages.data(), count * sizeof pages[0])) return;
        if (arguments[3] != 0 && !copy(arguments[3], nodes.data(), count * sizeof nodes[0])) return;
        for (std::size_t i = 0; i < count; ++i)
            m_segments.push_back({reinterpret_cast<void*>(pages[i]), static_cast<std::uint32_t>(nodes[i])});
    }
    /// The first 64 bits of a set of CPUs or nodes.
    void read_mask(std::uint64_t address, std::uint64_t bytes) {
        std::uint64_t set = 0;
        if (copy(address, &set, std::min<std::uint64_t>(bytes, sizeof set)))
            m_segments.push_back({reinterpret_cast<void*>(address), set});
    }
    /// Nothing where it has no end within the longest that there may be.
    void read_path(std::uint64_t address) {
        constexpr std::size_t longest = 4096;
        std::array<char, longest> part;
        while (m_path.size() < longest) {
            const std::size_t step =
                longest - ((address + m_path.size()) & (longest - 1)); // to the page's end
            if (!copy(address + m_path.size(), part.data(), step)) break;
            const std::string_view text(part.data(), step);
            const std::size_t end = text.find('\0');
            m_path.append(text.substr(0, end));
            if (end != std::string_view::npos) return;
        }
        m_path.clear();
    }
    [[nodiscard]] bool copy(std::uint64_t address, void* to, std::size_t bytes) const {
        const iovec local{to, bytes};
        const iovec remote{reinterpret_cast<void*>(address), bytes};
        return process_vm_readv(m_pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
    }

    pid_t m_pid = 0;
    clockid_t m_clock = 0; ///< the one that the thread read last, or waited for
    timespec m_now{};      ///< its time then
    bool m_knows_clock = false;
    std::uint64_t m_clock_source = 0; ///< where a reading in progress is to be; 0: there is none
    std::string m_path;
    std::vector<iovec> m_segments;
};

/// Where a call writes two new file descriptors; 0: it does not.
[[nodiscard]] inline std::uint64_t descriptors_argument(std::uint64_t number,
                                                        const CallArguments& arguments) {
    const SystemCall* const call = find_system_call(number);
    if (call == nullptr || call->buffers[0].use != UserBuffer::Use::Descriptors) return 0;
    return arguments[call->buffers[0].argument];
}

} // namespace pagewalk::workloads
