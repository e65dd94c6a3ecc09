#include "results/chunk_spool.h"

#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

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

/// Bytes that look uniformly random do not shrink, and deflate is five times slower on them than on others.
PlaneKind kind_of(const std::byte* plane) {
    constexpr std::size_t stride = 8;
    constexpr std::size_t samples = chunk_rows / stride;
    std::array<std::uint32_t, 256> times{};
    for (std::size_t i = 0; i < chunk_rows; i += stride) ++times[std::to_integer<std::size_t>(plane[i])];
    std::uint64_t pairs = 0;
    for (const std::uint64_t n : times) pairs += n * n;
    // Uniform bytes are expected to give samples^2 / 256 + samples pairs.
    return pairs * 180 < samples * samples ? PlaneKind::Random : PlaneKind::Regular;
}

} // namespace

std::size_t RowLayout::packed_bytes() const {
    std::size_t bytes = 0;
    for (const FieldPlace& field : fields) bytes += field.bytes;
    return bytes;
}

std::vector<std::byte> compress_chunk(const RowLayout& layout, std::span<const std::byte> rows) {
    const std::size_t plane_count = layout.packed_bytes();
    std::vector<std::byte> planes(plane_count * chunk_rows);
    shuffle_rows(layout, rows, planes);

    z_stream stream{};
    // After shuffling, repeats are runs: Z_RLE finds what level 1 finds, at a third of its time.
    const int made = deflateInit2(&stream, static_cast<int>(PlaneKind::Regular), Z_DEFLATED, 15, 9, Z_RLE);
    PAGEWALK_INVARIANT(made == Z_OK);
    std::vector<std::byte> compressed(deflateBound(&stream, planes.size()) + 64 * plane_count + 64);
    stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
    stream.avail_out = static_cast<uInt>(compressed.size());
    PlaneKind current = PlaneKind::Regular;
    for (std::size_t plane = 0; plane < plane_count;) {
        const PlaneKind kind = kind_of(planes.data() + plane * chunk_rows);
        std::size_t end = plane + 1;
        while (end < plane_count && kind_of(planes.data() + end * chunk_rows) == kind) ++end;
        if (kind != current) {
            const int changed = deflateParams(&stream, static_cast<int>(kind), Z_RLE);
            PAGEWALK_INVARIANT(changed == Z_OK);
            current = kind;
        }
        stream.next_in = reinterpret_cast<Bytef*>(planes.data() + plane * chunk_rows);
        stream.avail_in = static_cast<uInt>((end - plane) * chunk_rows);
        const int done = deflate(&stream, end == plane_count ? Z_FINISH : Z_NO_FLUSH);
        PAGEWALK_INVARIANT(done == (end == plane_count ? Z_STREAM_END : Z_OK) && stream.avail_in == 0);
        plane = end;
    }
    compressed.resize(stream.total_out);
    deflateEnd(&stream);
    return compressed;
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

void ChunkSpool::submit(const RowLayout& layout, std::vector<std::byte> rows,
                        std::vector<SpooledChunk>& index) {
    std::unique_lock lock(m_mutex);
    m_done.wait(lock, [this] { return m_jobs.size() < most_waiting_chunks || m_failure; });
    rethrow_failure();
    m_jobs.push_back({&layout, std::move(rows), &index});
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
        m_jobs.pop_front();
        m_done.notify_all();
    }
}

void ChunkSpool::write(const Job& job) {
    const std::vector<std::byte> bytes = compress_chunk(*job.layout, job.rows);
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
