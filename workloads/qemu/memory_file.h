#pragma once

#include <string>

namespace pagewalk::workloads {

/// A file in memory that another process writes by descriptor or by name.
class MemoryFile {
public:
    /// Errors: RunError.
    explicit MemoryFile(const char* name);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    [[nodiscard]] int descriptor() const { return m_fd; }
    /// A name under which other processes of this user can open it while we hold it.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] std::string text() const;

private:
    int m_fd;
};

/// The name under which other processes of this user can open one of our descriptors.
[[nodiscard]] std::string name_of_descriptor(int fd);

} // namespace pagewalk::workloads
