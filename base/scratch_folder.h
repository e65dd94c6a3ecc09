#pragma once

#include <filesystem>
#include <string>

namespace pagewalk {

/// A new folder in TMPDIR (or /tmp) that only its user may enter, removed with what is in it in the end. What
/// a process left that was killed is removed too, by the next that makes one there: a folder in use is
/// locked.
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
    int m_lock = -1; ///< the folder, open and locked
};

} // namespace pagewalk
