#include "workloads/trace/decompress.h"

#include "base/error.h"

#include <algorithm>
#include <vector>

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace pagewalk::workloads {

namespace {

constexpr std::size_t input_bytes = 256 * 1024;

/// Compressed input in pieces, and the wording of damage.
class CompressedInput {
public:
    CompressedInput(std::unique_ptr<InputFile> file, Compression compression)
        : m_file(std::move(file)), m_compression(compression), m_buffer(input_bytes) {}

    /// The next piece, empty at the end of the file.
    [[nodiscard]] std::span<const std::byte> next() {
        const std::size_t got = m_file->read(m_buffer);
        return std::span(m_buffer).first(got);
    }

    [[noreturn]] void truncated() const {
        throw RunError(m_file->name() + ": the " + name_of(m_compression) +
                       " data is truncated: the file ends at byte " + std::to_string(m_file->offset()) +
                       " inside a stream; a complete file is needed");
    }
    /// `unread` is what of the last piece the decoder has not taken.
    [[noreturn]] void corrupt(std::size_t unread, const std::string& why) const {
        throw RunError(m_file->name() + ": the " + name_of(m_compression) + " data is corrupt near byte " +
                       std::to_string(m_file->offset() - unread) + " (" + why +
                       "); an undamaged file is needed");
    }

private:
    std::unique_ptr<InputFile> m_file;
    Compression m_compression;
    std::vector<std::byte> m_buffer;
};

class PlainSource final : public ByteSource {
public:
    explicit PlainSource(std::unique_ptr<InputFile> file) : m_file(std::move(file)) {}
    std::size_t read(std::span<std::byte> out) override { return m_file->read(out); }

private:
    std::unique_ptr<InputFile> m_file;
};

class XzSource final : public ByteSource {
public:
    explicit XzSource(std::unique_ptr<InputFile> file) : m_input(std::move(file), Compression::Xz) {
        if (lzma_stream_decoder(&m_stream, UINT64_MAX, LZMA_CONCATENATED) != LZMA_OK)
            throw RunError("not enough memory for the xz decoder");
    }
    XzSource(const XzSource&) = delete;
    XzSource& operator=(const XzSource&) = delete;
    ~XzSource() override { lzma_end(&m_stream); }

    std::size_t read(std::span<std::byte> out) override {
        m_stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
        m_stream.avail_out = out.size();
        while (m_result == LZMA_OK && m_stream.avail_out != 0) {
            if (m_stream.avail_in == 0 && !m_end_of_file) {
                const auto piece = m_input.next();
                m_end_of_file = piece.empty();
                m_stream.next_in = reinterpret_cast<const std::uint8_t*>(piece.data());
                m_stream.avail_in = piece.size();
            }
            m_result = lzma_code(&m_stream, m_end_of_file ? LZMA_FINISH : LZMA_RUN);
        }
        const std::size_t got = out.size() - m_stream.avail_out;
        if (got != 0 || m_result == LZMA_STREAM_END || m_result == LZMA_OK) return got;
        switch (m_result) {
        case LZMA_BUF_ERROR:
            m_input.truncated();
        case LZMA_FORMAT_ERROR:
            m_input.corrupt(m_stream.avail_in, "not an xz stream");
        case LZMA_OPTIONS_ERROR:
            m_input.corrupt(m_stream.avail_in, "unsupported xz options");
        case LZMA_MEM_ERROR:
            m_input.corrupt(m_stream.avail_in, "its dictionary does not fit in memory");
        default:
            m_input.corrupt(m_stream.avail_in, "checksum or coding error");
        }
    }

private:
    CompressedInput m_input;
    lzma_stream m_stream = LZMA_STREAM_INIT;
    lzma_ret m_result = LZMA_OK;
    bool m_end_of_file = false;
};

class GzipSource final : public ByteSource {
public:
    explicit GzipSource(std::unique_ptr<InputFile> file) : m_input(std::move(file), Compression::Gzip) {
        constexpr int gzip_wrapper_largest_window = 15 + 16;
        if (inflateInit2(&m_stream, gzip_wrapper_largest_window) != Z_OK)
            throw RunError("not enough memory for the gzip decoder");
    }
    GzipSource(const GzipSource&) = delete;
    GzipSource& operator=(const GzipSource&) = delete;
    ~GzipSource() override { inflateEnd(&m_stream); }

    std::size_t read(std::span<std::byte> out) override {
        const std::size_t wanted = std::min<std::size_t>(out.size(), 1U << 30);
        m_stream.next_out = reinterpret_cast<Bytef*>(out.data());
        m_stream.avail_out = static_cast<uInt>(wanted);
        while (m_state == State::Good && m_stream.avail_out != 0) step();
        const std::size_t got = wanted - m_stream.avail_out;
        if (got != 0 || m_state == State::Ended) return got;
        if (m_state == State::Truncated) m_input.truncated();
        m_input.corrupt(m_stream.avail_in, m_why);
    }

private:
    enum class State : std::uint8_t { Good, Ended, Truncated, Corrupt };

    void step() {
        if (m_stream.avail_in == 0) {
            const auto piece = m_input.next();
            if (piece.empty()) {
                m_state = m_between_members ? State::Ended : State::Truncated;
                return;
            }
            m_stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(piece.data()));
            m_stream.avail_in = static_cast<uInt>(piece.size());
        }
        if (m_between_members) {
            while (m_stream.avail_in != 0 && *m_stream.next_in == 0) {
                ++m_stream.next_in;
                --m_stream.avail_in;
            }
            if (m_stream.avail_in == 0) return;
            m_between_members = false;
        }
        const int result = inflate(&m_stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END) {
            m_between_members = true;
            inflateReset(&m_stream);
        } else if (result != Z_OK && result != Z_BUF_ERROR) {
            m_state = State::Corrupt;
            m_why = m_stream.msg != nullptr ? m_stream.msg : "coding error";
        }
    }

    CompressedInput m_input;
    z_stream m_stream{};
    State m_state = State::Good;
    bool m_between_members = false;
    std::string m_why;
};

class ZstdSource final : public ByteSource {
public:
    explicit ZstdSource(std::unique_ptr<InputFile> file)
        : m_input(std::move(file), Compression::Zstd), m_stream(ZSTD_createDStream()) {
        if (!m_stream) throw RunError("not enough memory for the zstd decoder");
        ZSTD_initDStream(m_stream.get());
        // Long-distance matching up to the format's limit (zstd --ultra --long=31).
        ZSTD_DCtx_setParameter(m_stream.get(), ZSTD_d_windowLogMax,
                               ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
    }

    std::size_t read(std::span<std::byte> out) override {
        ZSTD_outBuffer produced{out.data(), out.size(), 0};
        while (m_state == State::Good && produced.pos < produced.size) {
            if (m_piece.pos == m_piece.size && m_drained) {
                const auto piece = m_input.next();
                if (piece.empty()) {
                    m_state = m_between_frames ? State::Ended : State::Truncated;
                    break;
                }
                m_piece = {piece.data(), piece.size(), 0};
            }
            const std::size_t result = ZSTD_decompressStream(m_stream.get(), &produced, &m_piece);
            if (ZSTD_isError(result)) {
                m_state = State::Corrupt;
                m_why = ZSTD_getErrorName(result);
                break;
            }
            m_between_frames = result == 0;
            // A full output buffer may hide bytes that the decoder still holds.
            m_drained = produced.pos < produced.size || m_between_frames;
        }
        if (produced.pos != 0 || m_state == State::Ended) return produced.pos;
        if (m_state == State::Truncated) m_input.truncated();
        m_input.corrupt(m_piece.size - m_piece.pos, m_why);
    }

private:
    enum class State : std::uint8_t { Good, Ended, Truncated, Corrupt };
    struct Free {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };

    CompressedInput m_input;
    std::unique_ptr<ZSTD_DStream, Free> m_stream;
    ZSTD_inBuffer m_piece{nullptr, 0, 0};
    State m_state = State::Good;
    bool m_between_frames = true;
    bool m_drained = true;
    std::string m_why;
};

} // namespace

std::unique_ptr<ByteSource> make_plain_source(std::unique_ptr<InputFile> file) {
    return std::make_unique<PlainSource>(std::move(file));
}
std::unique_ptr<ByteSource> make_xz_source(std::unique_ptr<InputFile> file) {
    return std::make_unique<XzSource>(std::move(file));
}
std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<InputFile> file) {
    return std::make_unique<GzipSource>(std::move(file));
}
std::unique_ptr<ByteSource> make_zstd_source(std::unique_ptr<InputFile> file) {
    return std::make_unique<ZstdSource>(std::move(file));
}

} // namespace pagewalk::workloads
