#pragma once

#include "base/error.h"
#include "base/scratch_folder.h"
#include "contract/instruction_stream.h"
#include "workloads/trace/champsim_record.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

namespace pagewalk::workloads {

/// A folder for the files of one test.
class TraceFiles : public ::testing::Test {
protected:
    [[nodiscard]] const std::filesystem::path& folder() const { return m_folder.path(); }
    [[nodiscard]] std::filesystem::path write(const std::string& name, std::string_view bytes) const {
        const std::filesystem::path path = m_folder / name;
        std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return path;
    }

private:
    ScratchFolder m_folder;
};

inline std::string xz(std::string_view data) {
    std::string out(lzma_stream_buffer_bound(data.size()), '\0');
    std::size_t size = 0;
    EXPECT_EQ(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, nullptr,
                                      reinterpret_cast<const std::uint8_t*>(data.data()), data.size(),
                                      reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
              LZMA_OK);
    out.resize(size);
    return out;
}

inline std::string gz(std::string_view data) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(deflateBound(&stream, data.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string zst(std::string_view data) {
    std::string out(ZSTD_compressBound(data.size()), '\0');
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    out.resize(ZSTD_compress2(context.get(), out.data(), out.size(), data.data(), data.size()));
    return out;
}

inline std::string bytes_of(const std::vector<ChampSimRecord>& records) {
    return {reinterpret_cast<const char*>(records.data()), records.size() * sizeof(ChampSimRecord)};
}

/// What a stream gave until its end or its error.
struct Drained {
    std::uint64_t instructions = 0;
    std::vector<BlockExecution> executions;
    std::vector<std::vector<MemoryReference>> references; ///< of each execution
    std::string error;
};

inline Drained drain(InstructionStream& stream) {
    Drained result;
    try {
        for (;;) {
            const StreamBatch batch = stream.fetch();
            for (const BlockExecution& execution : batch.blocks) {
                result.instructions += execution.instruction_count;
                result.executions.push_back(execution);
                result.references.emplace_back(execution.references,
                                               execution.references + execution.reference_count);
            }
            if (batch.status == StreamStatus::End) return result;
            EXPECT_FALSE(batch.blocks.empty());
        }
    } catch (const RunError& error) {
        result.error = error.what();
    }
    return result;
}

/// The message of the InputError that `act` throws; empty and a failure when it throws none.
template <class Act>
std::string input_error_of(Act act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    ADD_FAILURE() << "no InputError";
    return {};
}

inline ChampSimRecord plain(std::uint64_t ip) {
    ChampSimRecord record;
    record.ip = ip;
    record.destination_registers = {3, 0};
    record.source_registers = {4, 0, 0, 0};
    return record;
}

inline ChampSimRecord conditional(std::uint64_t ip, bool taken) {
    ChampSimRecord record;
    record.ip = ip;
    record.is_branch = 1;
    record.branch_taken = taken;
    record.destination_registers = {26, 0};
    record.source_registers = {26, 25, 0, 0};
    return record;
}

inline ChampSimRecord call(std::uint64_t ip, std::uint64_t stack) {
    ChampSimRecord record;
    record.ip = ip;
    record.is_branch = record.branch_taken = 1;
    record.destination_registers = {26, 6};
    record.source_registers = {26, 6, 0, 0};
    record.destination_memory = {stack, 0};
    return record;
}

inline ChampSimRecord ret(std::uint64_t ip, std::uint64_t stack) {
    ChampSimRecord record;
    record.ip = ip;
    record.is_branch = record.branch_taken = 1;
    record.destination_registers = {26, 6};
    record.source_registers = {6, 0, 0, 0};
    record.source_memory = {stack, 0, 0, 0};
    return record;
}

/// A loop of `iterations`: load, add, conditional jump back.
inline std::vector<ChampSimRecord> loop_trace(std::size_t iterations) {
    std::vector<ChampSimRecord> records;
    for (std::size_t i = 0; i < iterations; ++i) {
        ChampSimRecord load = plain(0x401000);
        load.source_memory = {0x7000000 + i * 72, 0, 0, 0};
        records.push_back(load);
        records.push_back(plain(0x401004));
        records.push_back(conditional(0x401007, i + 1 != iterations));
    }
    records.push_back(plain(0x401009));
    return records;
}

} // namespace pagewalk::workloads
