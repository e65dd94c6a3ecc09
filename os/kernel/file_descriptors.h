#pragma once

#include "os/file/file_system.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace pagewalk::os {

/// An open file: what dup'ed and inherited descriptors share.
struct OpenFile {
    InodeId inode = no_inode;
    std::uint64_t position = 0; ///< bytes
    VirtAddr object{};          ///< struct file
};

/// The descriptor table of a process. Descriptors that Pagewalk knows nothing of (pipes, sockets) are empty.
class FileDescriptors {
public:
    /// Null where nothing is known of the descriptor.
    [[nodiscard]] OpenFile* find(std::uint64_t fd) {
        return fd < m_files.size() ? m_files[static_cast<std::size_t>(fd)].get() : nullptr;
    }
    /// The file that `fd` was.
    [[nodiscard]] std::shared_ptr<OpenFile> take(std::uint64_t fd) {
        if (fd >= m_files.size()) return nullptr;
        return std::move(m_files[static_cast<std::size_t>(fd)]);
    }
    [[nodiscard]] std::shared_ptr<OpenFile> share(std::uint64_t fd) {
        return fd < m_files.size() ? m_files[static_cast<std::size_t>(fd)] : nullptr;
    }
    void set(std::uint64_t fd, std::shared_ptr<OpenFile> file) {
        if (fd >= limit) return;
        if (fd >= m_files.size()) m_files.resize(static_cast<std::size_t>(fd) + 1);
        m_files[static_cast<std::size_t>(fd)] = std::move(file);
    }
    [[nodiscard]] std::uint64_t size() const { return m_files.size(); }

private:
    static constexpr std::uint64_t limit = 1U << 20; // fs.nr_open
    std::vector<std::shared_ptr<OpenFile>> m_files;
};

} // namespace pagewalk::os
