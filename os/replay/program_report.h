#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pagewalk::os {

/// How many of the things that a capture has of a kind are the same in the simulation.
struct Tally {
    std::uint64_t same = 0, total = 0;

    void count(bool is_same) {
        same += is_same ? 1 : 0;
        ++total;
    }
    void add(const Tally& other) {
        same += other.same;
        total += other.total;
    }
    [[nodiscard]] bool exact() const { return same == total; }
    /// "3 of 4"
    [[nodiscard]] std::string text() const;
};

/// A value that is another one than the capture's.
struct Difference {
    std::string marker; ///< at which it was found
    std::string field;  ///< whose and which value, "P0 Rss of 00400000-00401000 r--p 00000000"
    std::string real, ours;
};

/// What came of holding a job against its capture.
struct ProgramReport {
    std::string name;
    std::string not_compared; ///< why the job could not be run; empty where it was
    std::uint64_t markers = 0;
    Tally pages, tables; ///< frames
    Tally lists;         ///< of the page allocator, at the end
    Tally areas;         ///< lines of maps: addresses, permissions, offset
    Tally sizes;         ///< of smaps
    Tally counters;      ///< of vmstat, that repeat exactly, at each marker
    Tally faults;        ///< minor and major ones of a process, at each marker
    Tally cached;        ///< steps whose page cache insertions, or deletions, are the same
    Tally requests;      ///< reads from the disk, by their size
    /// The first of each field, in the order of the markers, and how many more of that field differed.
    struct Field {
        Difference first;
        std::uint64_t more = 0;
    };
    std::vector<Field> differences;

    void differ(Difference difference);
    /// Was everything compared, and all the same?
    [[nodiscard]] bool exact() const;
    void add(const ProgramReport& other);

    /// The differences, a line each; only the first where `first_only`.
    [[nodiscard]] std::string details(bool first_only) const;
    /// One line: the job and what was the same of it.
    [[nodiscard]] std::string line() const;
    /// `placed N of M pages, T of U tables; lists K of L; areas A of B; sizes S of T; exact counters C of D;
    /// faults F of G`, what the capture has of it.
    [[nodiscard]] std::string totals() const;

    /// As text that decode() reads back, for the process that asked another one for it.
    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static ProgramReport decode(const std::string& text);
};

} // namespace pagewalk::os
