#include "workloads/qemu/pwt_format.h"

#include <bit>
#include <concepts>
#include <cstring>

namespace pagewalk::workloads {

static_assert(std::endian::native == std::endian::little, "the format's words are the host's");

namespace {

constexpr std::uint32_t chunk_magic = 0x43'54'57'50; // "PWTC"

class Writer {
public:
    template <std::integral T>
    void number(T value) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
        m_bytes.insert(m_bytes.end(), bytes, bytes + sizeof value);
    }
    void text(const std::string& value) {
        number(static_cast<std::uint32_t>(value.size()));
        m_bytes.insert(m_bytes.end(), value.begin(), value.end());
    }
    void raw(ByteView bytes) { m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end()); }
    [[nodiscard]] Bytes take() { return std::move(m_bytes); }
    [[nodiscard]] ByteView view() const { return m_bytes; }

private:
    Bytes m_bytes;
};

class Reader {
public:
    explicit Reader(ByteView bytes) : m_bytes(bytes) {}

    template <std::integral T>
    [[nodiscard]] T number() {
        T value;
        const ByteView bytes = raw(sizeof value);
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    [[nodiscard]] std::string text() {
        const ByteView bytes = raw(number<std::uint32_t>());
        return {bytes.begin(), bytes.end()};
    }
    [[nodiscard]] ByteView raw(std::size_t count) {
        if (count > m_bytes.size()) throw FormatError("ends in the middle of a record");
        const ByteView result = m_bytes.first(count);
        m_bytes = m_bytes.subspan(count);
        return result;
    }
    [[nodiscard]] bool at_end() const { return m_bytes.empty(); }

private:
    ByteView m_bytes;
};

/// FNV-1a, 64 bits.
std::uint64_t checksum(ByteView bytes) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 1099511628211ULL;
    return hash;
}

enum MappingFlag : std::uint8_t { Readable = 1, Writable = 2, Executable = 4, GrowsDown = 8, Heap = 16 };

std::uint8_t flags_of(const InitialMapping& mapping) {
    return static_cast<std::uint8_t>((mapping.readable ? Readable : 0) | (mapping.writable ? Writable : 0) |
                                     (mapping.executable ? Executable : 0) |
                                     (mapping.grows_down ? GrowsDown : 0) | (mapping.heap ? Heap : 0));
}

void write_chunk_fields(Writer& writer, const ChunkHeader& header) {
    writer.number(static_cast<std::uint32_t>(header.kind));
    writer.number(header.thread);
    writer.number(header.first_instruction);
    writer.number(header.instructions);
    writer.number(static_cast<std::uint32_t>(header.compressed_bytes));
    writer.number(header.raw_bytes);
}

ChunkHeader read_chunk_fields(Reader& reader) {
    ChunkHeader header;
    const auto kind = reader.number<std::uint32_t>();
    if (kind < 1 || kind > static_cast<std::uint32_t>(ChunkKind::Image)) {
        throw FormatError("unknown chunk kind " + std::to_string(kind));
    }
    header.kind = static_cast<ChunkKind>(kind);
    header.thread = reader.number<std::uint32_t>();
    header.first_instruction = reader.number<std::uint64_t>();
    header.instructions = reader.number<std::uint64_t>();
    header.compressed_bytes = reader.number<std::uint32_t>();
    header.raw_bytes = reader.number<std::uint64_t>();
    if (header.raw_bytes > max_chunk_bytes) throw FormatError("a chunk larger than any Pagewalk writes");
    return header;
}

} // namespace

Bytes encode_file_header() {
    Writer writer;
    writer.number(pwt_magic);
    writer.number(pwt_version);
    writer.number(std::uint32_t{0});
    return writer.take();
}

