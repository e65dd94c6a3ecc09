#include "models/memory/dram_device.h"

namespace pagewalk::models {
namespace {

// JESD79-4C: 4 bank groups of 4 banks (x4, x8) or 2 of 4 (x16); a page of 512 bytes, 1 KiB and 2 KiB a device
// of x4, x8 and x16; 65536 rows of an 8 Gb x8 device. A channel is 8 bytes wide.
constexpr DramOrganisation ddr4{.bank_groups = 4, .banks = 4, .row_bytes = 8192, .channel_bytes = 8};
constexpr DramOrganisation ddr4_x16{.bank_groups = 2, .banks = 4, .row_bytes = 8192, .channel_bytes = 8};
// JESD79-5B: 8 bank groups of 4 banks (x4, x8; 16 Gb and more), a page of 1 KiB a device, subchannels of 4
// bytes.
constexpr DramOrganisation ddr5{.bank_groups = 8, .banks = 4, .row_bytes = 4096, .channel_bytes = 4};

/// JESD79-4C, x8: the speed bin's CL-tRCD-tRP, and the nanosecond minima in clocks: tRAS 32, tCCD_L 5, tRRD_L
/// 4.9, tFAW 21, tWR 15, tWTR_S 2.5, tWTR_L and tRTP 7.5. tREFI 7.8 us, tRFC1 of 8 Gb 350 ns. tRTRS is no
/// device parameter: assumed.
struct Ddr4Bin {
    std::uint64_t data_rate, cl, cwl, ras, ccd_l, rrd_l, faw, wr, wtr_s, wtr_l;
};
constexpr DramTimingOptions ddr4_timing(const Ddr4Bin& bin) {
    return {.data_rate = bin.data_rate,
            .t_cl = Cycles(bin.cl),
            .t_cwl = Cycles(bin.cwl),
            .t_rcd = Cycles(bin.cl),
            .t_rp = Cycles(bin.cl),
            .t_ras = Cycles(bin.ras),
            .t_ccd_s = Cycles(4),
            .t_ccd_l = Cycles(bin.ccd_l),
            .t_ccd_l_wr = Cycles(bin.ccd_l),
            .t_rrd_s = Cycles(4),
            .t_rrd_l = Cycles(bin.rrd_l),
            .t_faw = Cycles(bin.faw),
            .t_wr = Cycles(bin.wr),
            .t_wtr_s = Cycles(bin.wtr_s),
            .t_wtr_l = Cycles(bin.wtr_l),
            .t_rtp = Cycles(bin.wtr_l),
            .t_rtrs = Cycles(2),
            .t_refi = Tick(7'800'000),
            .t_rfc = Tick(350'000)};
}
constexpr DramTimingOptions ddr4_2400 = ddr4_timing({2'400'000'000, 17, 12, 39, 6, 6, 26, 18, 3, 9});
constexpr DramTimingOptions ddr4_2666 = ddr4_timing({2'666'666'666, 19, 14, 43, 7, 7, 28, 20, 4, 10});
constexpr DramTimingOptions ddr4_2933 = ddr4_timing({2'933'333'333, 21, 16, 47, 8, 8, 31, 22, 4, 11});
constexpr DramTimingOptions ddr4_3200 = ddr4_timing({3'200'000'000, 22, 16, 52, 8, 8, 34, 24, 4, 12});

/// Pages of 512 bytes: tFAW max(16 clocks, 10 ns).
constexpr DramTimingOptions ddr4_3200_x4 = [] {
    DramTimingOptions t = ddr4_3200;
    t.t_faw = Cycles(16);
    return t;
}();
/// Pages of 2 KiB: tRRD_S 5.3 ns, tRRD_L 6.4 ns, tFAW 30 ns.
constexpr DramTimingOptions ddr4_3200_x16 = [] {
    DramTimingOptions t = ddr4_3200;
    t.t_rrd_s = Cycles(9);
    t.t_rrd_l = Cycles(11);
    t.t_faw = Cycles(48);
    return t;
}();
/// tRFC1 of 16 Gb: 550 ns.
constexpr DramTimingOptions ddr4_3200_16gb = [] {
    DramTimingOptions t = ddr4_3200;
    t.t_rfc = Tick(550'000);
    return t;
}();

/// JESD79-5B, x8, BL16: the speed bin's CL-tRCD-tRP (CWL is CL - 2), and the nanosecond minima in clocks:
/// tRAS 32, tCCD_L 5, tRRD_L 5, tWR 30, tWTR_S 2.5, tWTR_L 10, tRTP 7.5; tFAW 32 clocks. tCCD_L_WR is that of
/// writes without read-modify-write (tCCD_L_WR2, 10 ns): a line fills the burst. tREFI1 3.9 us, tRFC1 of 16
/// Gb 295 ns.
struct Ddr5Bin {
    std::uint64_t data_rate, cl, rcd, ras, ccd_l, wr, wtr_s, wtr_l, rtp;
};
constexpr DramTimingOptions ddr5_timing(const Ddr5Bin& bin) {
    return {.data_rate = bin.data_rate,
            .t_cl = Cycles(bin.cl),
            .t_cwl = Cycles(bin.cl - 2),
            .t_rcd = Cycles(bin.rcd),
            .t_rp = Cycles(bin.rcd),
            .t_ras = Cycles(bin.ras),
            .t_ccd_s = Cycles(8),
            .t_ccd_l = Cycles(bin.ccd_l),
            .t_ccd_l_wr = Cycles(2 * bin.ccd_l),
            .t_rrd_s = Cycles(8),
            .t_rrd_l = Cycles(bin.ccd_l),
            .t_faw = Cycles(32),
            .t_wr = Cycles(bin.wr),
            .t_wtr_s = Cycles(bin.wtr_s),
            .t_wtr_l = Cycles(bin.wtr_l),
            .t_rtp = Cycles(bin.rtp),
            .t_rtrs = Cycles(2),
            .t_refi = Tick(3'900'000),
            .t_rfc = Tick(295'000)};
}
constexpr DramTimingOptions ddr5_4800 = ddr5_timing({4'800'000'000, 40, 39, 77, 12, 72, 6, 24, 18});
constexpr DramTimingOptions ddr5_5600 = ddr5_timing({5'600'000'000, 46, 45, 90, 14, 84, 7, 28, 21});
constexpr DramTimingOptions ddr5_6400 = ddr5_timing({6'400'000'000, 52, 52, 103, 16, 96, 8, 32, 24});

} // namespace

const DramDeviceFacts& facts_of(DramDevice device) {
    static constexpr DramDeviceFacts ddr4_2400_8gb_x8{ddr4, ddr4_2400, 8, 8, 65536},
        ddr4_2666_8gb_x8{ddr4, ddr4_2666, 8, 8, 65536}, ddr4_2933_8gb_x8{ddr4, ddr4_2933, 8, 8, 65536},
        ddr4_3200_8gb_x4{ddr4, ddr4_3200_x4, 4, 8, 131072}, ddr4_3200_8gb_x8{ddr4, ddr4_3200, 8, 8, 65536},
        ddr4_3200_8gb_x16{ddr4_x16, ddr4_3200_x16, 16, 8, 65536},
        ddr4_3200_16gb_x8{ddr4, ddr4_3200_16gb, 8, 16, 131072},
        ddr5_4800_16gb_x8{ddr5, ddr5_4800, 8, 16, 65536}, ddr5_5600_16gb_x8{ddr5, ddr5_5600, 8, 16, 65536},
        ddr5_6400_16gb_x8{ddr5, ddr5_6400, 8, 16, 65536}, custom{};
    switch (device) {
    case DramDevice::Ddr4_2400_8Gb_x8:
        return ddr4_2400_8gb_x8;
    case DramDevice::Ddr4_2666_8Gb_x8:
        return ddr4_2666_8gb_x8;
    case DramDevice::Ddr4_2933_8Gb_x8:
        return ddr4_2933_8gb_x8;
    case DramDevice::Ddr4_3200_8Gb_x4:
        return ddr4_3200_8gb_x4;
    case DramDevice::Ddr4_3200_8Gb_x8:
        return ddr4_3200_8gb_x8;
    case DramDevice::Ddr4_3200_8Gb_x16:
        return ddr4_3200_8gb_x16;
    case DramDevice::Ddr4_3200_16Gb_x8:
        return ddr4_3200_16gb_x8;
    case DramDevice::Ddr5_4800_16Gb_x8:
        return ddr5_4800_16gb_x8;
    case DramDevice::Ddr5_5600_16Gb_x8:
        return ddr5_5600_16gb_x8;
    case DramDevice::Ddr5_6400_16Gb_x8:
        return ddr5_6400_16gb_x8;
    case DramDevice::Custom:
        break;
    }
    return custom;
}

} // namespace pagewalk::models
