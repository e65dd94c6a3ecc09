#include "os/replay/sys_kernel_slab.h"

#include "base/error.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace pagewalk::os {
namespace {

class Row {
public:
    Row(std::string_view line, const std::string& file, std::size_t number) : m_file(file), m_number(number) {
        for (std::size_t at = 0; at <= line.size();) {
            const std::size_t end = std::min(line.find('|', at), line.size());
            m_fields.push_back(line.substr(at, end - at));
            at = end + 1;
        }
    }
    [[nodiscard]] const std::vector<std::string_view>& fields() const { return m_fields; }

    // The leading number: some attributes go on with a count a node.
    template <class T>
    [[nodiscard]] T number(const std::map<std::string, std::size_t>& columns, const char* name) const {
        const auto column = columns.find(name);
        if (column == columns.end() || column->second >= m_fields.size()) fail(name, "is missing");
        const std::string_view field = m_fields[column->second];
        T value{};
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc{} || (end != field.data() + field.size() && *end != ' ' && *end != '('))
            fail(name, "is \"" + std::string(field) + "\", not a number");
        return value;
    }
    [[noreturn]] void fail(const std::string& field, const std::string& why) const {
        throw InputError(m_file + ", line " + std::to_string(m_number) + ": " + field + " " + why);
    }

private:
    const std::string& m_file;
    std::size_t m_number;
    std::vector<std::string_view> m_fields;
};

} // namespace

std::vector<SysSlabCache> parse_sys_kernel_slab(std::string_view text, const std::string& file) {
    std::vector<SysSlabCache> caches;
    std::vector<std::pair<std::string, std::string>> aliases;
    std::map<std::string, std::size_t> columns;
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        ++number;
        if (line.empty()) continue;
        if (line[0] == '#') {
            const Row header(line.substr(1), file, number);
            for (std::size_t i = 0; i < header.fields().size(); ++i)
                columns.emplace(std::string(header.fields()[i]), i);
            continue;
        }
        if (const std::size_t arrow = line.find(" -> "); arrow != std::string_view::npos) {
            aliases.emplace_back(line.substr(arrow + 4), line.substr(0, arrow));
            continue;
        }
        const Row row(line, file, number);
        SysSlabCache cache;
        cache.name = row.fields()[0];
        if (cache.name.empty()) row.fail("name", "is missing");
        cache.object_size = row.number<std::uint32_t>(columns, "object_size");
        cache.slab_size = row.number<std::uint32_t>(columns, "slab_size");
        cache.order = row.number<unsigned>(columns, "order");
        cache.objects_per_slab = row.number<std::uint32_t>(columns, "objs_per_slab");
        cache.align = row.number<std::uint32_t>(columns, "align");
        cache.min_partial = row.number<std::uint32_t>(columns, "min_partial");
        cache.cpu_partial = row.number<std::uint32_t>(columns, "cpu_partial");
        cache.slabs = row.number<std::uint64_t>(columns, "slabs");
        cache.objects = row.number<std::uint64_t>(columns, "objects");
        cache.usersize = row.number<std::uint32_t>(columns, "usersize");
        const auto flag = [&](const char* column, SlabFlags bit) {
            if (row.number<unsigned>(columns, column) != 0) cache.flags |= bit;
        };
        flag("reclaim_account", slab_flag::reclaim_account);
        flag("hwcache_align", slab_flag::hwcache_align);
        flag("destroy_by_rcu", slab_flag::typesafe_by_rcu);
        flag("cache_dma", slab_flag::cache_dma);
        caches.push_back(std::move(cache));
    }
    for (const auto& [target, alias] : aliases) {
        const auto found = std::ranges::find(caches, target, &SysSlabCache::name);
        if (found != caches.end()) found->aliases.push_back(alias);
    }
    return caches;
}

void name_as_slabinfo(std::vector<SysSlabCache>& caches, std::string_view slabinfo) {
    std::set<std::string_view> listed;
    while (!slabinfo.empty()) {
        const std::string_view line = slabinfo.substr(0, slabinfo.find('\n'));
        listed.insert(line.substr(0, line.find(' ')));
        slabinfo.remove_prefix(std::min(line.size() + 1, slabinfo.size()));
    }
    for (SysSlabCache& cache : caches) {
        if (!cache.name.starts_with(':') || cache.aliases.empty()) continue;
        const auto first = std::ranges::find_if(
            cache.aliases, [&](const std::string& name) { return listed.contains(name); });
        cache.name = first != cache.aliases.end() ? *first : cache.aliases.front();
    }
}

void create_captured_caches(std::span<const SysSlabCache> caches, SlabAllocator& allocator) {
    for (const SysSlabCache& cache : caches) {
        CacheSpec spec;
        spec.name = cache.name;
        spec.size = cache.object_size;
        spec.align = cache.align;
        spec.flags = cache.flags;
        spec.constructor = known_constructor(cache.name);
        spec.usersize = cache.usersize;
        KmemCache& created = *allocator.create_at_boot(spec);
        created.aliases = cache.aliases;
        created.references = std::max(1, static_cast<int>(cache.aliases.size()));
    }
}

} // namespace pagewalk::os
