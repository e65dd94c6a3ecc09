#include "os/replay/capture_files.h"
#include "os/replay/slab_image.h"
#include "os/replay/sys_kernel_slab.h"
#include "os/slab/slab_sysfs.h"
#include "os/slab/slabinfo.h"
#include "tests/support/simple_pages.h"
#include "tests/validation/page_captures.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

namespace pagewalk::os {
namespace {

class CapturedSlubGeometry : public testing::TestWithParam<std::pair<const char*, unsigned>> {};

TEST_P(CapturedSlubGeometry, FollowsFromNameSizeAlignmentAndFlags) {
    const auto& [name, cpus] = GetParam();
    const CaptureFiles files(capture_path(name));
    const auto caches = parse_sys_kernel_slab(files.read("sys_kernel_slab"), name);
    EXPECT_GT(caches.size(), 140u);
    for (const SysSlabCache& cache : caches) {
        const auto g = slub_geometry(
            {cache.object_size, cache.align, cache.flags, known_constructor(cache.name)}, {.cpus = cpus});
        ASSERT_TRUE(g) << cache.name;
        EXPECT_EQ(g->size, cache.slab_size) << cache.name;
        EXPECT_EQ(g->order, cache.order) << cache.name;
        EXPECT_EQ(g->objects, cache.objects_per_slab) << cache.name;
        EXPECT_EQ(g->min_partial, cache.min_partial) << cache.name;
        EXPECT_EQ(g->cpu_partial, cache.cpu_partial) << cache.name;
        // The attribute is the outcome; asked for or not, it must be stable.
        EXPECT_EQ(align_for(cache.flags, cache.align, cache.object_size), cache.align) << cache.name;
    }
}

INSTANTIATE_TEST_SUITE_P(Captures, CapturedSlubGeometry,
                         testing::Values(std::pair{"a-static", 1U}, std::pair{"c-static", 2U},
                                         std::pair{"d-static", 4U}),
                         [](const auto& capture) { return std::string(1, capture.param.first[0]); });

// The kernel's own words, free pointer and order of last resort included.
TEST(CapturedGeometry, EveryCacheOfTheSnapshotsFollows) {
    for (const char* name : {"a-w5", "slub-w5"}) {
        const CaptureFiles files(capture_path(name));
        const SlabImage image = SlabImage::parse(files.read("snapA"), name);
        for (const SlubCacheImage& cache : image.slub) {
            const SlubGeometry& real = cache.geometry;
            const auto g = slub_geometry(
                {real.object_size, real.align, cache.flags, known_constructor(cache.name)}, {.cpus = 1});
            ASSERT_TRUE(g);
            SlubGeometry model = *g;
            // A merged cache keeps its first member's free pointer, from before the object grew.
            EXPECT_LE(model.offset - real.offset, real.align) << cache.name;
            model.offset = real.offset;
            model.inuse = real.inuse;
            EXPECT_EQ(model, real) << cache.name;
        }
    }
}

TEST(CapturedGeometry, EverySlabCacheFollows) {
    const CaptureFiles files(capture_path("slab-w5"));
    const SlabImage image = SlabImage::parse(files.read("snapA"), "slab-w5");
    EXPECT_EQ(image.slab.size(), 66u);
    for (const SlabCacheImage& cache : image.slab) {
        const auto g = slab_geometry(
            {cache.geometry.object_size, cache.geometry.align, cache.flags, known_constructor(cache.name)},
            {.cpus = 1});
        ASSERT_TRUE(g);
        EXPECT_EQ(*g, cache.geometry) << cache.name;
    }
}

TEST(CapturedGeometry, EverySlobCacheFollows) {
    const CaptureFiles files(capture_path("slob-w5"));
    const SlabImage image = SlabImage::parse(files.read("snapA"), "slob-w5");
    EXPECT_EQ(image.slob.size(), 62u);
    for (const SlobCacheImage& cache : image.slob)
        EXPECT_EQ(slob_object_size({cache.object_size, cache.align, cache.flags, Constructor::No}),
                  cache.size)
            << cache.name;
}

// Object size, objects and pages a slab, and tunables of each cache in a slabinfo text.
std::map<std::string, std::string> slabinfo_geometry(const std::string& text) {
    std::map<std::string, std::string> rows;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("slabinfo") || line.starts_with("#")) continue;
        std::istringstream words(line);
        std::string name, active, objects, word, geometry;
        words >> name >> active >> objects;
        while (words >> word && word != "slabdata") geometry += word + " ";
        rows[name] = geometry;
    }
    return rows;
}

