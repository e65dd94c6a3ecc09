#pragma once

#include <filesystem>
#include <string>

namespace pagewalk {

/// A new folder in TMPDIR (or /tmp) that only its user may enter, removed with what is in it in the end.
class ScratchFolder {
public:
    /// Throws std::system_error.
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return m_path / name; }

private:
    std::filesystem::path m_path;
};

} // namespace pagewalk
