#include <fmt/format.h>

#include "setup/layers/environment.h"
#include "setup/layers/parts.h"
#include "setup/layers/rows.h"
#include "setup/rc_block.h"

namespace halton::setup::layers {
namespace {

struct RcFile {
    std::string path;
    std::string name;  // of its backup
    Shell shell;
    bool is_made;  // also when it is not there: this is the log-in shell's
};

std::string value_of(const Facts& facts, std::string_view name) {
    const auto found = facts.environment.find(name);
    return found == facts.environment.end() ? std::string() : found->second;
}

bool is_login_shell(const Facts& facts, std::string_view name) {
    const auto shell = value_of(facts, "SHELL");
    return shell == name || shell.ends_with("/" + std::string(name));
}

std::vector<RcFile> rc_files(const Facts& facts) {
    auto zsh_folder = value_of(facts, "ZDOTDIR");
    if (zsh_folder.empty() || zsh_folder.front() != '/') zsh_folder = facts.folders.user_home;
    while (zsh_folder.size() > 1 && zsh_folder.back() == '/') zsh_folder.pop_back();
    // Where .bashrc is looked for does not depend on anything.
    return {{facts.folders.user_home + "/.bashrc", "bashrc", Shell::posix,
             is_login_shell(facts, "bash")},
            {zsh_folder + "/.zshrc", "zshrc", Shell::posix, is_login_shell(facts, "zsh")},
            {facts.folders.user_config + "/fish/config.fish", "config.fish", Shell::fish,
             is_login_shell(facts, "fish")}};
}

std::string backup_of(const Facts& facts, const RcFile& rc) {
    return facts.folders.in_data("backup/" + rc.name);
}

std::string body_for(const Facts& facts, Shell shell) {
    return make_block_body(shell, {.bundle_file = facts.folders.in_data("ca-bundle.pem"),
                                   .variables = tool_variables(facts),
                                   .keeps_foreign_proxy = !facts.has_upstream_proxy});
}

Questions ask(const Facts& facts) {
    auto questions = ask_environment(facts);
    for (const auto& rc : rc_files(facts)) {
        questions.files.push_back(rc.path);
        questions.files.push_back(backup_of(facts, rc));
    }
    questions.files.push_back(facts.folders.in_data("no-shell-rc"));
    return questions;
}

bool is_handled(const Facts& facts, const RcFile& rc) {
    const auto state = facts.file(rc.path).state;
    return state == FileFact::State::present || (state == FileFact::State::missing && rc.is_made);
}

// `--no-shell-rc` is remembered, so that doctor does not ask for what nobody wants.
std::string refusal_note(const Facts& facts) { return facts.folders.in_data("no-shell-rc"); }

Finding judge(const Facts& facts) {
    if (!is_wanted(facts, Mode::apps)) {
        for (const auto& rc : rc_files(facts))
            if (find_block_body(facts.file(rc.path).text))
                return odd("rc.left", fmt::format("our block is left in {}", rc.path),
                           facts.recorded_mode() == Mode::none ? "halton-meter uninstall"
                                                               : init_command(facts));
        return off("only with --apps");
    }
    if (is_present(facts, refusal_note(facts))) return off("left out with --no-shell-rc");
    for (const auto& rc : rc_files(facts)) {
        if (facts.file(rc.path).state == FileFact::State::unreadable)
            return unknown("rc.unreadable", fmt::format("{} cannot be read", rc.path),
                           fmt::format("ls -l {}", quote_for_shell(rc.path)));
        if (!is_handled(facts, rc)) continue;
        const auto body = find_block_body(facts.file(rc.path).text);
        if (!body)
            return odd("rc.missing", fmt::format("{} has no block of ours", rc.path),
                       init_command(facts));
        if (*body != body_for(facts, rc.shell))
            return odd("rc.differs", fmt::format("our block in {} is an old one", rc.path),
                       init_command(facts));
    }
    return good();
}

void add_block_removal(std::vector<Step>& steps, const Facts& facts, const RcFile& rc) {
    const auto& file = facts.file(rc.path);
    if (file.state != FileFact::State::present) return;
    const auto rest = without_block(file.text);
    if (!rest) return;
    if (rest->is_file_ours && file.link_target.empty()) {
        steps.push_back(RemoveFile{rc.path});
        if (parent_of(rc.path) != facts.folders.user_home)
            steps.push_back(RemoveFolderIfEmpty{parent_of(rc.path)});
    } else {
        steps.push_back(WriteFile{rc.path, rest->text, 0});
    }
    if (is_present(facts, backup_of(facts, rc))) {
        steps.push_back(RemoveFile{backup_of(facts, rc)});
        steps.push_back(RemoveFolderIfEmpty{parent_of(backup_of(facts, rc))});
    }
}

std::vector<Step> remove_all(const Facts& facts) {
    std::vector<Step> steps;
    for (const auto& rc : rc_files(facts)) add_block_removal(steps, facts, rc);
    return steps;
}

std::vector<Step> plan_apply(const Facts& facts, const Wish& wish) {
    if (!wish.with_shell_rc) {
        auto steps = remove_all(facts);
        add_file(steps, facts, refusal_note(facts), "written by halton-meter init\n", 0600, {});
        return steps;
    }
    std::vector<Step> steps;
    add_removal(steps, facts, refusal_note(facts));
    for (const auto& rc : rc_files(facts)) {
        if (!is_handled(facts, rc)) continue;
        const auto& file = facts.file(rc.path);
        const bool is_new = file.state == FileFact::State::missing;
        const auto text = with_block(file.text, body_for(facts, rc.shell), is_new);
        if (text == file.text) continue;
        if (is_new) {
            if (parent_of(rc.path) != facts.folders.user_home)
                steps.push_back(MakeFolder{parent_of(rc.path), 0755});
        } else if (!find_block_body(file.text) && !is_present(facts, backup_of(facts, rc))) {
            steps.push_back(MakeFolder{parent_of(backup_of(facts, rc)), 0700});
            steps.push_back(WriteFile{backup_of(facts, rc), file.text, 0600});
        }
        steps.push_back(WriteFile{rc.path, text, 0});
    }
    return steps;
}

std::vector<Step> plan_remove(const Facts& facts, const Wish&) {
    auto steps = remove_all(facts);
    add_removal(steps, facts, refusal_note(facts));
    return steps;
}

}  // namespace

const Layer shell_rc{
    "shell-rc",
    "shell block",
    "marked lines in .bashrc, .zshrc and config.fish: new terminals go through the "
    "edge and trust its CA, as long as the bundle is there",
    true,
    true,
    Mode::apps,
    "bundle edge-unit edge-agent",
    ask,
    judge,
    plan_apply,
    plan_remove};

}  // namespace halton::setup::layers
