#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"

namespace halton::setup::layers {
namespace {

Questions ask(const Facts& facts) { return {.files = {facts.folders.data}}; }

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

// The data stay; `uninstall --purge` says more.
std::vector<Step> plan_remove(const Facts&, const Wish&) { return {}; }

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
