#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

Questions ask(const Facts& facts) {
    return {.files = {facts.folders.data, facts.folders.made_folders_file()}};
}

Finding judge(const Facts& facts) {
    const auto& folder = facts.file(facts.folders.data);
    if (folder.state == FileFact::State::missing)
        return broken("data.missing", fmt::format("{} is not there", facts.folders.data),
                      "halton-meter init");
    if (folder.state != FileFact::State::folder)
        return broken("data.not_a_folder", fmt::format("{} is not a folder", facts.folders.data),
                      fmt::format("ls -ld {}", quote_for_shell(facts.folders.data)));
    if (folder.owner_uid != facts.uid)
        return broken(
            "data.other_owner",
            fmt::format("{} belongs to uid {}", facts.folders.data, folder.owner_uid),
            fmt::format("sudo chown -R {} {}", facts.uid, quote_for_shell(facts.folders.data)));
    if ((folder.permissions & 077) != 0)
        return odd("data.readable_by_others",
                   fmt::format("{} is open to other users ({:04o})", facts.folders.data,
                               folder.permissions),
                   fmt::format("chmod 700 {}", quote_for_shell(facts.folders.data)));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    const auto& folder = facts.file(facts.folders.data);
    if (folder.state == FileFact::State::missing) return {MakeFolder{facts.folders.data, 0700}};
    if ((folder.permissions & 077) != 0) return {SetPermissions{facts.folders.data, 0700}};
    return {};
}

// The data stay; `uninstall --purge` says more. Folders that an init which was cut off had made
// for files that never came are nobody else's to remove.
std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    std::vector<std::string> folders;
    std::string_view rest = facts.file(facts.folders.made_folders_file()).text;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.starts_with("/")) folders.emplace_back(line);
    }
    // Inner ones first.
    std::sort(folders.begin(), folders.end(), std::greater<>());
    std::vector<Step> steps;
    for (auto& folder : folders) steps.push_back(RemoveFolderIfEmpty{std::move(folder)});
    return steps;
}

}  // namespace

const Layer data_folder{"data-folder",
                        "data folder",
                        "CA, database, settings and notes of this installation, for this user only",
                        true,
                        true,
                        Mode::env_only,
                        "",
                        ask,
                        judge,
                        plan_apply,
                        plan_remove};

}  // namespace halton::setup::layers
