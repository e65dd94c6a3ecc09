#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace pagewalk {

/// xoshiro256** of Blackman and Vigna (2018), seeded by SplitMix64. One a component: the run's seed and the
/// component's path give its stream, so that adding a component moves nobody else's.
class Rng {
public:
    Rng(std::uint64_t seed, std::string_view component) {
        std::uint64_t x = seed;
        for (char c : component) x = (x ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL; // FNV-1a
        for (std::uint64_t& word : m_state) {
            x += 0x9e3779b97f4a7c15ULL;
            std::uint64_t z = x;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
            word = z ^ (z >> 31);
        }
    }

    [[nodiscard]] std::uint64_t next() {
        const std::uint64_t result = std::rotl(m_state[1] * 5, 7) * 9;
        const std::uint64_t t = m_state[1] << 17;
        m_state[2] ^= m_state[0];
        m_state[3] ^= m_state[1];
        m_state[1] ^= m_state[2];
        m_state[0] ^= m_state[3];
        m_state[2] ^= t;
        m_state[3] = std::rotl(m_state[3], 45);
        return result;
    }
    /// Uniform in [0, bound), bound > 0, without division (Lemire's multiplication; bias below 2^-32 for
    /// small bounds).
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
    }

private:
    std::uint64_t m_state[4];
};

} // namespace pagewalk
