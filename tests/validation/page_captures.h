#pragma once

#include "tests/support/evidence.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace pagewalk::os {

inline std::string capture_path(const std::string& name) {
    return test::evidence("linux/" + name + ".tar.xz").string();
}

/// A capture's name as the name of a test.
inline std::string test_name(const testing::TestParamInfo<std::string>& parameter) {
    std::string name = parameter.param;
    std::ranges::replace(name, '-', '_');
    return name;
}

} // namespace pagewalk::os
