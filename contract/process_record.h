#pragma once

#include <cstdint>
#include <string>

namespace pagewalk {

/// How a process of a program ended in the program's own world.
struct ProcessEnd {
    enum class Kind : std::uint8_t {
        Running, ///< not yet, or nobody saw it
        Exited,
        Killed, ///< by a signal
    };
    enum class Sender : std::uint8_t {
        Program, ///< a fault or abort of its own, or another process of the program
        Outside,
    };
    Kind kind = Kind::Running;
    Sender sender = Sender::Program; ///< of the signal
    int value = 0;                   ///< exit status, or signal number

    bool operator==(const ProcessEnd&) const = default;
};

/// A process of a program.
struct ProcessRecord {
    std::int32_t pid = 0;    ///< in the program's own world
    std::int32_t parent = 0; ///< the pid of the process that made it
    std::string command;     ///< words of the last image, separated by blanks; long ones are cut off
    ProcessEnd end;

    bool operator==(const ProcessRecord&) const = default;
};

} // namespace pagewalk
