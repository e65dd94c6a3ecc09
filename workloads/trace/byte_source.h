#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::workloads {

enum class Compression : std::uint8_t { None, Xz, Gzip, Zstd };

[[nodiscard]] const char* name_of(Compression compression);

/// A stream of bytes, decompressed where the file is.
/// Contract: read() delivers every byte before any damage, then throws RunError, and throws it again when
/// called again; 0 means the end, for good.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// Fills `out` from its start and returns the bytes written; may be fewer than asked, 0 only at the end.
    /// Errors: RunError naming the file and the byte offset in it when the data is truncated or corrupt.
    [[nodiscard]] virtual std::size_t read(std::span<std::byte> out) = 0;
};

/// Where compressed data is decompressed. The bytes delivered are the same.
enum class Decompress : std::uint8_t {
    InPlace,    ///< by the reader
    Background, ///< by a second thread, two buffers ahead
};

/// A byte source whose first bytes can be looked at before they are read.
class PeekableSource final : public ByteSource {
public:
    static constexpr std::size_t peek_bytes = 4096;

    /// Reads the first bytes. Errors: RunError when the source is damaged before its first byte.
    explicit PeekableSource(std::unique_ptr<ByteSource> source);

    /// The first bytes of the data: all of it where it is shorter than peek_bytes or damaged within them.
    [[nodiscard]] std::span<const std::byte> head() const { return m_head; }
    [[nodiscard]] std::size_t read(std::span<std::byte> out) override;

private:
    std::unique_ptr<ByteSource> m_source;
    std::vector<std::byte> m_head;
    std::size_t m_consumed = 0;
    std::exception_ptr m_damage; ///< met while peeking; thrown once m_head is consumed
};

/// An opened file.
struct InputBytes {
    std::string name;
    Compression compression = Compression::None; ///< by the file's first bytes, not its name
    std::uint64_t file_bytes = 0;                ///< on disk
    std::unique_ptr<PeekableSource> source;
};

/// Opens a file that may be compressed with xz, gzip or zstd (several concatenated streams included).
/// Errors: InputError when the file is missing, unreadable, not a regular file or pipe, empty, named as
/// compressed without being so, or damaged before its first byte of data.
[[nodiscard]] InputBytes open_bytes(const std::filesystem::path& path,
                                    Decompress where = Decompress::Background);

} // namespace pagewalk::workloads
