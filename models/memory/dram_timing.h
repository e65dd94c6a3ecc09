#pragma once

#include "base/option.h"
#include "base/time.h"

#include <cstdint>

namespace pagewalk::models {

/// Timing parameters by their JEDEC names, in clocks of half the data rate; the refresh times in ticks. In an
/// option, 0 takes the device's number.
struct DramTimingOptions {
    std::uint64_t data_rate = 0; ///< transfers a second
    Cycles t_cl, t_cwl, t_rcd, t_rp, t_ras;
    Cycles t_ccd_s, t_ccd_l, t_ccd_l_wr;
    Cycles t_rrd_s, t_rrd_l, t_faw;
    Cycles t_wr, t_wtr_s, t_wtr_l, t_rtp, t_rtrs;
    Tick t_refi, t_rfc;

    void declare(OptionGroup group);
};

/// The same complete, all in clocks.
struct DramTiming {
    Clock clock; ///< of half the data rate
    Cycles t_cl, t_cwl, t_rcd, t_rp, t_ras, t_rc;
    Cycles t_ccd_s, t_ccd_l, t_ccd_l_wr;
    Cycles t_rrd_s, t_rrd_l, t_faw;
    Cycles t_wr, t_wtr_s, t_wtr_l, t_rtp, t_rtrs;
    Cycles t_refi, t_rfc; ///< rounded up
    Cycles burst;         ///< one line on the data bus

    /// A device's numbers with what `options` sets in their place. `channel_bytes`: width of a channel.
    /// Throws ConfigError when a parameter is in neither, naming it.
    [[nodiscard]] static DramTiming make(const DramTimingOptions& device, const DramTimingOptions& options,
                                         std::uint32_t channel_bytes);
};

} // namespace pagewalk::models
