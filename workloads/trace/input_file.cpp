#include "workloads/trace/input_file.h"

#include "base/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pagewalk::workloads {

InputFile::InputFile(const std::filesystem::path& path) : m_name(path.string()) {
    std::error_code status_error;
    const auto status = std::filesystem::status(path, status_error);
    if (!std::filesystem::exists(status))
        throw InputError(m_name + ": no such trace file; give the path of a readable trace");
    if (std::filesystem::is_directory(status))
        throw InputError(m_name + ": is a directory; give the path of a trace file");
    m_file.reset(std::fopen(m_name.c_str(), "rb"));
    if (!m_file)
        throw InputError(m_name + ": cannot be opened (" + std::strerror(errno) +
                         "); give the path of a readable trace");
    // The callers read in large pieces; a second copy would only cost.
    std::setvbuf(m_file.get(), nullptr, _IONBF, 0);
    if (std::filesystem::is_regular_file(status)) m_size = std::filesystem::file_size(path);

    m_head.resize(head_bytes);
    m_head.resize(std::fread(m_head.data(), 1, head_bytes, m_file.get()));
    if (std::ferror(m_file.get()))
        throw InputError(m_name + ": cannot be read (" + std::strerror(errno) + ")");
    if (m_head.empty()) throw InputError(m_name + ": is empty; allowed: a trace of at least one record");
}

std::size_t InputFile::read(std::span<std::byte> out) {
    std::size_t got = 0;
    if (m_head_consumed < m_head.size()) {
        got = std::min(out.size(), m_head.size() - m_head_consumed);
        std::memcpy(out.data(), m_head.data() + m_head_consumed, got);
        m_head_consumed += got;
    } else {
        got = std::fread(out.data(), 1, out.size(), m_file.get());
        if (got == 0 && std::ferror(m_file.get()))
            throw RunError(m_name + ": cannot be read at byte " + std::to_string(m_offset) + " (" +
                           std::strerror(errno) + ")");
    }
    m_offset += got;
    return got;
}

} // namespace pagewalk::workloads
