#include "base/error.h"
#include "os/page/boot.h"
#include "os/replay/page_snapshot.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/// Feeds random requests to the page allocator and random text to the snapshot parser. Aborts when a frame is
/// lost or handed out twice, when a bad free is accepted, or when a parser's error is no InputError.
/// LLVMFuzzerTestOneInput is the entry point of libFuzzer and AFL.
namespace {

using namespace pagewalk;
using namespace pagewalk::os;

void demand(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "page_allocator_fuzz: %s\n", what);
    std::abort();
}

/// Reads the input a byte at a time; zero once it is used up.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : m_data(data), m_left(size) {}
    [[nodiscard]] bool empty() const { return m_left == 0; }
    std::uint8_t next() {
        if (m_left == 0) return 0;
        --m_left;
        return *m_data++;
    }

private:
    const std::uint8_t* m_data;
    std::size_t m_left;
};

MemoryMap machine(Bytes& bytes) {
    constexpr std::uint64_t mib = 1ULL << 20;
    MemoryMap map;
    const std::uint64_t end = (32 + bytes.next() % 64) * mib + bytes.next() * page_size;
    map.usable = {{PhysAddr(0x1000), PhysAddr(0x9f000)}, {PhysAddr(mib), PhysAddr(end)}};
    map.reserved = {{PhysAddr(16 * mib), PhysAddr(17 * mib + bytes.next() * page_size)}};
    map.cpus = {NodeId{0}, NodeId{0}};
    if ((bytes.next() & 1) != 0) {
        const std::uint64_t half = end / 2 / page_size * page_size;
        map.numa = {{NodeId{0}, {PhysAddr(0), PhysAddr(half)}}, {NodeId{1}, {PhysAddr(half), PhysAddr(end)}}};
        map.cpus[CpuId{1}] = NodeId{1};
    }
    if ((bytes.next() & 1) != 0) map.movablecore_bytes = 8 * mib;
    return map;
}

void run_requests(Bytes& bytes) {
    const auto allocator = boot_page_allocator(machine(bytes));
    std::uint64_t managed = 0;
    for (const auto& zone : allocator->zones()) managed += zone->managed;
    struct Held {
        Pfn frame;
        unsigned order;
    };
    std::vector<Held> held;
    std::vector<bool> used(allocator->pages().end().value() + max_order_pages, false);
    std::uint64_t held_frames = 0;
    while (!bytes.empty()) {
        const std::uint8_t what = bytes.next();
        const auto cpu = static_cast<CpuId>(what >> 7);
        if ((what & 3) != 0 || held.empty()) {
            GfpMask mask(static_cast<std::uint32_t>(bytes.next()) |
                         static_cast<std::uint32_t>(bytes.next()) << 8 |
                         static_cast<std::uint32_t>(bytes.next() & 0x3f) << 16);
            const unsigned order = bytes.next() % (max_order + 1);
            const auto node = static_cast<NodeId>(what >> 2 & (allocator->node_count() - 1));
            const auto frame =
                allocator->allocate({.mask = mask, .order = order, .cpu = cpu, .preferred = node});
            if (!frame) continue;
            demand(order < max_order, "an order above the largest was served");
            for (std::uint64_t i = 0; i < 1ULL << order; ++i) {
                demand(!used[(*frame + i).value()], "a frame was handed out twice");
                used[(*frame + i).value()] = true;
            }
            held.push_back({*frame, order});
            held_frames += 1ULL << order;
        } else {
            const std::size_t pick = bytes.next() % held.size();
            const Held block = held[pick];
            const unsigned wrong = (block.order + 1) % max_order;
            demand(!allocator->free(block.frame, wrong, cpu), "a free of the wrong order was accepted");
            demand(allocator->free(block.frame, block.order, cpu).has_value(), "a good free was refused");
            demand(!allocator->free(block.frame, block.order, cpu), "a double free was accepted");
            for (std::uint64_t i = 0; i < 1ULL << block.order; ++i) used[(block.frame + i).value()] = false;
            held_frames -= 1ULL << block.order;
            held[pick] = held.back();
            held.pop_back();
        }
        std::int64_t free_frames = 0;
        for (const auto& zone : allocator->zones())
            free_frames += zone->exact_free_pages() + zone->pcp_pages();
        demand(static_cast<std::uint64_t>(free_frames) + held_frames == managed, "a frame was lost");
    }
}

void run_parser(const std::uint8_t* data, std::size_t size) {
    try {
        (void)PageSnapshot::parse(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz")
            .build();
    } catch (const InputError&) {
        // What bad text deserves.
    }
}

/// A good snapshot.
constexpr std::string_view snapshot_seed =
    "SNAP 0 cpus 1 nodes 1 pageblock_order 9 max_order 11 pcp_lists 14 migrate_types 5\n"
    "ZONE 0 1 DMA32 start 1000 spanned 4096 present 4096 managed 4000\n"
    "WMARK 0 1 min 10 low 20 high 30 promo 40 boost 5 flags 2 highatomic 0 isolate 0\nLOWMEM 0 1 0 0 7 7 7\n"
    "ZSTAT 0 1 18 0 0\nNRFREE 0 1 1 2\nFL 0 1 1 1 : 1020 1010\n"
    "PCP 0 1 0 count 1 high 27 batch 7 free_factor 2 expire 0\n"
    "PL 0 1 0 1 : 1030/1\nPZS 0 1 0 thr 6 -2 0 0\nPB 0 1 1000 7 1\nPF 1000 8 1000\nEND trunc 0\n";

/// The good snapshot with a few characters changed.
void run_parser_on_seed(Bytes& bytes) {
    std::string text(snapshot_seed);
    for (unsigned left = 1 + bytes.next() % 8; left != 0; --left) {
        const std::size_t at = bytes.next() * 256U + bytes.next();
        text[1 + at % (text.size() - 1)] = static_cast<char>(' ' + bytes.next() % 96);
    }
    run_parser(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}

} // namespace

/// The first byte tells what the rest is: S a snapshot's first character, odd what to change in a good one,
/// even requests.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    if (size != 0 && data[0] == 'S')
        run_parser(data, size);
    else if (bytes.next() % 2 != 0)
        run_parser_on_seed(bytes);
    else
        run_requests(bytes);
    return 0;
}
