#include "base/error.h"
#include "tests/unit/workloads/qemu/stream_collector.h"
#include "workloads/qemu/pwt_format.h"
#include "workloads/qemu/pwt_reader.h"
#include "workloads/qemu/recorder.h"

#include <cstring>
#include <fstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pagewalk::workloads {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// One recording of a few chunks for all cases.
class PwtReaderTest : public testing::Test {
protected:
    static void SetUpTestSuite() {
        RecordOptions options;
        options.live.argv = {program("compute_static"), "6"};
        options.live.stdout_file = "/dev/null";
        options.file = scratch_file("whole.pwt");
        summary() = record(options);
        whole() = read_file(options.file);
    }
    static std::string& whole() {
        static std::string bytes;
        return bytes;
    }
    static RecordSummary& summary() {
        static RecordSummary value;
        return value;
    }
    static std::string file_with(const std::string& bytes) {
        const std::string path = scratch_file("damaged.pwt");
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }
    static std::vector<ChunkPlace> chunks() {
        std::vector<ChunkPlace> places;
        std::uint64_t offset = pwt_file_header_bytes;
        const ByteView bytes(reinterpret_cast<const std::uint8_t*>(whole().data()), whole().size());
        while (offset + pwt_trailer_bytes < whole().size()) {
            places.push_back({decode_chunk_header(bytes.subspan(offset, ChunkHeader::bytes)), offset});
            offset += ChunkHeader::bytes + places.back().header.compressed_bytes;
        }
        return places;
    }
    static ChunkPlace last_of(ChunkKind kind) {
        ChunkPlace found;
        for (const ChunkPlace& place : chunks()) {
            if (place.header.kind == kind) found = place;
        }
        return found;
    }
    static std::uint64_t read_all(PwtReader& reader) {
        CollectedStream stream;
        while (!stream.ended) stream.add(reader.thread(ThreadIndex{0}).fetch());
        return stream.instructions;
    }
    static std::string message_of(const std::string& path) {
        try {
            const PwtReader reader(path);
        } catch (const InputError& error) {
            return error.what();
        }
        return "";
    }
};

TEST_F(PwtReaderTest, ReadsAWholeRecording) {
    PwtReader reader(file_with(whole()));
    EXPECT_GE(chunks().size(), 6);
    EXPECT_EQ(reader.expected_instructions(), summary().instructions);
    EXPECT_EQ(read_all(reader), summary().instructions);
}

TEST_F(PwtReaderTest, RefusesAFileThatIsNotThere) {
    EXPECT_THAT(message_of("/no/such/file.pwt"), testing::HasSubstr("/no/such/file.pwt"));
    EXPECT_THAT(message_of("/usr"), testing::HasSubstr("not a regular file"));
}

TEST_F(PwtReaderTest, RefusesAnotherKindOfFile) {
    EXPECT_THAT(message_of("/bin/sh"), testing::HasSubstr("wrong magic"));
    EXPECT_THAT(message_of(file_with("")), testing::HasSubstr("too short"));
    EXPECT_THAT(message_of(file_with(whole().substr(0, pwt_file_header_bytes))),
                testing::HasSubstr("no thread"));
}

TEST_F(PwtReaderTest, RefusesAnotherVersion) {
    std::string bytes = whole();
    bytes[8] = 99;
    EXPECT_THAT(message_of(file_with(bytes)), testing::HasSubstr("version 99"));
}

TEST_F(PwtReaderTest, ReadsTheVersionBefore) {
    std::string bytes = whole();
    ASSERT_EQ(bytes[8], 3);
    bytes[8] = 2;
    PwtReader reader(file_with(bytes));
    EXPECT_EQ(read_all(reader), summary().instructions);
}

TEST_F(PwtReaderTest, ReadsARecordingWithoutItsEndUpToTheLastWholeChunk) {
    const ChunkPlace last = last_of(ChunkKind::Events);
    const std::string path = file_with(whole().substr(0, last.offset + ChunkHeader::bytes + 5));
    testing::internal::CaptureStderr();
    PwtReader reader(path);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("cut off"));
    EXPECT_FALSE(reader.is_complete());
    EXPECT_EQ(reader.expected_instructions(), summary().instructions - last.header.instructions);
    EXPECT_EQ(read_all(reader), reader.expected_instructions());
}

TEST_F(PwtReaderTest, ReadsOrRefusesEveryTruncation) {
    // The index and trailer closely, the rest in steps.
    for (std::size_t size = 0; size<whole().size(); size += size + 600> whole().size() ? 13 : 99991) {
        const std::string path = file_with(whole().substr(0, size));
        testing::internal::CaptureStderr();
        try {
            PwtReader reader(path);
            EXPECT_EQ(read_all(reader), reader.expected_instructions()) << size;
        } catch (const InputError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(path));
        }
        testing::internal::GetCapturedStderr();
    }
}

TEST_F(PwtReaderTest, FindsADamagedEventChunkWhileReading) {
    const ChunkPlace place = last_of(ChunkKind::Events);
    std::string bytes = whole();
    bytes[place.offset + ChunkHeader::bytes + place.header.compressed_bytes / 2] ^= 0x10;
    const std::string path = file_with(bytes);
    PwtReader reader(path);
    try {
        read_all(reader);
        FAIL() << "the damage was not found";
    } catch (const RunError& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr(path));
        EXPECT_THAT(error.what(), testing::HasSubstr("offset " + std::to_string(place.offset)));
    }
}

TEST_F(PwtReaderTest, FindsADamagedDictionaryOrIndexAtOpen) {
    for (const ChunkKind kind :
         {ChunkKind::Blocks, ChunkKind::Program, ChunkKind::Threads, ChunkKind::Index}) {
        const ChunkPlace place = last_of(kind);
        std::string bytes = whole();
        bytes[place.offset + ChunkHeader::bytes + place.header.compressed_bytes - 1] ^=
            0x10; // zstd's checksum
        EXPECT_THAT(message_of(file_with(bytes)), testing::HasSubstr("damaged chunk"))
            << static_cast<int>(kind);
    }
}

TEST_F(PwtReaderTest, SurvivesADamagedByteAnywhere) {
    for (std::size_t at = 0; at < whole().size(); at += at < 300 || at + 600 > whole().size() ? 11 : 200003) {
        std::string bytes = whole();
        bytes[at] ^= 0x41;
        const std::string path = file_with(bytes);
        testing::internal::CaptureStderr();
        try {
            PwtReader reader(path);
            read_all(reader);
        } catch (const InputError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(path));
        } catch (const RunError& error) {
            EXPECT_THAT(error.what(), testing::HasSubstr(path));
        }
        testing::internal::GetCapturedStderr();
    }
}

} // namespace
} // namespace pagewalk::workloads
