#include "base/rng.h"
#include "tests/support/slab_exerciser.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class SlabProperty : public testing::TestWithParam<SlabExerciser::Kind> {};

TEST_P(SlabProperty, HandsOutEachObjectOnceAndLosesNone) {
    Rng rng(7, "slab_property");
    for (int run = 0; run < 60; ++run) {
        std::vector<std::uint8_t> bytes(200 + rng.below(6000));
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
        SlabExerciser exerciser(GetParam());
        ASSERT_EQ(exerciser.run(bytes), "") << "run " << run;
    }
}

std::string kind_name(const testing::TestParamInfo<SlabExerciser::Kind>& kind) {
    constexpr std::array names{"Slub", "SlubDebugged", "Slab", "Slob"};
    return names[static_cast<std::size_t>(kind.param)];
}

INSTANTIATE_TEST_SUITE_P(Allocators, SlabProperty,
                         testing::Values(SlabExerciser::Kind::Slub, SlabExerciser::Kind::SlubDebugged,
                                         SlabExerciser::Kind::Slab, SlabExerciser::Kind::Slob),
                         kind_name);

} // namespace
} // namespace pagewalk::os
