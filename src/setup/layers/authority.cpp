#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "tls/authority.h"

namespace halton::setup::layers {
namespace {

std::string folder_of(const Facts& facts) { return facts.folders.in_data("ca"); }
std::string key_of(const Facts& facts) { return facts.folders.in_data("ca/ca-key.pem"); }
std::string certificate_of(const Facts& facts) { return facts.folders.in_data("ca.pem"); }

Questions ask(const Facts& facts) {
    return {.files = {folder_of(facts), key_of(facts), certificate_of(facts)}};
}

bool is_open_to_others(const FileFact& file) { return (file.permissions & 077) != 0; }

Finding judge(const Facts& facts) {
    const auto& key = facts.file(key_of(facts));
    const auto& certificate = facts.file(certificate_of(facts));
    if (key.state == FileFact::State::missing || certificate.state == FileFact::State::missing) {
        const auto text = fmt::format("{} is not there", key.state == FileFact::State::missing
                                                             ? key_of(facts)
                                                             : certificate_of(facts));
        return broken("ca.missing", text, "halton-meter init");
    }
    if (key.state != FileFact::State::present || certificate.state != FileFact::State::present)
        return broken("ca.unreadable", fmt::format("{} cannot be read", key_of(facts)),
                      fmt::format("ls -l {}", quote_for_shell(key_of(facts))));
    if (is_open_to_others(key))
        return broken(
            "ca.key_readable",
            fmt::format("{} can be read by others ({:04o})", key_of(facts), key.permissions),
            fmt::format("chmod 600 {}", quote_for_shell(key_of(facts))));
    const auto loaded = tls::Authority::load({certificate.text, key.text});
    if (!loaded)
        return broken("ca.damaged", fmt::format("the CA does not load: {}", loaded.error().context),
                      "halton-meter init");
    if (!(*loaded)->covers(facts.hosts, facts.now))
        return broken("ca.outdated",
                      "the CA expires soon, or does not permit all hosts that are metered",
                      init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    std::vector<Step> steps;
    const auto finding = judge(facts);
    if (finding.code == "ca.key_readable") {
        steps.push_back(SetPermissions{key_of(facts), 0600});
    } else if (finding.health != Health::good) {
        steps.push_back(MakeAuthority{});
    }
    const auto& folder = facts.file(folder_of(facts));
    if (folder.state == FileFact::State::folder && is_open_to_others(folder))
        steps.push_back(SetPermissions{folder_of(facts), 0700});
    return steps;
}

// It stays: a new root would have to be trusted anew.
std::vector<Step> plan_remove(const Facts&, const Wish&) { return {}; }

}  // namespace

const Layer authority{"authority",
                      "local CA",
                      "the root of this installation, able to sign for the metered hosts only; its "
                      "key is readable by this user alone",
                      true,
                      true,
                      Mode::env_only,
                      "data-folder",
                      ask,
                      judge,
                      plan_apply,
                      plan_remove};

}  // namespace halton::setup::layers
