#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace pagewalk::results {

/// Rows of every compressed chunk of an event table or a time series.
inline constexpr std::size_t chunk_rows = 8192;

/// Where one field of a row lies in memory.
struct FieldPlace {
    std::size_t offset = 0; ///< bytes from the row's start
    std::size_t bytes = 0;
};

/// How the rows of one dataset become HDF5 chunks: fields are packed, padding is dropped.
struct RowLayout {
    std::size_t row_bytes = 0; ///< in memory
    std::vector<FieldPlace> fields;

    [[nodiscard]] std::size_t packed_bytes() const;
};

/// A compressed chunk in the spool.
struct SpooledChunk {
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
};

/// Turns rows into the bytes that H5Dwrite_chunk takes for a dataset with the filters shuffle and deflate.
/// Keeps its buffers from chunk to chunk.
class ChunkCompressor {
public:
    ChunkCompressor();
    ~ChunkCompressor();
    ChunkCompressor(const ChunkCompressor&) = delete;
    ChunkCompressor& operator=(const ChunkCompressor&) = delete;

    /// Packs `rows`, at most chunk_rows, and pads them with zeros to a whole chunk. The answer is valid until
    /// the next call.
    [[nodiscard]] std::span<const std::byte> compress(const RowLayout& layout,
                                                      std::span<const std::byte> rows);

private:
    struct Stream;
    std::unique_ptr<Stream> m_stream;
    std::vector<std::byte> m_planes;
    std::vector<std::byte> m_compressed;
};

/// Compressed chunks in an unnamed file, so that a run's events cost no memory and a killed run leaves
/// nothing behind. Chunks are compressed on a thread of its own, at most a few wait.
class ChunkSpool {
public:
    /// The file is made beside `neighbour`, on the same file system, and has no name from the start. Throws
    /// std::system_error.
    explicit ChunkSpool(const std::filesystem::path& neighbour);
    ~ChunkSpool();
    ChunkSpool(const ChunkSpool&) = delete;
    ChunkSpool& operator=(const ChunkSpool&) = delete;

    /// Queues one whole chunk and leaves `rows` empty, with memory to fill again; the chunk's place goes to
    /// `index` in the order of the calls. Contract: layout and
    /// index outlive the spool, and are not touched by the caller but after drain(). Throws std::system_error
    /// if an earlier chunk could not be written.
    void submit(const RowLayout& layout, std::vector<std::byte>& rows, std::vector<SpooledChunk>& index);
    /// Waits until all chunks are in the file. Throws std::system_error.
    void drain();
    /// Contract: drained. Throws std::system_error.
    void read(SpooledChunk chunk, std::vector<std::byte>& bytes) const;

private:
    struct Job {
        const RowLayout* layout;
        std::vector<std::byte> rows;
        std::vector<SpooledChunk>* index;
    };
    void work();
    void write(const Job& job);
    void rethrow_failure();

    int m_file = -1;
    std::uint64_t m_end = 0;
    ChunkCompressor m_compressor; ///< of the thread
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_done;
    std::deque<Job> m_jobs;                      ///< the front one is in work
    std::vector<std::vector<std::byte>> m_spare; ///< empty, with memory
    bool m_stopping = false;
    std::exception_ptr m_failure;
    std::thread m_thread;
};

} // namespace pagewalk::results
