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

/// A number's bits and a text, of which each attribute has one.
using Attribute = std::pair<std::uint64_t, std::string>;

std::map<std::string, Attribute> attributes_of(hid_t object) {
    std::map<std::string, Attribute> attributes;
    for (const std::string& name : attribute_names(object)) {
        const Hdf5Object attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), "cannot read " + name);
        const Hdf5Object type(H5Aget_type(attribute), "cannot read " + name);
        std::uint64_t bits = 0;
        if (H5Tget_class(type) != H5T_STRING) {
            if (H5Tget_size(type) > sizeof bits) throw Hdf5Error("unknown attribute " + name);
            check(H5Aread(attribute, type, &bits), "cannot read " + name);
        }
        attributes[name] = {bits, read_text_attribute(object, name.c_str())};
    }
    return attributes;
}

/// A dataset's rows, some at a time.
class Rows {
public:
    explicit Rows(hid_t dataset)
        : m_dataset(dataset), m_type(H5Dget_type(dataset), what), m_space(H5Dget_space(dataset), what),
          m_row_bytes(H5Tget_size(m_type)) {}

    [[nodiscard]] bool has_shape_of(const Rows& other) const {
        return H5Tequal(m_type, other.m_type) > 0 && H5Sextent_equal(m_space, other.m_space) > 0;
    }
    [[nodiscard]] hsize_t count() const {
        return static_cast<hsize_t>(H5Sget_simple_extent_npoints(m_space));
    }
    [[nodiscard]] std::vector<std::byte> read(hsize_t first, hsize_t count) const {
        std::vector<std::byte> data(count * m_row_bytes);
        const Hdf5Object memory(H5Screate_simple(1, &count, nullptr), what);
        if (H5Sget_simple_extent_type(m_space) != H5S_SCALAR)
            check(H5Sselect_hyperslab(m_space, H5S_SELECT_SET, &first, nullptr, &count, nullptr), what);
        check(H5Dread(m_dataset, m_type, memory, m_space, H5P_DEFAULT, data.data()), what);
        return data;
    }

private:
    static constexpr const char* what = "cannot read a dataset";

    hid_t m_dataset;
    Hdf5Object m_type;
    Hdf5Object m_space;
    std::size_t m_row_bytes;
};

} // namespace

std::vector<std::string> differences(const RunReader& a, const RunReader& b) {
    const Objects in_a = a.guarded([&] { return objects_of(a.m_file); });
    const Objects in_b = b.guarded([&] { return objects_of(b.m_file); });
    // Each file is read under its own guard, which names it where it is damaged.
    const auto is_same = [&](const std::string& path, H5O_type_t type) {
        const auto open = [&](const RunReader& file) {
            return file.guarded([&] {
                return Hdf5Object(H5Oopen(file.m_file, path.c_str(), H5P_DEFAULT), "cannot read " + path);
            });
        };
        const Hdf5Object object_a = open(a);
        const Hdf5Object object_b = open(b);
        if (a.guarded([&] { return attributes_of(object_a); }) !=
            b.guarded([&] { return attributes_of(object_b); }))
            return false;
        if (type != H5O_TYPE_DATASET) return true;
        const Rows rows_a = a.guarded([&] { return Rows(object_a); });
        const Rows rows_b = b.guarded([&] { return Rows(object_b); });
        if (!rows_a.has_shape_of(rows_b)) return false;
        for (hsize_t first = 0; first < rows_a.count(); first += rows_at_once) {
            const hsize_t count = std::min(rows_at_once, rows_a.count() - first);
            if (a.guarded([&] { return rows_a.read(first, count); }) !=
                b.guarded([&] { return rows_b.read(first, count); }))
                return false;
        }
        return true;
    };
    std::vector<std::string> paths;
    for (const auto& [path, type] : in_a)
        if (!in_b.contains(path)) paths.push_back(path);
    for (const auto& [path, type] : in_b) {
        const auto found = in_a.find(path);
        if (found == in_a.end() || found->second != type || !is_same(path, type)) paths.push_back(path);
    }
    std::ranges::sort(paths);
    return paths;
}

} // namespace pagewalk::results
