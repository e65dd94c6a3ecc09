#pragma once

#include "os/file/file_system.h"

#include <cstdint>
#include <unordered_map>

namespace pagewalk::os {

/// System V shared memory: segments by the id that the program knows.
class SharedSegments {
public:
    struct Segment {
        InodeId inode = no_inode;
        std::uint64_t bytes = 0; ///< whole pages
    };

    explicit SharedSegments(FileSystem& files) : m_files(files) {}

    /// shmget: the segment of this id, made where there is none.
    void get(Operation& op, std::int64_t id, std::uint64_t bytes);
    /// Null where nothing is known of the segment.
    [[nodiscard]] const Segment* find(std::int64_t id) const;
    /// shmctl(IPC_RMID): its memory goes with its last mapping.
    void remove(Operation& op, std::int64_t id);

private:
    FileSystem& m_files;
    std::unordered_map<std::int64_t, Segment> m_segments;
};

} // namespace pagewalk::os
