#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pagewalk::os {

/// The files of one capture, from a folder or a .tar.xz of one, held in memory. Names are relative to the
/// capture's folder (`snapA`, `format/kmem/mm_page_alloc`).
class CaptureFiles {
public:
    /// Errors: InputError when the path cannot be read, or the archive is damaged or not a ustar in xz.
    explicit CaptureFiles(const std::string& path);

    [[nodiscard]] bool contains(std::string_view name) const { return m_files.find(name) != m_files.end(); }
    /// Errors: InputError naming the missing file.
    [[nodiscard]] const std::string& read(std::string_view name) const&;
    const std::string& read(std::string_view name) const&& = delete; ///< its text would be gone at once
    /// Names that begin with `prefix`, sorted.
    [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const;
    [[nodiscard]] const std::string& path() const { return m_path; }

private:
    void load_folder();
    void load_archive();

    std::string m_path;
    std::map<std::string, std::string, std::less<>> m_files;
};

} // namespace pagewalk::os
