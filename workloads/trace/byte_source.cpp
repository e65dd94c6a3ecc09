#include "workloads/trace/byte_source.h"

#include "base/error.h"
#include "workloads/trace/background_source.h"
#include "workloads/trace/decompress.h"
#include "workloads/trace/input_file.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace pagewalk::workloads {

namespace {

struct Format {
    Compression compression;
    const char* name;
    const char* extension;
    std::array<unsigned char, 6> magic;
    std::size_t magic_bytes;
};

/// Magic numbers: the .xz file format 1.1.0 section 2.1.1.1, RFC 1952 section 2.3.1, RFC 8878 section 3.1.1.
constexpr std::array<Format, 3> formats{{
    {Compression::Xz, "xz", ".xz", {0xfd, '7', 'z', 'X', 'Z', 0x00}, 6},
    {Compression::Gzip, "gzip", ".gz", {0x1f, 0x8b}, 2},
    {Compression::Zstd, "zstd", ".zst", {0x28, 0xb5, 0x2f, 0xfd}, 4},
}};

std::unique_ptr<ByteSource> make_decompressor(Compression compression, std::unique_ptr<InputFile> file) {
    switch (compression) {
    case Compression::Xz:
        return make_xz_source(std::move(file));
    case Compression::Gzip:
        return make_gzip_source(std::move(file));
    case Compression::Zstd:
        return make_zstd_source(std::move(file));
    case Compression::None:
        break;
    }
    return make_plain_source(std::move(file));
}

Compression recognise(const std::filesystem::path& path, std::span<const std::byte> head) {
    for (const Format& format : formats)
        if (head.size() >= format.magic_bytes &&
            std::memcmp(head.data(), format.magic.data(), format.magic_bytes) == 0)
            return format.compression;
    for (const Format& format : formats)
        if (path.extension() == format.extension)
            throw InputError(path.string() + ": named " + format.extension +
                             " but its first bytes are not those of " + format.name +
                             " data; allowed: xz, gzip, zstd or uncompressed, under a fitting name");
    return Compression::None;
}

} // namespace

const char* name_of(Compression compression) {
    for (const Format& format : formats)
        if (format.compression == compression) return format.name;
    return "uncompressed";
}

PeekableSource::PeekableSource(std::unique_ptr<ByteSource> source)
    : m_source(std::move(source)), m_head(peek_bytes) {
    std::size_t filled = 0;
    try {
        while (filled < m_head.size()) {
            const std::size_t got = m_source->read(std::span(m_head).subspan(filled));
            if (got == 0) break;
            filled += got;
        }
    } catch (const RunError&) {
        if (filled == 0) throw;
        m_damage = std::current_exception();
    }
    m_head.resize(filled);
}

std::size_t PeekableSource::read(std::span<std::byte> out) {
    if (m_consumed < m_head.size()) {
        const std::size_t n = std::min(out.size(), m_head.size() - m_consumed);
        std::memcpy(out.data(), m_head.data() + m_consumed, n);
        m_consumed += n;
        return n;
    }
    if (m_damage) std::rethrow_exception(m_damage);
    return m_source->read(out);
}

InputBytes open_bytes(const std::filesystem::path& path, Decompress where) {
    auto file = std::make_unique<InputFile>(path);
    InputBytes input;
    input.name = path.string();
    input.file_bytes = file->size();
    input.compression = recognise(path, file->head());
    const bool background = where == Decompress::Background && input.compression != Compression::None;
    std::unique_ptr<ByteSource> source = make_decompressor(input.compression, std::move(file));
    if (background) source = std::make_unique<BackgroundSource>(std::move(source));
    try {
        input.source = std::make_unique<PeekableSource>(std::move(source));
    } catch (const RunError& error) {
        throw InputError(error.what());
    }
    if (input.source->head().empty())
        throw InputError(input.name +
                         ": holds no data once decompressed; allowed: a trace of at least one record");
    return input;
}

} // namespace pagewalk::workloads
