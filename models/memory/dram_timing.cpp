#include "models/memory/dram_timing.h"

#include "base/address.h"

#include <algorithm>
#include <string>

namespace pagewalk::models {
namespace {

using Clocks = Cycles;

// JESD79-4C, speed bins DDR4-2400R (17-17-17) and DDR4-3200AA (22-22-22), 1 KiB pages (x8); tREFI 7.8 us and
// tRFC1 350 ns of an 8 Gb device. Nanosecond minima are rounded up to clocks: tRAS 32 ns, tCCD_L 5 ns, tRRD_L
// 4.9 ns, tFAW 21 ns, tWR 15 ns, tWTR 2.5 and 7.5 ns, tRTP 7.5 ns. tRTRS is no device parameter: assumed.
constexpr DramTimingOptions ddr4_2400{
    .data_rate = 2'400'000'000,
    .t_cl = Clocks(17),
    .t_cwl = Clocks(12),
    .t_rcd = Clocks(17),
    .t_rp = Clocks(17),
    .t_ras = Clocks(39),
    .t_ccd_s = Clocks(4),
    .t_ccd_l = Clocks(6),
    .t_ccd_l_wr = Clocks(6),
    .t_rrd_s = Clocks(4),
    .t_rrd_l = Clocks(6),
    .t_faw = Clocks(26),
    .t_wr = Clocks(18),
    .t_wtr_s = Clocks(3),
    .t_wtr_l = Clocks(9),
    .t_rtp = Clocks(9),
    .t_rtrs = Clocks(2),
    .t_refi = Tick(7'800'000),
    .t_rfc = Tick(350'000),
};
constexpr DramTimingOptions ddr4_3200{
    .data_rate = 3'200'000'000,
    .t_cl = Clocks(22),
    .t_cwl = Clocks(16),
    .t_rcd = Clocks(22),
    .t_rp = Clocks(22),
    .t_ras = Clocks(52),
    .t_ccd_s = Clocks(4),
    .t_ccd_l = Clocks(8),
    .t_ccd_l_wr = Clocks(8),
    .t_rrd_s = Clocks(4),
    .t_rrd_l = Clocks(8),
    .t_faw = Clocks(34),
    .t_wr = Clocks(24),
    .t_wtr_s = Clocks(4),
    .t_wtr_l = Clocks(12),
    .t_rtp = Clocks(12),
    .t_rtrs = Clocks(2),
    .t_refi = Tick(7'800'000),
    .t_rfc = Tick(350'000),
};
// JESD79-5B, DDR5-4800B 40-39-39, 1 KiB pages (x8), BL16; tREFI1 3.9 us and tRFC1 295 ns of a 16 Gb device.
// tCCD_L_WR is that of writes without read-modify-write (tCCD_L_WR2, 10 ns): a line fills the burst.
constexpr DramTimingOptions ddr5_4800{
    .data_rate = 4'800'000'000,
    .t_cl = Clocks(40),
    .t_cwl = Clocks(38),
    .t_rcd = Clocks(39),
    .t_rp = Clocks(39),
    .t_ras = Clocks(77),
    .t_ccd_s = Clocks(8),
    .t_ccd_l = Clocks(12),
    .t_ccd_l_wr = Clocks(24),
    .t_rrd_s = Clocks(8),
    .t_rrd_l = Clocks(12),
    .t_faw = Clocks(32),
    .t_wr = Clocks(72),
    .t_wtr_s = Clocks(6),
    .t_wtr_l = Clocks(24),
    .t_rtp = Clocks(18),
    .t_rtrs = Clocks(2),
    .t_refi = Tick(3'900'000),
    .t_rfc = Tick(295'000),
};
constexpr DramTimingOptions custom{};

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

const DramTimingOptions& jedec_timing(DramStandard standard) {
    switch (standard) {
    case DramStandard::Ddr4_2400:
        return ddr4_2400;
    case DramStandard::Ddr4_3200:
        return ddr4_3200;
    case DramStandard::Ddr5_4800:
        return ddr5_4800;
    case DramStandard::Custom:
        break;
    }
    return custom;
}

void DramTimingOptions::declare(OptionGroup group) {
    group.number("data_rate", data_rate, {0, 20'000'000'000},
                 {Unit::Count, "transfers per second; 0 = the standard's", source});
    for (const ClockParameter& p : clock_parameters)
        group.number(p.name, this->*p.option, {0, 10'000},
                     {Unit::Cycles,
                      std::string(p.meaning) + ", in clocks of half the data rate; 0 = the standard's",
                      source});
    group.number("t_refi", t_refi, {0, ticks_per_second},
                 {Unit::Ticks, "time between refreshes of a rank; 0 = the standard's", source});
    group.number("t_rfc", t_rfc, {0, ticks_per_second},
                 {Unit::Ticks, "how long a refresh takes; 0 = the standard's", source});
}

DramTiming DramTiming::make(DramStandard standard, const DramTimingOptions& options,
                            std::uint32_t channel_bytes) {
    const DramTimingOptions& preset = jedec_timing(standard);
    const auto missing = [](const char* name) {
        return ConfigError(std::string("dram.timing.") + name +
                           " = 0: with dram.standard = custom every timing parameter must be given");
    };
    const std::uint64_t data_rate = options.data_rate != 0 ? options.data_rate : preset.data_rate;
    if (data_rate == 0) throw missing("data_rate");
    constexpr std::uint64_t slowest = 100'000'000; // DDR-200's half: no device is slower
    if (data_rate < slowest)
        throw ConfigError("dram.timing.data_rate = " + format_quantity(data_rate, Unit::Count) +
                          ": allowed: 0 for the standard's, or " + format_quantity(slowest, Unit::Count) +
                          " to 20G transfers per second");
    DramTiming timing{.clock = Clock(data_rate / 2)};
    for (const ClockParameter& p : clock_parameters) {
        const Cycles chosen = options.*p.option != Cycles() ? options.*p.option : preset.*p.option;
        if (chosen == Cycles()) throw missing(p.name);
        timing.*p.value = chosen;
    }
    const Tick t_refi = options.t_refi != Tick() ? options.t_refi : preset.t_refi;
    const Tick t_rfc = options.t_rfc != Tick() ? options.t_rfc : preset.t_rfc;
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