template <class Allocator, class Config>
void expect_the_kernels_slabinfo(const std::string& capture, const Config& config, std::size_t caches) {
    const CaptureFiles files(capture_path(capture));
    SimplePages pages;
    Allocator allocator(pages, config);
    restore(SlabImage::parse(files.read("snapB"), capture), allocator);
    const std::string model = slabinfo_text(allocator);
    const std::string real = files.read("after.slabinfo");
    EXPECT_EQ(model.substr(0, model.find("\n#")), real.substr(0, real.find("\n#")));
    const auto rows = slabinfo_geometry(model);
    EXPECT_EQ(rows.size(), caches);
    EXPECT_EQ(rows, slabinfo_geometry(real));
    // Between the snapshot and the file few caches changed: most lines are the same to the last character.
    std::istringstream lines(model);
    std::size_t same = 0;
    for (std::string line; std::getline(lines, line);) same += real.find(line + "\n") != std::string::npos;
    EXPECT_GT(same, caches * 8 / 10) << model;
}

TEST(CapturedSlabinfo, OfDebiansKernel) { expect_the_kernels_slabinfo<Slub>("a-w5", SlubConfig{}, 156); }
TEST(CapturedSlabinfo, OfASlubKernel) { expect_the_kernels_slabinfo<Slub>("slub-w5", SlubConfig{}, 70); }
TEST(CapturedSlabinfo, OfASlabKernel) { expect_the_kernels_slabinfo<Slab>("slab-w5", SlabConfig{}, 66); }

// Lines of a sys_kernel_slab text without the columns that count slabs and objects.
std::multiset<std::string> sys_kernel_slab_geometry(const std::string& text) {
    std::multiset<std::string> rows;
    std::istringstream lines(text);
    std::vector<std::string> header;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string field, row;
        for (std::size_t column = 0; std::getline(fields, field, '|'); ++column) {
            if (line[0] == '#') header.push_back(field);
            const std::string& name = header.size() > column ? header[column] : field;
            if (name == "slabs" || name == "objects" || name == "partial" || name == "cpu_slabs" ||
                name == "slabs_cpu_partial")
                continue;
            row += field + "|";
        }
        rows.insert(row);
    }
    return rows;
}

TEST(CapturedSysfs, HasTheKernelsGeometryAliasesAndFlags) {
    for (const auto& [name, cpus] : {std::pair{"a-static", 1U}, {"c-static", 2U}, {"d-static", 4U}}) {
        const CaptureFiles files(capture_path(name));
        const std::string real = files.read("sys_kernel_slab");
        SimplePages pages(cpus);
        SlubConfig config;
        config.parameters.cpus = cpus;
        Slub slub(pages, config);
        create_captured_caches(parse_sys_kernel_slab(real, name), slub);
        const auto rows = sys_kernel_slab_geometry(real);
        EXPECT_GT(rows.size(), 250u);
        EXPECT_EQ(sys_kernel_slab_geometry(sys_kernel_slab_text(slub)), rows) << name;
    }
}

TEST(CapturedSlabinfo, FollowsFromSysKernelSlab) {
    const CaptureFiles files(capture_path("c-static"));
    SimplePages pages(2);
    SlubConfig config;
    config.parameters.cpus = 2;
    Slub slub(pages, config);
    create_captured_caches(parse_sys_kernel_slab(files.read("sys_kernel_slab"), "c-static"), slub);
    const auto real = slabinfo_geometry(files.read("slabinfo"));
    std::size_t found = 0;
    for (const auto& [name, geometry] : slabinfo_geometry(slabinfo_text(slub))) {
        const auto row = real.find(name);
        if (row == real.end()) continue; // a merged cache, which slabinfo calls by its first name
        EXPECT_EQ(row->second, geometry) << name;
        ++found;
    }
    EXPECT_GT(found, 80u);
    for (const auto& [name, geometry] : real) EXPECT_NE(slub.find(name), nullptr) << name;
}

} // namespace
} // namespace pagewalk::os
