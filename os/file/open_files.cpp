#include "os/file/open_files.h"

#include <string>

namespace pagewalk::os {
namespace {

/// Files whose contents are made on the spot have no page cache.
bool has_page_cache(std::string_view path) {
    for (const std::string_view prefix : {"/dev/", "/proc/", "/sys/"})
        if (path.starts_with(prefix)) return path.starts_with("/dev/shm/");
    return true;
}

} // namespace

void OpenFiles::open(Operation& op, FileDescriptors& files, std::uint64_t fd, std::string_view path) {
    drop_file(op, files.take(fd));
    if (path == "/proc/sys/vm/drop_caches") return install(op, files, fd, {.drops_caches = true});
    if (!has_page_cache(path)) return;
    const InodeId inode = m_files.open(op, path.empty() ? "fd:" + std::to_string(fd) : std::string(path));
    install(op, files, fd, {.inode = inode, .readahead = std::make_shared<ReadaheadState>()});
}

void OpenFiles::open_shmem(Operation& op, FileDescriptors& files, std::uint64_t fd, std::string_view name) {
    drop_file(op, files.take(fd));
    install(op, files, fd,
            {.inode = m_files.create_shmem(op, name), .readahead = std::make_shared<ReadaheadState>()});
}

void OpenFiles::open_stream(Operation& op, FileDescriptors& files, std::uint64_t fd,
                            std::shared_ptr<ByteQueue> source, std::shared_ptr<ByteQueue> sink) {
    drop_file(op, files.take(fd));
    install(op, files, fd, {.source = std::move(source), .sink = std::move(sink)});
}

void OpenFiles::install(Operation& op, FileDescriptors& files, std::uint64_t fd, OpenFile file) {
    file.object = m_objects.allocate(op, ObjectKind::File);
    file.security = m_objects.allocate(op, ObjectKind::FileSecurity);
    make_room(op, files, fd);
    files.set(fd, std::make_shared<OpenFile>(std::move(file)));
}

void OpenFiles::close(Operation& op, FileDescriptors& files, std::uint64_t fd) {
    op.path.call(KernelFunction::CloseFile);
    drop_file(op, files.take(fd));
}

void OpenFiles::duplicate(Operation& op, FileDescriptors& files, std::uint64_t from, std::uint64_t to) {
    if (from == to) return;
    drop_file(op, files.take(to));
    make_room(op, files, to);
    files.set(to, files.share(from));
}

std::shared_ptr<FileDescriptors> OpenFiles::create() { return std::make_shared<FileDescriptors>(); }

std::shared_ptr<FileDescriptors> OpenFiles::copy(Operation& op, FileDescriptors& parent) {
    auto files = std::make_shared<FileDescriptors>(parent);
    (void)files->replace({}); // the parent's table is its own
    if (files->size() > files->capacity()) make_room(op, *files, files->size() - 1);
    return files;
}

void OpenFiles::close_on_exec(Operation& op, FileDescriptors& files) {
    for (std::uint64_t fd = 0; fd < files.size(); ++fd)
        if (files.closes_on_exec(fd)) drop_file(op, files.take(fd));
}

void OpenFiles::close_all(Operation& op, FileDescriptors& files) {
    for (std::uint64_t fd = 0; fd < files.size(); ++fd) drop_file(op, files.take(fd));
    drop_table(op, files.replace({}));
}

// expand_files: a larger table in place of the one that files_struct begins with, or of the last.
void OpenFiles::make_room(Operation& op, FileDescriptors& files, std::uint64_t fd) {
    if (fd < files.capacity()) return;
    const std::uint64_t capacity = FileDescriptors::capacity_for(fd);
    DescriptorTable table{.capacity = capacity};
    const auto allocate = [&](std::uint64_t bytes) {
        return m_objects.kmalloc(op, bytes, gfp::kernel_account, KernelFunction::OpenFile)
            .value_or(VirtAddr{});
    };
    table.descriptor = allocate(DescriptorTable::descriptor_bytes);
    table.files = allocate(capacity * sizeof(void*));
    table.bitmaps = allocate(DescriptorTable::bitmap_bytes(capacity));
    // Another may have made more room while this one waited for memory.
    drop_table(op, capacity > files.capacity() ? files.replace(table) : table);
}

void OpenFiles::drop_table(Operation& op, const DescriptorTable& table) {
    for (const VirtAddr object : {table.files, table.bitmaps, table.descriptor})
        m_objects.kfree(op, object, KernelFunction::CloseFile);
}

void OpenFiles::drop_file(Operation& op, const std::shared_ptr<OpenFile>& file) {
    if (file == nullptr || file.use_count() != 1) return;
    m_objects.free(op, ObjectKind::FileSecurity, file->security);
    m_objects.free(op, ObjectKind::File, file->object);
    if (file->inode != no_inode) m_files.drop_user(op, file->inode);
    for (const std::shared_ptr<ByteQueue>& queue : {file->source, file->sink})
        if (queue.use_count() == 2) queue->destroy(op); // the file's own and this loop's
}

} // namespace pagewalk::os
