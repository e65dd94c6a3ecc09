#include "models/device/nic_config.h"

#include "base/error.h"

#include <string>

namespace pagewalk::models {

void NicConfig::declare(OptionGroup group) {
    group.number(
        "rate", rate, {0, link_rate},
        {Unit::Count,
         "bits per second of packets that arrive at the NIC's wire of 100 Gbit/s once a task receives; "
         "0: no NIC",
         "user"});
    group.number("packet_size", packet_bytes, {64, 4096}, {Unit::Bytes, "size of a packet", "user"});
    group.number("flows", flows, {1, 65'536},
                 {Unit::Count, "flows of the traffic; a packet's is drawn, and each has its queue", "user"});
    group.number("queues", queues, {1, 256},
                 {Unit::Count, "pairs of a receive and a send queue; pair i interrupts CPU i", "user"});
    group.number("ring_entries", ring_entries, {8, 32'768},
                 {Unit::Count, "descriptors of a queue", "assumed"});
    group.number("interrupt_gap", interrupt_gap, {0, 1'000'000'000},
                 {Unit::Ticks, "interrupts of a queue are at least so far apart (moderation)", "assumed"});
}

void NicConfig::validate(const OptionSet& options, std::uint32_t cpus) const {
    if (!present() || queues <= cpus) return;
    throw ConfigError(options.where("nic.queues"), "nic.queues", std::to_string(queues),
                      "each queue wants a CPU to interrupt: machine.cpus = " + std::to_string(cpus));
}

} // namespace pagewalk::models
