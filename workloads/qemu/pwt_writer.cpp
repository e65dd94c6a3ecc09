#include "workloads/qemu/pwt_writer.h"

#include "base/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <zstd.h>

namespace pagewalk::workloads {

void PwtWriter::FreeContext::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

PwtWriter::PwtWriter(std::string path, int compression_level)
    : m_path(std::move(path)), m_fd(open(m_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)),
      m_context(ZSTD_createCCtx()) {
    if (m_fd < 0) throw InputError("recording to " + m_path + ": " + std::strerror(errno));
    ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_compressionLevel, compression_level);
    ZSTD_CCtx_setParameter(m_context.get(), ZSTD_c_checksumFlag, 1);
    try {
        write(encode_file_header());
    } catch (...) {
        close(m_fd);
        throw;
    }
    m_offset = pwt_file_header_bytes;
}

PwtWriter::~PwtWriter() { close(m_fd); }

void PwtWriter::write(ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(m_fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const std::string why = std::strerror(errno);
            // A half-written chunk would be taken for a recording that was cut off, which it is; drop it all
            // the same.
            [[maybe_unused]] const int dropped = ftruncate(m_fd, static_cast<off_t>(m_offset));
            throw RunError("recording: " + why + "; what was recorded before (" + std::to_string(m_offset) +
                           " bytes) can be read in " + m_path);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
}

void PwtWriter::write_chunk(ChunkHeader header, ByteView payload) {
    m_buffer.resize(ZSTD_compressBound(payload.size()));
    const std::size_t size =
        ZSTD_compress2(m_context.get(), m_buffer.data(), m_buffer.size(), payload.data(), payload.size());
    if (ZSTD_isError(size) != 0)
        throw RunError("recording to " + m_path + ": zstd: " + ZSTD_getErrorName(size));
    header.raw_bytes = payload.size();
    header.compressed_bytes = size;
    write(encode_chunk_header(header));
    write(ByteView(m_buffer).first(size));
    m_chunks.push_back({header, m_offset});
    m_offset += ChunkHeader::bytes + size;
}

void PwtWriter::finish(RecordIndex index) {
    const std::uint64_t index_offset = m_offset;
    ChunkHeader header;
    header.kind = ChunkKind::Index;
    index.chunks = m_chunks;
    write_chunk(header, encode_index(index));
    write(encode_trailer(index_offset));
    m_offset += pwt_trailer_bytes;
}

} // namespace pagewalk::workloads
