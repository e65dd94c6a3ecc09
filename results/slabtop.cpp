#include "results/slabtop.h"

#include "base/address.h"
#include "base/error.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <sstream>
#include <vector>

namespace pagewalk::results {
namespace {

struct Cache {
    std::string name;
    std::uint64_t active_objects = 0, objects = 0, object_size = 0;
    std::uint64_t objects_a_slab = 0, pages_a_slab = 0;
    std::uint64_t active_slabs = 0, slabs = 0;
};

std::vector<Cache> parse(std::string_view slabinfo) {
    std::istringstream lines{std::string(slabinfo)};
    std::vector<Cache> caches;
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        if (number == 1 && line.starts_with("slabinfo - version: 2.")) continue;
        if (number == 2 && line.starts_with('#')) continue;
        Cache cache;
        std::istringstream fields(line);
        std::string word;
        fields >> cache.name >> cache.active_objects >> cache.objects >> cache.object_size >>
            cache.objects_a_slab >> cache.pages_a_slab;
        const bool has_objects = static_cast<bool>(fields);
        while (fields >> word && word != "slabdata") {
        }
        fields >> cache.active_slabs >> cache.slabs;
        if (number < 3 || !has_objects || !fields)
            throw InputError("slabinfo, line " + std::to_string(number) +
                             ": this is no text of /proc/slabinfo, version 2: " + line);
        caches.push_back(std::move(cache));
    }
    return caches;
}

double percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

double kib(std::uint64_t bytes) { return static_cast<double>(bytes) / 1024.0; }

template <class... Values>
std::string formatted(const char* format, Values... values) {
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(), format, values...);
    return text.data();
}

std::string totals_text(const std::vector<Cache>& caches) {
    std::uint64_t active_caches = 0, active_bytes = 0, bytes = 0;
    std::uint64_t smallest = caches.empty() ? 0 : ~0ULL;
    Cache sum;
    for (const Cache& cache : caches) {
        sum.active_objects += cache.active_objects;
        sum.objects += cache.objects;
        sum.active_slabs += cache.active_slabs;
        sum.slabs += cache.slabs;
        active_caches += cache.objects != 0 ? 1 : 0;
        active_bytes += cache.active_objects * cache.object_size;
        bytes += cache.objects * cache.object_size;
        smallest = std::min(smallest, cache.object_size);
        sum.object_size = std::max(sum.object_size, cache.object_size);
    }
    const auto counts = [](const char* what, std::uint64_t active, std::uint64_t all) {
        return formatted(" %-35s: %" PRIu64 " / %" PRIu64 " (%.1f%%)\n", what, active, all,
                         percent(active, all));
    };
    return counts("Active / Total Objects (% used)", sum.active_objects, sum.objects) +
           counts("Active / Total Slabs (% used)", sum.active_slabs, sum.slabs) +
           counts("Active / Total Caches (% used)", active_caches, caches.size()) +
           formatted(" %-35s: %.2fK / %.2fK (%.1f%%)\n", "Active / Total Size (% used)", kib(active_bytes),
                     kib(bytes), percent(active_bytes, bytes)) +
           formatted(" %-35s: %.2fK / %.2fK / %.2fK\n", "Minimum / Average / Maximum Object", kib(smallest),
                     kib(sum.objects == 0 ? 0 : bytes / sum.objects), kib(sum.object_size));
}

} // namespace

std::string slabtop_text(std::string_view slabinfo) {
    std::vector<Cache> caches = parse(slabinfo);
    std::string text =
        totals_text(caches) + formatted("\n%6s %6s %4s %8s %6s %8s %10s %-23s\n", "OBJS", "ACTIVE", "USE",
                                        "OBJ SIZE", "SLABS", "OBJ/SLAB", "CACHE SIZE", "NAME");
    std::ranges::stable_sort(caches, std::ranges::greater{}, &Cache::objects);
    for (const Cache& cache : caches)
        text += formatted(
            "%6" PRIu64 " %6" PRIu64 " %3" PRIu64 "%% %7.2fK %6" PRIu64 " %8" PRIu64 " %9" PRIu64 "K %-23s\n",
            cache.objects, cache.active_objects,
            cache.objects == 0 ? 0 : 100 * cache.active_objects / cache.objects, kib(cache.object_size),
            cache.slabs, cache.objects_a_slab, cache.slabs * cache.pages_a_slab * page_size / 1024,
            cache.name.substr(0, 128).c_str());
    return text;
}

} // namespace pagewalk::results
