#include "base/spelling.h"

#include <array>

#include <gtest/gtest.h>

namespace pagewalk {
namespace {

constexpr std::array<std::string_view, 3> known{"run", "record", "replay"};

TEST(DidYouMean, NamesTheNearestWord) {
    EXPECT_EQ(did_you_mean("recrod", known), "; did you mean 'record'?");
    EXPECT_EQ(did_you_mean("relay", known), "; did you mean 'replay'?");
}

TEST(DidYouMean, IsSilentWhereNothingIsNear) {
    EXPECT_EQ(did_you_mean("characterize", known), "");
    EXPECT_EQ(did_you_mean(std::string(1000, 'r'), known), "");
    EXPECT_EQ(did_you_mean("run", {}), "");
}

} // namespace
} // namespace pagewalk
