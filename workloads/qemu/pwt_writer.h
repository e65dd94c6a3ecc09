#pragma once

#include "workloads/qemu/pwt_format.h"

#include <cstdint>
#include <memory>
#include <string>

struct ZSTD_CCtx_s;

namespace pagewalk::workloads {

/// Writes the chunks of a new .pwt file in order. A failed write leaves a file that is readable up to the
/// chunk before.
class PwtWriter {
public:
    /// Errors: InputError when the file cannot be created, RunError when it cannot be written.
    PwtWriter(std::string path, int compression_level);
    ~PwtWriter();
    PwtWriter(const PwtWriter&) = delete;
    PwtWriter& operator=(const PwtWriter&) = delete;

    /// `header`: its sizes are filled in here. Errors: RunError when the disk is full.
    void write_chunk(ChunkHeader header, ByteView payload);
    /// The index of all chunks written, and the trailer. Nothing can follow.
    /// `index`: its chunks are filled in here.
    void finish(RecordIndex index);
    [[nodiscard]] std::uint64_t bytes() const { return m_offset; }

private:
    struct FreeContext {
        void operator()(ZSTD_CCtx_s* context) const;
    };
    void write(ByteView bytes);

    std::string m_path;
    int m_fd = -1;
    std::unique_ptr<ZSTD_CCtx_s, FreeContext> m_context;
    Bytes m_buffer;
    std::uint64_t m_offset = 0; ///< end of the last whole chunk
    std::vector<ChunkPlace> m_chunks;
};

} // namespace pagewalk::workloads
