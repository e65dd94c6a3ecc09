#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>

namespace pagewalk {

/// A file may not be written; the message is the reason, without the file's name.
class OutputRefused : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Somebody else writes the file, or it is there and must not be.
class OutputTaken : public OutputRefused {
    using OutputRefused::OutputRefused;
};

/// The right to write one file. While it lives no other process writes that file: FILE.lock beside it says
/// who does, and is locked (flock). A lock that a killed process left is taken over, and the FILE.tmp that it
/// was writing is removed. A symbolic link is followed once, here.
///
/// What is lost is never somebody else's: an existing FILE or FILE.partial must be empty or `is_ours`, and an
/// existing FILE.tmp must be a killed process's.
class OutputClaim {
public:
    enum class Existing : std::uint8_t { MayBeReplaced, IsRefused };

    /// Throws OutputRefused, OutputTaken, or std::system_error where the lock cannot be made.
    OutputClaim(const std::filesystem::path& file,
                const std::function<bool(const std::filesystem::path&)>& is_ours,
                Existing existing = Existing::MayBeReplaced);
    ~OutputClaim();
    OutputClaim(const OutputClaim&) = delete;
    OutputClaim& operator=(const OutputClaim&) = delete;

    [[nodiscard]] const std::filesystem::path& file() const { return m_file; }
    /// Where a new content is built before it takes the place of another.
    [[nodiscard]] std::filesystem::path temporary() const { return m_file.string() + ".tmp"; }
    /// Where a content is that did not become whole.
    [[nodiscard]] std::filesystem::path partial() const { return m_file.string() + ".partial"; }
    /// FILE holds an earlier content, which only a whole one may replace.
    [[nodiscard]] bool replaces() const { return m_replaces; }

private:
    void check_file(const std::function<bool(const std::filesystem::path&)>& is_ours, Existing existing);
    void lock();
    void clean_up();

    std::filesystem::path m_file;
    std::filesystem::path m_lock_name;
    int m_lock = -1;
    bool m_was_left = false; ///< by a killed process
    bool m_replaces = false;
};

} // namespace pagewalk
