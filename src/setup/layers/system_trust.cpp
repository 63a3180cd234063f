#include <fmt/format.h>

#include "base/text.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/trust_stores.h"

namespace halton::setup::layers {
namespace {

const std::string& root_of(const Facts& facts) { return facts.file(root_file(facts)).text; }
// The files that we put among the anchors, a path a line: also those of earlier roots.
std::string note_file(const Facts& facts) { return facts.folders.in_data("trusted-anchors"); }

const AnchorStore* find_store(const Facts& facts) {
    for (const auto& store : anchor_stores())
        if (facts.file(store.folder).state == FileFact::State::folder) return &store;
    return nullptr;
}

std::vector<std::string> noted(const Facts& facts) {
    std::vector<std::string> paths;
    std::string_view rest = facts.file(note_file(facts)).text;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        // As root it is removed: only what has the form of ours.
        for (const auto& store : anchor_stores())
            if (line.starts_with(store.folder + "/halton-meter-") && line.ends_with(".crt") &&
                line.find("..") == std::string_view::npos)
                paths.emplace_back(line);
    }
    return paths;
}

Questions ask(const Facts& facts) {
    Questions questions{.files = {root_file(facts), note_file(facts)}};
    for (const auto& store : anchor_stores()) {
        questions.files.push_back(store.folder);
        if (!root_of(facts).empty()) questions.files.push_back(anchor_file(store, root_of(facts)));
    }
    for (auto& path : noted(facts)) questions.files.push_back(std::move(path));
    return questions;
}

bool is_trusted(const Facts& facts, const AnchorStore& store) {
    return !root_of(facts).empty() &&
           facts.file(anchor_file(store, root_of(facts))).text == root_of(facts);
}

std::vector<Step> remove_paths(const Facts& facts, const std::vector<std::string>& paths) {
    std::vector<Step> steps;
    for (const auto& path : paths)
        if (facts.file(path).state != FileFact::State::missing)
            steps.push_back(
                AskAdmin{.argv = {"rm", "-f", path}, .why = "removes our root from the system's"});
    if (const auto* store = find_store(facts); store && !steps.empty())
        steps.push_back(
            AskAdmin{.argv = store->update, .why = "makes the system's bundle without our root"});
    return steps;
}

Finding judge(const Facts& facts) {
    const auto* store = find_store(facts);
    if (!is_wanted(facts, Mode::full)) {
        for (const auto& path : noted(facts))
            if (facts.file(path).state != FileFact::State::missing)
                return odd("trust.left", fmt::format("{} is left over", path),
                           facts.recorded_mode() == Mode::none ? "halton-meter uninstall"
                                                               : init_command(facts));
        return off("only with --full");
    }
    if (!store)
        return unknown("trust.unknown_system", "where this system keeps its roots is not known");
    if (!is_trusted(facts, *store))
        return odd("trust.missing", "the system does not trust our CA: its programs pass unmetered",
                   init_command(facts));
    return good();
}

std::vector<Step> plan_apply(const Facts& facts, const Wish&) {
    const auto* store = find_store(facts);
    if (!store)
        return {
            Notify{"where this system keeps its roots is not known: only tools that read our "
                   "variables trust the CA"}};
    if (is_trusted(facts, *store)) return {};
    // The names below carry its hash.
    if (root_of(facts).empty())
        return {Notify{fmt::format(
            "once the CA is made, it is put into {} (needs an administrator)", store->folder)}};
    auto paths = noted(facts);
    auto steps = remove_paths(facts, paths);
    const auto path = anchor_file(*store, root_of(facts));
    steps.push_back(WriteFile{note_file(facts), path + "\n", 0600});
    steps.push_back(AskAdmin{.argv = {"install", "-m", "0644", root_file(facts), path},
                             .why = "the system's programs then trust our CA",
                             .undo = {"rm", "-f", path}});
    steps.push_back(AskAdmin{.argv = store->update,
                             .why = "makes the system's bundle with our root",
                             .undo = store->update});
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    const auto paths = noted(facts);
    auto steps = remove_paths(facts, paths);
    // Without an administrator the anchor stays, and the next uninstall must still know of it.
    if (is_present(facts, note_file(facts)))
        steps.push_back(RemoveFile{note_file(facts), paths.empty() ? "" : paths.front()});
    return steps;
}

}  // namespace

const Layer system_trust{"system-trust",
                         "system's trust",
                         "our root among the distribution's anchors, under a name with its hash",
                         true,
                         false,
                         Mode::full,
                         "authority",
                         ask,
                         judge,
                         plan_apply,
                         plan_remove};

}  // namespace halton::setup::layers
