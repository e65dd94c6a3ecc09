#pragma once

#include "workloads/qemu/pwt_format.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pagewalk::workloads {

/// Does the file begin as a recording does, of any version?
[[nodiscard]] bool is_pwt_file(const std::filesystem::path& path);

/// Reads chunks of a .pwt file by offset. Const use is safe from several threads.
class PwtFile {
public:
    /// Checks the file header. Errors: InputError.
    explicit PwtFile(std::string path);
    ~PwtFile();
    PwtFile(const PwtFile&) = delete;
    PwtFile& operator=(const PwtFile&) = delete;

    /// Where every chunk is, by the index or, where there is none, by looking. Errors: FormatError.
    [[nodiscard]] RecordIndex index();
    [[nodiscard]] bool is_complete() const { return m_complete; }
    /// Errors: FormatError for a checksum or size that is wrong, or a file that has become shorter.
    [[nodiscard]] Bytes read_chunk(const ChunkPlace& place) const;
    /// The message for what is wrong at an offset.
    [[nodiscard]] std::string complaint(std::uint64_t offset, const std::string& what) const;

private:
    [[nodiscard]] Bytes read(std::uint64_t offset, std::uint64_t count) const;
    [[nodiscard]] RecordIndex scan() const;

    std::string m_path;
    int m_fd = -1;
    std::uint64_t m_size = 0;
    bool m_complete = false;
};

} // namespace pagewalk::workloads
