#include "results/hdf5_object.h"
#include "tests/unit/results/sample_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::results {
namespace {

using testing::HasSubstr;

TEST(Hdf5Object, FailureSaysWhatWasTriedAndTheSystemsReason) {
    const QuietHdf5 quiet;
    try {
        const Hdf5Object file(H5Fopen("/absent/file.h5", H5F_ACC_RDONLY, H5P_DEFAULT), "cannot open it");
        FAIL();
    } catch (const Hdf5Error& error) {
        EXPECT_STREQ(error.what(), "cannot open it: No such file or directory");
    }
}

TEST(Hdf5Object, ClosesItsIdentifierOnce) {
    hid_t id = H5I_INVALID_HID;
    {
        Hdf5Object first(H5Screate(H5S_SCALAR), "space");
        id = first;
        const Hdf5Object second = std::move(first);
        EXPECT_EQ(static_cast<hid_t>(second), id);
        EXPECT_GT(H5Iis_valid(id), 0);
    }
    EXPECT_EQ(H5Iis_valid(id), 0);
}

TEST(Hdf5Object, TextAttributesReadBackWhateverTheirLength) {
    const ScratchFolder folder;
    const Hdf5Object file(H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          "create");
    AttributeWriter().write(file, "empty", std::string());
    AttributeWriter().write(file, "long", std::string(10000, 'x'));
    EXPECT_EQ(read_text_attribute(file, "empty"), "");
    EXPECT_EQ(read_text_attribute(file, "long"), std::string(10000, 'x'));
    EXPECT_EQ(read_text_attribute(file, "absent"), "");
}

TEST(Hdf5Object, TextAttributesAreOfFixedLength) {
    const ScratchFolder folder;
    const Hdf5Object file(H5Fcreate((folder / "a.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
                          "create");
    AttributeWriter().write(file, "unit", std::string("bytes"));
    const Hdf5Object attribute(H5Aopen(file, "unit", H5P_DEFAULT), "open");
    const Hdf5Object type(H5Aget_type(attribute), "type");
    EXPECT_EQ(H5Tis_variable_str(type), 0);
    EXPECT_EQ(H5Tget_size(type), 5U);
}

} // namespace
} // namespace pagewalk::results
