#pragma once

#include "contract/instruction_stream.h"

namespace pagewalk {

// Names that decoded programs have for the registers of x86-64: 1-16 general purpose, 17-48 vector.
inline constexpr RegisterId flags_register = 49;
inline constexpr RegisterId x87_register = 50;
inline constexpr RegisterId mask_register_base = 51; ///< of eight
/// What every branch writes and none reads.
inline constexpr RegisterId instruction_pointer_register = 250;
/// From here on: values between the micro-ops of one instruction.
inline constexpr RegisterId first_internal_register = 251;

[[nodiscard]] constexpr bool is_vector_register(RegisterId id) {
    return (id >= 17 && id < flags_register) || id == x87_register;
}

} // namespace pagewalk
