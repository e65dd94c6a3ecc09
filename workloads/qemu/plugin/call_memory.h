#pragma once

#include "contract/system_calls.h"
#include "workloads/qemu/event_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

namespace pagewalk::workloads {

using CallArguments = std::array<std::uint64_t, 6>;

/// What a system call finds in the program's memory beyond its arguments: its first file name, and which
/// pieces of memory its iovecs name. Read through the kernel, because the program's pointers may be bad.
class CallMemory {
public:
    /// Of the calling process, whose id is `pid`.
    void read(pid_t pid, std::uint64_t number, const CallArguments& arguments) {
        m_pid = pid;
        m_path.clear();
        m_segments.clear();
        const SystemCall* const call = find_system_call(number);
        if (call == nullptr) return;
        for (const UserBuffer& buffer : call->buffers) read_buffer(buffer, arguments);
    }
    /// The two file descriptors that a call has written, the first in the low half; contract: it has.
    [[nodiscard]] std::uint64_t read_descriptors(std::uint64_t address) const {
        std::uint64_t both = 0;
        return copy(address, &both, sizeof both) ? both : ~0ULL;
    }

    [[nodiscard]] std::string_view path() const { return m_path; }
    [[nodiscard]] const std::vector<iovec>& segments() const { return m_segments; }

private:
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
