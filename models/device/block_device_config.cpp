#include "models/device/block_device_config.h"

#include "base/enum_table.h"

#include <string>
#include <string_view>

namespace pagewalk::models {

namespace {

constexpr Tick ms(std::uint64_t n) { return Tick(n * 1'000'000 * ticks_per_ns); }
constexpr Tick us(std::uint64_t n) { return Tick(n * 1'000 * ticks_per_ns); }
constexpr Tick ns(std::uint64_t n) { return Tick(n * ticks_per_ns); }
constexpr std::uint64_t kib = 1ULL << 10;
constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t mb = 1'000'000;
constexpr std::uint64_t gb = 1'000'000'000;

// What data sheets leave open (dies, their latencies, the controller's time) is fitted to what they say; see
// docs/accuracy.md. PCIe's latency: Neugebauer et al., "Understanding PCIe performance for end host
// networking", SIGCOMM 2018.

/// Solidigm (Intel) D7-P5510 7.68 TB, data sheet: 7000 and 4194 MB/s sequential, 930 000 and 190 000 IOPS of
/// 4 KiB, latencies 82 and 15 us. Its cache is protected against power loss.
constexpr BlockDeviceParameters nvme{.capacity = 7'680 * gb,
                                     .queue_depth = 1023,
                                     .queues = BlockDeviceLimits::Queues::PerCpu,
                                     .read_bandwidth = 7 * gb,
                                     .write_bandwidth = 7 * gb,
                                     .full_duplex = true,
                                     .link_latency = ns(270),
                                     .command_time = ns(600),
                                     .write_command_time = ns(600),
                                     .cache_latency = us(11),
                                     .write_cache = 4 * mib,
                                     .dies = 88,
                                     .page_bytes = 16 * kib,
                                     .read_latency = us(78),
                                     .program_latency = us(344),
                                     .latency_spread = 5,
                                     .read_retries = 2,
                                     .write_amplification = 539};

/// Samsung 870 EVO 1 TB, data sheet: 560 and 530 MB/s sequential; 13 000 and 36 000 IOPS of 4 KiB at queue
/// depth 1, 98 000 and 88 000 at 32.
constexpr BlockDeviceParameters sata_ssd{.capacity = 1'000 * gb,
                                         .queue_depth = 32,
                                         .read_bandwidth = 560 * mb,
                                         .write_bandwidth = 560 * mb,
                                         .link_latency = ns(500),
                                         .command_time = us(10),
                                         .write_command_time = us(11),
                                         .cache_latency = us(4),
                                         .write_cache = 4 * mib,
                                         .volatile_cache = true,
                                         .dies = 16,
                                         .page_bytes = 16 * kib,
                                         .read_latency = us(52),
                                         .program_latency = us(494),
                                         .latency_spread = 5,
                                         .read_retries = 2,
                                         .write_amplification = 100};

/// Seagate Exos X18 18 TB, data sheet: 7200 revolutions a minute, 270 MB/s, 170 IOPS of random 4 KiB reads at
/// queue depth 16. The inner tracks' rate and the seek curve (settling and the root of the distance: Ruemmler
/// and Wilkes, "An introduction to disk drive modeling", IEEE Computer 1994) are assumed.
constexpr BlockDeviceParameters disk{.capacity = 18'000 * gb,
                                     .queue_depth = 32,
                                     .read_bandwidth = 560 * mb,
                                     .write_bandwidth = 560 * mb,
                                     .link_latency = ns(500),
                                     .command_time = us(20),
                                     .write_command_time = us(20),
                                     .cache_latency = us(10),
                                     .write_cache = 2 * mib,
                                     .volatile_cache = true,
                                     .revolution = ns(8'333'333),
                                     .settle = ms(1),
                                     .full_seek = ms(13),
                                     .inner_bandwidth = 130 * mb,
                                     .outer_bandwidth = 270 * mb};

/// Intel Optane SSD DC P5800X 1.6 TB, data sheet: 7200 and 6200 MB/s sequential, 1 500 000 IOPS of 4 KiB
/// reads or writes, latency 5 us; writes go to the medium at once.
constexpr BlockDeviceParameters optane{.capacity = 1'600 * gb,
                                       .queue_depth = 1023,
                                       .queues = BlockDeviceLimits::Queues::PerCpu,
                                       .read_bandwidth = 7'200 * mb,
                                       .write_bandwidth = 6'200 * mb,
                                       .full_duplex = true,
                                       .link_latency = ns(270),
                                       .command_time = ns(660),
                                       .write_command_time = ns(660),
                                       .dies = 64,
                                       .page_bytes = 4 * kib,
                                       .read_latency = ns(1'800),
                                       .program_latency = ns(1'600),
                                       .latency_spread = 5,
                                       .write_amplification = 100};

/// `kind`, where `changed` leaves it alone.
template <class T>
void change(T& kind, const T& changed) {
    if (changed != T{}) kind = changed;
}

} // namespace

const BlockDeviceParameters& facts_of(BlockDeviceKind kind) {
    static constexpr BlockDeviceParameters none;
    static constexpr EnumTable<BlockDeviceKind, const BlockDeviceParameters*> facts{
        {BlockDeviceKind::Fixed, &none},
        {BlockDeviceKind::Nvme, &nvme},
        {BlockDeviceKind::SataSsd, &sata_ssd},
        {BlockDeviceKind::Disk, &disk},
        {BlockDeviceKind::Optane, &optane}};
    return *facts[kind];
}

void BlockDeviceConfig::declare(OptionGroup group) {
    group.choice(
        "kind", kind,
        {{BlockDeviceKind::Fixed, "fixed"},
         {BlockDeviceKind::Nvme, "nvme"},
         {BlockDeviceKind::SataSsd, "sata_ssd"},
         {BlockDeviceKind::Disk, "disk"},
         {BlockDeviceKind::Optane, "optane"}},
        {Unit::None,
         "the block device; fixed: os.disk_latency and os.disk_bandwidth say all of it, and its data "
         "does not pass through memory",
         "data sheets of Solidigm D7-P5510, Samsung 870 EVO, Seagate Exos X18, Intel Optane P5800X"});
    const auto number = [&](const char* name, auto& field, std::uint64_t most, Unit unit, const char* what) {
        group.number(name, field, {0, most}, {unit, std::string(what) + "; 0: as device.kind", "user"});
    };
    constexpr std::uint64_t second = ticks_per_second;
    number("queue_depth", changed.queue_depth, 65535, Unit::Count, "requests that a queue takes at a time");
    number("read_bandwidth", changed.read_bandwidth, 1'000 * gb, Unit::BytesPerSecond,
           "rate at which the device delivers data");
    number("write_bandwidth", changed.write_bandwidth, 1'000 * gb, Unit::BytesPerSecond,
           "rate at which it fetches data");
    number("link_latency", changed.link_latency, second, Unit::Ticks, "one way between CPU or memory and it");
    number("command_time", changed.command_time, second, Unit::Ticks,
           "for which its controller is busy with a read");
    number("write_command_time", changed.write_command_time, second, Unit::Ticks,
           "for which it is busy with a write or a flush");
    number("write_cache", changed.write_cache, 1ULL << 40, Unit::Bytes, "size of its write cache");
    number("dies", changed.dies, 65535, Unit::Count, "of a solid-state device: dies that work side by side");
    number("read_latency", changed.read_latency, second, Unit::Ticks,
           "of a solid-state device: reading a page of a die");
    number("program_latency", changed.program_latency, second, Unit::Ticks,
           "of a solid-state device: programming a page of a die");
    number("write_amplification", changed.write_amplification, 10'000, Unit::Percent,
           "of a solid-state device: what is programmed for a random write, against its size");
    number("revolution", changed.revolution, second, Unit::Ticks, "of a disk: a turn of its platters");
    number("settle", changed.settle, second, Unit::Ticks, "of a disk: the shortest seek");
    number("full_seek", changed.full_seek, second, Unit::Ticks,
           "of a disk: what a seek over all tracks takes beyond that");
    group.number("coalesced", coalesced, {1, 256},
                 {Unit::Count, "completions that the device tells of by one interrupt", "Linux 6.1: off, 1"});
    group.number("coalescing_time", coalescing_time, {1, second},
                 {Unit::Ticks,
                  "with device.coalesced above 1, how long a completion waits for others at most",
                  "NVM Express base specification: aggregation time in units of 100 us"});
    group.number("error_rate", error_rate, {0, 1'000'000},
                 {Unit::Count, "of a million requests of data, so many fail with a medium error", "user"});
    group.number(
        "dma_bits", dma_bits, {24, 64},
        {Unit::Count,
         "width of the addresses that the device can use (its DMA mask): beyond, pages bounce (os.swiotlb)",
         "24: ISA; 32: PCI; 64: NVM Express"});
}

void BlockDeviceConfig::validate(const OptionSet& options) const {
    const auto refuse = [&](std::string_view key, const std::string& allowed) {
        const Option* const option = options.find(key);
        if (option != nullptr && option->get() != option->default_text)
            throw ConfigError(option->where, std::string(key), option->get(), allowed);
    };
    constexpr std::string_view solid[] = {"device.dies", "device.read_latency", "device.program_latency",
                                          "device.write_amplification"};
    constexpr std::string_view rotating[] = {"device.revolution", "device.settle", "device.full_seek"};
    if (kind == BlockDeviceKind::Fixed) {
        for (const Option& option : options.all())
            if (option.key.starts_with("device.") && option.key != "device.kind")
                refuse(option.key, "has no effect with device.kind = fixed; that has os.disk_latency and "
                                   "os.disk_bandwidth");
        for (const std::string_view key : {"os.io_scheduler", "os.io_polling"})
            refuse(key, "has no effect with device.kind = fixed, which is told of every request at once");
        return;
    }
    for (const std::string_view key : {"os.disk_latency", "os.disk_bandwidth"})
        refuse(key, "is for device.kind = fixed; other kinds have the options of [device]");
    if (kind == BlockDeviceKind::Disk)
        for (const std::string_view key : solid) refuse(key, "has no effect with device.kind = disk");
    else
        for (const std::string_view key : rotating) refuse(key, "is for device.kind = disk");
    if (coalesced == 1) refuse("device.coalescing_time", "has no effect with device.coalesced = 1");
}

BlockDeviceParameters BlockDeviceConfig::parameters() const {
    BlockDeviceParameters result = facts_of(kind);
    change(result.queue_depth, changed.queue_depth);
    change(result.read_bandwidth, changed.read_bandwidth);
    change(result.write_bandwidth, changed.write_bandwidth);
    change(result.link_latency, changed.link_latency);
    change(result.command_time, changed.command_time);
    change(result.write_command_time, changed.write_command_time);
    change(result.write_cache, changed.write_cache);
    change(result.dies, changed.dies);
    change(result.read_latency, changed.read_latency);
    change(result.program_latency, changed.program_latency);
    change(result.write_amplification, changed.write_amplification);
    change(result.revolution, changed.revolution);
    change(result.settle, changed.settle);
    change(result.full_seek, changed.full_seek);
    return result;
}

} // namespace pagewalk::models
