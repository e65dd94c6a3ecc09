#include "workloads/qemu/spill_store.h"

#include "base/error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace pagewalk::workloads {

namespace {

[[noreturn]] void throw_system(const std::string& what) {
    throw RunError("keeping what threads did that are not simulated yet: " + what + ": " +
                   std::strerror(errno));
}

} // namespace

SpillStore::~SpillStore() {
    if (m_fd >= 0) close(m_fd);
}

void SpillStore::open_file() {
    const char* const folder = std::getenv("TMPDIR");
    std::string path = (folder != nullptr ? folder : "/tmp") + std::string("/pagewalk-XXXXXX");
    m_fd = mkostemp(path.data(), O_CLOEXEC);
    if (m_fd < 0) throw_system("creating " + path);
    unlink(path.c_str());
}

SpillStore::Piece SpillStore::put(std::span<const std::uint64_t> words) {
    Piece piece{.count = words.size()};
    if (m_in_memory + words.size_bytes() <= m_limit) {
        piece.words.assign(words.begin(), words.end());
        m_in_memory += words.size_bytes();
        return piece;
    }
    if (m_fd < 0) open_file();
    piece.offset = m_end;
    for (std::size_t done = 0; done < words.size_bytes();) {
        const ssize_t written = pwrite(m_fd, reinterpret_cast<const char*>(words.data()) + done,
                                       words.size_bytes() - done, static_cast<off_t>(m_end + done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw_system("writing to a file in TMPDIR");
        done += static_cast<std::size_t>(written);
    }
    m_end += words.size_bytes();
    m_in_file += words.size_bytes();
    return piece;
}

void SpillStore::load(Piece& piece) {
    if (!piece.words.empty() || piece.count == 0) return;
    const std::uint64_t bytes = piece.count * sizeof(std::uint64_t);
    piece.words.resize(piece.count);
    for (std::size_t done = 0; done < bytes;) {
        const ssize_t got = pread(m_fd, reinterpret_cast<char*>(piece.words.data()) + done, bytes - done,
                                  static_cast<off_t>(piece.offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) throw_system("reading a file in TMPDIR");
        done += static_cast<std::size_t>(got);
    }
    fallocate(m_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(piece.offset),
              static_cast<off_t>(bytes));
    m_in_file -= bytes;
    m_in_memory += bytes;
}

void SpillStore::forget(Piece& piece) {
    load(piece);
    m_in_memory -= piece.count * sizeof(std::uint64_t);
    piece = {};
}

} // namespace pagewalk::workloads
