#pragma once

#include "os/file/file_descriptors.h"
#include "os/file/file_system.h"
#include "os/path/kernel_objects.h"
#include "os/task/process_memory.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace pagewalk::os {

/// What opening, duplicating and closing descriptors does: struct files, descriptor tables and the files'
/// users.
class OpenFiles final : public ProcessFiles {
public:
    OpenFiles(KernelObjects& objects, FileSystem& files) : m_objects(objects), m_files(files) {}

    /// `fd` becomes an open file of this name; nothing where such a name has no page cache (devices, /proc).
    /// An empty name: a file that is known by its descriptor only.
    void open(Operation& op, FileDescriptors& files, std::uint64_t fd, std::string_view path);
    /// memfd_create.
    void open_shmem(Operation& op, FileDescriptors& files, std::uint64_t fd, std::string_view name);
    /// `fd` becomes a pipe's end or a socket. Null where it does not read, or not write.
    void open_stream(Operation& op, FileDescriptors& files, std::uint64_t fd,
                     std::shared_ptr<ByteQueue> source, std::shared_ptr<ByteQueue> sink);
    void close(Operation& op, FileDescriptors& files, std::uint64_t fd);
    void duplicate(Operation& op, FileDescriptors& files, std::uint64_t from, std::uint64_t to);

    // ProcessFiles
    [[nodiscard]] std::shared_ptr<FileDescriptors> create() override;
    [[nodiscard]] std::shared_ptr<FileDescriptors> copy(Operation& op, FileDescriptors& parent) override;
    void close_on_exec(Operation& op, FileDescriptors& files) override;
    void close_all(Operation& op, FileDescriptors& files) override;

private:
    void install(Operation& op, FileDescriptors& files, std::uint64_t fd, OpenFile file);
    void make_room(Operation& op, FileDescriptors& files, std::uint64_t fd);
    void drop_table(Operation& op, const DescriptorTable& table);
    void drop_file(Operation& op, const std::shared_ptr<OpenFile>& file);

    KernelObjects& m_objects;
    FileSystem& m_files;
};

} // namespace pagewalk::os
