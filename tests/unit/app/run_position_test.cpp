#include "app/run_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using Kind = RunPosition::Kind;

TEST(RunPosition, ReadsMarkersAddressesAndInstructions) {
    EXPECT_EQ(parse_run_position(""), RunPosition{});
    EXPECT_EQ(parse_run_position("marker:3"), (RunPosition{Kind::Marker, 3, 1}));
    EXPECT_EQ(parse_run_position("marker:65535@20"), (RunPosition{Kind::Marker, 65535, 20}));
    EXPECT_EQ(parse_run_position("pc:0x401136"), (RunPosition{Kind::Pc, 0x401136, 1}));
    EXPECT_EQ(parse_run_position("pc:0x401136@5"), (RunPosition{Kind::Pc, 0x401136, 5}));
    EXPECT_EQ(parse_run_position("instructions:10M"), (RunPosition{Kind::Instructions, 10'000'000, 1}));
}

TEST(RunPosition, RefusesEverythingElseAndSaysWhatIsAllowed) {
    for (const char* text :
         {"3", "marker", "marker:", "marker:x", "marker:65536", "marker:-1", "marker:3@", "marker:3@0",
          "pc:401136", "pc:0x", "pc:0xg", "instructions:0", "instructions:5@2", "@2", " marker:3"}) {
        const auto position = parse_run_position(text);
        ASSERT_FALSE(position) << text;
        EXPECT_THAT(position.error(), testing::HasSubstr("marker:N (N from 0 to 65535)"));
    }
}

} // namespace
} // namespace pagewalk::app
