# Every library from outside, found once. All are Debian 12 packages (scripts/packages.txt).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost REQUIRED COMPONENTS context program_options)
find_package(HDF5 REQUIRED COMPONENTS C HL)
find_package(ZLIB REQUIRED)
# Debian's shared HDF5 brings libcurl and thirty libraries more, which take longer to load than Pagewalk itself; of the
# static one nothing that reads from the network is linked.
set(PAGEWALK_HDF5_LIBRARIES ${HDF5_C_LIBRARIES})
find_library(HDF5_STATIC libhdf5_serial.a)
find_library(SZIP_LIBRARY sz)
if(HDF5_STATIC AND SZIP_LIBRARY)
    set(PAGEWALK_HDF5_LIBRARIES ${HDF5_STATIC} ${SZIP_LIBRARY} ZLIB::ZLIB Threads::Threads ${CMAKE_DL_LIBS} m)
endif()
find_package(LibLZMA REQUIRED)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(TRACEEVENT REQUIRED IMPORTED_TARGET libtraceevent)

find_package(zydis QUIET)
if(NOT TARGET Zydis::Zydis)
    find_path(ZYDIS_INCLUDE Zydis/Zydis.h REQUIRED)
    find_library(ZYDIS_LIBRARY Zydis REQUIRED)
    add_library(Zydis::Zydis UNKNOWN IMPORTED)
    set_target_properties(Zydis::Zydis PROPERTIES IMPORTED_LOCATION ${ZYDIS_LIBRARY}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${ZYDIS_INCLUDE})
endif()

# Debian builds libsystemc as C++17; its header must be told, or linking fails. This is the only target that may
# see <systemc>.
find_path(SYSTEMC_INCLUDE systemc REQUIRED)
find_library(SYSTEMC_LIBRARY systemc REQUIRED)
add_library(pagewalk_systemc INTERFACE)
target_include_directories(pagewalk_systemc SYSTEM INTERFACE ${SYSTEMC_INCLUDE})
target_link_libraries(pagewalk_systemc INTERFACE ${SYSTEMC_LIBRARY} Threads::Threads)
target_compile_definitions(pagewalk_systemc INTERFACE SC_CPLUSPLUS=201703L)

if(PAGEWALK_TESTS)
    find_package(GTest REQUIRED)
    include(GoogleTest)
    if(PAGEWALK_BENCHMARKS)
        find_package(benchmark REQUIRED)
    endif()
endif()
