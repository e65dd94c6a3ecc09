#include "base/error.h"
#include "tests/unit/workloads/trace/trace_support.h"
#include "workloads/trace/byte_source.h"

#include <random>

namespace pagewalk::workloads {
namespace {

class ByteSourceFiles : public TraceFiles {
protected:
    static std::string read_all(const InputBytes& input, std::string& error) {
        std::string all;
        std::vector<std::byte> buffer(1000);
        try {
            for (;;) {
                const std::size_t got = input.source->read(buffer);
                if (got == 0) return all;
                all.append(reinterpret_cast<const char*>(buffer.data()), got);
            }
        } catch (const RunError& e) {
            error = e.what();
        }
        return all;
    }
    std::string read_all(const std::filesystem::path& path, Decompress where, std::string& error) {
        return read_all(open_bytes(path, where), error);
    }

    /// Larger than every buffer on the way, and hard to compress.
    static std::string noise(std::size_t bytes) {
        std::mt19937_64 random(7);
        std::string data(bytes, '\0');
        for (char& c : data) c = static_cast<char>(random() & 0x3f);
        return data;
    }
};

TEST_F(ByteSourceFiles, DeliversTheSameBytesFromEveryCompressionAndThread) {
    const std::string data = noise(5'000'000);
    const std::vector<std::filesystem::path> paths = {write("a", data), write("a.xz", xz(data)),
                                                      write("a.gz", gz(data)), write("a.zst", zst(data))};
    for (const auto& path : paths)
        for (const Decompress where : {Decompress::InPlace, Decompress::Background}) {
            std::string error;
            EXPECT_TRUE(read_all(path, where, error) == data) << path;
            EXPECT_EQ(error, "");
        }
}

TEST_F(ByteSourceFiles, ReadsConcatenatedStreams) {
    const std::string a = noise(100'000), b = "the end";
    std::string error;
    EXPECT_TRUE(read_all(write("a.xz", xz(a) + std::string(8, '\0') + xz(b)), Decompress::Background,
                         error) == a + b);
    EXPECT_TRUE(read_all(write("a.gz", gz(a) + gz(b) + std::string(3, '\0')), Decompress::Background,
                         error) == a + b);
    EXPECT_TRUE(read_all(write("a.zst", zst(a) + zst(b)), Decompress::Background, error) == a + b);
    EXPECT_EQ(error, "");
}

TEST_F(ByteSourceFiles, RecognisesCompressionByContentWhateverTheName) {
    EXPECT_EQ(open_bytes(write("a.trace", xz("data"))).compression, Compression::Xz);
    EXPECT_EQ(open_bytes(write("b.trace", gz("data"))).compression, Compression::Gzip);
    EXPECT_EQ(open_bytes(write("c.xz", zst("data"))).compression, Compression::Zstd);
    EXPECT_EQ(open_bytes(write("d.trace", "data")).compression, Compression::None);
}

TEST_F(ByteSourceFiles, DeliversThePrefixOfTruncatedDataThenNamesTheByte) {
    const std::string data = noise(3'000'000);
    const std::vector<std::pair<std::string, std::string>> files = {
        {"a.xz", xz(data)}, {"a.gz", gz(data)}, {"a.zst", zst(data)}};
    for (const auto& [name, packed] : files)
        for (const Decompress where : {Decompress::InPlace, Decompress::Background}) {
            const std::size_t kept = packed.size() * 2 / 3;
            std::string error;
            const std::string got = read_all(write(name, packed.substr(0, kept)), where, error);
            EXPECT_GT(got.size(), data.size() / 2) << name;
            EXPECT_TRUE(data.starts_with(got)) << name;
            EXPECT_THAT(error, ::testing::HasSubstr("truncated"));
            EXPECT_THAT(error, ::testing::HasSubstr("byte " + std::to_string(kept)));
            EXPECT_THAT(error, ::testing::HasSubstr(name));
        }
}

TEST_F(ByteSourceFiles, ReportsCorruptDataAfterWhatPrecedesIt) {
    const std::string data = noise(3'000'000);
    std::vector<std::pair<std::string, std::string>> files = {
        {"a.xz", xz(data)}, {"a.gz", gz(data)}, {"a.zst", zst(data)}};
    for (auto& [name, packed] : files) {
        for (std::size_t i = 0; i < 64; ++i) packed[packed.size() / 2 + i] ^= static_cast<char>(0x5a + i);
        std::string error;
        const std::string got = read_all(write(name, packed), Decompress::Background, error);
        EXPECT_GT(got.size(), data.size() / 4) << name;
        EXPECT_TRUE(data.starts_with(got.substr(0, data.size() / 4))) << name;
        EXPECT_THAT(error, ::testing::HasSubstr("corrupt")) << name;
    }
}

TEST_F(ByteSourceFiles, ReportsTheDamageAgainWhenReadAgain) {
    const InputBytes input = open_bytes(write("a.xz", xz(noise(100'000)).substr(0, 40'000)));
    std::string first, second;
    read_all(input, first);
    EXPECT_EQ(read_all(input, second), "");
    EXPECT_NE(first, "");
    EXPECT_EQ(first, second);
}

TEST_F(ByteSourceFiles, RejectsWhatIsNoReadableFile) {
    EXPECT_THAT(input_error_of([&] { (void)open_bytes(folder() / "absent"); }),
                ::testing::HasSubstr("no such"));
    EXPECT_THAT(input_error_of([&] { (void)open_bytes(folder()); }), ::testing::HasSubstr("directory"));
    EXPECT_THAT(input_error_of([&] { (void)open_bytes(write("empty", "")); }), ::testing::HasSubstr("empty"));
    EXPECT_THAT(input_error_of([&] { (void)open_bytes(write("a.gz", gz(""))); }),
                ::testing::HasSubstr("no data"));
    if (::geteuid() != 0) {
        const auto locked = write("locked", "data");
        std::filesystem::permissions(locked, std::filesystem::perms::none);
        EXPECT_THAT(input_error_of([&] { (void)open_bytes(locked); }),
                    ::testing::HasSubstr("cannot be opened"));
    }
}

TEST_F(ByteSourceFiles, RejectsANameThatPromisesAnotherFormat) {
    for (const char* name : {"a.xz", "a.gz", "a.zst"})
        EXPECT_THAT(input_error_of([&] { (void)open_bytes(write(name, "plain text")); }),
                    ::testing::AllOf(::testing::HasSubstr(name), ::testing::HasSubstr("allowed")));
}

TEST_F(ByteSourceFiles, RejectsDataDamagedBeforeItsFirstByte) {
    const std::string packed = xz(noise(100'000));
    EXPECT_THAT(input_error_of([&] { (void)open_bytes(write("a.xz", packed.substr(0, 8))); }),
                ::testing::HasSubstr("truncated"));
}

TEST_F(ByteSourceFiles, StopsInTheMiddleWithoutWaitingForTheEnd) {
    const auto path = write("a.xz", xz(noise(8'000'000)));
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(open_bytes(path).source->head().size(), PeekableSource::peek_bytes);
}

} // namespace
} // namespace pagewalk::workloads
