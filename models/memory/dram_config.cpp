#include "models/memory/dram_config.h"

#include "base/address.h"

#include <bit>
#include <string>

namespace pagewalk::models {

void DramConfig::declare(OptionGroup group) {
    group.choice("device", device, dram_device_names(),
                 {Unit::None, "devices of a rank: their organisation, and timing parameters that are not set",
                  "JESD79-4C 17-17-17, 19-19-19, 21-21-21, 22-22-22; JESD79-5B 40-39-39, 46-45-45, 52-52-52; "
                  "JESD209-5B; "
                  "JESD235C; JESD238A"});
    timing.declare(group.group("timing"));
    group.number(
        "channels", channels, {1, 64},
        {Unit::Count, "channels of this controller; subchannels of DDR5, pseudo channels of HBM", "assumed"});
    group.number("ranks", ranks, {1, 8, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "ranks per channel; of HBM, stacks of four dies", "assumed"});
    group.number("bank_groups", custom.bank_groups, {0, 16},
                 {Unit::Count, "of a custom device: bank groups per rank", "user"});
    group.number("banks", custom.banks, {0, 16},
                 {Unit::Count, "of a custom device: banks per bank group", "user"});
    group.number("row_bytes", custom.row_bytes, {0, 65536},
                 {Unit::Bytes, "of a custom device: a row across the devices of a rank", "user"});
    group.number("channel_bytes", custom.channel_bytes, {0, 32},
                 {Unit::Bytes, "of a custom device: width of a channel", "user"});
    group.choice("mapping", mapping,
                 {{AddressMapping::BankGroupInterleave, "bank_group_interleave"},
                  {AddressMapping::RowInterleave, "row_interleave"},
                  {AddressMapping::BankInterleave, "bank_interleave"}},
                 {Unit::None, "which address bits choose bank group, bank and row", "assumed"});
    group.choice("bank_hash", bank_hash,
                 {{BankHash::Off, "off"}, {BankHash::LowBits, "on"}, {BankHash::AllBits, "folded"}},
                 {Unit::None,
                  "on: bank group and bank are exclusive-ored with the row's low bits; folded: with all of "
                  "the row, piece by piece",
                  "Pessl et al., DRAMA, USENIX Security 2016: Intel's mapping does; folded: ChampSim, "
                  "dram_controller.cc"});
    group.choice(
        "page_policy", page_policy,
        {{PagePolicy::Open, "open"}, {PagePolicy::Closed, "closed"}, {PagePolicy::Timeout, "timeout"}},
        {Unit::None, "whether a row stays open after an access", "assumed"});
    group.number("page_timeout", page_timeout, {1000, ticks_per_second},
                 {Unit::Ticks, "with the timeout policy, how long an idle row stays open", "assumed"});
    group.number(
        "controller_latency", controller_latency, {0, 1'000'000},
        {Unit::Ticks, "queueing and return path that every read takes besides the devices' time", "assumed"});
    group.number("read_queue", read_queue, {1, 256},
                 {Unit::Count, "reads that wait in a channel for room in their banks' queues",
                  "DRAMsim3's trans_queue_size: 32"});
    group.number(
        "bank_queue", bank_queue, {1, 256},
        {Unit::Count, "requests of a bank that the scheduler chooses among", "DRAMsim3's cmd_queue_size: 8"});
    group.number("row_hit_cap", row_hit_cap, {1, 1024},
                 {Unit::Count, "accesses to an open row before an older one to another row may close it",
                  "DRAMsim3, CommandQueue::ArbitratePrecharge: 4"});
    group.number("write_queue", write_queue, {2, 256},
                 {Unit::Count, "lines a channel's write queue holds, without those handed to their banks",
                  "ChampSim's default"});
    group.number("write_high", write_high, {1, 256},
                 {Unit::Count, "queued writes at which a batch is drained", "assumed: 3/4"});
    group.number("write_low", write_low, {0, 255},
                 {Unit::Count, "queued writes at which a batch ends", "assumed: 1/4"});
    group.number("write_idle", write_idle, {1, 256},
                 {Unit::Count, "queued writes at which they are served while no read waits",
                  "DRAMsim3, Controller::ScheduleTransaction: more than 8"});
    group.choice("write_turns", write_turns, {{WriteTurns::Mixed, "mixed"}, {WriteTurns::Strict, "strict"}},
                 {Unit::None,
                  "strict: no read is served while writes are drained; that ends below write_low where a "
                  "read waits",
                  "mixed: DRAMsim3; strict: ChampSim, dram_controller.cc"});
}

void DramConfig::validate() const {
    if (write_high > write_queue || write_low >= write_high)
        throw ConfigError("dram.write_low = " + std::to_string(write_low) + ", dram.write_high = " +
                          std::to_string(write_high) + ", dram.write_queue = " + std::to_string(write_queue) +
                          ": must ascend: write_low < write_high <= write_queue");
    const auto check = [&](const char* name, std::uint64_t value, std::uint64_t least) {
        const std::string what = std::string("dram.") + name + " = " + std::to_string(value);
        if (device != DramDevice::Custom && value != 0)
            throw ConfigError(what +
                              ": dram.device says what the organisation is; allowed: 0, or dram.device = "
                              "custom with bank_groups, banks, row_bytes, channel_bytes and every timing");
        if (device == DramDevice::Custom && (value < least || !std::has_single_bit(value)))
            throw ConfigError(what + ": allowed with dram.device = custom: a power of two from " +
                              std::to_string(least));
    };
    check("bank_groups", custom.bank_groups, 1);
    check("banks", custom.banks, 1);
    check("row_bytes", custom.row_bytes, 1024);
    check("channel_bytes", custom.channel_bytes, 2);
    (void)full_timing();
}

} // namespace pagewalk::models
