#include "results/host_facts.h"

#include <array>
#include <ctime>
#include <fstream>
#include <unistd.h>

namespace pagewalk::results {

HostFacts read_host_facts() {
    HostFacts facts;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) facts.name = name.data();
    std::ifstream cpuinfo("/proc/cpuinfo");
    for (std::string line; std::getline(cpuinfo, line);)
        if (line.starts_with("model name")) {
            const std::size_t colon = line.find(':');
            facts.cpu_model = colon + 2 < line.size() ? line.substr(colon + 2) : "";
            break;
        }
    return facts;
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

} // namespace pagewalk::results
