#include "results/output_driver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <system_error>
#include <unistd.h>

namespace pagewalk::results {

namespace {

/// What the access list carries to open().
struct DriverInfo {
    int* failure;
};

struct OutputFile : H5FD_t {
    int descriptor = -1;
    int* failure = nullptr;
    haddr_t allocated = 0; ///< bytes HDF5 plans to use
    haddr_t written = 0;   ///< bytes up to the last one written
};

OutputFile& of(H5FD_t* file) { return *static_cast<OutputFile*>(file); }
const OutputFile& of(const H5FD_t* file) { return *static_cast<const OutputFile*>(file); }

H5FD_t* open_file(const char* name, unsigned, hid_t access, haddr_t) {
    const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
    const int descriptor = ::open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        *info->failure = errno;
        return nullptr;
    }
    auto file = std::make_unique<OutputFile>();
    file->descriptor = descriptor;
    file->failure = info->failure;
    return file.release(); // close_file takes it back
}

herr_t close_file(H5FD_t* base) {
    const std::unique_ptr<OutputFile> file(&of(base));
    // Network file systems may report a full disk only here.
    if (::close(file->descriptor) != 0 && *file->failure == 0) *file->failure = errno;
    return 0;
}

herr_t query(const H5FD_t*, unsigned long* flags) {
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

haddr_t get_eoa(const H5FD_t* file, H5FD_mem_t) { return of(file).allocated; }

herr_t set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t address) {
    of(file).allocated = address;
    return 0;
}

haddr_t get_eof(const H5FD_t* file, H5FD_mem_t) { return of(file).written; }

herr_t read(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, void* buffer) {
    auto* to = static_cast<char*>(buffer);
    while (size != 0) {
        const ssize_t n = ::pread(of(base).descriptor, to, size, static_cast<off_t>(address));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        to += n;
        address += static_cast<haddr_t>(n);
        size -= static_cast<std::size_t>(n);
    }
    std::memset(to, 0, size); // what was never written reads as zero
    return 0;
}

herr_t write(H5FD_t* base, H5FD_mem_t, hid_t, haddr_t address, std::size_t size, const void* buffer) {
    OutputFile& file = of(base);
    const auto* from = static_cast<const char*>(buffer);
    while (size != 0 && *file.failure == 0) {
        const ssize_t n = ::pwrite(file.descriptor, from, size, static_cast<off_t>(address));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            *file.failure = errno;
            break;
        }
        from += n;
        address += static_cast<haddr_t>(n);
        size -= static_cast<std::size_t>(n);
    }
    file.written = std::max(file.written, address + size);
    return 0;
}

herr_t truncate(H5FD_t* base, hid_t, hbool_t) {
    OutputFile& file = of(base);
    if (*file.failure == 0 && ::ftruncate(file.descriptor, static_cast<off_t>(file.allocated)) != 0)
        *file.failure = errno;
    file.written = file.allocated;
    return 0;
}

const H5FD_class_t& driver_class() {
    static const H5FD_class_t driver = [] {
        H5FD_class_t made{};
        made.name = "pagewalk_output";
        made.maxaddr = (haddr_t{1} << 62) - 1;
        made.fc_degree = H5F_CLOSE_STRONG;
        made.fapl_size = sizeof(DriverInfo);
        made.open = open_file;
        made.close = close_file;
        made.query = query;
        made.get_eoa = get_eoa;
        made.set_eoa = set_eoa;
        made.get_eof = get_eof;
        made.read = read;
        made.write = write;
        made.truncate = truncate;
        constexpr H5FD_mem_t free_lists[] = H5FD_FLMAP_DICHOTOMY; // as HDF5's own driver
        std::ranges::copy(free_lists, made.fl_map);
        return made;
    }();
    return driver;
}

} // namespace

OutputDriver::OutputDriver() : m_driver(H5FDregister(&driver_class()), "cannot register the file driver") {}

void OutputDriver::use_for(hid_t file_access) {
    const DriverInfo info{&m_errno};
    check(H5Pset_driver(file_access, m_driver, &info), "cannot choose the file driver");
}

void OutputDriver::throw_failure() const {
    if (m_errno != 0) throw std::system_error(m_errno, std::generic_category());
}

} // namespace pagewalk::results
