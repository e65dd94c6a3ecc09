#include "os/proc/vmallocinfo.h"
#include "os/replay/capture_files.h"
#include "tests/support/vmalloc_machine.h"
#include "tests/validation/page_captures.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

/// One line of /proc/vmallocinfo. The kernel hashes addresses, so that only equality of a start with
/// another line's end is known.
struct Line {
    std::string start, end;
    std::string rest; ///< from the size on
    std::uint64_t size = 0;
    std::string caller;
    std::uint64_t pages = 0;
    std::uint64_t physical = 0;
    bool is_vpages = false;
    std::vector<std::uint64_t> nodes; ///< pages by node
};

std::uint64_t number(std::string_view text, int base = 10) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, base);
    return value;
}

std::vector<Line> parse(const std::string& text) {
    std::vector<Line> lines;
    std::istringstream in(text);
    for (std::string row; std::getline(in, row);) {
        Line line;
        line.start = row.substr(0, 18);
        line.end = row.substr(19, 18);
        line.rest = row.substr(37);
        line.nodes.resize(2);
        std::istringstream words(line.rest);
        words >> line.size;
        for (std::string word; words >> word;) {
            if (word.starts_with("pages="))
                line.pages = number(word.substr(6));
            else if (word.starts_with("phys=0x"))
                line.physical = number(word.substr(7), 16);
            else if (word == "vpages")
                line.is_vpages = true;
            else if (word[0] == 'N' && word.find('=') == 2)
                line.nodes[number(word.substr(1, 1))] = number(word.substr(3));
            else if (word.find('+') != std::string::npos)
                line.caller = word;
            else if (word[0] == '[')
                line.caller += " " + word;
        }
        lines.push_back(line);
    }
    return lines;
}

/// Makes the areas of a capture again in order of their addresses. Alignment and range follow from the
/// callers: kernel stacks are aligned to 16 KiB, ioremap to its size, per-CPU chunks come from the top,
/// modules have a range of their own behind them. What was there and freed before (sections of modules that
/// only their start needs) cannot be known.
class Replay {
public:
    Replay(const std::vector<Line>& lines, std::size_t cpus, std::size_t nodes)
        : m_lines(lines), m_machine(vmalloc_memory(1ULL << 30, cpus, nodes)) {
        for (std::size_t i = 0; i < lines.size(); ++i) make(i);
    }

    const VmallocMachine& machine() const { return m_machine; }

private:
    void make(std::size_t index) {
        const Line& line = m_lines[index];
        Vmalloc& vmalloc = m_machine.vmalloc;
        if (line.rest.ends_with(" unpurged vm_area")) {
            // A kernel stack whose task has ended; where it was cannot be known.
            const auto area = vmalloc.allocate({.size = line.size - page_size, .align = 16384});
            ASSERT_TRUE(area);
            vmalloc.free(*area, CpuId{});
        } else if (line.caller.starts_with("pcpu_get_vm_areas")) {
            m_in_modules = true;
            const std::vector<std::uint64_t> offsets{0};
            const std::vector<std::uint64_t> sizes{line.size};
            ASSERT_EQ(vmalloc.allocate_congruent(offsets, sizes, 2ULL << 20, CpuId{}).size(), 1u);
        } else if (line.rest.ends_with(" vmap")) {
            const std::vector<Pfn> frames(line.size / page_size - 1, Pfn(1000));
            ASSERT_TRUE(vmalloc.map(frames, {.caller = line.caller}));
        } else if (line.physical != 0) {
            ASSERT_TRUE(
                vmalloc.map_io(PhysAddr(line.physical), line.size - page_size, {.caller = line.caller}));
        } else {
            // The list of the pages was made after the range of the area it belongs to, where there was
            // room; so it is again.
            if (line.is_vpages) free_stand_in(line);
            const auto area = vmalloc.allocate(request_for(line));
            ASSERT_TRUE(area);
            m_placed.push_back({line.caller, line.pages, *area});
        }
    }

    VmallocRequest request_for(const Line& line) const {
        VmallocRequest request;
        request.size = line.size - page_size;
        request.caller = line.caller;
        const bool is_stack = line.caller.starts_with("kernel_clone") || line.caller.starts_with("fork_idle");
        if (is_stack) request.align = 16384;
        if (m_in_modules) {
            request.start = vmalloc_layout::modules_start;
            request.limit = vmalloc_layout::modules_limit;
        }
        request.node = static_cast<NodeId>(line.nodes[1] > line.nodes[0] ? 1 : 0);
        return request;
    }

    void free_stand_in(const Line& parent) {
        const auto list = std::ranges::find_if(m_placed, [&](const Placed& placed) {
            return placed.caller == parent.caller && placed.pages == parent.pages * 8 / page_size;
        });
        ASSERT_NE(list, m_placed.end());
        m_machine.vmalloc.free(list->address, CpuId{});
        m_machine.vmalloc.unmap_aliases(CpuId{});
        m_placed.erase(list);
    }

    struct Placed {
        std::string caller;
        std::uint64_t pages = 0;
        VirtAddr address;
    };

    const std::vector<Line>& m_lines;
    VmallocMachine m_machine;
    std::vector<Placed> m_placed;
    bool m_in_modules = false;
};

/// The line without its nodes: boot interleaves some tables over the nodes by a memory policy.
std::string without_nodes(const std::string& rest) { return rest.substr(0, rest.find(" N")); }

struct Capture {
    const char* name;
    std::size_t cpus;
    std::size_t nodes;
    std::size_t holes; ///< gaps that the kernel shows and the replay does not: something was freed there
};

class CapturedVmallocinfo : public testing::TestWithParam<Capture> {};

TEST_P(CapturedVmallocinfo, IsPlacedAndPrintedAsTheKernelDid) {
    const Capture& capture = GetParam();
    const CaptureFiles files(capture_path(capture.name));
    const auto real = parse(files.read("vmallocinfo"));
    ASSERT_GT(real.size(), 90u);
    const Replay replay(real, capture.cpus, capture.nodes);
    const auto ours = parse(vmallocinfo_text(replay.machine().vmalloc));
    ASSERT_EQ(ours.size(), real.size());
    std::size_t holes = 0;
    for (std::size_t i = 0; i < real.size(); ++i) {
        const bool interleaved = real[i].nodes[0] != 0 && real[i].nodes[1] != 0;
        if (interleaved)
            EXPECT_EQ(without_nodes(ours[i].rest), without_nodes(real[i].rest)) << i;
        else
            EXPECT_EQ(ours[i].rest, real[i].rest) << i;
        if (i == 0) continue;
        const bool touches = real[i].start == real[i - 1].end;
        const bool ours_touches = ours[i].start == ours[i - 1].end;
        if (ours_touches && !touches) ++holes;
        EXPECT_FALSE(touches && !ours_touches) << "line " << i + 1 << " should follow without a gap";
    }
    EXPECT_EQ(holes, capture.holes);
}

INSTANTIATE_TEST_SUITE_P(Captures, CapturedVmallocinfo,
                         testing::Values(Capture{"a-static", 1, 1, 4}, Capture{"c-static", 2, 1, 3},
                                         Capture{"d-static", 4, 2, 5}),
                         [](const auto& capture) { return std::string(1, capture.param.name[0]); });

} // namespace
} // namespace pagewalk::os
