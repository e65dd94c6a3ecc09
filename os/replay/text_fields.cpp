#include "os/replay/text_fields.h"

#include "base/error.h"

namespace pagewalk::os {

TextFields::TextFields(std::string_view line, const std::string& file, std::size_t number)
    : m_file(file), m_number(number) {
    std::size_t at = 0;
    while ((at = line.find_first_not_of(" \r", at)) != std::string_view::npos) {
        const std::size_t end = std::min(line.find_first_of(" \r", at), line.size());
        m_fields.push_back(line.substr(at, end - at));
        at = end;
    }
}

void TextFields::fail(const char* what, const std::string& why) const {
    throw InputError(m_file + ", line " + std::to_string(m_number) + ": " + what + " " + why);
}

} // namespace pagewalk::os
