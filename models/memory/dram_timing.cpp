#include "models/memory/dram_timing.h"

#include "base/address.h"

#include <algorithm>
#include <string>

namespace pagewalk::models {
namespace {

struct ClockParameter {
    const char* name;
    Cycles DramTimingOptions::*option;
    Cycles DramTiming::*value;
    const char* meaning;
};

constexpr ClockParameter clock_parameters[] = {
    {"t_cl", &DramTimingOptions::t_cl, &DramTiming::t_cl, "read command to its first data (CAS latency)"},
    {"t_cwl", &DramTimingOptions::t_cwl, &DramTiming::t_cwl, "write command to its first data"},
    {"t_rcd", &DramTimingOptions::t_rcd, &DramTiming::t_rcd, "activate to read or write"},
    {"t_rp", &DramTimingOptions::t_rp, &DramTiming::t_rp, "precharge to activate"},
    {"t_ras", &DramTimingOptions::t_ras, &DramTiming::t_ras, "activate to precharge; tRC = tRAS + tRP"},
    {"t_ccd_s", &DramTimingOptions::t_ccd_s, &DramTiming::t_ccd_s,
     "column command to one of another bank group"},
    {"t_ccd_l", &DramTimingOptions::t_ccd_l, &DramTiming::t_ccd_l,
     "column command to one of the same bank group"},
    {"t_ccd_l_wr", &DramTimingOptions::t_ccd_l_wr, &DramTiming::t_ccd_l_wr,
     "write to write of the same bank group"},
    {"t_rrd_s", &DramTimingOptions::t_rrd_s, &DramTiming::t_rrd_s, "activate to one of another bank group"},
    {"t_rrd_l", &DramTimingOptions::t_rrd_l, &DramTiming::t_rrd_l, "activate to one of the same bank group"},
    {"t_faw", &DramTimingOptions::t_faw, &DramTiming::t_faw, "span that holds at most four activates"},
    {"t_wr", &DramTimingOptions::t_wr, &DramTiming::t_wr, "end of write data to precharge"},
    {"t_wtr_s", &DramTimingOptions::t_wtr_s, &DramTiming::t_wtr_s,
     "end of write data to a read of another bank group"},
    {"t_wtr_l", &DramTimingOptions::t_wtr_l, &DramTiming::t_wtr_l,
     "end of write data to a read of the same bank group"},
    {"t_rtp", &DramTimingOptions::t_rtp, &DramTiming::t_rtp, "read to precharge"},
    {"t_rtrs", &DramTimingOptions::t_rtrs, &DramTiming::t_rtrs,
     "data bus idle when the rank or the direction changes"},
};

constexpr const char* source = "JESD79-4C, JESD79-5B";

} // namespace

void DramTimingOptions::declare(OptionGroup group) {
    group.number("data_rate", data_rate, {0, 20'000'000'000},
                 {Unit::Count, "transfers per second; 0 = the device's", source});
    for (const ClockParameter& p : clock_parameters)
        group.number(p.name, this->*p.option, {0, 10'000},
                     {Unit::Cycles,
                      std::string(p.meaning) + ", in clocks of half the data rate; 0 = the device's",
                      source});
    group.number("t_refi", t_refi, {0, ticks_per_second},
                 {Unit::Ticks, "time between refreshes of a rank; 0 = the device's", source});
    group.number("t_rfc", t_rfc, {0, ticks_per_second},
                 {Unit::Ticks, "how long a refresh takes; 0 = the device's", source});
}

DramTiming DramTiming::make(const DramTimingOptions& device, const DramTimingOptions& options,
                            std::uint32_t channel_bytes) {
    const auto missing = [](const char* name) {
        return ConfigError(std::string("dram.timing.") + name +
                           " = 0: with dram.device = custom every timing parameter must be given");
    };
    const std::uint64_t data_rate = options.data_rate != 0 ? options.data_rate : device.data_rate;
    if (data_rate == 0) throw missing("data_rate");
    constexpr std::uint64_t slowest = 100'000'000; // DDR-200's half: no device is slower
    if (data_rate < slowest)
        throw ConfigError("dram.timing.data_rate = " + format_quantity(data_rate, Unit::Count) +
                          ": allowed: 0 for the device's, or " + format_quantity(slowest, Unit::Count) +
                          " to 20G transfers per second");
    DramTiming timing{.clock = Clock(data_rate / 2)};
    for (const ClockParameter& p : clock_parameters) {
        const Cycles chosen = options.*p.option != Cycles() ? options.*p.option : device.*p.option;
        if (chosen == Cycles()) throw missing(p.name);
        timing.*p.value = chosen;
    }
    const Tick t_refi = options.t_refi != Tick() ? options.t_refi : device.t_refi;
    const Tick t_rfc = options.t_rfc != Tick() ? options.t_rfc : device.t_rfc;
    if (t_refi == Tick()) throw missing("t_refi");
    if (t_rfc == Tick()) throw missing("t_rfc");
    timing.t_refi = timing.clock.to_cycles(t_refi);
    timing.t_rfc = timing.clock.to_cycles(t_rfc);
    timing.t_rc = timing.t_ras + timing.t_rp;
    timing.burst = Cycles(line_size / channel_bytes / 2);
    if (timing.t_refi < (timing.t_rfc + timing.t_rp + timing.t_rc) * 2)
        throw ConfigError(
            "dram.timing.t_refi = " + format_quantity(t_refi.value(), Unit::Ticks) +
            ", dram.timing.t_rfc = " + format_quantity(t_rfc.value(), Unit::Ticks) +
            ": refreshes would leave no time for accesses; allowed: t_refi more than twice t_rfc "
            "+ t_rp + t_ras + t_rp");
    if (timing.t_rrd_l > timing.t_faw)
        throw ConfigError("dram.timing.t_rrd_l = " + std::to_string(timing.t_rrd_l.value()) +
                          " clocks: allowed: up to t_faw, " + std::to_string(timing.t_faw.value()));
    return timing;
}

} // namespace pagewalk::models
