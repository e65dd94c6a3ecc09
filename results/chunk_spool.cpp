#include "results/chunk_spool.h"

#include "base/error.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <zlib.h>

namespace pagewalk::results {

namespace {

constexpr std::size_t most_waiting_chunks = 8;

/// The shuffle filter: byte k of every row lies together.
void shuffle_rows(const RowLayout& layout, std::span<const std::byte> rows, std::span<std::byte> planes) {
    const std::size_t count = rows.size() / layout.row_bytes;
    // A tile of rows stays in the L1 cache while its bytes go to the planes.
    constexpr std::size_t tile = 64;
    for (std::size_t first = 0; first < count; first += tile) {
        const std::size_t last = std::min(first + tile, count);
        std::byte* plane = planes.data();
        for (const FieldPlace& field : layout.fields)
            for (std::size_t k = 0; k < field.bytes; ++k, plane += chunk_rows) {
                const std::byte* from = rows.data() + field.offset + k;
                for (std::size_t row = first; row < last; ++row) plane[row] = from[row * layout.row_bytes];
            }
    }
}

enum class PlaneKind : int { Random = 0, Regular = 1 }; // value: the deflate level that suits

/// Bytes with more than about 6.5 bits of entropy hardly shrink, and cost deflate ten times what constant
/// ones do.
PlaneKind kind_of(const std::byte* plane) {
    constexpr std::size_t stride = 8;
    constexpr std::size_t samples = chunk_rows / stride;
    std::array<std::uint32_t, 256> times{};
    for (std::size_t i = 0; i < chunk_rows; i += stride) ++times[std::to_integer<std::size_t>(plane[i])];
    std::uint64_t pairs = 0;
    for (const std::uint64_t n : times) pairs += n * n;
    // n equally likely values are expected to give samples^2 / n + samples pairs.
    return pairs * 88 < samples * samples ? PlaneKind::Random : PlaneKind::Regular;
}

} // namespace

std::size_t RowLayout::packed_bytes() const {
    std::size_t bytes = 0;
    for (const FieldPlace& field : fields) bytes += field.bytes;
    return bytes;
}

struct ChunkCompressor::Stream {
    z_stream zlib{};
};

ChunkCompressor::ChunkCompressor() : m_stream(std::make_unique<Stream>()) {
    // After shuffling, repeats are runs: Z_RLE finds what level 1 finds, in less time.
    const int made =
        deflateInit2(&m_stream->zlib, static_cast<int>(PlaneKind::Regular), Z_DEFLATED, 15, 9, Z_RLE);
    PAGEWALK_INVARIANT(made == Z_OK);
}

ChunkCompressor::~ChunkCompressor() { deflateEnd(&m_stream->zlib); }

std::span<const std::byte> ChunkCompressor::compress(const RowLayout& layout,
                                                     std::span<const std::byte> rows) {
    const std::size_t plane_count = layout.packed_bytes();
    m_planes.resize(plane_count * chunk_rows);
    if (rows.size() != chunk_rows * layout.row_bytes) std::ranges::fill(m_planes, std::byte{0});
    shuffle_rows(layout, rows, m_planes);

    z_stream& stream = m_stream->zlib;
    deflateReset(&stream);
    // A change of level ends a block, which costs a few bytes.
    m_compressed.resize(deflateBound(&stream, m_planes.size()) + 64 * (plane_count + 1));
    stream.next_out = reinterpret_cast<Bytef*>(m_compressed.data());
    stream.avail_out = static_cast<uInt>(m_compressed.size());
    stream.avail_in = 0;
    PlaneKind current = PlaneKind::Regular;
    deflateParams(&stream, static_cast<int>(current), Z_RLE);
    for (std::size_t plane = 0; plane < plane_count;) {
        const PlaneKind kind = kind_of(m_planes.data() + plane * chunk_rows);
        std::size_t end = plane + 1;
        while (end < plane_count && kind_of(m_planes.data() + end * chunk_rows) == kind) ++end;
        if (kind != current) {
            const int changed = deflateParams(&stream, static_cast<int>(kind), Z_RLE);
            PAGEWALK_INVARIANT(changed == Z_OK);
            current = kind;
        }
        stream.next_in = reinterpret_cast<Bytef*>(m_planes.data() + plane * chunk_rows);
        stream.avail_in = static_cast<uInt>((end - plane) * chunk_rows);
        const int done = deflate(&stream, end == plane_count ? Z_FINISH : Z_NO_FLUSH);
        PAGEWALK_INVARIANT(done == (end == plane_count ? Z_STREAM_END : Z_OK) && stream.avail_in == 0);
        plane = end;
    }
    return std::span(m_compressed).first(stream.total_out);
}

ChunkSpool::ChunkSpool(const std::filesystem::path& neighbour) {
    std::string name = neighbour.string() + ".XXXXXX";
    m_file = ::mkostemp(name.data(), O_CLOEXEC);
    if (m_file < 0) throw std::system_error(errno, std::generic_category());
    ::unlink(name.c_str());
    m_thread = std::thread([this] { work(); });
}

ChunkSpool::~ChunkSpool() {
    {
        const std::lock_guard lock(m_mutex);
        m_stopping = true;
    }
    m_wake.notify_one();
    m_thread.join();
    ::close(m_file);
}

void ChunkSpool::submit(const RowLayout& layout, std::vector<std::byte>& rows,
                        std::vector<SpooledChunk>& index) {
    std::unique_lock lock(m_mutex);
    m_done.wait(lock, [this] { return m_jobs.size() < most_waiting_chunks || m_failure; });
    rethrow_failure();
    m_jobs.push_back({&layout, std::exchange(rows, {}), &index});
    if (!m_spare.empty()) {
        rows = std::move(m_spare.back());
        m_spare.pop_back();
    }
    m_wake.notify_one();
}

void ChunkSpool::drain() {
    std::unique_lock lock(m_mutex);
    m_done.wait(lock, [this] { return m_jobs.empty() || m_failure; });
    rethrow_failure();
}

void ChunkSpool::read(SpooledChunk chunk, std::vector<std::byte>& bytes) const {
    bytes.resize(chunk.bytes);
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::pread(m_file, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(chunk.offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw std::system_error(n < 0 ? errno : EIO, std::generic_category());
        done += static_cast<std::size_t>(n);
    }
}

void ChunkSpool::work() {
    std::unique_lock lock(m_mutex);
    for (;;) {
        m_wake.wait(lock, [this] { return !m_jobs.empty() || m_stopping; });
        if (m_failure) m_wake.wait(lock, [this] { return m_stopping; });
        if (m_stopping) return;
        const Job& job = m_jobs.front(); // a deque keeps its elements in place while others are added
        lock.unlock();
        std::exception_ptr failure;
        try {
            write(job);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        m_failure = failure;
        m_spare.push_back(std::move(m_jobs.front().rows));
        m_spare.back().clear();
        m_jobs.pop_front();
        m_done.notify_all();
    }
}

void ChunkSpool::write(const Job& job) {
    const std::span<const std::byte> bytes = m_compressor.compress(*job.layout, job.rows);
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t n =
            ::pwrite(m_file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(m_end + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw std::system_error(errno, std::generic_category());
        done += static_cast<std::size_t>(n);
    }
    job.index->push_back({m_end, static_cast<std::uint32_t>(bytes.size())});
    m_end += bytes.size();
}

void ChunkSpool::rethrow_failure() {
    if (m_failure) std::rethrow_exception(m_failure);
}

} // namespace pagewalk::results
