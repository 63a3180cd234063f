#include "setup/machine.h"

#include "base/text.h"

namespace halton::setup {
namespace {

template <class Map, class Key>
const typename Map::mapped_type& find_or_default(const Map& map, const Key& key) {
    static const typename Map::mapped_type missing{};
    const auto found = map.find(key);
    return found == map.end() ? missing : found->second;
}

}  // namespace

std::string_view to_text(Mode mode) {
    switch (mode) {
        case Mode::none: return "none";
        case Mode::env_only: return "env-only";
        case Mode::apps: return "apps";
        case Mode::full: return "full";
    }
    return "none";
}

std::optional<Mode> parse_mode(std::string_view text) {
    for (const Mode mode : {Mode::none, Mode::env_only, Mode::apps, Mode::full})
        if (trim(text) == to_text(mode)) return mode;
    return std::nullopt;
}

std::string Folders::in_data(std::string_view name) const { return data + "/" + std::string(name); }

const FileFact& Facts::file(std::string_view path) const { return find_or_default(files, path); }

const CommandFact& Facts::command(const Argv& argv) const {
    return find_or_default(commands, argv);
}

const ListenerFact& Facts::listener(std::uint16_t port) const {
    return find_or_default(listeners, port);
}

Mode Facts::recorded_mode() const {
    const auto& record = file(folders.in_data("install-mode"));
    if (record.state != FileFact::State::present) return Mode::none;
    return parse_mode(record.text).value_or(Mode::none);
}

}  // namespace halton::setup
