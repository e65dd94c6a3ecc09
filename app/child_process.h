#pragma once

#include <functional>
#include <optional>
#include <string>

namespace pagewalk::app {

/// What came of a child process.
struct ChildEnd {
    std::string said;
    int status = 0;     ///< as of waitpid
    bool whole = false; ///< its work came to its end: nothing killed it, no library called exit()
};

/// Runs `work` in a child process, which dies with this one. What it puts into `said` comes back, of any
/// length; what it returns is the exit status. Throws the InputError that it threw, and RunError for any
/// other exception. Nothing where there is no descriptor or process to be had.
[[nodiscard]] std::optional<ChildEnd> in_child(const std::function<int(std::string& said)>& work);

} // namespace pagewalk::app