void check_file_header(ByteView bytes) {
    if (bytes.size() < pwt_file_header_bytes) throw FormatError("too short for a recorded program (.pwt)");
    Reader reader(bytes);
    if (reader.number<std::uint64_t>() != pwt_magic)
        throw FormatError("not a recorded program (.pwt): wrong magic");
    const auto version = reader.number<std::uint32_t>();
    if (version < oldest_pwt_version || version > pwt_version) {
        throw FormatError("format version " + std::to_string(version) + "; this Pagewalk reads versions " +
                          std::to_string(oldest_pwt_version) + " to " + std::to_string(pwt_version));
    }
}

Bytes encode_chunk_header(const ChunkHeader& header) {
    Writer writer;
    writer.number(chunk_magic);
    write_chunk_fields(writer, header);
    writer.number(static_cast<std::uint32_t>(checksum(writer.view())));
    return writer.take();
}

ChunkHeader decode_chunk_header(ByteView bytes) {
    Reader reader(bytes);
    if (reader.number<std::uint32_t>() != chunk_magic) throw FormatError("no chunk where one should begin");
    const std::uint64_t covered = ChunkHeader::bytes - sizeof(std::uint32_t);
    std::uint32_t stored = 0;
    std::memcpy(&stored, &bytes[covered], sizeof stored);
    if (stored != static_cast<std::uint32_t>(checksum(bytes.first(covered)))) {
        throw FormatError("a chunk header's checksum is wrong");
    }
    return read_chunk_fields(reader);
}

namespace {

void write_mappings(Writer& writer, const std::vector<InitialMapping>& mappings) {
    writer.number(static_cast<std::uint32_t>(mappings.size()));
    for (const InitialMapping& mapping : mappings) {
        writer.number(mapping.start.value());
        writer.number(mapping.end.value());
        writer.number(flags_of(mapping));
        writer.number(mapping.file_offset);
        writer.text(mapping.file);
    }
}

std::vector<InitialMapping> read_mappings(Reader& reader) {
    std::vector<InitialMapping> mappings;
    const auto count = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < count; ++i) {
        InitialMapping& mapping = mappings.emplace_back();
        mapping.start = VirtAddr(reader.number<std::uint64_t>());
        mapping.end = VirtAddr(reader.number<std::uint64_t>());
        const auto flags = reader.number<std::uint8_t>();
        mapping.readable = (flags & Readable) != 0;
        mapping.writable = (flags & Writable) != 0;
        mapping.executable = (flags & Executable) != 0;
        mapping.grows_down = (flags & GrowsDown) != 0;
        mapping.heap = (flags & Heap) != 0;
        mapping.file_offset = reader.number<std::uint64_t>();
        mapping.file = reader.text();
    }
    return mappings;
}

void write_process(Writer& writer, const ProcessRecord& process) {
    writer.number(process.pid);
    writer.number(process.parent);
    writer.number(static_cast<std::uint8_t>(process.end.kind));
    writer.number(static_cast<std::uint8_t>(process.end.sender));
    writer.number(static_cast<std::int32_t>(process.end.value));
    writer.text(process.command);
}

ProcessRecord read_process(Reader& reader) {
    ProcessRecord process;
    process.pid = reader.number<std::int32_t>();
    process.parent = reader.number<std::int32_t>();
    const auto kind = reader.number<std::uint8_t>();
    const auto sender = reader.number<std::uint8_t>();
    if (kind > static_cast<std::uint8_t>(ProcessEnd::Kind::Killed) ||
        sender > static_cast<std::uint8_t>(ProcessEnd::Sender::Outside))
        throw FormatError("a process with an unknown end");
    process.end.kind = static_cast<ProcessEnd::Kind>(kind);
    process.end.sender = static_cast<ProcessEnd::Sender>(sender);
    process.end.value = reader.number<std::int32_t>();
    process.command = reader.text();
    return process;
}

} // namespace

Bytes encode_program(const RecordedProgram& program) {
    Writer writer;
    writer.text(program.description);
    write_mappings(writer, program.mappings);
    return writer.take();
}

RecordedProgram decode_program(ByteView payload) {
    Reader reader(payload);
    std::string description = reader.text();
    return {std::move(description), read_mappings(reader)};
}

