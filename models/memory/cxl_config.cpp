#include "models/memory/cxl_config.h"

#include <string>

namespace pagewalk::models {

CxlConfig::CxlConfig() {
    link = {.latency = Tick(50'000), .bandwidth = 29'600'000'000};
    dram.controller_latency = Tick(40'000);
}

void CxlConfig::declare(OptionGroup group) {
    group.number("memory", memory, {0, 15ULL << 40},
                 {Unit::Bytes,
                  "memory of a CXL expander, a NUMA node without CPUs after the sockets' (0: none)", "user"});
    group.number("socket", socket, {0, 63},
                 {Unit::Count, "socket that the expander is plugged into", "user"});
    group.number("latency", link.latency, {0, ticks_per_second},
                 {Unit::Ticks, "from the socket to the expander's controller, one way: ports and link",
                  "Sharma et al., 'An introduction to the Compute Express Link', ACM CSUR 2024: 21 to 25 ns "
                  "a port and "
                  "way; the rest assumed"});
    group.number("bandwidth", link.bandwidth, {1'000'000, 10'000'000'000'000},
                 {Unit::BytesPerSecond, "of each direction of the link",
                  "PCIe 5.0, 8 lanes: 31.5 GB/s, of which 64 of 68 bytes are slots"});
    group.number("controller_latency", dram.controller_latency, {0, 1'000'000},
                 {Unit::Ticks, "queueing and return path in the expander that every read takes", "assumed"});
    group.choice("device", dram.device, dram_device_names(),
                 {Unit::None, "its DRAM, as dram.device", "assumed"});
    group.number("channels", dram.channels, {1, 64}, {Unit::Count, "its channels", "assumed"});
    group.number("ranks", dram.ranks, {1, 8, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "ranks per channel", "assumed"});
}

void CxlConfig::validate(const OptionSet& options, std::uint32_t sockets, std::uint32_t nodes) const {
    const auto refuse = [&](const char* key, const std::string& value, const std::string& allowed) {
        throw ConfigError(options.where(key), key, value, allowed);
    };
    if (dram.device == DramDevice::Custom)
        refuse("cxl.device", "custom", "wants a device of the list: only [dram] can describe its own");
    if (memory == 0) return;
    constexpr std::uint32_t most_nodes = 64;
    if (nodes >= most_nodes)
        refuse("cxl.memory", format_quantity(memory, Unit::Bytes),
               "the kernel knows 64 nodes: machine.sockets x machine.clusters = " + std::to_string(nodes) +
                   " leave none");
    constexpr std::uint64_t multiple = 2ULL << 20;
    if (memory % multiple != 0)
        refuse("cxl.memory", format_quantity(memory, Unit::Bytes), "wants a multiple of 2MiB");
    if (socket >= sockets)
        refuse("cxl.socket", std::to_string(socket),
               "there are " + std::to_string(sockets) + " (machine.sockets), from 0");
    if (memory > dram.capacity())
        refuse("cxl.memory", format_quantity(memory, Unit::Bytes),
               "is more than cxl.channels x cxl.ranks of cxl.device hold: " +
                   format_quantity(dram.capacity(), Unit::Bytes));
}

} // namespace pagewalk::models
