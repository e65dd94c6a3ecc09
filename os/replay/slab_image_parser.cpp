#include "base/error.h"
#include "contract/kernel_layout.h"
#include "os/replay/slab_image.h"
#include "os/replay/text_fields.h"

#include <algorithm>
#include <map>

namespace pagewalk::os {
namespace {

constexpr SlabFlags public_flags{0x3fffffff}; // the two upper bits are the allocator's own
constexpr std::uint32_t slab_management_shift = 30;

// "key value" pairs up to a colon, and what follows it.
class Pairs {
public:
    Pairs(const TextFields& fields, std::size_t first) : m_fields(fields), m_list(fields.size()) {
        for (std::size_t i = first; i < fields.size(); ++i) {
            if (fields[i] == ":") {
                m_list = i + 1;
                break;
            }
            if (i + 1 < fields.size()) m_values.emplace(fields[i], i + 1), ++i;
        }
    }
    template <class T = std::uint32_t>
    [[nodiscard]] T number(const char* key, int base = 10) const {
        const auto found = m_values.find(key);
        if (found == m_values.end()) m_fields.fail(key, "is missing");
        return m_fields.number<T>(found->second, key, base);
    }
    template <class T>
    [[nodiscard]] std::vector<T> list(const char* what) const {
        std::vector<T> values;
        for (std::size_t i = m_list; i < m_fields.size(); ++i) values.push_back(m_fields.number<T>(i, what));
        return values;
    }
    [[nodiscard]] std::size_t list_start() const { return m_list; }

private:
    const TextFields& m_fields;
    std::map<std::string_view, std::size_t> m_values;
    std::size_t m_list;
};

template <class T>
T& grown(std::vector<T>& items, std::size_t index) {
    if (index >= items.size()) items.resize(index + 1);
    return items[index];
}

class Parser {
public:
    Parser(std::string_view text, const std::string& name) : m_text(text), m_name(name) {}

    SlabImage run() {
        detect_kind();
        std::size_t number = 0;
        for (std::size_t at = 0; at < m_text.size();) {
            const std::size_t end = std::min(m_text.find('\n', at), m_text.size());
            ++number;
            const std::string_view line = m_text.substr(at, end - at);
            at = end + 1;
            if (line.empty() || (line[0] != 'K' && line[0] != 'S')) continue;
            parse_line(TextFields(line, m_name, number));
        }
        for (SlubCacheImage& cache : m_image.slub) {
            cache.cpu_slab.resize(m_image.cpus);
            cache.cpu_partial.resize(m_image.cpus);
            cache.node_partial.resize(m_image.nodes);
        }
        for (SlabCacheImage& cache : m_image.slab) {
            cache.cpus.resize(m_image.cpus);
            cache.nodes.resize(m_image.nodes);
        }
        return std::move(m_image);
    }

private:
    void detect_kind() {
        if (m_text.find("\nKAC ") != std::string_view::npos)
            m_image.kind = AllocatorKind::Slab;
        else if (m_text.find("\nSLOB ") != std::string_view::npos)
            m_image.kind = AllocatorKind::Slob;
        else if (m_text.find("\nKN ") == std::string_view::npos)
            throw InputError(m_name + ": has no lines of an object allocator (KC, KN, SLOB)");
    }

    void parse_line(const TextFields& fields) {
        const std::string_view key = fields.size() == 0 ? std::string_view() : fields[0];
        if (key == "SNAP") {
            m_image.cpus = fields.number<std::size_t>(3, "cpus");
            m_image.nodes = fields.number<std::size_t>(5, "nodes");
        } else if (key == "KC") {
            add_cache(fields);
        } else if (key == "SLOB") {
            add_slob_page(fields);
        } else if (key == "SL") {
            add_slab(fields);
        } else if (key.starts_with("K")) {
            if (m_image.kind == AllocatorKind::Slub)
                add_to_slub(key, fields);
            else if (m_image.kind == AllocatorKind::Slab)
                add_to_slab(key, fields);
        }
    }

    std::string text(const TextFields& fields, std::size_t i, const char* what) {
        if (i >= fields.size()) fields.fail(what, "is missing");
        return std::string(fields[i]);
    }

