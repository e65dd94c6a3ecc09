#include "models/memory/dram_device.h"

namespace pagewalk::models {
namespace {

/// What a speed bin fixes: CL-tRCD-tRP, and minima in nanoseconds as clocks.
struct Ddr4Bin {
    std::uint64_t data_rate, cl, cwl, ras, ccd_l, rrd_l, rrd_s_x16, rrd_l_x16, faw, faw_x16, wr, wtr_s, wtr_l;
};
// JESD79-4C: tRAS 32 ns, tCCD_L 5, tWR 15, tWTR_S 2.5, tWTR_L and tRTP 7.5. Pages of 1 KiB: tRRD_L 4.9, tFAW
// 21; of 2 KiB (x16): tRRD_S 5.3, tRRD_L 6.4, tFAW 30; of 512 bytes (x4): tFAW 16 clocks.
constexpr Ddr4Bin ddr4_2400{2'400'000'000, 17, 12, 39, 6, 6, 7, 8, 26, 36, 18, 3, 9};
constexpr Ddr4Bin ddr4_2666{2'666'666'666, 19, 14, 43, 7, 7, 8, 9, 28, 40, 20, 4, 10};
constexpr Ddr4Bin ddr4_2933{2'933'333'333, 21, 16, 47, 8, 8, 8, 10, 31, 44, 22, 4, 11};
constexpr Ddr4Bin ddr4_3200{3'200'000'000, 22, 16, 52, 8, 8, 9, 11, 34, 48, 24, 4, 12};

/// JESD79-4C: 4 bank groups of 4 banks (x4, x8) or 2 of 4 (x16); a page of 512 bytes, 1 KiB and 2 KiB a
/// device of x4, x8 and x16; 65536 rows of an 8 Gb device, 131072 with x4, and twice as many of a 16 Gb one.
/// A channel is 8 bytes wide. tREFI 7.8 us, tRFC1 350 ns of 8 Gb, 550 of 16 Gb. tRTRS is no device parameter:
/// assumed.
constexpr DramDeviceFacts ddr4(const Ddr4Bin& bin, std::uint32_t gigabits, std::uint32_t width) {
    const bool wide = width == 16;
    return {
        .organisation = {.bank_groups = wide ? 2U : 4U, .banks = 4, .row_bytes = 8192, .channel_bytes = 8},
        .timing = {.data_rate = bin.data_rate,
                   .t_cl = Cycles(bin.cl),
                   .t_cwl = Cycles(bin.cwl),
                   .t_rcd = Cycles(bin.cl),
                   .t_rp = Cycles(bin.cl),
                   .t_ras = Cycles(bin.ras),
                   .t_ccd_s = Cycles(4),
                   .t_ccd_l = Cycles(bin.ccd_l),
                   .t_ccd_l_wr = Cycles(bin.ccd_l),
                   .t_rrd_s = Cycles(wide ? bin.rrd_s_x16 : 4),
                   .t_rrd_l = Cycles(wide ? bin.rrd_l_x16 : bin.rrd_l),
                   .t_faw = Cycles(width == 4 ? 16
                                   : wide     ? bin.faw_x16
                                              : bin.faw),
                   .t_wr = Cycles(bin.wr),
                   .t_wtr_s = Cycles(bin.wtr_s),
                   .t_wtr_l = Cycles(bin.wtr_l),
                   .t_rtp = Cycles(bin.wtr_l),
                   .t_rtrs = Cycles(2),
                   .t_refi = Tick(7'800'000),
                   .t_rfc = Tick(gigabits == 8 ? 350'000 : 550'000)},
        .width = width,
        .gigabits = gigabits,
        .rows = gigabits / 8 * (width == 4 ? 131072 : 65536)};
}

struct Ddr5Bin {
    std::uint64_t data_rate, cl, rcd, ras, ccd_l, wr, wtr_s, wtr_l, rtp;
};
// JESD79-5B, the bins' CL-tRCD-tRP (CWL is CL - 2): tRAS 32 ns, tCCD_L and tRRD_L 5, tWR 30, tWTR_S 2.5,
// tWTR_L 10, tRTP 7.5.
constexpr Ddr5Bin ddr5_4800{4'800'000'000, 40, 39, 77, 12, 72, 6, 24, 18};
constexpr Ddr5Bin ddr5_5600{5'600'000'000, 46, 45, 90, 14, 84, 7, 28, 21};
constexpr Ddr5Bin ddr5_6400{6'400'000'000, 52, 52, 103, 16, 96, 8, 32, 24};

/// JESD79-5B, BL16: 8 bank groups of 4 banks (x4, x8) or 4 of 4 (x16); a page of 1 KiB a device (x16: 2 KiB);
/// 65536 rows of 16 Gb; subchannels of 4 bytes. tFAW 32 clocks, x16 40. tCCD_L_WR is that of writes without
/// read-modify-write (tCCD_L_WR2, 10 ns): a line fills the burst. tREFI1 3.9 us, tRFC1 295 ns of 16 Gb, 410
/// of 32.
constexpr DramDeviceFacts ddr5(const Ddr5Bin& bin, std::uint32_t gigabits, std::uint32_t width) {
    return {.organisation = {.bank_groups = width == 16 ? 4U : 8U,
                             .banks = 4,
                             .row_bytes = width == 4 ? 8192U : 4096U,
                             .channel_bytes = 4},
            .timing = {.data_rate = bin.data_rate,
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
                       .t_faw = Cycles(width == 16 ? 40 : 32),
                       .t_wr = Cycles(bin.wr),
                       .t_wtr_s = Cycles(bin.wtr_s),
                       .t_wtr_l = Cycles(bin.wtr_l),
                       .t_rtp = Cycles(bin.rtp),
                       .t_rtrs = Cycles(2),
                       .t_refi = Tick(3'900'000),
                       .t_rfc = Tick(gigabits == 16 ? 295'000 : 410'000)},
            .width = width,
            .gigabits = gigabits,
            .rows = gigabits / 16 * 65536};
}

/// JESD209-5B, one x16 channel in bank-group mode, WCK of 3.2 GHz (the clock here) at four times CK: 4 groups
/// of 4 banks, pages of 2 KiB. A line is a burst of 32, whose two halves leave gaps for another group's: RL
/// 17 and WL 9 clocks of CK; BL/n_min 4, BL/n_max 8; tRCD and tRPpb 18 ns, tRAS 42, tRRD 5, tFAW 20, tWR 34,
/// tWTR_S 6.25, tWTR_L 12, tRBTP 7.5. tREFI 3.906 us, tRFCab 210 ns of 8 Gb, 280 of 16. Gaps between
/// directions: 1 CK.
constexpr DramDeviceFacts lpddr5(std::uint32_t gigabits) {
    return {.organisation = {.bank_groups = 4, .banks = 4, .row_bytes = 2048, .channel_bytes = 2},
            .timing = {.data_rate = 6'400'000'000,
                       .t_cl = Cycles(68),
                       .t_cwl = Cycles(36),
                       .t_rcd = Cycles(58),
                       .t_rp = Cycles(58),
                       .t_ras = Cycles(135),
                       .t_ccd_s = Cycles(16),
                       .t_ccd_l = Cycles(32),
                       .t_ccd_l_wr = Cycles(32),
                       .t_rrd_s = Cycles(16),
                       .t_rrd_l = Cycles(16),
                       .t_faw = Cycles(64),
                       .t_wr = Cycles(109),
                       .t_wtr_s = Cycles(20),
                       .t_wtr_l = Cycles(39),
                       .t_rtp = Cycles(24),
                       .t_rtrs = Cycles(4),
                       .t_refi = Tick(3'906'000),
                       .t_rfc = Tick(gigabits == 8 ? 210'000 : 280'000)},
            .width = 16,
            .gigabits = gigabits,
            .rows = gigabits / 8 * 32768};
}

/// JESD235C's HBM2 at HBM2E's 3.2 Gb/s a pin, a pseudo channel of 8 bytes, 16 Gb dies: 4 groups of 4 banks,
/// pages of 1 KiB. A line is two bursts of 4 in one bank: tCCD_S and tCCD_L (2 and 4 clocks) count twice. The
/// nanoseconds are those of Ramulator 2's HBM2 (RL and tRCDRD 14.2, tRP 14.2, tRAS 33, tWR 16, tRTP 5, WL 5,
/// tWTR_S 6.3, tWTR_L 8.1) and gem5's HBM_2000_4H_1x64 (tRRD_S 4, tRRD_L 6, tFAW 16); tREFI 3.9 us, tRFC 350
/// ns of 8 Gb a channel.
constexpr DramDeviceFacts hbm2e{
    .organisation = {.bank_groups = 4, .banks = 4, .row_bytes = 1024, .channel_bytes = 8},
    .timing = {.data_rate = 3'200'000'000,
               .t_cl = Cycles(23),
               .t_cwl = Cycles(8),
               .t_rcd = Cycles(23),
               .t_rp = Cycles(23),
               .t_ras = Cycles(53),
               .t_ccd_s = Cycles(4),
               .t_ccd_l = Cycles(8),
               .t_ccd_l_wr = Cycles(8),
               .t_rrd_s = Cycles(7),
               .t_rrd_l = Cycles(10),
               .t_faw = Cycles(26),
               .t_wr = Cycles(26),
               .t_wtr_s = Cycles(10),
               .t_wtr_l = Cycles(13),
               .t_rtp = Cycles(8),
               .t_rtrs = Cycles(2),
               .t_refi = Tick(3'900'000),
               .t_rfc = Tick(350'000)},
    .width = 64,
    .gigabits = 4,
    .rows = 32768};

/// JESD238A at 6.4 Gb/s a pin, a pseudo channel of 4 bytes, 16 Gb dies: 4 groups of 4 banks a stack ID, pages
/// of 1 KiB. A line is two bursts of 8 in one bank. In clocks of CK, two of which are four here, Ramulator
/// 2's HBM3: RL 20, WL 10, tRCDRD 31, tRP 26, tRAS 45, tCCD_S 2, tCCD_L 4, tRRD 4 and 5, tFAW 24, tWR 33,
/// tRTP 9, tWTR 7 and 10, and tRTW 20, which leaves the bus idle for 6. tREFI 3.9 us, tRFC 350 ns of 8 Gb a
/// channel.
constexpr DramDeviceFacts hbm3{
    .organisation = {.bank_groups = 4, .banks = 4, .row_bytes = 1024, .channel_bytes = 4},
    .timing = {.data_rate = 6'400'000'000,
               .t_cl = Cycles(40),
               .t_cwl = Cycles(20),
               .t_rcd = Cycles(62),
               .t_rp = Cycles(52),
               .t_ras = Cycles(90),
               .t_ccd_s = Cycles(8),
               .t_ccd_l = Cycles(16),
               .t_ccd_l_wr = Cycles(16),
               .t_rrd_s = Cycles(8),
               .t_rrd_l = Cycles(10),
               .t_faw = Cycles(48),
               .t_wr = Cycles(66),
               .t_wtr_s = Cycles(14),
               .t_wtr_l = Cycles(20),
               .t_rtp = Cycles(18),
               .t_rtrs = Cycles(12),
               .t_refi = Tick(3'900'000),
               .t_rfc = Tick(350'000)},
    .width = 32,
    .gigabits = 2,
    .rows = 16384};

constexpr EnumTable<DramDevice, DramDeviceFacts> devices{
    {DramDevice::Ddr4_2400_8Gb_x4, ddr4(ddr4_2400, 8, 4)},
    {DramDevice::Ddr4_2400_8Gb_x8, ddr4(ddr4_2400, 8, 8)},
    {DramDevice::Ddr4_2400_16Gb_x4, ddr4(ddr4_2400, 16, 4)},
    {DramDevice::Ddr4_2400_16Gb_x8, ddr4(ddr4_2400, 16, 8)},
    {DramDevice::Ddr4_2666_8Gb_x4, ddr4(ddr4_2666, 8, 4)},
    {DramDevice::Ddr4_2666_8Gb_x8, ddr4(ddr4_2666, 8, 8)},
    {DramDevice::Ddr4_2666_16Gb_x4, ddr4(ddr4_2666, 16, 4)},
    {DramDevice::Ddr4_2666_16Gb_x8, ddr4(ddr4_2666, 16, 8)},
    {DramDevice::Ddr4_2933_8Gb_x4, ddr4(ddr4_2933, 8, 4)},
    {DramDevice::Ddr4_2933_8Gb_x8, ddr4(ddr4_2933, 8, 8)},
    {DramDevice::Ddr4_2933_16Gb_x4, ddr4(ddr4_2933, 16, 4)},
    {DramDevice::Ddr4_2933_16Gb_x8, ddr4(ddr4_2933, 16, 8)},
    {DramDevice::Ddr4_3200_8Gb_x4, ddr4(ddr4_3200, 8, 4)},
    {DramDevice::Ddr4_3200_8Gb_x8, ddr4(ddr4_3200, 8, 8)},
    {DramDevice::Ddr4_3200_8Gb_x16, ddr4(ddr4_3200, 8, 16)},
    {DramDevice::Ddr4_3200_16Gb_x4, ddr4(ddr4_3200, 16, 4)},
    {DramDevice::Ddr4_3200_16Gb_x8, ddr4(ddr4_3200, 16, 8)},
    {DramDevice::Ddr4_3200_16Gb_x16, ddr4(ddr4_3200, 16, 16)},
    {DramDevice::Ddr5_4800_16Gb_x4, ddr5(ddr5_4800, 16, 4)},
    {DramDevice::Ddr5_4800_16Gb_x8, ddr5(ddr5_4800, 16, 8)},
    {DramDevice::Ddr5_4800_16Gb_x16, ddr5(ddr5_4800, 16, 16)},
    {DramDevice::Ddr5_4800_32Gb_x4, ddr5(ddr5_4800, 32, 4)},
    {DramDevice::Ddr5_4800_32Gb_x8, ddr5(ddr5_4800, 32, 8)},
    {DramDevice::Ddr5_5600_16Gb_x4, ddr5(ddr5_5600, 16, 4)},
    {DramDevice::Ddr5_5600_16Gb_x8, ddr5(ddr5_5600, 16, 8)},
    {DramDevice::Ddr5_5600_16Gb_x16, ddr5(ddr5_5600, 16, 16)},
    {DramDevice::Ddr5_5600_32Gb_x4, ddr5(ddr5_5600, 32, 4)},
    {DramDevice::Ddr5_5600_32Gb_x8, ddr5(ddr5_5600, 32, 8)},
    {DramDevice::Ddr5_6400_16Gb_x4, ddr5(ddr5_6400, 16, 4)},
    {DramDevice::Ddr5_6400_16Gb_x8, ddr5(ddr5_6400, 16, 8)},
    {DramDevice::Ddr5_6400_16Gb_x16, ddr5(ddr5_6400, 16, 16)},
    {DramDevice::Ddr5_6400_32Gb_x4, ddr5(ddr5_6400, 32, 4)},
    {DramDevice::Ddr5_6400_32Gb_x8, ddr5(ddr5_6400, 32, 8)},
    {DramDevice::Lpddr5_6400_8Gb_x16, lpddr5(8)},
    {DramDevice::Lpddr5_6400_16Gb_x16, lpddr5(16)},
    {DramDevice::Hbm2e_3200_16Gb, hbm2e},
    {DramDevice::Hbm3_6400_16Gb, hbm3},
    {DramDevice::Custom, {}},
};

constexpr EnumNames<DramDevice> names{
    {DramDevice::Ddr4_2400_8Gb_x4, "ddr4_2400_8gb_x4"},
    {DramDevice::Ddr4_2400_8Gb_x8, "ddr4_2400_8gb_x8"},
    {DramDevice::Ddr4_2400_16Gb_x4, "ddr4_2400_16gb_x4"},
    {DramDevice::Ddr4_2400_16Gb_x8, "ddr4_2400_16gb_x8"},
    {DramDevice::Ddr4_2666_8Gb_x4, "ddr4_2666_8gb_x4"},
    {DramDevice::Ddr4_2666_8Gb_x8, "ddr4_2666_8gb_x8"},
    {DramDevice::Ddr4_2666_16Gb_x4, "ddr4_2666_16gb_x4"},
    {DramDevice::Ddr4_2666_16Gb_x8, "ddr4_2666_16gb_x8"},
    {DramDevice::Ddr4_2933_8Gb_x4, "ddr4_2933_8gb_x4"},
    {DramDevice::Ddr4_2933_8Gb_x8, "ddr4_2933_8gb_x8"},
    {DramDevice::Ddr4_2933_16Gb_x4, "ddr4_2933_16gb_x4"},
    {DramDevice::Ddr4_2933_16Gb_x8, "ddr4_2933_16gb_x8"},
    {DramDevice::Ddr4_3200_8Gb_x4, "ddr4_3200_8gb_x4"},
    {DramDevice::Ddr4_3200_8Gb_x8, "ddr4_3200_8gb_x8"},
    {DramDevice::Ddr4_3200_8Gb_x16, "ddr4_3200_8gb_x16"},
    {DramDevice::Ddr4_3200_16Gb_x4, "ddr4_3200_16gb_x4"},
    {DramDevice::Ddr4_3200_16Gb_x8, "ddr4_3200_16gb_x8"},
    {DramDevice::Ddr4_3200_16Gb_x16, "ddr4_3200_16gb_x16"},
    {DramDevice::Ddr5_4800_16Gb_x4, "ddr5_4800_16gb_x4"},
    {DramDevice::Ddr5_4800_16Gb_x8, "ddr5_4800_16gb_x8"},
    {DramDevice::Ddr5_4800_16Gb_x16, "ddr5_4800_16gb_x16"},
    {DramDevice::Ddr5_4800_32Gb_x4, "ddr5_4800_32gb_x4"},
    {DramDevice::Ddr5_4800_32Gb_x8, "ddr5_4800_32gb_x8"},
    {DramDevice::Ddr5_5600_16Gb_x4, "ddr5_5600_16gb_x4"},
    {DramDevice::Ddr5_5600_16Gb_x8, "ddr5_5600_16gb_x8"},
    {DramDevice::Ddr5_5600_16Gb_x16, "ddr5_5600_16gb_x16"},
    {DramDevice::Ddr5_5600_32Gb_x4, "ddr5_5600_32gb_x4"},
    {DramDevice::Ddr5_5600_32Gb_x8, "ddr5_5600_32gb_x8"},
    {DramDevice::Ddr5_6400_16Gb_x4, "ddr5_6400_16gb_x4"},
    {DramDevice::Ddr5_6400_16Gb_x8, "ddr5_6400_16gb_x8"},
    {DramDevice::Ddr5_6400_16Gb_x16, "ddr5_6400_16gb_x16"},
    {DramDevice::Ddr5_6400_32Gb_x4, "ddr5_6400_32gb_x4"},
    {DramDevice::Ddr5_6400_32Gb_x8, "ddr5_6400_32gb_x8"},
    {DramDevice::Lpddr5_6400_8Gb_x16, "lpddr5_6400_8gb_x16"},
    {DramDevice::Lpddr5_6400_16Gb_x16, "lpddr5_6400_16gb_x16"},
    {DramDevice::Hbm2e_3200_16Gb, "hbm2e_3200_16gb"},
    {DramDevice::Hbm3_6400_16Gb, "hbm3_6400_16gb"},
    {DramDevice::Custom, "custom"},
};

} // namespace

const DramDeviceFacts& facts_of(DramDevice device) { return devices[device]; }
const EnumNames<DramDevice>& dram_device_names() { return names; }

} // namespace pagewalk::models
