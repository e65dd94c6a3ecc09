#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// A file opened for reading from start to end; knows its first bytes and how far it was read.
class InputFile {
public:
    static constexpr std::size_t head_bytes = 16;

    /// Errors: InputError when the file is missing, a directory, unreadable or empty.
    explicit InputFile(const std::filesystem::path& path);

    /// The file's first bytes, at most head_bytes; read() delivers them too.
    [[nodiscard]] std::span<const std::byte> head() const { return m_head; }
    /// Returns the bytes read, 0 at the end. Errors: RunError when the system cannot read.
    [[nodiscard]] std::size_t read(std::span<std::byte> out);
    /// Bytes read so far.
    [[nodiscard]] std::uint64_t offset() const { return m_offset; }
    /// Bytes on disk; 0 where the file is a pipe.
    [[nodiscard]] std::uint64_t size() const { return m_size; }
    [[nodiscard]] const std::string& name() const { return m_name; }

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    std::string m_name;
    std::unique_ptr<std::FILE, Close> m_file;
    std::vector<std::byte> m_head;
    std::size_t m_head_consumed = 0;
    std::uint64_t m_offset = 0;
    std::uint64_t m_size = 0;
};

} // namespace pagewalk::workloads
