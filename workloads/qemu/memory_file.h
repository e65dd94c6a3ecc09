#pragma once

#include "base/scratch_folder.h"

#include <cstdint>
#include <optional>
#include <string>

namespace pagewalk::workloads {

/// Who is to open a file by its name.
enum class OpenedBy : std::uint8_t {
    OwnUser, ///< processes of this user: it lies in memory
    Anybody, ///< it lies in a folder that others may pass
};

/// A file that another process writes by descriptor or by name; it goes with us.
class MemoryFile {
public:
    /// Errors: RunError, std::system_error.
    explicit MemoryFile(const char* name, OpenedBy who = OpenedBy::OwnUser);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] int descriptor() const { return m_fd; }
    /// A name under which those processes can open it while we hold it.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string text() const;

private:
    std::optional<ScratchFolder> m_folder; ///< of a file for anybody
    std::string m_name;
    int m_fd;
};

/// The name under which other processes of this user can open one of our descriptors.
[[nodiscard]] std::string name_of_descriptor(int fd);

} // namespace pagewalk::workloads
