#pragma once

#include <stdexcept>
#include <string>

namespace pagewalk {

/// The user's input is wrong: exit status 2. The message is one paragraph: what, where, what is allowed.
class InputError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// An option that cannot be used; says where it was set and what would be allowed.
class ConfigError : public InputError {
public:
    ConfigError(const std::string& where, const std::string& key, const std::string& value,
                const std::string& allowed)
        : InputError(where + ": " + key + " = " + value + ": " + allowed) {}
    explicit ConfigError(const std::string& message) : InputError(message) {}
};

/// The run failed after it began (disk full, trace damaged half way): exit status 1.
class RunError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Aborts with what was broken. For invariants of ours, never for input.
[[noreturn]] void broken_invariant(const char* what, const char* file, int line);

} // namespace pagewalk

/// Checked in every build; keep off per-micro-op paths.
#define PAGEWALK_INVARIANT(condition)                                                                        \
    do {                                                                                                     \
        if (!(condition)) [[unlikely]]                                                                       \
            ::pagewalk::broken_invariant(#condition, __FILE__, __LINE__);                                    \
    } while (false)
