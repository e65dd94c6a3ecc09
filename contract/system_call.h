#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// What is known of a system call from its number. Standard library only: QEMU's plugin includes it too.
namespace pagewalk {

/// Does its place among the calls of other threads matter?
enum class CallOrder : std::uint8_t {
    Unordered,     ///< touches the calling thread alone, or regular files
    Ordered,       ///< wakes, waits for, creates or ends threads, or changes an address space
    OrderedOnPipe, ///< ordered where the first argument is a pipe, socket, eventfd and the like
};

/// May it wait for what another thread or process does, or for a time?
enum class CallBlocking : std::uint8_t {
    Never,
    Always,
    OnPipe, ///< where the call is ordered, which says that its descriptor is a pipe, a socket or the like
    ByOperation, ///< as an argument says
    Sleeps,      ///< does nothing but let a given time pass
};

enum class CallEffect : std::uint8_t {
    Other,
    ChangesSpace,  ///< changes what an address means in the calling process
    CreatesTask,   ///< returns a new thread's or process's id
    ExecutesImage, ///< puts a new image in the place of the calling process's
    EndsTask,      ///< never returns
};

struct CallTraits {
    CallOrder order = CallOrder::Unordered;
    CallBlocking blocking = CallBlocking::Never;
    CallEffect effect = CallEffect::Other;
};

/// User memory that an argument points to. A null pointer: the call does without.
struct UserBuffer {
    enum class Use : std::uint8_t {
        None,
        In,    ///< the kernel reads it
        Out,   ///< the kernel writes it
        InOut, ///< both
        /// As In and Out, for what goes on to or comes from a file, pipe or socket: the result's bytes.
        DataIn,
        DataOut,
        Descriptors, ///< Out: two new file descriptors of 4 bytes each
    };
    enum class Length : std::uint8_t {
        Fixed,    ///< `unit` bytes
        Counted,  ///< argument `by` times `unit` bytes
        Result,   ///< the result times `unit` bytes, at most argument `by` of them
        Bits,     ///< a bit for each of argument `by`, in words of 8 bytes
        String,   ///< up to and with the byte that is 0
        Vector,   ///< an array of `by` iovecs, and what they point to
        Message,  ///< a msghdr, and what its iovecs point to
        Messages, ///< an array of `by` mmsghdrs, and what their iovecs point to
        Request,  ///< as the ioctl's request, argument `by`, says
    };
    Use use = Use::None;
    Length length = Length::Fixed;
    std::uint8_t argument = 0; ///< index of the pointer
    std::uint8_t by = 0;       ///< index of the argument that tells the length
    std::uint16_t unit = 0;    ///< bytes
};

struct SystemCall {
    std::uint16_t number = 0; ///< x86-64
    std::string_view name;
    CallTraits traits{};
    std::array<UserBuffer, 4> buffers{}; ///< those that are used come first
};

} // namespace pagewalk
