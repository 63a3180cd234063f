#include "meter/attribution.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "config/haltonrc.h"
#include "config/slug.h"
#include "meter/project_registry.h"
#include "meter/redaction.h"

namespace halton::meter {
namespace {

// What is shown of a path or a value.
constexpr std::size_t shown_bytes_max = 160;

std::string shown(std::string_view text) { return to_safe_text(text, shown_bytes_max); }

std::string_view base_name(std::string_view path) {
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    return path.substr(path.rfind('/') + 1);
}

bool is_inside(std::string_view path, std::string_view folder) {
    if (folder.empty() || path.substr(0, folder.size()) != folder) return false;
    return path.size() == folder.size() || folder.back() == '/' || path[folder.size()] == '/';
}

struct Question {
    const ClientProcess& process;
    std::string_view default_project;
    const ProjectRegistry* registry;
};

// A tier's word: with a slug it has answered.
struct Answer {
    std::optional<std::string> slug;
    std::string reason;
    std::string folder;
    const ProjectFiles* files = nullptr;  // whose branch counts; none: the working directory's
};

Answer no_answer(std::string reason) { return {std::nullopt, std::move(reason), {}, nullptr}; }

Answer from_variable(const std::optional<std::string>& value) {
    if (!value) return no_answer("HALTON_PROJECT is not set");
    auto slug = config::parse_slug(*value);
    // Neither stored nor shown.
    if (holds_secret(*value)) return no_answer("HALTON_PROJECT has the form of a key");
    if (!slug) return no_answer(fmt::format("HALTON_PROJECT=\"{}\" is no slug", shown(*value)));
    return {std::move(slug), "HALTON_PROJECT", {}, nullptr};
}

// A file without a usable project does not end the walk: the next one up may have one.
Answer from_haltonrcs(const ProjectFiles& files) {
    for (const auto& file : files.haltonrcs)
        if (auto project = config::parse_haltonrc(file.text).project)
            return {std::move(project),
                    shown(file.folder == "/" ? "/.haltonrc" : file.folder + "/.haltonrc"),
                    file.folder, &files};
    if (files.haltonrcs.empty()) return no_answer("no .haltonrc on the way up");
    return no_answer(fmt::format("{} .haltonrc on the way up, none names a usable project",
                                 files.haltonrcs.size()));
}

Answer from_repository(const ProjectFiles& files) {
    if (files.git_directory_parent.empty()) return no_answer("no .git on the way up");
    std::string reason = "repository " + shown(files.git_directory_parent);
    if (!files.git_work_tree.empty() && files.git_work_tree != files.git_directory_parent)
        reason += ", worktree " + shown(files.git_work_tree);
    if (!files.git_branch.empty()) reason += ", branch " + shown(files.git_branch);
    auto slug = to_slug(base_name(files.git_directory_parent));
    if (!slug) return no_answer(reason + ": its name makes no slug");
    return {std::move(slug), std::move(reason), files.git_directory_parent, &files};
}

Answer from_environment(const Question& question) {
    return from_variable(question.process.halton_project);
}

Answer from_haltonrc(const Question& question) { return from_haltonrcs(question.process.files); }

// Whether the working directory belongs to something else than the editor's folder. An editor's
// first command line outlives its first window, and its terminals go anywhere.
bool is_contradicted(const ClientProcess& process, const std::string& folder) {
    const auto& at = process.working_directory;
    const auto& tree = process.files.git_work_tree;
    if (at.empty() || is_inside(at, folder) || tree.empty()) return false;
    return !is_inside(folder, tree);
}

Answer from_ide(const Question& question) {
    const auto& ide = question.process.ide;
    if (!ide || ide->folders.empty()) return no_answer("no editor above it names a folder");
    const auto who = fmt::format("{} (pid {})", shown(ide->ide), ide->pid);
    if (ide->folders.size() > 1) {
        std::string names;
        for (const auto& folder : ide->folders)
            names += (names.empty() ? "" : ", ") + shown(folder.folder);
        return no_answer(fmt::format("{} has several windows: {}", who, to_safe_text(names, 300)));
    }
    const auto& path = ide->folders.front();
    std::string reason = fmt::format("{} has {} open", who, shown(path.folder));
    if (path.is_remote) {
        auto slug = to_slug(base_name(path.folder));
        if (!slug) return no_answer(reason + ": its name makes no slug");
        return {std::move(slug), reason + " on another machine", {}, nullptr};
    }
    if (is_contradicted(question.process, path.folder))
        return no_answer(fmt::format("{}, and the working directory is in another repository, {}",
                                     reason, shown(question.process.files.git_work_tree)));
    auto answer = from_haltonrcs(ide->files);
    if (!answer.slug) answer = from_repository(ide->files);
    if (!answer.slug) {
        auto slug = to_slug(base_name(path.folder));
        if (!slug) return no_answer(reason + ": its name makes no slug");
        return {std::move(slug), std::move(reason), path.folder, &ide->files};
    }
    answer.reason = fmt::format("{}: {}", reason, answer.reason);
    return answer;
}

Answer from_git(const Question& question) { return from_repository(question.process.files); }

Answer from_labels(const Question& question, bool is_argument, const char* none) {
    std::string refused;
    for (const auto& label : question.process.labels) {
        if (label.is_argument != is_argument) continue;
        auto slug = to_slug(label.text);
        const auto folder = slug && question.registry != nullptr ? question.registry->find(*slug)
                                                                 : std::string_view();
        if (!folder.empty())
            return {std::move(slug),
                    fmt::format("label \"{}\", known as {}", shown(label.text), shown(folder)),
                    std::string(folder), nullptr};
        refused = fmt::format("label \"{}\" is not the name of a known folder", shown(label.text));
    }
    return no_answer(refused.empty() ? none : std::move(refused));
}

Answer from_environment_label(const Question& question) {
    return from_labels(question, false, "no editor's label in its environment");
}

Answer from_argument_label(const Question& question) {
    return from_labels(question, true, "no editor's label on a command line above it");
}

// The questions that make sense of somebody else: not the names of folders.
Answer from_ancestors(const Question& question) {
    for (const auto& ancestor : question.process.ancestors) {
        auto answer = from_variable(ancestor.halton_project);
        if (!answer.slug) answer = from_haltonrcs(ancestor.files);
        if (!answer.slug) answer = from_repository(ancestor.files);
        if (!answer.slug) continue;
        answer.reason =
            fmt::format("{} (pid {}): {}", shown(ancestor.executable), ancestor.pid, answer.reason);
        return answer;
    }
    const auto& process = question.process;
    const auto count = process.ancestors.size();
    const auto asked = count == 0   ? std::string("no parent to ask")
                       : count == 1 ? std::string("its parent says nothing")
                                    : fmt::format("{} parents say nothing", count);
    const auto& end = process.ancestors_end;
    return no_answer(end.empty() ? asked
                                 : fmt::format("{}; the way up ended at {}", asked, shown(end)));
}

Answer from_container(const Question& question) {
    auto slug = container_slug(question.process.container);
    if (!slug) return no_answer("in no container");
    return {std::move(slug), "control group or a container's mark", {}, nullptr};
}

Answer from_app_sandbox(const Question& question) {
    auto slug = app_sandbox_slug(question.process.working_directory);
    if (!slug) return no_answer("in no macOS app container");
    return {std::move(slug), shown(question.process.working_directory), {}, nullptr};
}

Answer from_working_directory(const Question& question) {
    const auto& at = question.process.working_directory;
    if (at.empty()) return no_answer("the working directory is unknown");
    auto slug = to_slug(base_name(at));
    if (!slug) return no_answer(fmt::format("{}: its name makes no slug", shown(at)));
    return {std::move(slug), shown(at), {}, nullptr};
}

Answer from_default(const Question& question) {
    return {std::string(question.default_project), "[tagging] default_project", {}, nullptr};
}

// Order is meaning: the first answer wins.
struct Tier {
    std::string_view number;
    std::string_view layer;
    Answer (*ask)(const Question&);
};

constexpr std::array<Tier, 11> tiers{{
    {"1", "env", from_environment},
    {"2", "rcfile", from_haltonrc},
    {"3", "parent_ide_sniff", from_ide},
    {"4a", "git", from_git},
    {"4b", "ide_env_label", from_environment_label},
    {"4c", "ide_argv_label", from_argument_label},
    {"5", "parent_walk", from_ancestors},
    {"6", "container", from_container},
    {"6.5", "mac_sandbox", from_app_sandbox},
    {"7", "workdir", from_working_directory},
    {"8", "smart_default", from_default},
}};

}  // namespace

namespace {

// A key that somebody made a name of is no name.
Answer ask(const Tier& tier, const Question& question) {
    auto answer = tier.ask(question);
    if (answer.slug && holds_secret(*answer.slug))
        return no_answer("its name has the form of a key");
    return answer;
}

}  // namespace

Attribution attribute(const ClientProcess& process, std::string_view default_project,
                      const ProjectRegistry* registry) {
    const Question question{process, default_project, registry};
    for (const auto& tier : tiers) {
        auto answer = ask(tier, question);
        if (!answer.slug) continue;
        const auto& files = answer.files != nullptr ? *answer.files : process.files;
        return {std::move(*answer.slug), std::string(tier.layer), std::move(answer.folder),
                to_safe_text(files.git_branch, limits::git_branch_bytes_max)};
    }
    return {std::string(default_project), "smart_default", {}, {}};
}

bool is_settled_without_ancestors(const ClientProcess& process) {
    const Question question{process, {}, nullptr};
    for (const auto& tier : tiers) {
        if (tier.ask == from_ancestors) return false;
        if (ask(tier, question).slug) return true;
    }
    return true;
}

std::vector<LayerAnswer> explain(const ClientProcess& process, std::string_view default_project,
                                 const ProjectRegistry* registry) {
    const Question question{process, default_project, registry};
    std::vector<LayerAnswer> answers;
    for (const auto& tier : tiers) {
        auto answer = ask(tier, question);
        answers.push_back(
            {tier.number, tier.layer, std::move(answer.slug), std::move(answer.reason)});
    }
    return answers;
}

std::optional<bool> find_body_capture(const ClientProcess& process) {
    const auto nearest = [](const ProjectFiles& files) -> std::optional<bool> {
        for (const auto& file : files.haltonrcs)
            if (const auto word = config::parse_haltonrc(file.text).body_capture) return word;
        return std::nullopt;
    };
    if (const auto word = nearest(process.files)) return word;
    return process.ide ? nearest(process.ide->files) : std::nullopt;
}

std::optional<std::string> to_slug(std::string_view text) {
    const std::string lower = to_lower(text);
    const bool has_dots = config::is_generated_form(lower);
    std::string slug;
    for (const char c : lower) {
        if (slug.size() == limits::slug_bytes_max) break;
        if (config::is_slug_character(c) || (c == '.' && has_dots))
            slug += c;
        else if (!slug.empty() && slug.back() != '-')
            slug += '-';
    }
    const auto first = slug.find_first_not_of('-');
    if (first == std::string::npos) return std::nullopt;
    slug = slug.substr(first, slug.find_last_not_of('-') - first + 1);
    if (!config::is_slug(slug)) return std::nullopt;
    return slug;
}

}  // namespace halton::meter
