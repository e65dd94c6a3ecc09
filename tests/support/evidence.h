#pragma once

#include <filesystem>
#include <string_view>

namespace pagewalk::test {

/// What a test compares with: a file or folder of tests/data, or, where that has none of the name, of
/// ../shared/groundtruth beside the checkout, for captures and traces that are not published. `name` is
/// relative: "linux/a-w1.tar.xz". Returns a path that may not exist.
inline std::filesystem::path evidence(std::string_view name) {
    const std::filesystem::path source = PAGEWALK_SOURCE_DIR;
    const std::filesystem::path own = source / "tests/data" / name;
    const std::filesystem::path beside = source.parent_path() / "shared/groundtruth" / name;
    return !exists(own) && exists(beside) ? beside : own;
}

} // namespace pagewalk::test
