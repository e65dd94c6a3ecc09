#include "workloads/qemu/memory_file.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pagewalk::workloads {

MemoryFile::MemoryFile(const char* name, OpenedBy who) {
    if (who == OpenedBy::OwnUser) {
        m_fd = memfd_create(name, MFD_CLOEXEC);
        if (m_fd < 0) throw RunError(std::string("memfd_create: ") + std::strerror(errno));
        m_name = name_of_descriptor(m_fd);
        return;
    }
    m_folder.emplace();
    m_name = *m_folder / name;
    m_fd = open(m_name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    // Not by its mode at once: the umask would take it away.
    if (m_fd < 0 || fchmod(m_fd, 0666) != 0 || chmod(m_folder->path().c_str(), 0711) != 0)
        throw RunError(m_name + ": " + std::strerror(errno));
}

MemoryFile::~MemoryFile() { close(m_fd); }

std::string MemoryFile::name() const { return m_name; }

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
