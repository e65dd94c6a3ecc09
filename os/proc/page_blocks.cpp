#include "os/proc/page_blocks.h"

#include "os/path/page_flags.h"

#include <algorithm>
#include <array>

namespace pagewalk::os {

namespace {

enum class Use : std::uint8_t { Free, Reserved, Anonymous, File, Kernel, Other, Absent };
constexpr std::size_t shown_uses = static_cast<std::size_t>(Use::Absent);

Use use_of(const PageDescriptor& page) {
    if (page.is(PageState::Absent)) return Use::Absent;
    if (page.is(PageState::Buddy) || page.is(PageState::OnPcp)) return Use::Free;
    if (page.is(PageState::Reserved)) return Use::Reserved;
    if ((page.owner_flags & frame_flags::anonymous) != 0) return Use::Anonymous;
    if ((page.owner_flags & frame_flags::file) != 0) return Use::File;
    if ((page.owner_flags & frame_flags::kernel) != 0) return Use::Kernel;
    return Use::Other;
}

/// Frames that the descriptor of a block's first one stands for.
std::uint64_t frames_of(const PageDescriptor& page) {
    const bool is_first =
        page.is(PageState::Buddy) || page.is(PageState::OnPcp) || page.is(PageState::Allocated);
    return is_first && !page.is(PageState::OrderUnknown) ? 1ULL << page.order : 1;
}

/// What a line says of each of its blocks.
struct Block {
    Migratetype type = Migratetype::Movable;
    std::array<std::uint64_t, shown_uses> frames{};

    bool operator==(const Block&) const = default;
};

/// Walks a zone's frames and gives its blocks one by one; a run of frames may reach over their borders.
class BlockWalk {
public:
    BlockWalk(const PageMap& pages, std::uint64_t first) : m_pages(pages), m_frame(first) {}

    Block next(std::uint64_t end) {
        Block block{.type = m_pages.pageblock_type(m_frame)};
        while (m_frame < end) {
            if (m_left == 0) {
                const PageDescriptor& page = m_pages.peek(m_frame);
                m_use = use_of(page);
                m_left = frames_of(page);
            }
            const std::uint64_t here = std::min(m_left, end - m_frame);
            if (m_use != Use::Absent) block.frames[static_cast<std::size_t>(m_use)] += here;
            m_left -= here;
            m_frame += here;
        }
        return block;
    }

private:
    const PageMap& m_pages;
    std::uint64_t m_frame;
    std::uint64_t m_left = 0;
    Use m_use = Use::Absent;
};

std::string line(const Zone& zone, std::uint64_t first, std::uint64_t blocks, const Block& block) {
    std::string text = std::to_string(first) + " " + std::to_string(blocks) + " " +
                       std::to_string(pagewalk::index_of(zone.node)) + " " + std::string(name_of(zone.type)) +
                       " " + std::string(name_of(block.type));
    for (const std::uint64_t frames : block.frames) text += " " + std::to_string(frames);
    return text + "\n";
}

} // namespace

std::string page_blocks_text(const PageAllocator& allocator) {
    std::string text = "first_pfn blocks node zone type free reserved anonymous file kernel other\n";
    const PageMap& pages = allocator.pages();
    const std::uint64_t size = pages.pageblock_pages();
    for (const auto& zone : allocator.zones()) {
        if (!zone->populated()) continue;
        const std::uint64_t end = zone->start.value() + zone->spanned;
        BlockWalk walk(pages, zone->start.value());
        Block last;
        std::uint64_t run_begin = zone->start.value(), run_blocks = 0;
        for (std::uint64_t first = run_begin; first < end;) {
            const std::uint64_t behind = std::min((first / size + 1) * size, end);
            const Block block = walk.next(behind);
            if (run_blocks != 0 && block != last) {
                text += line(*zone, run_begin, run_blocks, last);
                run_begin = first;
                run_blocks = 0;
            }
            last = block;
            ++run_blocks;
            first = behind;
        }
        if (run_blocks != 0) text += line(*zone, run_begin, run_blocks, last);
    }
    return text;
}

} // namespace pagewalk::os
