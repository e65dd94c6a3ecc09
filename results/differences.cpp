#include "results/hdf5_object.h"
#include "results/run_reader.h"

#include <algorithm>
#include <iterator>
#include <map>

namespace pagewalk::results {

namespace {

/// Rows compared at a time, so that tables of any size fit.
constexpr hsize_t rows_at_once = 65536;

using Objects = std::map<std::string, H5O_type_t>;

Objects objects_of(hid_t file) {
    Objects objects;
    const auto add = [](hid_t, const char* name, const H5O_info_t* info, void* found) -> herr_t {
        const std::string_view path = name;
        if (path != "meta/host" && !path.starts_with("meta/host/"))
            static_cast<Objects*>(found)->emplace(path == "." ? "/" : "/" + std::string(path), info->type);
        return 0;
    };
    check(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, add, &objects, H5O_INFO_BASIC), "cannot list it");
    return objects;
}

std::vector<std::string> attribute_names(hid_t object) {
    std::vector<std::string> names;
    const auto add = [](hid_t, const char* name, const H5A_info_t*, void* found) -> herr_t {
        static_cast<std::vector<std::string>*>(found)->emplace_back(name);
        return 0;
    };
    hsize_t start = 0;
    check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &start, add, &names), "cannot list attributes");
    return names;
}

bool same_attributes(hid_t a, hid_t b) {
    const std::vector<std::string> names = attribute_names(a);
    if (names != attribute_names(b)) return false;
    return std::ranges::all_of(names, [a, b](const std::string& name) {
        const auto bits = [&name](hid_t object) {
            const Hdf5Object attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot read " + name);
            const Hdf5Object type(H5Aget_type(attribute), "cannot read " + name);
            std::uint64_t value = 0;
            if (H5Tget_class(type) != H5T_STRING) {
                if (H5Tget_size(type) > sizeof value) throw Hdf5Error("unknown attribute " + name);
                check(H5Aread(attribute, type, &value), "cannot read " + name);
            }
            return std::pair(value, read_text_attribute(object, name.c_str()));
        };
        return bits(a) == bits(b);
    });
}

bool same_data(hid_t a, hid_t b) {
    const std::string what = "cannot read a dataset";
    const Hdf5Object type_a(H5Dget_type(a), what);
    const Hdf5Object type_b(H5Dget_type(b), what);
    if (H5Tequal(type_a, type_b) <= 0) return false;
    const Hdf5Object space_a(H5Dget_space(a), what);
    const Hdf5Object space_b(H5Dget_space(b), what);
    if (H5Sextent_equal(space_a, space_b) <= 0) return false;

    const bool scalar = H5Sget_simple_extent_type(space_a) == H5S_SCALAR;
    const auto rows = static_cast<hsize_t>(H5Sget_simple_extent_npoints(space_a));
    const std::size_t row_bytes = H5Tget_size(type_a);
    std::vector<std::byte> data_a;
    std::vector<std::byte> data_b;
    for (hsize_t first = 0; first < rows; first += rows_at_once) {
        const hsize_t count = std::min(rows_at_once, rows - first);
        data_a.assign(count * row_bytes, {});
        data_b.assign(count * row_bytes, {});
        const Hdf5Object memory(H5Screate_simple(1, &count, nullptr), what);
        for (const hid_t space : {static_cast<hid_t>(space_a), static_cast<hid_t>(space_b)})
            if (!scalar)
                check(H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, nullptr, &count, nullptr), what);
        check(H5Dread(a, type_a, memory, space_a, H5P_DEFAULT, data_a.data()), what);
        check(H5Dread(b, type_b, memory, space_b, H5P_DEFAULT, data_b.data()), what);
        if (data_a != data_b) return false;
    }
    return true;
}

} // namespace

std::vector<std::string> differences(const RunReader& a, const RunReader& b) {
    const Objects in_a = a.guarded([&] { return objects_of(a.m_file); });
    const Objects in_b = b.guarded([&] { return objects_of(b.m_file); });
    std::vector<std::string> paths;
    for (const auto& [path, type] : in_a)
        if (!in_b.contains(path)) paths.push_back(path);
    for (const auto& [path, type] : in_b) {
        const auto found = in_a.find(path);
        const bool same = found != in_a.end() && found->second == type && b.guarded([&] {
            const Hdf5Object object_a(H5Oopen(a.m_file, path.c_str(), H5P_DEFAULT), "cannot read " + path);
            const Hdf5Object object_b(H5Oopen(b.m_file, path.c_str(), H5P_DEFAULT), "cannot read " + path);
            return same_attributes(object_a, object_b) &&
                   (type != H5O_TYPE_DATASET || same_data(object_a, object_b));
        });
        if (!same) paths.push_back(path);
    }
    std::ranges::sort(paths);
    return paths;
}

} // namespace pagewalk::results
