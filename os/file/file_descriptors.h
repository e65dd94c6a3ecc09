#pragma once

#include "os/file/byte_queue.h"
#include "os/file/file_system.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace pagewalk::os {

/// An open file: what dup'ed and inherited descriptors share.
struct OpenFile {
    InodeId inode = no_inode;                  ///< no_inode: a pipe's end or a socket
    std::uint64_t position = 0;                ///< bytes
    std::shared_ptr<ReadaheadState> readahead; ///< of a file; its mappings share it
    bool appends = false;                      ///< O_APPEND
    bool direct = false;                       ///< O_DIRECT
    bool syncs = false;                        ///< O_SYNC or O_DSYNC
    bool drops_caches = false;                 ///< /proc/sys/vm/drop_caches
    std::shared_ptr<ByteQueue> source;         ///< of a pipe or socket: where reads take from
    std::shared_ptr<ByteQueue> sink;           ///< and where writes go
    VirtAddr object{};                         ///< struct file
    VirtAddr security{};                       ///< of the security modules
};

/// The kernel's objects of a descriptor table; none of the one that files_struct begins with, which has room
/// for
/// 64. Source: alloc_fdtable of Linux 6.1 in effect, from kmalloc sizes.
struct DescriptorTable {
    static constexpr std::uint64_t descriptor_bytes = 56; ///< struct fdtable
    std::uint64_t capacity = 64;
    VirtAddr descriptor{}, files{}, bitmaps{};

    /// Two bits a descriptor and one a word of those, a cache line at least.
    [[nodiscard]] static std::uint64_t bitmap_bytes(std::uint64_t capacity) {
        const std::uint64_t words = (capacity + 63) / 64;
        return std::max<std::uint64_t>(2 * capacity / 8 + (words + 63) / 64 * 8, line_size);
    }
};

/// The descriptor table of a process. Descriptors that Pagewalk knows nothing of (devices, what the program
/// was started with) are empty.
class FileDescriptors {
public:
    /// Null where nothing is known of the descriptor.
    [[nodiscard]] OpenFile* find(std::uint64_t fd) {
        return fd < m_files.size() ? m_files[static_cast<std::size_t>(fd)].get() : nullptr;
    }
    /// The same, and where it has a page cache: no pipe or socket.
    [[nodiscard]] OpenFile* find_cached(std::uint64_t fd) {
        OpenFile* const file = find(fd);
        return file != nullptr && file->inode != no_inode ? file : nullptr;
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
        if (fd >= m_files.size()) {
            m_files.resize(static_cast<std::size_t>(fd) + 1);
            m_close_on_exec.resize(m_files.size());
        }
        m_files[static_cast<std::size_t>(fd)] = std::move(file);
        m_close_on_exec[static_cast<std::size_t>(fd)] = false;
    }
    /// FD_CLOEXEC, which a descriptor does not have when it is set.
    void set_close_on_exec(std::uint64_t fd, bool on) {
        if (find(fd) != nullptr) m_close_on_exec[static_cast<std::size_t>(fd)] = on;
    }
    [[nodiscard]] bool closes_on_exec(std::uint64_t fd) const {
        return fd < m_files.size() && m_close_on_exec[static_cast<std::size_t>(fd)];
    }
    [[nodiscard]] std::uint64_t size() const { return m_files.size(); }
    [[nodiscard]] std::uint64_t capacity() const { return m_table.capacity; }
    /// Of the table that has room for `fd`: 1 KiB of pointers, doubled as often as needed.
    [[nodiscard]] static std::uint64_t capacity_for(std::uint64_t fd) {
        constexpr std::uint64_t step = 1024 / sizeof(void*);
        return std::bit_ceil(std::min(fd, limit) / step + 1) * step;
    }
    /// Returns the table that was.
    DescriptorTable replace(const DescriptorTable& table) { return std::exchange(m_table, table); }

private:
    static constexpr std::uint64_t limit = 1U << 20; // fs.nr_open
    std::vector<std::shared_ptr<OpenFile>> m_files;
    std::vector<bool> m_close_on_exec; ///< by descriptor, as m_files
    DescriptorTable m_table;
};

} // namespace pagewalk::os
