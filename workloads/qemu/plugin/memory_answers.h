#pragma once

#include "contract/calls_about_memory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <sys/uio.h>
#include <unistd.h>

namespace pagewalk::workloads {

/// What the simulator has answered to a call about memory (calls_about_memory.h), on its way into the
/// program.
class MemoryAnswers {
public:
    /// Writes `data` to where the calling process's arguments want it. Returns the call's result.
    [[nodiscard]] static std::int64_t deliver(std::uint64_t number,
                                              const std::array<std::uint64_t, 6>& arguments,
                                              std::int64_t result, std::span<const std::byte> data) {
        using namespace calls_about_memory;
        bool written = true;
        if (number == move_pages) {
            written = write(arguments[4], data);
        } else if (number == get_mempolicy && result == 0 &&
                   data.size() == mode_bytes + sizeof(std::uint64_t)) {
            if (arguments[0] != 0) written = write(arguments[0], data.first(mode_bytes));
            if (arguments[1] != 0 && arguments[2] > 1)
                written = written && write_nodes(arguments[1], arguments[2], data.subspan(mode_bytes));
        }
        return written ? result : -EFAULT;
    }

    /// The call about the pages that follow the first most_pages; false where there are none.
    [[nodiscard]] static bool go_on(std::uint64_t number, std::array<std::uint64_t, 6>& arguments) {
        using namespace calls_about_memory;
        if (number != move_pages || arguments[1] <= most_pages) return false;
        arguments[1] -= most_pages;
        arguments[2] += most_pages * sizeof(std::uint64_t);
        if (arguments[3] != 0) arguments[3] += most_pages * sizeof(std::int32_t);
        arguments[4] += most_pages * sizeof(std::int32_t);
        return true;
    }

private:
    static constexpr std::size_t mode_bytes = sizeof(std::int32_t);

    /// Words of as many bits as the program has room for, but one: Linux's maxnode counts one too many.
    [[nodiscard]] static bool write_nodes(std::uint64_t address, std::uint64_t bits,
                                          std::span<const std::byte> first) {
        constexpr std::uint64_t most_words = 512; // Linux: a page
        std::array<std::uint64_t, most_words> words{};
        std::memcpy(words.data(), first.data(), sizeof words[0]);
        const std::uint64_t count = std::min((bits - 1 + 63) / 64, most_words);
        return write(address, std::as_bytes(std::span(words).first(count)));
    }
    [[nodiscard]] static bool write(std::uint64_t address, std::span<const std::byte> data) {
        if (data.empty()) return true;
        const iovec local{const_cast<std::byte*>(data.data()), data.size()};
        const iovec remote{reinterpret_cast<void*>(address), data.size()};
        return process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(data.size());
    }
};

} // namespace pagewalk::workloads
