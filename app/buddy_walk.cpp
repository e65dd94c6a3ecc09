#include "app/buddy_walk.h"

#include "base/error.h"
#include "base/units.h"
#include "os/page/boot.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <vector>

namespace pagewalk::app {
namespace {

constexpr PhysAddr region_start{16ULL << 20}; // where ZONE_DMA ends, so that the region is a zone of its own
constexpr std::uint64_t region_bytes = 1ULL << 20;
constexpr std::uint64_t region_pages = region_bytes / page_size;
constexpr std::uint64_t kib = 1024;
constexpr std::size_t step_width = 16;

enum class Fit : std::uint8_t { Block, Exact };

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        if (const auto part = trimmed(text.substr(begin, end - begin)); !part.empty()) parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

/// Removes `word` and the blank after it from the front.
bool takes_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word) || text.size() == word.size() || text[word.size()] != ' ') return false;
    text = trimmed(text.substr(word.size()));
    return true;
}

std::string size_text(std::uint64_t bytes) { return format_quantity(bytes, Unit::Bytes); }

class Walk {
public:
    explicit Walk(os::PageSettings settings) {
        settings.min_free_kbytes = 0; // watermarks would keep part of so small a region back
        os::MemoryMap map;
        map.usable = {{region_start, region_start + region_bytes}};
        m_allocator = os::boot_page_allocator(map, settings);
        add_line("start");
    }

    void allocate(std::string_view item, Fit fit) {
        const std::size_t equals = item.find('=');
        if (equals == std::string_view::npos)
            throw InputError(
                "walk: '" + std::string(item) +
                "' is no request; write NAME=SIZE or NAME=Npages, 'exact' before it, or 'free NAME'");
        const std::string name(trimmed(item.substr(0, equals)));
        if (name.empty() || name.find_first_of(" :") != std::string::npos)
            throw InputError("walk: '" + std::string(item) + "' wants a name of one word before '='");
        if (m_blocks.contains(name))
            throw InputError("walk: " + name + " is allocated already; free it first");

        const Request request = parse_size(trimmed(item.substr(equals + 1)));
        const unsigned order = static_cast<unsigned>(std::bit_width(request.pages - 1));
        const std::uint64_t block_pages = 1ULL << order;
        const std::string step = (fit == Fit::Exact ? "exact " : "") + name + "=" + request.text;
        const os::AllocRequest wanted{.mask = os::gfp::kernel | os::gfp::nowarn, .order = order};
        const auto frame = fit == Fit::Exact ? m_allocator->allocate_exact(wanted, request.pages)
                                             : m_allocator->allocate(wanted);
        if (!frame) {
            add_line(step, "no block of " + size_text(block_pages * page_size) + " is free");
            return;
        }
        const Block block{*frame, fit == Fit::Exact ? request.pages : block_pages, order, fit};
        m_blocks.emplace(name, block);
        const std::uint64_t tail = block_pages - request.pages;
        std::string note =
            "order " + std::to_string(order) + ", " + size_text(block_pages * page_size) + ": ";
        if (fit == Fit::Exact)
            note += std::to_string(tail) + " pages given back";
        else if (request.in_pages)
            note += std::to_string(tail) + " pages wasted";
        else
            note += size_text(block_pages * page_size - request.bytes) + " wasted";
        add_line(step, note);
    }

    void free(const std::string& name) {
        const auto found = m_blocks.find(name);
        if (found == m_blocks.end())
            throw InputError("walk: free " + name + ": " + name + " holds nothing" + names_in_use());
        const Block block = found->second;
        m_blocks.erase(found);
        const auto freed = block.fit == Fit::Exact
                               ? m_allocator->free_range(block.frame, block.pages, CpuId{0})
                               : m_allocator->free(block.frame, block.order, CpuId{0});
        if (!freed) throw RunError("walk: free " + name + ": " + std::string(name_of(freed.error())));
        add_line("free " + name);
    }

    [[nodiscard]] const std::string& text() const { return m_text; }

private:
    struct Request {
        std::string text;
        std::uint64_t bytes = 0;
        std::uint64_t pages = 0;
        bool in_pages = false;
    };
    struct Block {
        Pfn frame{};
        std::uint64_t pages = 0;
        unsigned order = 0;
        Fit fit = Fit::Block;
    };

    static Request parse_size(std::string_view text) {
        Request request{std::string(text)};
        const std::size_t unit = text.find_first_not_of("0123456789");
        if (unit != std::string_view::npos && unit != 0 &&
            (text.substr(unit) == "pages" || text.substr(unit) == "page")) {
            request.in_pages = true;
            const auto [end, error] = std::from_chars(text.data(), text.data() + unit, request.pages);
            if (error != std::errc{}) request.pages = 0;
        } else if (const auto bytes = parse_quantity(text, Unit::Bytes)) {
            request.bytes = *bytes;
            request.pages = *bytes / page_size + (*bytes % page_size != 0 ? 1 : 0);
        }
        if (request.pages == 0 || request.pages > os::max_order_pages)
            throw InputError("walk: '" + request.text + "' is no size of 1 byte to " +
                             size_text(os::max_order_pages * page_size) + "; write 34KiB or 33pages");
        return request;
    }

    std::string names_in_use() const {
        std::string names;
        for (const auto& [name, block] : m_blocks) names += (names.empty() ? "; allocated: " : ", ") + name;
        return names;
    }

    /// Blocks of the region from its start on, in KiB: `A:64 64 128`.
    std::string state() {
        // Single pages stay on the CPU's own list otherwise, where nothing merges.
        m_allocator->drain_all(CpuId{0});
        std::string blocks;
        const std::uint64_t first = pfn_of(region_start).value();
        for (std::uint64_t at = first; at < first + region_pages;) {
            const auto owned = std::ranges::find_if(
                m_blocks, [at](const auto& entry) { return entry.second.frame.value() == at; });
            std::uint64_t pages = 0;
            if (owned != m_blocks.end()) {
                pages = owned->second.pages;
                blocks += " " + owned->first + ":";
            } else {
                const os::PageDescriptor& page = m_allocator->pages().peek(at);
                PAGEWALK_INVARIANT(page.is(os::PageState::Buddy));
                pages = 1ULL << page.order;
                blocks += " ";
            }
            blocks += std::to_string(pages * page_size / kib);
            at += pages;
        }
        return blocks;
    }

    void add_line(std::string step, const std::string& note = {}) {
        step.resize(std::max(step.size(), step_width), ' ');
        m_text += step + "|" + state() + (note.empty() ? "" : "  (" + note + ")") + "\n";
    }

    std::unique_ptr<os::PageAllocator> m_allocator;
    std::map<std::string, Block> m_blocks;
    std::string m_text;
};

} // namespace

std::string buddy_walk_text(std::string_view steps, const os::PageSettings& settings) {
    const auto groups = split(steps, ';');
    if (groups.empty()) throw InputError("walk: there is no step in it; write 'A=34KiB,B=66KiB;free A,B'");
    Walk walk(settings);
    for (std::string_view group : groups) {
        const bool frees = takes_word(group, "free");
        const Fit fit = !frees && takes_word(group, "exact") ? Fit::Exact : Fit::Block;
        for (const std::string_view item : split(group, ','))
            if (frees)
                walk.free(std::string(item));
            else
                walk.allocate(item, fit);
    }
    return "Blocks of a 1 MiB region, in KiB; NAME: marks what is allocated.\n" + walk.text();
}

} // namespace pagewalk::app
