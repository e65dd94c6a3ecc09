#include "base/units.h"

#include <gtest/gtest.h>

using namespace pagewalk;

TEST(Units, ReadsSizesFrequenciesAndTimes) {
    EXPECT_EQ(parse_quantity("4096", Unit::Bytes), 4096U);
    EXPECT_EQ(parse_quantity("4KiB", Unit::Bytes), 4096U);
    EXPECT_EQ(parse_quantity("1.25MiB", Unit::Bytes), 1310720U);
    EXPECT_EQ(parse_quantity("64kB", Unit::Bytes), 64000U);
    EXPECT_EQ(parse_quantity("3.2GHz", Unit::Hertz), 3'200'000'000U);
    EXPECT_EQ(parse_quantity("80ns", Unit::Ticks), 80'000U);
    EXPECT_EQ(parse_quantity("1.5 us", Unit::Ticks), 1'500'000U);
    EXPECT_EQ(parse_quantity("10M", Unit::Instructions), 10'000'000U);
    EXPECT_EQ(parse_quantity("20%", Unit::Percent), 20U);
}

TEST(Units, RejectsWhatIsNotWholeUnitlessTimesAndOverflow) {
    EXPECT_FALSE(parse_quantity("0.3B", Unit::Bytes));
    EXPECT_FALSE(parse_quantity("80", Unit::Ticks));
    EXPECT_TRUE(parse_quantity("0", Unit::Ticks));
    EXPECT_FALSE(parse_quantity("", Unit::Bytes));
    EXPECT_FALSE(parse_quantity("-4", Unit::Count));
    EXPECT_FALSE(parse_quantity("4 apples", Unit::Bytes));
    EXPECT_FALSE(parse_quantity("99999999999999999999999", Unit::Count));
    EXPECT_FALSE(parse_quantity("20000000TiB", Unit::Bytes));
}

TEST(Units, FormatsToTextThatReadsBack) {
    EXPECT_EQ(format_quantity(2097152, Unit::Bytes), "2MiB");
    EXPECT_EQ(format_quantity(4097, Unit::Bytes), "4097");
    EXPECT_EQ(format_quantity(3'200'000'000, Unit::Hertz), "3.2GHz");
    for (Unit unit : {Unit::Bytes, Unit::Hertz, Unit::Ticks, Unit::Count, Unit::Percent, Unit::Cycles,
                      Unit::BytesPerSecond})
        for (std::uint64_t value :
             {0ULL, 1ULL, 999ULL, 1024ULL, 1'250'000ULL, 123'456'789ULL, 4'294'967'296ULL, 25'600'000'000ULL})
            EXPECT_EQ(parse_quantity(format_quantity(value, unit), unit), value)
                << format_quantity(value, unit);
}

TEST(Units, ExamplesOfEachAreOfIt) {
    for (const Unit unit : {Unit::None, Unit::Bytes, Unit::Hertz, Unit::Ticks, Unit::Cycles,
                            Unit::Instructions, Unit::Count, Unit::Percent, Unit::BytesPerSecond}) {
        const std::string text(examples_of(unit));
        std::size_t numbers = 0;
        for (std::size_t at = text.find_first_of("0123456789"); at != std::string::npos;
             at = text.find_first_of("0123456789", at)) {
            const std::string word = text.substr(at, text.find_first_of(", ", at) - at);
            EXPECT_TRUE(parse_quantity(word, unit)) << text << ": " << word;
            at += word.size();
            ++numbers;
        }
        EXPECT_GT(numbers, 0U) << text;
    }
}

TEST(Units, HaveTheNamesThatResultsFilesUse) {
    EXPECT_EQ(name_of(Unit::None), "1");
    EXPECT_EQ(name_of(Unit::Bytes), "bytes");
    EXPECT_EQ(name_of(Unit::Hertz), "Hz");
    EXPECT_EQ(name_of(Unit::Ticks), "ps");
    EXPECT_EQ(name_of(Unit::Cycles), "cycles");
    EXPECT_EQ(name_of(Unit::Instructions), "instructions");
    EXPECT_EQ(name_of(Unit::Count), "count");
    EXPECT_EQ(name_of(Unit::Percent), "%");
    EXPECT_EQ(name_of(Unit::BytesPerSecond), "bytes/s");
}
