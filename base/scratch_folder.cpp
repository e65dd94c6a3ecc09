#include "base/scratch_folder.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pagewalk {

namespace {

constexpr const char* name_start = "pagewalk-run.";
constexpr std::time_t settled = 60; // seconds: a younger one may be about to be locked

/// The folder, locked; -1 where somebody else has it or it cannot be opened.
int lock(const std::filesystem::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    ::close(fd);
    return -1;
}

bool is_old_and_ours(const std::filesystem::path& folder) {
    struct stat found {};
    return ::lstat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == ::geteuid() &&
           found.st_mtime + settled < std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

/// Removes what processes left that were killed.
void remove_abandoned(const std::filesystem::path& in) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(in, ignored)) {
        const std::filesystem::path& folder = entry.path();
        if (!folder.filename().string().starts_with(name_start) || !is_old_and_ours(folder)) continue;
        const int fd = lock(folder);
        if (fd < 0) continue;
        std::filesystem::remove_all(folder, ignored);
        ::close(fd);
    }
}

} // namespace

ScratchFolder::ScratchFolder() {
    const char* const parent = std::getenv("TMPDIR");
    const std::filesystem::path in = parent != nullptr && *parent != '\0' ? parent : "/tmp";
    remove_abandoned(in);
    std::string name = (in / (std::string(name_start) + "XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "cannot make a folder in " + in.string());
    m_path = name;
    m_lock = lock(m_path);
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
    if (m_lock >= 0) ::close(m_lock);
}

} // namespace pagewalk
