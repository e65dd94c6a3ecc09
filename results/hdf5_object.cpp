#include "results/hdf5_object.h"

#include <cstdlib>

#include <zlib.h>

namespace pagewalk::results {

namespace {

struct Reason {
    std::string innermost;
    std::string system;
};

herr_t collect_reason(unsigned, const H5E_error2_t* entry, void* reason_pointer) {
    Reason& reason = *static_cast<Reason*>(reason_pointer);
    const std::string_view text = entry->desc == nullptr ? "" : entry->desc;
    if (reason.innermost.empty()) reason.innermost = text;
    // HDF5's file driver formats errno as: ... error message = 'No space left on device', buf = ...
    constexpr std::string_view mark = "error message = '";
    if (const std::size_t at = text.find(mark); at != std::string_view::npos && reason.system.empty()) {
        const std::string_view rest = text.substr(at + mark.size());
        reason.system = rest.substr(0, rest.find('\''));
    }
    return 0;
}

} // namespace

void throw_hdf5_error(std::string_view what) {
    Reason reason;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, collect_reason, &reason);
    H5Eclear2(H5E_DEFAULT);
    const std::string& why = reason.system.empty() ? reason.innermost : reason.system;
    throw Hdf5Error(std::string(what) + (why.empty() ? "" : ": " + why));
}

QuietHdf5::QuietHdf5() {
    H5Eget_auto2(H5E_DEFAULT, &m_function, &m_data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

QuietHdf5::~QuietHdf5() { H5Eset_auto2(H5E_DEFAULT, m_function, m_data); }

void Hdf5Object::close(std::string_view what) {
    if (m_id < 0) return;
    if (H5Idec_ref(std::exchange(m_id, H5I_INVALID_HID)) < 0) throw_hdf5_error(what);
}

Hdf5Object fixed_string_type(std::size_t bytes) {
    Hdf5Object type(H5Tcopy(H5T_C_S1), "cannot make a string type");
    check(H5Tset_size(type, bytes == 0 ? 1 : bytes), "cannot size a string type");
    check(H5Tset_strpad(type, H5T_STR_NULLPAD), "cannot pad a string type");
    check(H5Tset_cset(type, H5T_CSET_UTF8), "cannot make a string type UTF-8");
    return type;
}

AttributeWriter::AttributeWriter() : m_scalar(H5Screate(H5S_SCALAR), "cannot make a dataspace") {}

void AttributeWriter::write(hid_t object, const char* name, hid_t file_type, hid_t memory_type,
                            const void* value) const {
    const std::string what = std::string("cannot write attribute ") + name;
    const Hdf5Object attribute(H5Acreate2(object, name, file_type, m_scalar, H5P_DEFAULT, H5P_DEFAULT), what);
    check(H5Awrite(attribute, memory_type, value), what);
}

void AttributeWriter::write(hid_t object, const char* name, const std::string& value) {
    auto type = m_text_types.find(value.size());
    if (type == m_text_types.end()) // of one null where it is empty
        type = m_text_types.emplace(value.size(), fixed_string_type(value.size())).first;
    write(object, name, type->second, type->second, value.c_str());
}

void AttributeWriter::write(hid_t object, const char* name, std::uint64_t value) const {
    write(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

void AttributeWriter::write(hid_t object, const char* name, double value) const {
    write(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

std::uint64_t crc32_of(std::string_view text) {
    return ::crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size());
}

bool has_attribute(hid_t object, const char* name) {
    const htri_t exists = H5Aexists(object, name);
    if (exists < 0) throw_hdf5_error(std::string("cannot read attribute ") + name);
    return exists > 0;
}

bool has_link(hid_t object, const char* name) {
    const htri_t exists = H5Lexists(object, name, H5P_DEFAULT);
    if (exists < 0) throw_hdf5_error(std::string("cannot read ") + name);
    return exists > 0;
}

std::string read_text_attribute(hid_t object, const char* name) {
    if (!has_attribute(object, name)) return {};
    const std::string what = std::string("cannot read attribute ") + name;
    const Hdf5Object attribute(H5Aopen(object, name, H5P_DEFAULT), what);
    const Hdf5Object stored(H5Aget_type(attribute), what);
    if (H5Tget_class(stored) != H5T_STRING) return {};
    if (H5Tis_variable_str(stored) > 0) {
        char* text = nullptr; // as files of schema version 1 have it
        check(H5Aread(attribute, stored, &text), what);
        const std::string value = text == nullptr ? "" : text;
        H5free_memory(text);
        return value;
    }
    std::string value(H5Tget_size(stored), '\0');
    check(H5Aread(attribute, stored, value.data()), what);
    return value.substr(0, value.find('\0'));
}

std::uint64_t read_count_attribute(hid_t object, const char* name) {
    if (!has_attribute(object, name)) return 0;
    const std::string what = std::string("cannot read attribute ") + name;
    const Hdf5Object attribute(H5Aopen(object, name, H5P_DEFAULT), what);
    std::uint64_t value = 0;
    check(H5Aread(attribute, H5T_NATIVE_UINT64, &value), what);
    return value;
}

} // namespace pagewalk::results
