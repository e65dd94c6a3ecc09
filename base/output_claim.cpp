#include "base/output_claim.h"

#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pagewalk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view lock_begin = "process ";

std::string own_name() {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return std::string(lock_begin) + std::to_string(::getpid()) + " on " + host.data();
}

std::string content_of(int lock) {
    std::array<char, 512> text{};
    const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
    return size > 0 ? std::string(text.data(), static_cast<std::size_t>(size)) : std::string();
}

[[noreturn]] void throw_errno() { throw std::system_error(errno, std::generic_category()); }

bool is_named(int descriptor, const fs::path& name) {
    struct stat opened {
    }, named{};
    return ::fstat(descriptor, &opened) == 0 && ::lstat(name.c_str(), &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/// Makes `text` the file's content. False, with errno, where that fails.
bool write_all(int file, std::string_view text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t written =
            ::pwrite(file, text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (written < 0 && errno != EINTR) return false;
        done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
    return ::ftruncate(file, static_cast<off_t>(text.size())) == 0;
}

bool holds_content(const fs::path& file) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(file, ignored)) &&
           (!fs::is_regular_file(file) || fs::file_size(file) != 0);
}

} // namespace

OutputClaim::OutputClaim(const fs::path& file, const std::function<bool(const fs::path&)>& is_ours,
                         Existing existing)
    : m_file(fs::is_symlink(file) ? fs::weakly_canonical(file) : file),
      m_lock_name(m_file.string() + ".lock") {
    if (fs::is_directory(m_file)) throw OutputRefused("it is a folder");
    // A file takes the path's place when it is whole: what is no file must not be lost by that.
    if (fs::exists(m_file) && !fs::is_regular_file(m_file))
        throw OutputRefused("it is a device, pipe or socket");
    lock();
    try {
        check_file(is_ours, existing);
        clean_up();
    } catch (...) {
        ::unlink(m_lock_name.c_str());
        ::close(m_lock);
        throw;
    }
}

OutputClaim::~OutputClaim() {
    ::unlink(m_lock_name.c_str());
    ::close(m_lock);
}

void OutputClaim::lock() {
    for (;;) {
        constexpr int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC;
        m_lock = ::open(m_lock_name.c_str(), flags | O_EXCL, 0666);
        m_was_left = m_lock < 0 && errno == EEXIST;
        if (m_was_left) m_lock = ::open(m_lock_name.c_str(), flags, 0666);
        if (m_lock < 0) throw_errno();
        const std::string holder = content_of(m_lock);
        if (!holder.empty() && !holder.starts_with(lock_begin)) {
            ::close(m_lock);
            throw OutputRefused(m_lock_name.string() + " is in the way");
        }
        // File systems without locks fail in another way; there the last one to come wins.
        if (::flock(m_lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            ::close(m_lock);
            throw OutputTaken((holder.empty() ? "another process" : excerpt(holder)) + " is writing it");
        }
        // Whoever had the lock may have ended, and removed it, since it was opened.
        if (is_named(m_lock, m_lock_name)) break;
        ::close(m_lock);
    }
    if (!write_all(m_lock, own_name())) {
        const std::error_code why(errno, std::generic_category());
        ::unlink(m_lock_name.c_str());
        ::close(m_lock);
        throw std::system_error(why);
    }
}

void OutputClaim::check_file(const std::function<bool(const fs::path&)>& is_ours, Existing existing) {
    m_replaces = holds_content(m_file);
    if (existing == Existing::IsRefused && fs::exists(m_file)) throw OutputTaken("it is there already");
    if (m_replaces && !is_ours(m_file))
        throw OutputRefused("it is there already and holds something else, which would be lost");
    if (holds_content(partial()) && !is_ours(partial()))
        throw OutputRefused(partial().string() + " is in the way");
}

void OutputClaim::clean_up() {
    if (!fs::exists(fs::symlink_status(temporary()))) return;
    if (!m_was_left) throw OutputRefused(temporary().string() + " is in the way");
    fs::remove(temporary());
}

} // namespace pagewalk
