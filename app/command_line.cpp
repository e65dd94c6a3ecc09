#include "app/command_line.h"

#include "base/error.h"

#include <vector>

namespace pagewalk::app {

namespace po = boost::program_options;

po::variables_map read_command_line(const CommandLine& line, const po::options_description& known,
                                    const char* positional, int most) {
    po::positional_options_description positions;
    positions.add(positional, most);
    po::variables_map values;
    try {
        const std::vector<std::string> words(line.words.begin(), line.words.end());
        po::store(po::command_line_parser(words).options(known).positional(positions).run(), values);
        po::notify(values);
    } catch (const po::error& error) {
        throw InputError(std::string(line.command) + ": " + error.what() +
                         "\nusage: " + std::string(line.usage));
    }
    return values;
}

} // namespace pagewalk::app
