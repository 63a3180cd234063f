#include <fmt/format.h>

#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/trust_stores.h"

// Chromium and what is made of it read this database on Linux, and no CA variable. It is made by
// the browser: without one there is nobody to trust for.
namespace halton::setup::layers {
namespace {

const std::string& root_of(const Facts& facts) { return facts.file(root_file(facts)).text; }
std::string database_file(const Facts& facts) {
    return facts.folders.user_home + "/.pki/nssdb/cert9.db";
}
// The names under which roots of ours stand there, one a line.
std::string note_file(const Facts& facts) { return facts.folders.in_data("trusted-nss"); }

Argv certutil(const Facts& facts, std::initializer_list<std::string> words) {
    Argv argv{"certutil", "-d", "sql:" + facts.folders.user_home + "/.pki/nssdb"};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

Argv ask_name(const Facts& facts, const std::string& name) {
    return certutil(facts, {"-L", "-n", name});
}

std::vector<std::string> noted(const Facts& facts) {
    std::vector<std::string> names;
    std::string_view rest = facts.file(note_file(facts)).text;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.starts_with("halton-meter ")) names.emplace_back(line);
    }
    return names;
}

bool has_database(const Facts& facts) {
    return facts.file(database_file(facts)).state != FileFact::State::missing;
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {root_file(facts), note_file(facts), database_file(facts)}};
    if (!has_database(facts)) return questions;
    if (!root_of(facts).empty())
        questions.commands.push_back(ask_name(facts, nss_name(root_of(facts))));
    for (const auto& name : noted(facts)) questions.commands.push_back(ask_name(facts, name));
    return questions;
}

bool is_listed(const Facts& facts, const std::string& name) {
    const auto& answer = facts.command(ask_name(facts, name));
    return answer.started && answer.exit_code == 0;
}

Finding judge(const Facts& facts) {
    if (!is_wanted(facts, Mode::full)) {
        for (const auto& name : noted(facts))
            if (is_listed(facts, name))
                return odd("nss.left", "our root is left in the browsers' database",
                           facts.recorded_mode() == Mode::none ? "halton-meter uninstall"
                                                               : init_command(facts));
        return off("only with --full");
    }
    if (!has_database(facts)) return off("no browser has made its database yet");
    const auto name = nss_name(root_of(facts));
    if (!facts.command(ask_name(facts, name)).started)
        return unknown("nss.no_tool", "certutil is not installed: browsers pass unmetered",
                       "sudo apt install libnss3-tools");
    if (!is_listed(facts, name))
        return odd("nss.missing", "browsers do not trust our CA: they pass unmetered",
                   init_command(facts));
    return good();
}

std::vector<Step> remove_names(const Facts& facts) {
    std::vector<Step> steps;
    for (const auto& name : noted(facts))
        if (is_listed(facts, name))
            steps.push_back(RunCommand{.argv = certutil(facts, {"-D", "-n", name})});
    return steps;
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    if (!has_database(facts)) return {};
    if (root_of(facts).empty())
        return {Notify{"once the CA is made, the browsers' database is told about it"}};
    const auto name = nss_name(root_of(facts));
    if (!facts.command(ask_name(facts, name)).started)
        return {
            Notify{"certutil is not installed (package libnss3-tools or nss-tools): Chromium "
                   "passes unmetered"}};
    if (is_listed(facts, name)) return {};
    auto steps = remove_names(facts);
    steps.push_back(WriteFile{note_file(facts), name + "\n", 0600});
    steps.push_back(
        RunCommand{.argv = certutil(facts, {"-A", "-t", "C,,", "-n", name, "-i", root_file(facts)}),
                   .undo = certutil(facts, {"-D", "-n", name})});
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    auto steps = remove_names(facts);
    add_removal(steps, facts, note_file(facts));
    return steps;
}

}  // namespace

const Layer nss_trust{
    "nss-trust",
    "browsers' trust",
    "our root in the user's NSS database, which Chromium reads, under a name with "
    "its hash",
    true,
    false,
    Mode::full,
    "authority",
    ask,
    judge,
    plan_apply,
    plan_remove};

}  // namespace halton::setup::layers
