#include "base/scratch_folder.h"

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace pagewalk {

ScratchFolder::ScratchFolder() {
    const char* const parent = std::getenv("TMPDIR");
    const std::filesystem::path in = parent != nullptr && *parent != '\0' ? parent : "/tmp";
    std::string name = (in / "pagewalk.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "cannot make a folder in " + in.string());
    m_path = name;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
}

} // namespace pagewalk
