#include "os/replay/workload_log.h"

#include "os/page/page_map.h"
#include "os/replay/text_fields.h"

namespace pagewalk::os {

WorkloadLog WorkloadLog::parse(std::string_view text, const std::string& name) {
    WorkloadLog log;
    std::vector<ZoneReading> readings;
    for_each_line(text, [&](std::string_view line, std::size_t number) {
        const std::string_view kind = line.substr(0, line.find(' '));
        if (kind == "P" && line.size() > 2) {
            log.phases.emplace_back(line.substr(2));
        } else if (kind == "ZL") {
            const TextFields fields(line, name, number);
            LoggedZonelist list;
            list.node = fields.number<unsigned>(1, "node");
            list.this_node_only = fields.size() > 2 && fields[2] == "nofallback";
            for (std::size_t i = 4; i < fields.size(); ++i) {
                const std::string_view zone = fields[i];
                const std::size_t dot = zone.find('.');
                if (dot == std::string_view::npos) fields.fail("zone", "is not node.zone");
                const std::string split =
                    std::string(zone.substr(0, dot)) + " " + std::string(zone.substr(dot + 1));
                const TextFields parts(split, name, number);
                list.zones.emplace_back(parts.number<unsigned>(0, "node"), parts.number<unsigned>(1, "zone"));
            }
            log.zonelists.push_back(std::move(list));
        } else if (kind == "Z") {
            const TextFields fields(line, name, number);
            ZoneReading reading;
            reading.node = fields.number<unsigned>(2, "node");
            reading.zone = fields.number<unsigned>(3, "zone");
            reading.free_pages = fields.number<std::int64_t>(4, "free");
            reading.boost = fields.number(8, "boost");
            reading.highatomic = fields.number(9, "highatomic");
            reading.pcp_pages = fields.number<std::int64_t>(10, "pcpcount");
            readings.push_back(reading);
        } else if (kind == "Q") {
            const TextFields fields(line, name, number);
            LoggedAllocation allocation;
            allocation.sequence = fields.number(1, "seq");
            allocation.mask = fields.hex<std::uint32_t>(3, "gfp");
            allocation.order = fields.number<unsigned>(4, "order");
            if (allocation.order >= max_order) fields.fail("order", "is above the largest, 10");
            allocation.node = fields.number<int>(5, "nid");
            if (fields.size() <= 6) fields.fail("pfn", "is missing");
            if (fields[6] != "-1") allocation.frame = Pfn(fields.hex(6, "pfn"));
            allocation.phase = log.phases.empty() ? 0 : log.phases.size() - 1;
            allocation.readings = std::move(readings);
            readings.clear();
            log.allocations.push_back(std::move(allocation));
        }
    });
    return log;
}

} // namespace pagewalk::os
