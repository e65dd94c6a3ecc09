#include "workloads/qemu/pwt_file.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <zstd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::uint32_t max_recorded_threads = 1U << 24; // more is damage

} // namespace

bool is_pwt_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::uint64_t magic = 0;
    in.read(reinterpret_cast<char*>(&magic), sizeof magic);
    return in && magic == pwt_magic;
}

PwtFile::PwtFile(std::string path)
    : m_path(std::move(path)), m_fd(open(m_path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (m_fd < 0 || fstat(m_fd, &status) != 0) throw InputError(m_path + ": " + std::strerror(errno));
    m_size = static_cast<std::uint64_t>(status.st_size);
    try {
        if (!S_ISREG(status.st_mode)) throw FormatError("not a regular file");
        check_file_header(read(0, std::min(m_size, pwt_file_header_bytes)));
    } catch (const FormatError& error) {
        close(m_fd);
        throw InputError(complaint(0, error.what()));
    }
}

PwtFile::~PwtFile() { close(m_fd); }

std::string PwtFile::complaint(std::uint64_t offset, const std::string& what) const {
    return m_path + ", offset " + std::to_string(offset) + ": " + what;
}

Bytes PwtFile::read(std::uint64_t offset, std::uint64_t count) const {
    if (offset > m_size || count > m_size - offset) throw FormatError("the file ends before it should");
    Bytes bytes(count);
    for (std::size_t done = 0; done < count;) {
        const ssize_t got = pread(m_fd, bytes.data() + done, count - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw FormatError(std::strerror(errno));
        if (got == 0) throw FormatError("the file has become shorter");
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

Bytes PwtFile::read_chunk(const ChunkPlace& place) const {
    const ChunkHeader header = decode_chunk_header(read(place.offset, ChunkHeader::bytes));
    if (header.kind != place.header.kind || header.thread != place.header.thread) {
        throw FormatError("the index and the chunk disagree");
    }
    const Bytes compressed = read(place.offset + ChunkHeader::bytes, header.compressed_bytes);
    Bytes raw(header.raw_bytes);
    const std::size_t size = ZSTD_decompress(raw.data(), raw.size(), compressed.data(), compressed.size());
    if (ZSTD_isError(size) != 0) throw FormatError(std::string("damaged chunk: ") + ZSTD_getErrorName(size));
    if (size != raw.size()) throw FormatError("damaged chunk: its size is not what its header says");
    return raw;
}

RecordIndex PwtFile::index() {
    if (m_size >= pwt_file_header_bytes + pwt_trailer_bytes) {
        if (const auto offset = decode_trailer(read(m_size - pwt_trailer_bytes, pwt_trailer_bytes))) {
            ChunkPlace place;
            place.header.kind = ChunkKind::Index;
            place.offset = *offset;
            m_complete = true;
            return decode_index(read_chunk(place));
        }
    }
    return scan();
}

RecordIndex PwtFile::scan() const {
    RecordIndex index;
    std::uint64_t offset = pwt_file_header_bytes;
    while (m_size - offset >= ChunkHeader::bytes) {
        const ChunkPlace place{decode_chunk_header(read(offset, ChunkHeader::bytes)), offset};
        const std::uint64_t end = offset + ChunkHeader::bytes + place.header.compressed_bytes;
        if (end > m_size) break;
        if (place.header.kind == ChunkKind::Events) {
            if (place.header.thread >= max_recorded_threads) throw FormatError("a thread number beyond all");
            if (place.header.thread >= index.instructions.size())
                index.instructions.resize(place.header.thread + 1);
            index.instructions[place.header.thread] += place.header.instructions;
        }
        index.chunks.push_back(place);
        offset = end;
    }
    return index;
}

} // namespace pagewalk::workloads
