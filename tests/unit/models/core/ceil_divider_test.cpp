#include "models/core/ceil_divider.h"

#include <gtest/gtest.h>

namespace pagewalk::models {
namespace {

TEST(CeilDivider, AgreesWithDivision) {
    for (std::uint32_t divisor = 1; divisor <= 64; ++divisor) {
        const CeilDivider divide(divisor);
        for (std::uint32_t count = 0; count < 70'000; count += count < 300 ? 1 : 97)
            ASSERT_EQ(divide(count), (count + divisor - 1) / divisor) << count << " / " << divisor;
    }
}

} // namespace
} // namespace pagewalk::models
