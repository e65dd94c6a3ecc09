#include "app/show.h"
#include "base/error.h"
#include "tests/unit/results/sample_run.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::app {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Show : public testing::Test {
protected:
    Show() { results::SampleRun().write(m_file, 50); }

    std::string show(std::vector<std::string> arguments) const {
        std::ostringstream out;
        EXPECT_EQ(run_show(arguments, out), 0);
        return out.str();
    }
    static std::string refusal(std::vector<std::string> arguments) {
        std::ostringstream out;
        try {
            run_show(arguments, out);
        } catch (const InputError& error) {
            return error.what();
        }
        return "shown: " + out.str();
    }

    ScratchFolder m_folder;
    std::string m_file = m_folder / "run.h5";
};

TEST_F(Show, PageHasTheRunsNumbersAndNoColourOffATerminal) {
    const std::string page = show({m_file});
    EXPECT_THAT(page, AllOf(HasSubstr("gups"), HasSubstr("sample machine, 1 core"), HasSubstr("complete")));
    EXPECT_THAT(page, ContainsRegex("IPC +0.5"));
    EXPECT_THAT(page, ContainsRegex("L2 TLB +10"));
    EXPECT_THAT(page, ContainsRegex("page faults +1000 +1200 +9000"));
    EXPECT_THAT(page, ContainsRegex("row hit rate +0.5"));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, Not(HasSubstr("LLC"))); // the sample has no such key
}

TEST_F(Show, PageDrawsTheCpiStackLargestFirst) {
    const std::string page = show({m_file});
    EXPECT_THAT(page, ContainsRegex("base +1.5000 +75.0 % +##############################\n"));
    EXPECT_THAT(page, ContainsRegex("page_walk +0.5000 +25.0 % +##########\n"));
    EXPECT_LT(page.find("base"), page.find("page_walk"));
}

TEST_F(Show, JsonHasEveryFixedKeyAndNullWhereTheRunHasNone) {
    const std::string json = show({m_file, "--json"});
    EXPECT_THAT(json, StartsWith("{\n  \"instructions\": 100000,\n  \"cycles\": 200000,\n  \"ipc\": 0.5,\n"));
    for (const char* key : {"host_seconds",    "host_mips",        "l1i_mpki",
                            "l1d_mpki",        "l2_mpki",          "llc_mpki",
                            "dtlb_mpki",       "stlb_mpki",        "branch_mpki",
                            "walks",           "walk_cycles_mean", "walk_refs_mean",
                            "page_faults",     "fault_cycles_p50", "fault_cycles_p99",
                            "allocations",     "alloc_cycles_p50", "alloc_cycles_p99",
                            "dram_read_bytes", "dram_write_bytes", "dram_row_hit_rate",
                            "status"})
        EXPECT_THAT(json, HasSubstr("\"" + std::string(key) + "\": "));
    EXPECT_THAT(json, HasSubstr("\"llc_mpki\": null"));
    EXPECT_THAT(json, HasSubstr("\"status\": \"complete\",\n  \"exit_status\": 0,\n  \"died_of\": null,\n  "
                                "\"killed_by\": null,\n  \"region\": null,\n  \"programs\": [],\n  "
                                "\"processes\": []\n}\n"));
}

TEST_F(Show, StatsTakeAGlobBeforeOrAfterTheFile) {
    const std::string all = show({m_file, "--stats"});
    EXPECT_THAT(all, ContainsRegex("core0/mmu/l2_tlb/misses +1000 +count +look-ups that missed"));
    EXPECT_THAT(all, ContainsRegex("l2_tlb/undefined +- +1 "));
    const std::string some = show({m_file, "--stats", "*/misses"});
    EXPECT_THAT(some, AllOf(HasSubstr("misses"), Not(HasSubstr("never"))));
    EXPECT_EQ(show({"--stats", "*/misses", m_file}), some);
    EXPECT_EQ(show({"--stats", m_file}), all);
}

TEST_F(Show, StatsThatMatchNothingAreTheUsersMistake) {
    EXPECT_THAT(refusal({m_file, "--stats", "gpu*"}), HasSubstr("no statistic that matches gpu*"));
}

TEST_F(Show, PrintsProcTextsAndConfigAsTheyAre) {
    EXPECT_EQ(show({m_file, "--proc", "meminfo"}), "MemTotal:        1024 kB\n");
    EXPECT_EQ(show({m_file, "--config"}), results::SampleRun::meta().config);
}

TEST_F(Show, SummarisesTheStoredSlabinfoAsSlabtopDoes) {
    EXPECT_THAT(show({m_file, "--proc", "slabtop"}),
                AllOf(HasSubstr(" Active / Total Objects (% used)    : 3 / 16 (18.8%)\n"),
                      HasSubstr("    16      3  18%    0.25K      1       16         4K filp")));
}

TEST_F(Show, EventsPrintTheFirstRowsWithEnumerationNames) {
    const std::string text = show({m_file, "--events", "page_faults", "--rows", "2"});
    EXPECT_THAT(text, ContainsRegex("time +address +latency +node +kind"));
    EXPECT_THAT(text, ContainsRegex("0 +0x7f0000000000 +500 +-1 +minor"));
    EXPECT_THAT(text, HasSubstr("major"));
    EXPECT_THAT(text, Not(HasSubstr("spurious")));
    EXPECT_THAT(text, HasSubstr("2 of 50 rows"));
}

TEST_F(Show, HistogramsPrintTheirPercentilesAndBuckets) {
    const std::string text = show({m_file, "--histograms", "*walk*"});
    EXPECT_THAT(text, HasSubstr("core0/mmu/l2_tlb/walk_cycles (cycles): latency of page walks"));
    EXPECT_THAT(text, ContainsRegex("count 1000 +mean [0-9.]+ +p50 [0-9]+ +p90"));
    EXPECT_THAT(text, HasSubstr("##"));
}

TEST_F(Show, WrongArgumentsAreAnsweredWithTheUsage) {
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{},
                                               {m_file, "--nonsense"},
                                               {m_file, m_file},
                                               {m_file, "--json", "--config"},
                                               {m_file, "--rows", "3"}})
        EXPECT_THAT(refusal(wrong), HasSubstr("usage: pagewalk show FILE.h5"));
}

} // namespace
} // namespace pagewalk::app
