#include "app/published_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::HasSubstr;

constexpr const char* text = R"(
source = somebody, 2024
fitted = idle_latency.0.0, other
[idle_latency]
0.0 = 80
0.1 = 140.5
[loaded_latency]
100.5 = 120
20 = 90
)";

std::string refusal(const char* published) {
    try {
        (void)PublishedFigures::parse("machine.published", published);
    } catch (const ConfigError& error) {
        return error.what();
    }
    return {};
}

TEST(PublishedFigures, ReadsFiguresAndTheCurveInItsOrder) {
    const PublishedFigures published = PublishedFigures::parse("machine.published", text);
    EXPECT_EQ(published.source, "somebody, 2024");
    ASSERT_EQ(published.figures.size(), 2U);
    EXPECT_EQ(published.figures[1].name, "idle_latency.0.1");
    EXPECT_EQ(published.figures[1].value, 140.5);
    ASSERT_EQ(published.curve.size(), 2U);
    EXPECT_EQ(published.curve[0].gb_s, 20);
    EXPECT_EQ(published.curve[1].ns, 120);
}

TEST(PublishedFigures, SaysWhatIsWrongAndWhere) {
    EXPECT_THAT(refusal("source = x\n[idle_latency]\n0.0 = fast\n"), HasSubstr("machine.published:3"));
    EXPECT_THAT(refusal("source = x\n[idle_latency]\n0.0 = -3\n"), HasSubstr("above 0"));
    EXPECT_THAT(refusal("[idle_latency]\n0.0 = 3\n"), HasSubstr("source"));
}

TEST(PublishedFigures, ErrorsAreRelativeAndTheFittedOnesApart) {
    const PublishedFigures published = PublishedFigures::parse("machine.published", text);
    const std::vector<ComparedFigure> rows = compare_figures(
        {{"idle_latency.0.0", "ns", 80}, {"idle_latency.0.1", "ns", 154.55}, {"idle_latency.1.0", "ns", 1}},
        {}, published);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_TRUE(rows[0].fitted);
    EXPECT_NEAR(*rows[1].error(), 0.1, 1e-9);
    EXPECT_FALSE(rows[2].error());
    EXPECT_NEAR(*mean_error(rows, false), 0.1, 1e-9);
    EXPECT_EQ(*mean_error(rows, true), 0);
    EXPECT_FALSE(mean_error({}, true));
}

TEST(PublishedFigures, CurveIsReadBetweenOurPointsAndNotBeyond) {
    const PublishedFigures published = PublishedFigures::parse("machine.published", text);
    const std::vector<ComparedFigure> rows = compare_figures({}, {{30, 100}, {90, 160}}, published);
    ASSERT_EQ(rows.size(), 1U); // 100.5 GB/s is more than we move
    EXPECT_EQ(rows[0].ours.name, "loaded_latency at 20.0 GB/s");
    EXPECT_EQ(rows[0].ours.value, 100);
    const std::vector<ComparedFigure> between =
        compare_figures({}, {{10, 80}, {30, 100}, {110, 180}}, published);
    ASSERT_EQ(between.size(), 2U);
    EXPECT_NEAR(between[0].ours.value, 90, 1e-9);
    EXPECT_NEAR(between[1].ours.value, 170.5, 1e-9);
}

} // namespace
} // namespace pagewalk::app