    void add_cache(const TextFields& fields) {
        const std::string name = text(fields, 1, "cache name");
        const Pairs pairs(fields, 2);
        const SlabFlags flags{pairs.number("flags", 16)};
        switch (m_image.kind) {
        case AllocatorKind::Slub: {
            SlubCacheImage cache;
            SlubGeometry& g = cache.geometry;
            cache.name = name;
            cache.flags = flags & public_flags;
            g.object_size = pairs.number("object_size");
            g.size = pairs.number("size");
            g.inuse = (g.object_size + word_bytes - 1) / word_bytes * word_bytes;
            g.offset = pairs.number("offset");
            g.align = pairs.number("align");
            g.red_left_pad = pairs.number("red_left");
            g.order = pairs.number("order");
            g.min_order = pairs.number("minorder");
            g.objects = pairs.number("objs");
            g.min_objects = pairs.number("minobjs");
            g.min_partial = pairs.number("min_partial");
            g.cpu_partial = pairs.number("cpu_partial");
            g.cpu_partial_slabs = pairs.number("cpu_partial_slabs");
            if (g.size == 0 || g.objects == 0) fields.fail("size", "is zero");
            cache.page_gfp = GfpMask(pairs.number("allocflags", 16)).without(gfp::comp);
            m_index[name] = m_image.slub.size();
            m_image.slub.push_back(std::move(cache));
            break;
        }
        case AllocatorKind::Slab: {
            SlabCacheImage cache;
            SlabGeometry& g = cache.geometry;
            cache.name = name;
            cache.flags = g.flags = flags & public_flags;
            g.object_size = pairs.number("object_size");
            g.size = pairs.number("size");
            g.objects = pairs.number("num");
            g.order = pairs.number("order");
            g.colours = pairs.number("colour");
            g.colour_offset = pairs.number("colour_off");
            g.freelist_bytes = pairs.number("freelist_size");
            g.limit = pairs.number("limit");
            g.batchcount = pairs.number("batchcount");
            g.shared = pairs.number("shared");
            g.align = pairs.number("align");
            if (g.size == 0 || g.objects == 0) fields.fail("size", "is zero");
            const std::uint32_t management = flags.bits() >> slab_management_shift;
            g.management = management == 1   ? SlabManagement::InObject
                           : management == 2 ? SlabManagement::OffSlab
                                             : SlabManagement::OnSlab;
            cache.page_gfp = GfpMask(pairs.number("allocflags", 16)).without(gfp::comp);
            m_index[name] = m_image.slab.size();
            m_image.slab.push_back(std::move(cache));
            break;
        }
        case AllocatorKind::Slob:
            m_image.slob.push_back({name, pairs.number("object_size"), pairs.number("size"),
                                    pairs.number("align"), flags & public_flags});
            break;
        }
    }

    // The kernel lists a cache's parameters before anything else about it.
    template <class Image>
    Image& cache_named(std::vector<Image>& caches, const TextFields& fields) {
        const auto found = m_index.find(text(fields, 1, "cache name"));
        if (found == m_index.end()) fields.fail("cache name", "has no KC line before it");
        return caches[found->second];
    }

    SlubSlabImage slub_slab(const TextFields& fields, std::size_t first, const SlubCacheImage& cache) {
        const Pairs pairs(fields, first);
        SlubSlabImage slab;
        slab.frame = Pfn(pairs.number<std::uint64_t>("pfn", 16));
        slab.inuse = pairs.number("inuse");
        slab.objects = pairs.number("objects");
        slab.frozen = pairs.number("frozen") != 0;
        slab.free = pairs.list<std::uint16_t>("free object");
        if (slab.objects > cache.geometry.objects && slab.objects > cache.geometry.min_objects)
            fields.fail("objects", "is more than the cache's slabs have");
        for (const std::uint16_t object : slab.free)
            if (object >= slab.objects) fields.fail("free object", "is not in the slab");
        return slab;
    }

    void add_to_slub(std::string_view key, const TextFields& fields) {
        if (key != "KRS" && key != "KCPU" && key != "KCPUP" && key != "KNP") return;
        SlubCacheImage& cache = cache_named(m_image.slub, fields);
        if (key == "KRS") {
            cache.random_sequence = Pairs(fields, 2).list<std::uint16_t>("random sequence");
            return;
        }
        const auto where = fields.number<std::size_t>(2, "cpu or node");
        if (where >= std::max(m_image.cpus, m_image.nodes)) fields.fail("cpu or node", "does not exist");
        if (key == "KCPU") {
            grown(cache.cpu_slab, where) = slub_slab(fields, 3, cache);
        } else if (key == "KCPUP") {
            SlubSlabImage slab = slub_slab(fields, 4, cache);
            slab.slabs = Pairs(fields, 4).number("slabs");
            grown(cache.cpu_partial, where).push_back(std::move(slab));
        } else {
            grown(cache.node_partial, where).push_back(slub_slab(fields, 4, cache));
        }
    }