Bytes encode_image(const std::vector<InitialMapping>& mappings) {
    Writer writer;
    write_mappings(writer, mappings);
    return writer.take();
}

std::vector<InitialMapping> decode_image(ByteView payload) {
    Reader reader(payload);
    return read_mappings(reader);
}

Bytes encode_threads(std::span<const ThreadIdentity> threads) {
    Writer writer;
    for (const ThreadIdentity& thread : threads) {
        writer.number(thread.tid);
        writer.number(thread.pid);
        writer.number(thread.parent_pid);
        writer.number(thread.epoch);
    }
    return writer.take();
}

std::vector<ThreadIdentity> decode_threads(ByteView payload) {
    Reader reader(payload);
    std::vector<ThreadIdentity> threads;
    while (!reader.at_end()) {
        ThreadIdentity& thread = threads.emplace_back();
        thread.tid = reader.number<std::int32_t>();
        thread.pid = reader.number<std::int32_t>();
        thread.parent_pid = reader.number<std::int32_t>();
        thread.epoch = reader.number<std::uint64_t>();
    }
    return threads;
}

Bytes encode_blocks(std::span<const BlockInfo* const> blocks) {
    Writer writer;
    for (const BlockInfo* info : blocks) {
        writer.number(info->id);
        writer.number(info->pc);
        writer.number(info->block->instruction_count);
        writer.number(info->block->byte_count);
        writer.raw(info->block->lengths);
        writer.raw(info->block->bytes);
    }
    return writer.take();
}

void decode_blocks(ByteView payload, BlockDictionary& dictionary) {
    Reader reader(payload);
    while (!reader.at_end()) {
        const auto id = reader.number<std::uint32_t>();
        const VirtAddr pc(reader.number<std::uint64_t>());
        const auto instructions = reader.number<std::uint16_t>();
        const auto bytes = reader.number<std::uint32_t>();
        const ByteView lengths = reader.raw(instructions);
        dictionary.add(id, pc, lengths, reader.raw(bytes));
    }
}

Bytes encode_index(const RecordIndex& index) {
    Writer writer;
    writer.number(index.exit_status);
    writer.number(static_cast<std::uint32_t>(index.instructions.size()));
    for (const std::uint64_t instructions : index.instructions) writer.number(instructions);
    writer.number(static_cast<std::uint32_t>(index.chunks.size()));
    for (const ChunkPlace& place : index.chunks) {
        writer.number(place.offset);
        write_chunk_fields(writer, place.header);
    }
    writer.number(static_cast<std::uint32_t>(index.processes.size()));
    for (const ProcessRecord& process : index.processes) write_process(writer, process);
    writer.text(index.missing);
    return writer.take();
}

RecordIndex decode_index(ByteView payload) {
    Reader reader(payload);
    RecordIndex index;
    index.exit_status = reader.number<std::int32_t>();
    const auto threads = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < threads; ++i) index.instructions.push_back(reader.number<std::uint64_t>());
    const auto chunks = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < chunks; ++i) {
        const auto offset = reader.number<std::uint64_t>();
        index.chunks.push_back({read_chunk_fields(reader), offset});
    }
    const auto processes = reader.number<std::uint32_t>();
    for (std::uint32_t i = 0; i < processes; ++i) index.processes.push_back(read_process(reader));
    index.missing = reader.text();
    return index;
}

Bytes encode_trailer(std::uint64_t index_offset) {
    Writer writer;
    writer.number(index_offset);
    writer.number(pwt_end_magic);
    return writer.take();
}

std::optional<std::uint64_t> decode_trailer(ByteView bytes) {
    if (bytes.size() != pwt_trailer_bytes) return std::nullopt;
    Reader reader(bytes);
    const auto offset = reader.number<std::uint64_t>();
    if (reader.number<std::uint64_t>() != pwt_end_magic) return std::nullopt;
    return offset;
}

} // namespace pagewalk::workloads
