#include "base/error.h"
#include "os/replay/workload_log.h"

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

TEST(WorkloadLog, KeepsAllocationsWithTheirPhaseAndReadings) {
    const WorkloadLog log = WorkloadLog::parse("G 0 GFP_KERNEL c0\n"
                                               "ZL 0 fallback : 0.2 0.1 0.0\n"
                                               "P probe plenty\n"
                                               "Z 0 0 1 750 10 20 30 512 1024 33\n"
                                               "Q 0 1 20c0 3 -1 1f00\n"
                                               "P fill\n"
                                               "Q 1 1 2020 0 1 -1\n"
                                               "F 2 1f00 3\n",
                                               "gtlog");
    ASSERT_EQ(log.allocations.size(), 2u);
    EXPECT_EQ(log.allocations[0].mask, 0x20c0u);
    EXPECT_EQ(log.allocations[0].order, 3u);
    EXPECT_EQ(log.allocations[0].frame, Pfn(0x1f00));
    ASSERT_EQ(log.allocations[0].readings.size(), 1u);
    EXPECT_EQ(log.allocations[0].readings[0].boost, 512u);
    EXPECT_EQ(log.allocations[0].readings[0].pcp_pages, 33);
    EXPECT_EQ(log.allocations[1].frame, no_pfn);
    EXPECT_EQ(log.allocations[1].node, 1);
    EXPECT_EQ(log.phases, (std::vector<std::string>{"probe plenty", "fill"}));
    EXPECT_EQ(log.allocations[1].phase, 1u);
    ASSERT_EQ(log.zonelists.size(), 1u);
    EXPECT_EQ(log.zonelists[0].zones, (std::vector<std::pair<unsigned, unsigned>>{{0, 2}, {0, 1}, {0, 0}}));
}

TEST(WorkloadLog, ErrorsNameTheLine) {
    const auto error_of = [](const char* text) -> std::string {
        try {
            (void)WorkloadLog::parse(text, "gtlog");
        } catch (const InputError& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_NE(error_of("P x\nQ 0 1 zz 3 -1 -1\n").find("gtlog, line 2: gfp"), std::string::npos);
    EXPECT_NE(error_of("Q 0 1 c0 11 -1 -1\n").find("order"), std::string::npos);
    EXPECT_NE(error_of("Q 0 1 c0 1 -1\n").find("pfn"), std::string::npos);
    EXPECT_NE(error_of("ZL 0 fallback : 02\n").find("node.zone"), std::string::npos);
}

} // namespace
} // namespace pagewalk::os
