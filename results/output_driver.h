#pragma once

#include "results/hdf5_object.h"

namespace pagewalk::results {

/// HDF5's way to a file that is made anew and only written. HDF5 1.10 crashes at process exit when a write
/// failed while it closed a file, so this driver keeps the first failure to itself, lets HDF5 finish, and
/// tells afterwards.
class OutputDriver {
public:
    OutputDriver();
    OutputDriver(const OutputDriver&) = delete;
    OutputDriver& operator=(const OutputDriver&) = delete;

    /// Makes files of this access list go through this driver, which must outlive them.
    void use_for(hid_t file_access);
    /// Throws std::system_error with the first failure there was.
    void throw_failure() const;

private:
    Hdf5Object m_driver;
    int m_errno = 0;
};

} // namespace pagewalk::results
