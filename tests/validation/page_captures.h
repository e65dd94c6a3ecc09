#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {

/// Where the captures of real kernels are kept, beside the repository.
inline std::filesystem::path captures_folder() {
    return std::filesystem::path(PAGEWALK_SOURCE_DIR) / ".." / "shared" / "groundtruth" / "linux";
}

inline std::string capture_path(const std::string& name) {
    return (captures_folder() / (name + ".tar.xz")).string();
}

inline bool have_capture(const std::string& name) { return std::filesystem::exists(capture_path(name)); }

/// A capture's name as the name of a test.
inline std::string test_name(const testing::TestParamInfo<std::string>& parameter) {
    std::string name = parameter.param;
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace pagewalk::os
