#include "os/replay/process_walk.h"

#include "os/replay/text_fields.h"

#include <algorithm>

namespace pagewalk::os {
namespace {

class WalksParser {
public:
    explicit WalksParser(const std::string& name) : m_name(name) {}

    std::vector<ProcessWalk> parse(std::string_view text) {
        for_each_line(text, [this](std::string_view line, std::size_t number) {
            if (!line.empty()) read(TextFields(line, m_name, number));
        });
        return std::move(m_walks);
    }

private:
    void read(const TextFields& fields) {
        const std::string_view kind = fields[0];
        if (kind == "@@") return read_mark(fields);
        if (m_walks.empty()) fields.fail("line", "stands before the first walk");
        if (kind == "T") return read_thread(fields);
        if (kind == "M") return read_memory(fields);
        if (m_walks.back().processes.empty()) fields.fail("line", "belongs to no process");
        WalkedProcess& process = m_walks.back().processes.back();
        if (kind == "V")
            process.areas.push_back(area(fields));
        else if (kind == "T1" || kind == "T2" || kind == "T3")
            process.tables.push_back({static_cast<unsigned>(kind[1] - '0'),
                                      VirtAddr(fields.hex(1, "address")), Pfn(fields.hex(2, "frame"))});
        else if (kind == "P" || kind == "H")
            process.runs.push_back(run(fields, kind == "H"));
        else if (kind == "S")
            process.swapped += fields.number(2, "pages");
        else if (kind != "X")
            fields.fail("line", "is of an unknown kind");
    }

    void read_mark(const TextFields& fields) {
        if (fields.size() < 4) fields.fail("mark", "lacks fields");
        if (fields[1] == "end") {
            if (fields.number(3, "trunc") != 0) fields.fail("walk", "is cut off");
            return;
        }
        ProcessWalk& walk = m_walks.emplace_back();
        walk.sequence = fields.number(2, "sequence");
        walk.step = fields[3] == "exec" || fields.size() < 5 ? "exec" : fields[4];
        m_has_memory = true;
    }

    // A process's threads come before its memory.
    void read_thread(const TextFields& fields) {
        if (m_has_memory) m_walks.back().processes.emplace_back();
        m_has_memory = false;
        if (fields.size() < 2) fields.fail("thread", "is missing");
        m_walks.back().processes.back().threads.emplace_back(fields[1]);
    }

    void read_memory(const TextFields& fields) {
        if (m_has_memory) fields.fail("memory", "belongs to no thread");
        m_walks.back().processes.back().root = Pfn(fields.hex(4, "pgd"));
        m_has_memory = true;
    }

    static WalkedArea area(const TextFields& fields) {
        if (fields.size() < 10) fields.fail("area", "lacks fields");
        return {.start = VirtAddr(fields.hex(1, "start")),
                .end = VirtAddr(fields.hex(2, "end")),
                .flags = fields.hex(3, "flags"),
                .page_offset = fields.hex(4, "offset"),
                .object = PhysAddr(fields.hex(6, "vma")),
                .anon_vma = PhysAddr(fields.hex(8, "anon_vma")),
                .name = std::string(fields[9])};
    }

    static WalkedRun run(const TextFields& fields, bool huge) {
        constexpr std::uint64_t pages_of_huge = 512;
        return {.at = VirtAddr(fields.hex(1, "address")),
                .pages = fields.number(2, "pages") * (huge ? pages_of_huge : 1),
                .frame = Pfn(fields.hex(3, "frame")),
                .flags = fields.size() > 4 ? std::string(fields[4]) : std::string(),
                .huge = huge};
    }

    const std::string& m_name;
    std::vector<ProcessWalk> m_walks;
    bool m_has_memory = true;
};

} // namespace

std::vector<ProcessWalk> parse_walks(std::string_view text, const std::string& name) {
    return WalksParser(name).parse(text);
}

} // namespace pagewalk::os
