#include "os/syscall/shared_segments.h"

namespace pagewalk::os {

void SharedSegments::get(Operation& op, std::int64_t id, std::uint64_t bytes) {
    if (m_segments.contains(id)) return;
    const InodeId inode = m_files.create_shmem(op, "/SYSV00000000 (deleted)"); // as of IPC_PRIVATE
    m_files.at(inode).maps_around = false; // their operations have no map_pages
    const Segment segment{inode, (bytes + page_size - 1) & ~(page_size - 1)};
    if (!m_segments.emplace(id, segment).second) m_files.drop_user(op, inode); // another was faster
}

const SharedSegments::Segment* SharedSegments::find(std::int64_t id) const {
    const auto found = m_segments.find(id);
    return found == m_segments.end() ? nullptr : &found->second;
}

void SharedSegments::remove(Operation& op, std::int64_t id) {
    const auto found = m_segments.find(id);
    if (found == m_segments.end()) return;
    m_files.drop_user(op, found->second.inode);
    m_segments.erase(found);
}

} // namespace pagewalk::os
