# Flags every Pagewalk target is built with, and the helper that declares one.
add_library(pagewalk_flags INTERFACE)
target_compile_options(pagewalk_flags INTERFACE -Wall -Wextra -Wshadow=local -Wconversion -Wno-missing-field-initializers -Wno-sign-conversion -Wno-psabi)
target_include_directories(pagewalk_flags INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
# Every x86-64 server since 2013; results do not depend on it (the models use no floating point).
set(PAGEWALK_ARCH "x86-64-v3" CACHE STRING "-march of the build")
target_compile_options(pagewalk_flags INTERFACE -march=${PAGEWALK_ARCH})
if(PAGEWALK_SANITIZE)
    target_compile_options(pagewalk_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
                                                    -fno-sanitize-recover=undefined)
    target_link_options(pagewalk_flags INTERFACE -fsanitize=address,undefined)
endif()
if(PAGEWALK_SANITIZE_THREADS)
    target_compile_options(pagewalk_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(pagewalk_flags INTERFACE -fsanitize=thread)
endif()
if(PAGEWALK_COVERAGE)
    target_compile_options(pagewalk_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(pagewalk_flags INTERFACE --coverage)
endif()
if(PAGEWALK_FUZZ)
    target_compile_options(pagewalk_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# pagewalk_library(NAME SOURCES... [LINK TARGETS...]): one static library a folder.
function(pagewalk_library name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PUBLIC pagewalk_flags ${ARG_LINK})
endfunction()

# Tests are compiled more often than they run.
set(PAGEWALK_TEST_FLAGS $<$<CONFIG:Release>:-O1>)

# GoogleTest's and the standard library's headers, compiled once for all tests: a quarter of a test's compile time.
function(pagewalk_test_headers)
    set(source ${PROJECT_BINARY_DIR}/generated/test_headers.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "")
    add_library(pagewalk_test_headers OBJECT ${source})
    target_link_libraries(pagewalk_test_headers PRIVATE pagewalk_flags GTest::gmock GTest::gtest)
    target_compile_options(pagewalk_test_headers PRIVATE ${PAGEWALK_TEST_FLAGS})
    target_precompile_headers(pagewalk_test_headers PRIVATE
        <gmock/gmock.h> <gtest/gtest.h> <algorithm> <array> <bitset> <chrono> <deque> <expected> <filesystem> <fstream>
        <functional> <map> <memory> <numeric> <optional> <random> <set> <span> <sstream> <string> <string_view>
        <unordered_map> <utility> <variant> <vector>)
endfunction()

# pagewalk_test(NAME SOURCES... LINK TARGETS...): one GoogleTest program; its cases are found when it is built.
function(pagewalk_test name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE pagewalk_flags ${ARG_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
    target_compile_options(${name} PRIVATE ${PAGEWALK_TEST_FLAGS})
    target_compile_definitions(${name} PRIVATE PAGEWALK_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                               PAGEWALK_BINARY_DIR="${PROJECT_BINARY_DIR}")
    if(NOT TARGET pagewalk_test_headers)
        pagewalk_test_headers()
    endif()
    target_precompile_headers(${name} REUSE_FROM pagewalk_test_headers)
    # Label: unit, integration or validation, by folder.
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
    string(REGEX REPLACE "/.*" "" label ${folder})
    if(label STREQUAL "unit")
        if(NOT TARGET pagewalk_unit_tests)
            add_custom_target(pagewalk_unit_tests)
        endif()
        add_dependencies(pagewalk_unit_tests ${name})
    endif()
    if(PAGEWALK_SANITIZE OR PAGEWALK_SANITIZE_THREADS OR PAGEWALK_COVERAGE) # a start costs more than most cases
        add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
        set_tests_properties(${name} PROPERTIES TIMEOUT 1200 LABELS ${label})
    else()
        gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600 LABELS ${label})
    endif()
endfunction()

# pagewalk_benchmark(NAME SOURCES... LINK TARGETS...): one Google Benchmark program.
function(pagewalk_benchmark name)
    cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
    if(PAGEWALK_BENCHMARKS)
        add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
        target_link_libraries(${name} PRIVATE pagewalk_flags ${ARG_LINK} benchmark::benchmark benchmark::benchmark_main)
        target_compile_definitions(${name} PRIVATE PAGEWALK_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    endif()
endfunction()
