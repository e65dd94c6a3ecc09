#include "models/memory/dram_config.h"

#include "base/address.h"

#include <bit>
#include <string>

namespace pagewalk::models {

void DramConfig::declare(OptionGroup group) {
    group.choice("standard", standard,
                 {{DramStandard::Ddr4_2400, "ddr4_2400"},
                  {DramStandard::Ddr4_3200, "ddr4_3200"},
                  {DramStandard::Ddr5_4800, "ddr5_4800"},
                  {DramStandard::Custom, "custom"}},
                 {Unit::None, "where timing parameters come from that are not set",
                  "JESD79-4C 17-17-17, 22-22-22; JESD79-5B 40-39-39"});
    timing.declare(group.group("timing"));
    group.number("channels", channels, {1, 64}, {Unit::Count, "channels of this controller", "assumed"});
    group.number("ranks", ranks, {1, 8, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "ranks per channel", "assumed"});
    group.number("bank_groups", bank_groups, {1, 16, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "bank groups per rank", "JESD79-4C: 4 (x4, x8); JESD79-5B: 8"});
    group.number("banks", banks, {1, 16, OptionRange::Shape::PowerOfTwo},
                 {Unit::Count, "banks per bank group", "JESD79-4C, JESD79-5B: 4"});
    group.number("row_bytes", row_bytes, {1024, 65536, OptionRange::Shape::PowerOfTwo},
                 {Unit::Bytes, "a row across the channel's devices", "JESD79-4C: 1 KiB x 8 devices"});
    group.number(
        "channel_bytes", channel_bytes, {2, 32, OptionRange::Shape::PowerOfTwo},
        {Unit::Bytes, "width of a channel: 8 for DDR4, 4 for a DDR5 subchannel", "JESD79-4C, JESD79-5B"});
    group.choice("mapping", mapping,
                 {{AddressMapping::BankGroupInterleave, "bank_group_interleave"},
                  {AddressMapping::RowInterleave, "row_interleave"},
                  {AddressMapping::BankInterleave, "bank_interleave"}},
                 {Unit::None, "which address bits choose bank group, bank and row", "assumed"});
    group.flag("bank_hash", bank_hash,
               {Unit::None, "exclusive-or the bank with the row's low bits",
                "Pessl et al., DRAMA, USENIX Security 2016: Intel's mapping does"});
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
}

void DramConfig::validate() const {
    if (write_high > write_queue || write_low >= write_high)
        throw ConfigError("dram.write_low = " + std::to_string(write_low) + ", dram.write_high = " +
                          std::to_string(write_high) + ", dram.write_queue = " + std::to_string(write_queue) +
                          ": must ascend: write_low < write_high <= write_queue");
    (void)DramTiming::make(standard, timing, channel_bytes);
}

} // namespace pagewalk::models
