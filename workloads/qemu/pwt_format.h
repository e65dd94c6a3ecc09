#pragma once

#include "contract/instruction_stream.h"
#include "workloads/qemu/block_dictionary.h"
#include "workloads/qemu/thread_directory.h"

#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Pagewalk's recorded program, described in pwt.md. Everything is little-endian.
namespace pagewalk::workloads {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline constexpr std::uint64_t pwt_magic = 0x0a'54'57'50'4b'57'47'50ULL;     ///< "PGWKPWT\n"
inline constexpr std::uint64_t pwt_end_magic = 0x0a'44'4e'45'4b'57'47'50ULL; ///< "PGWKEND\n"
inline constexpr std::uint32_t pwt_version = 3;
inline constexpr std::uint32_t oldest_pwt_version = 2; ///< that is read; see pwt.md
inline constexpr std::uint64_t pwt_file_header_bytes = 16;
inline constexpr std::uint64_t pwt_trailer_bytes = 16;
inline constexpr std::uint64_t max_chunk_bytes = 256ULL << 20; ///< decompressed; more is damage

enum class ChunkKind : std::uint32_t {
    Program = 1,
    Threads = 2,
    Blocks = 3,
    Events = 4,
    Index = 5,
    Image = 6
};

struct ChunkHeader {
    static constexpr std::uint64_t bytes = 44; ///< in the file

    ChunkKind kind = ChunkKind::Program;
    std::uint32_t thread = 0;            ///< Events and Image only
    std::uint64_t first_instruction = 0; ///< of the thread; Events only, as the next
    std::uint64_t instructions = 0;
    std::uint64_t compressed_bytes = 0; ///< that follow
    std::uint64_t raw_bytes = 0;
};

/// One line of the index.
struct ChunkPlace {
    ChunkHeader header;
    std::uint64_t offset = 0; ///< of the chunk header in the file
};

struct RecordedProgram {
    std::string description;
    std::vector<InitialMapping> mappings;
};

struct RecordIndex {
    std::int32_t exit_status = 0;
    std::vector<std::uint64_t> instructions; ///< of each thread
    std::vector<ChunkPlace> chunks;
    std::vector<ProcessRecord> processes; ///< absent in files of earlier versions of Pagewalk
    std::string missing; ///< why the streams lack some of what the program did; empty: they do not
};

/// What is wrong with a piece of a file; the caller adds the file's name and the offset.
class FormatError : public std::exception {
public:
    explicit FormatError(std::string what) : m_what(std::move(what)) {}
    [[nodiscard]] const char* what() const noexcept override { return m_what.c_str(); }

private:
    std::string m_what;
};

[[nodiscard]] Bytes encode_file_header();
/// Errors: FormatError for a wrong magic or version.
void check_file_header(ByteView bytes);

[[nodiscard]] Bytes encode_chunk_header(const ChunkHeader& header);
/// Errors: FormatError when the header's checksum or kind is wrong.
[[nodiscard]] ChunkHeader decode_chunk_header(ByteView bytes);

[[nodiscard]] Bytes encode_program(const RecordedProgram& program);
[[nodiscard]] RecordedProgram decode_program(ByteView payload);
[[nodiscard]] Bytes encode_image(const std::vector<InitialMapping>& mappings);
[[nodiscard]] std::vector<InitialMapping> decode_image(ByteView payload);
[[nodiscard]] Bytes encode_threads(std::span<const ThreadIdentity> threads);
[[nodiscard]] std::vector<ThreadIdentity> decode_threads(ByteView payload);
[[nodiscard]] Bytes encode_blocks(std::span<const BlockInfo* const> blocks);
void decode_blocks(ByteView payload, BlockDictionary& dictionary);
[[nodiscard]] Bytes encode_index(const RecordIndex& index);
[[nodiscard]] RecordIndex decode_index(ByteView payload);
[[nodiscard]] Bytes encode_trailer(std::uint64_t index_offset);
/// The index's offset; none when the bytes are not a trailer.
[[nodiscard]] std::optional<std::uint64_t> decode_trailer(ByteView bytes);

} // namespace pagewalk::workloads