    ArrayImage array(const TextFields& fields) {
        const Pairs pairs(fields, 3);
        ArrayImage array;
        array.touched = pairs.number("touched") != 0;
        for (std::size_t i = pairs.list_start(); i < fields.size(); ++i)
            array.entries.push_back(
                kernel_layout::direct_map(PhysAddr(fields.hex<std::uint64_t>(i, "object address"))));
        if (array.entries.size() != pairs.number("avail"))
            fields.fail("avail", "is not the length of the list");
        return array;
    }

    void add_to_slab(std::string_view key, const TextFields& fields) {
        if (key != "KAC" && key != "KSH" && key != "KN" && key != "KNP" && key != "KNF" && key != "KNE")
            return;
        SlabCacheImage& cache = cache_named(m_image.slab, fields);
        const auto where = fields.number<std::size_t>(2, "cpu or node");
        if (where >= std::max(m_image.cpus, m_image.nodes)) fields.fail("cpu or node", "does not exist");
        if (key == "KAC") {
            grown(cache.cpus, where) = array(fields);
            return;
        }
        SlabNodeImage& node = grown(cache.nodes, where);
        if (key == "KSH") {
            node.shared = array(fields);
        } else if (key == "KN") {
            const Pairs pairs(fields, 3);
            node.total_slabs = pairs.number<std::uint64_t>("total_slabs");
            node.free_slabs = pairs.number<std::uint64_t>("free_slabs");
            node.free_objects = pairs.number<std::uint64_t>("free_objects");
            node.free_limit = pairs.number<std::uint64_t>("free_limit");
            node.colour_next = pairs.number("colour_next");
            node.free_touched = pairs.number("free_touched") != 0;
        } else {
            const Pairs pairs(fields, 4);
            SlabBlockImage block;
            block.frame = Pfn(pairs.number<std::uint64_t>("pfn", 16));
            block.active = pairs.number("active");
            block.first_object_offset = pairs.number<std::uint64_t>("s_mem", 16);
            block.free = pairs.list<std::uint8_t>("free object");
            if (block.active + block.free.size() != cache.geometry.objects)
                fields.fail("active", "and the free objects are not all of the slab's");
            (key == "KNP" ? node.partial : key == "KNF" ? node.full : node.free).push_back(std::move(block));
        }
    }

    void add_slab(const TextFields& fields) {
        const auto frame = fields.hex<std::uint64_t>(1, "pfn");
        const std::string cache = text(fields, 2, "cache name");
        m_image.owners[frame] = cache;
        if (m_image.kind != AllocatorKind::Slub) return;
        const auto found = m_index.find(cache);
        if (found == m_index.end()) return;
        const Pairs pairs(fields, 3);
        SlubSlabImage slab;
        slab.frame = Pfn(frame);
        slab.inuse = pairs.number("inuse");
        slab.objects = pairs.number("objects");
        slab.frozen = pairs.number("frozen") != 0;
        m_image.slub[found->second].slabs[frame] = slab;
    }

    void add_slob_page(const TextFields& fields) {
        const auto list = fields.number<std::size_t>(1, "list");
        if (list >= Slob::list_count) fields.fail("list", "is not 0, 1 or 2");
        const Pairs pairs(fields, 3);
        SlobPageImage page;
        page.frame = Pfn(pairs.number<std::uint64_t>("pfn", 16));
        std::uint32_t units = 0;
        for (std::size_t i = pairs.list_start(); i < fields.size(); ++i) {
            const std::string_view run = fields[i];
            const std::size_t slash = run.find('/');
            SlobRun parsed;
            const auto parse = [&](std::string_view digits, std::uint16_t& value) {
                const auto [end, error] =
                    std::from_chars(digits.data(), digits.data() + digits.size(), value);
                if (error != std::errc{} || end != digits.data() + digits.size())
                    fields.fail("free block", "is not offset/units");
            };
            if (slash == std::string_view::npos) fields.fail("free block", "is not offset/units");
            parse(run.substr(0, slash), parsed.offset);
            parse(run.substr(slash + 1), parsed.units);
            if (parsed.offset + std::uint32_t{parsed.units} > SlobPage::units_per_page || parsed.units == 0)
                fields.fail("free block", "is not within a page");
            if (!page.runs.empty() &&
                page.runs.back().offset + std::uint32_t{page.runs.back().units} > parsed.offset)
                fields.fail("free block", "overlaps the one before");
            units += parsed.units;
            page.runs.push_back(parsed);
        }
        if (units != pairs.number("units")) fields.fail("units", "is not the sum of the free blocks");
        m_image.slob_lists[list].push_back(std::move(page));
    }

    std::string_view m_text;
    const std::string& m_name;
    SlabImage m_image;
    std::map<std::string, std::size_t, std::less<>> m_index;
};

} // namespace

SlabImage SlabImage::parse(std::string_view text, const std::string& name) {
    return Parser(text, name).run();
}

} // namespace pagewalk::os
