#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace pagewalk {

/// Log-linear histogram of 64-bit values: exact up to 16, then 16 buckets an octave (6 % wide), fixed memory.
class Histogram {
public:
    static constexpr unsigned sub_bits = 4;
    static constexpr std::size_t bucket_count = (64 - sub_bits + 1) << sub_bits;

    void add(std::uint64_t value, std::uint64_t times = 1) {
        m_buckets[bucket_of(value)] += times;
        m_count += times;
        m_sum += value * times;
        if (value > m_max) m_max = value;
    }

    [[nodiscard]] std::uint64_t count() const { return m_count; }
    [[nodiscard]] std::uint64_t sum() const { return m_sum; }
    /// Largest value ever added; a difference of two histograms keeps the later one's.
    [[nodiscard]] std::uint64_t max() const { return m_max; }
    [[nodiscard]] double mean() const {
        return m_count == 0 ? 0.0 : static_cast<double>(m_sum) / static_cast<double>(m_count);
    }
    /// Smallest bucket floor such that at least `percent` of the values lie in or below its bucket. 0 when
    /// empty.
    [[nodiscard]] std::uint64_t percentile(unsigned percent) const {
        if (m_count == 0) return 0;
        const std::uint64_t wanted = (m_count * percent + 99) / 100;
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i)
            if ((seen += m_buckets[i]) >= wanted && seen != 0) return floor_of(i);
        return m_max;
    }
    [[nodiscard]] const std::array<std::uint64_t, bucket_count>& buckets() const { return m_buckets; }

    /// What was added since `earlier`, an older copy of this histogram.
    [[nodiscard]] Histogram since(const Histogram& earlier) const {
        Histogram difference = *this;
        for (std::size_t i = 0; i < bucket_count; ++i) difference.m_buckets[i] -= earlier.m_buckets[i];
        difference.m_count -= earlier.m_count;
        difference.m_sum -= earlier.m_sum;
        return difference;
    }

    [[nodiscard]] static constexpr std::size_t bucket_of(std::uint64_t value) {
        if (value < (1ULL << sub_bits)) return static_cast<std::size_t>(value);
        const unsigned octave = static_cast<unsigned>(std::bit_width(value)) - 1 - sub_bits;
        return (static_cast<std::size_t>(octave) << sub_bits) + static_cast<std::size_t>(value >> octave);
    }
    /// Smallest value of a bucket.
    [[nodiscard]] static constexpr std::uint64_t floor_of(std::size_t bucket) {
        if (bucket < (2ULL << sub_bits)) return bucket;
        const std::size_t octave = (bucket >> sub_bits) - 1;
        return ((bucket & ((1ULL << sub_bits) - 1)) + (1ULL << sub_bits)) << octave;
    }

private:
    std::array<std::uint64_t, bucket_count> m_buckets{};
    std::uint64_t m_count = 0;
    std::uint64_t m_sum = 0;
    std::uint64_t m_max = 0;
};

} // namespace pagewalk
