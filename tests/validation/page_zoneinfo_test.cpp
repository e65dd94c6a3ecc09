#include "os/page/boot.h"
#include "os/proc/page_files.h"
#include "os/replay/capture_files.h"
#include "os/replay/machine_capture.h"
#include "os/replay/page_snapshot.h"
#include "tests/validation/page_captures.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// What changes while a machine runs: taken from the real text, so that only what boot decides is compared.
class RunningCounters : public StatisticsSource {
public:
    explicit RunningCounters(const std::string& text) {
        std::istringstream in(text);
        std::string line, zone;
        while (std::getline(in, line)) {
            std::istringstream words(line);
            std::string name;
            std::uint64_t value = 0;
            if (line.starts_with("Node ")) zone = key(line);
            if (words >> name >> value) m_values[{zone, name}] = value;
            if (line.find("pages free") != std::string::npos) {
                std::istringstream(line.substr(line.find("free") + 4)) >> m_values[{zone, "free"}];
            }
            if (line.find("count:") != std::string::npos) {
                std::int64_t count = 0;
                std::istringstream(line.substr(line.find(':') + 1)) >> count;
                m_pcp[zone].push_back(count);
            }
        }
    }

    void apply(PageAllocator& allocator) const {
        for (const auto& zone : allocator.zones()) {
            const std::string name = key(*zone);
            zone->free_pages = static_cast<std::int64_t>(at(name, "free"));
            zone->counters.numa_hit = at(name, "numa_hit");
            zone->counters.numa_local = at(name, "numa_local");
            zone->counters.numa_other = at(name, "numa_other");
            zone->counters.numa_miss = at(name, "numa_miss");
            zone->counters.numa_foreign = at(name, "numa_foreign");
            const auto counts = m_pcp.find(name);
            if (counts == m_pcp.end()) continue;
            for (std::size_t cpu = 0; cpu < counts->second.size(); ++cpu)
                zone->pcp[static_cast<CpuId>(cpu)].count = counts->second[cpu];
        }
    }
    [[nodiscard]] std::uint64_t node_statistic(NodeId node, std::string_view name) const override {
        // Printed with the node's first populated zone only.
        for (const auto& [where, value] : m_values)
            if (where.first.starts_with(std::to_string(pagewalk::index_of(node)) + "/") &&
                where.second == name)
                return value;
        return 0;
    }
    [[nodiscard]] std::uint64_t zone_statistic(const Zone& zone, std::string_view name) const override {
        return at(key(zone), std::string(name));
    }

private:
    static std::string key(const Zone& zone) {
        return std::to_string(pagewalk::index_of(zone.node)) + "/" + std::string(name_of(zone.type));
    }
    static std::string key(const std::string& line) {
        return line.substr(5, line.find(',') - 5) + "/" + line.substr(line.find_last_of(' ') + 1);
    }
    [[nodiscard]] std::uint64_t at(const std::string& zone, const std::string& name) const {
        const auto found = m_values.find({zone, name});
        return found == m_values.end() ? 0 : found->second;
    }

    std::map<std::pair<std::string, std::string>, std::uint64_t> m_values;
    std::map<std::string, std::vector<std::int64_t>> m_pcp;
};

class PageZoneinfo : public testing::TestWithParam<std::string> {
protected:
    void SetUp() override {}
};

TEST_P(PageZoneinfo, EqualsTheRealKernelsAfterBoot) {
    const CaptureFiles files(capture_path(GetParam()));
    const CapturedMachine machine = machine_from_capture(files);
    const auto allocator = boot_page_allocator(machine.map, machine.settings);
    const std::string& real = files.read("zoneinfo");
    const RunningCounters counters(real);
    counters.apply(*allocator);
    EXPECT_EQ(zoneinfo_text(*allocator, counters), real);
}

TEST_P(PageZoneinfo, MinFreeKbytesIsComputedAsTheKernelDoes) {
    const CaptureFiles files(capture_path(GetParam()));
    const CapturedMachine machine = machine_from_capture(files);
    const auto allocator = boot_page_allocator(machine.map, machine.settings);
    EXPECT_NE(files.read("proc_sys_vm")
                  .find("min_free_kbytes = " + std::to_string(allocator->settings().min_free_kbytes) + "\n"),
              std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Machines, PageZoneinfo,
                         testing::Values("a-static", "c-static", "d-static", "h2-static32"), test_name);

/// Blocks of a text that counts them by order, e.g. buddyinfo: a snapshot's own text may differ from the file
/// read a moment later by what the reading process used.
std::vector<std::string> without_numbers(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        std::string shape;
        for (const char c : line)
            if (std::isdigit(static_cast<unsigned char>(c)) == 0 && c != ' ') shape += c;
        lines.push_back(shape + "#" + std::to_string(line.size()));
    }
    return lines;
}

class PageTextFiles : public PageZoneinfo {};

TEST_P(PageTextFiles, HaveTheKernelsLayout) {
    const CaptureFiles files(capture_path(GetParam()));
    const auto allocator = PageSnapshot::parse(files.read("snapshot"), "snapshot").build();
    EXPECT_EQ(without_numbers(buddyinfo_text(*allocator)), without_numbers(files.read("buddyinfo")));
    EXPECT_EQ(without_numbers(pagetypeinfo_text(*allocator)), without_numbers(files.read("pagetypeinfo")));
}

/// Pageblocks of each zone, of all types: what a fallback between two readings does not change.
std::vector<std::uint64_t> pageblocks(const std::string& text) {
    std::vector<std::uint64_t> totals;
    std::istringstream in(text);
    bool counting = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("Page block order")) counting = false;
        if (line.starts_with("Number of blocks")) counting = true;
        if (!counting || !line.starts_with("Node ")) continue;
        std::istringstream words(line.substr(line.find("zone ") + 5));
        std::string zone;
        words >> zone;
        totals.push_back(0);
        for (std::uint64_t count = 0; words >> count;) totals.back() += count;
    }
    return totals;
}

TEST_P(PageTextFiles, CountPageblocksAsTheKernelDoes) {
    const CaptureFiles files(capture_path(GetParam()));
    const auto allocator = PageSnapshot::parse(files.read("snapshot"), "snapshot").build();
    EXPECT_EQ(pageblocks(pagetypeinfo_text(*allocator)), pageblocks(files.read("pagetypeinfo")));
}

INSTANTIATE_TEST_SUITE_P(Machines, PageTextFiles, testing::Values("a-static", "c-static", "d-static"),
                         test_name);

} // namespace
} // namespace pagewalk::os
