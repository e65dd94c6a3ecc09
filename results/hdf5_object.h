#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <hdf5.h>

namespace pagewalk::results {

/// An HDF5 call failed. The message is what was tried and why it failed, without the file's name.
class Hdf5Error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws Hdf5Error with the reason found on HDF5's error stack: the system's if there is one ("No space left
/// on device"), else HDF5's innermost.
[[noreturn]] void throw_hdf5_error(std::string_view what);

/// Keeps HDF5 from printing its error stack while it lives.
class QuietHdf5 {
public:
    QuietHdf5();
    ~QuietHdf5();
    QuietHdf5(const QuietHdf5&) = delete;
    QuietHdf5& operator=(const QuietHdf5&) = delete;

private:
    H5E_auto2_t m_function = nullptr;
    void* m_data = nullptr;
};

/// Owns one HDF5 identifier of any kind.
class Hdf5Object {
public:
    Hdf5Object() = default;
    /// Takes what an HDF5 call returned; throws Hdf5Error naming `what` where the call failed.
    Hdf5Object(hid_t id, std::string_view what) : m_id(id) {
        if (id < 0) throw_hdf5_error(what);
    }
    Hdf5Object(Hdf5Object&& other) noexcept : m_id(std::exchange(other.m_id, H5I_INVALID_HID)) {}
    Hdf5Object& operator=(Hdf5Object&& other) noexcept {
        std::swap(m_id, other.m_id);
        return *this;
    }
    ~Hdf5Object() {
        if (m_id >= 0) H5Idec_ref(m_id);
    }

    [[nodiscard]] operator hid_t() const { return m_id; }
    /// Closes now, so that a failure to write what was buffered is seen.
    void close(std::string_view what);

private:
    hid_t m_id = H5I_INVALID_HID;
};

inline void check(herr_t result, std::string_view what) {
    if (result < 0) throw_hdf5_error(what);
}

/// Fixed-length, null-padded UTF-8.
[[nodiscard]] Hdf5Object fixed_string_type(std::size_t bytes);

/// Writes scalar attributes. Texts are of fixed length: they lie in their object's header, which has a
/// checksum. Variable lengths would go to heaps, which have none. HDF5's descriptions of what was written are
/// kept: making one takes as long as writing a text.
class AttributeWriter {
public:
    AttributeWriter();
    void write(hid_t object, const char* name, const std::string& value);
    void write(hid_t object, const char* name, std::uint64_t value) const;
    void write(hid_t object, const char* name, double value) const;

private:
    void write(hid_t object, const char* name, hid_t file_type, hid_t memory_type, const void* value) const;

    Hdf5Object m_scalar;
    std::map<std::size_t, Hdf5Object> m_text_types; ///< by length
};

/// As zlib computes it, of a text whose dataset has no checksum of HDF5's.
[[nodiscard]] std::uint64_t crc32_of(std::string_view text);

/// Throw Hdf5Error where a damaged object does not tell: that is no absence.
[[nodiscard]] bool has_attribute(hid_t object, const char* name);
[[nodiscard]] bool has_link(hid_t object, const char* name);
/// Attribute as text; empty where there is none.
[[nodiscard]] std::string read_text_attribute(hid_t object, const char* name);
[[nodiscard]] std::uint64_t read_count_attribute(hid_t object, const char* name);

} // namespace pagewalk::results
