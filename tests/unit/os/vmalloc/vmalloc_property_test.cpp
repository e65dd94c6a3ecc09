#include "base/rng.h"
#include "tests/support/vmalloc_exerciser.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class VmallocProperty : public testing::TestWithParam<VmallocConfig::Drain> {};

TEST_P(VmallocProperty, NeverOverlapsKeepsGuardPagesAndReturnsEverything) {
    Rng rng(11, "vmalloc_property");
    for (int run = 0; run < 40; ++run) {
        std::vector<std::uint8_t> bytes(100 + rng.below(4000));
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
        VmallocExerciser exerciser(GetParam());
        ASSERT_EQ(exerciser.run(bytes), "") << "run " << run;
    }
}

INSTANTIATE_TEST_SUITE_P(Drains, VmallocProperty,
                         testing::Values(VmallocConfig::Drain::AtOnce, VmallocConfig::Drain::Later),
                         [](const auto& drain) {
                             return drain.param == VmallocConfig::Drain::AtOnce ? "AtOnce" : "Later";
                         });

} // namespace
} // namespace pagewalk::os
