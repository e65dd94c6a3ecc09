#include "results/sweep_index.h"

#include "results/hdf5_object.h"
#include "results/output_driver.h"

#include <algorithm>

namespace pagewalk::results {

namespace {

constexpr const char* schema = "pagewalk_sweep";

class IndexBuilder {
public:
    explicit IndexBuilder(const std::filesystem::path& path) {
        const Hdf5Object access(H5Pcreate(H5P_FILE_ACCESS), "cannot make a property list");
        check(H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_V18), "cannot choose the file format");
        m_driver.use_for(access);
        const hid_t made = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access);
        m_driver.throw_failure();
        m_file = Hdf5Object(made, "cannot create it");
        m_links = Hdf5Object(H5Pcreate(H5P_LINK_CREATE), "cannot make a property list");
        check(H5Pset_create_intermediate_group(m_links, 1), "cannot set up links");
        check(H5Pset_char_encoding(m_links, H5T_CSET_UTF8), "cannot set up links");
        const Hdf5Object root(H5Gopen2(m_file, "/", H5P_DEFAULT), "cannot open the root group");
        m_attributes.write(root, "schema", std::string(schema));
        m_attributes.write(root, "schema_version", sweep_schema_version);
    }

    void write_column(const SweepColumn& column, std::uint64_t place) {
        const std::string path = "/table/" + column.path;
        const Hdf5Object dataset =
            std::visit([&](const auto& values) { return write_values(path, values); }, column.values);
        describe(dataset, column.unit, column.description);
        m_attributes.write(dataset, "column", place);
    }

    void write_text(const SweepText& text) {
        const Hdf5Object type = fixed_string_type(text.text.size());
        const Hdf5Object scalar(H5Screate(H5S_SCALAR), "cannot make a dataspace");
        const Hdf5Object dataset = make_dataset("/meta/" + text.name, type, scalar);
        check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.text.c_str()),
              "cannot write a text");
        describe(dataset, "text", text.description);
    }

    void make_group(const char* path) {
        const Hdf5Object group(H5Gcreate2(m_file, path, m_links, H5P_DEFAULT, H5P_DEFAULT),
                               "cannot make a group");
    }

    void link(const SweepLink& link) {
        check(H5Lcreate_external(link.file.c_str(), "/", m_file, ("/points/" + link.point).c_str(), m_links,
                                 H5P_DEFAULT),
              "cannot link " + link.file);
    }

    void close() {
        m_file.close("cannot write it");
        m_driver.throw_failure();
    }

private:
    Hdf5Object make_dataset(const std::string& path, hid_t type, hid_t space) {
        return {H5Dcreate2(m_file, path.c_str(), type, space, m_links, H5P_DEFAULT, H5P_DEFAULT),
                "cannot make " + path};
    }

    template <class T>
    Hdf5Object write_rows(const std::string& path, const std::vector<T>& values, hid_t stored, hid_t type) {
        const hsize_t size = values.size();
        const Hdf5Object space(H5Screate_simple(1, &size, nullptr), "cannot make a dataspace");
        Hdf5Object dataset = make_dataset(path, stored, space);
        check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "cannot write " + path);
        return dataset;
    }

    Hdf5Object write_values(const std::string& path, const std::vector<std::uint64_t>& values) {
        return write_rows(path, values, H5T_STD_U64LE, H5T_NATIVE_UINT64);
    }

    Hdf5Object write_values(const std::string& path, const std::vector<double>& values) {
        return write_rows(path, values, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE);
    }

    Hdf5Object write_values(const std::string& path, const std::vector<std::string>& values) {
        std::size_t width = 1;
        for (const std::string& value : values) width = std::max(width, value.size());
        std::vector<char> cells(width * values.size());
        for (std::size_t i = 0; i < values.size(); ++i)
            std::ranges::copy(values[i], cells.begin() + i * width);
        const Hdf5Object type = fixed_string_type(width);
        const hsize_t size = values.size();
        const Hdf5Object space(H5Screate_simple(1, &size, nullptr), "cannot make a dataspace");
        Hdf5Object dataset = make_dataset(path, type, space);
        check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells.data()), "cannot write " + path);
        return dataset;
    }

    void describe(hid_t dataset, const std::string& unit, const std::string& description) {
        m_attributes.write(dataset, "unit", unit);
        m_attributes.write(dataset, "description", description);
    }

    OutputDriver m_driver;
    Hdf5Object m_file;
    Hdf5Object m_links;
    AttributeWriter m_attributes;
};

} // namespace

void build_sweep_index(const std::filesystem::path& file, const SweepIndex& index) {
    const QuietHdf5 quiet;
    IndexBuilder builder(file);
    std::uint64_t place = 0;
    for (const SweepColumn& column : index.columns) builder.write_column(column, place++);
    for (const SweepText& text : index.meta) builder.write_text(text);
    builder.make_group("/points");
    for (const SweepLink& link : index.links) builder.link(link);
    builder.close();
}

bool is_sweep_index(const std::filesystem::path& file) {
    const QuietHdf5 quiet;
    try {
        const Hdf5Object opened(H5Fopen(file.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), "cannot open it");
        const Hdf5Object root(H5Gopen2(opened, "/", H5P_DEFAULT), "it has no root group");
        return read_text_attribute(root, "schema") == schema;
    } catch (const Hdf5Error&) {
        return false;
    }
}

} // namespace pagewalk::results
