#include "workloads/qemu/memory_file.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace pagewalk::workloads {

MemoryFile::MemoryFile(const char* name) : m_fd(memfd_create(name, MFD_CLOEXEC)) {
    if (m_fd < 0) throw RunError(std::string("memfd_create: ") + std::strerror(errno));
}

MemoryFile::~MemoryFile() { close(m_fd); }

std::string MemoryFile::name() const { return name_of_descriptor(m_fd); }

std::string MemoryFile::text() const {
    std::string text;
    std::array<char, 65536> buffer{};
    for (ssize_t got = 0;
         (got = pread(m_fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()))) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return text;
}

std::string name_of_descriptor(int fd) {
    return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd);
}

} // namespace pagewalk::workloads
