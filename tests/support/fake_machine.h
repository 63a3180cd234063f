// A machine made of facts: carries out steps on them as platform/apply.h does on a real one, so
// that plans can be run to any step, repeated and undone without a file or a process. What commands
// do to it is told by the test.
#pragma once

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "setup/layers.h"

namespace halton::test {

class FakeMachine {
public:
    setup::Facts facts;
    // Answers to questions, asked anew each time.
    std::function<setup::CommandFact(const setup::Argv&)> ask = [](const setup::Argv&) {
        return setup::CommandFact{};
    };
    std::function<setup::ListenerFact(std::uint16_t)> ask_port = [](std::uint16_t) {
        return setup::ListenerFact{};
    };
    // What commands and processes change; false: the command fails.
    std::function<bool(const setup::Argv&)> run = [](const setup::Argv&) { return true; };
    std::function<void(const std::string& role, bool is_started)> on_process =
        [](const std::string&, bool) {};
    std::function<void()> make_authority = [] {};
    std::function<void()> make_bundle = [] {};
    std::vector<std::string> ran;  // command lines

    using Files = std::map<std::string, setup::FileFact, std::less<>>;
    Files files;  // the disk

    setup::Facts look() {
        facts.files.clear();
        facts.commands.clear();
        facts.listeners.clear();
        for (;;) {
            const auto questions = setup::ask_all(facts);
            if (questions.files.empty() && questions.commands.empty() &&
                questions.listeners.empty())
                return facts;
            for (const auto& path : questions.files) {
                const auto found = files.find(path);
                facts.files[path] = found == files.end() ? setup::FileFact{} : found->second;
            }
            for (const auto& argv : questions.commands) facts.commands[argv] = ask(argv);
            for (const auto port : questions.listeners) facts.listeners[port] = ask_port(port);
        }
    }

    void put(const std::string& path, std::string text, unsigned permissions = 0644) {
        setup::FileFact file;
        file.state = setup::FileFact::State::present;
        file.text = std::move(text);
        file.permissions = permissions;
        file.owner_uid = facts.uid;
        files[path] = file;
    }
    void put_folder(const std::string& path, unsigned permissions = 0755) {
        setup::FileFact folder;
        folder.state = setup::FileFact::State::folder;
        folder.permissions = permissions;
        folder.owner_uid = facts.uid;
        files[path] = folder;
    }

    // The first `count` steps of a plan.
    void carry_out(const setup::Plan& plan, std::size_t count = ~std::size_t{0}) {
        for (std::size_t i = 0; i < plan.size() && i < count; ++i)
            std::visit([this](const auto& step) { apply(step); }, plan[i].step);
    }

private:
    bool is_in_data(const std::string& path) const {
        return path == facts.folders.data || path.starts_with(facts.folders.data + "/");
    }
    static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

    void apply(const setup::MakeFolder& step) {
        std::vector<std::string> missing;
        for (auto at = step.path; !at.empty() && !files.contains(at); at = parent(at))
            missing.insert(missing.begin(), at);
        for (const auto& folder : missing) {
            put_folder(folder, step.permissions);
            if (!is_in_data(folder)) made_.insert(folder);
        }
        note_made();
    }
    void note_made() {
        std::string text;
        for (const auto& folder : made_) text += folder + "\n";
        if (text.empty())
            files.erase(facts.folders.made_folders_file());
        else
            put(facts.folders.made_folders_file(), text, 0600);
    }
    void apply(const setup::WriteFile& step) {
        const auto found = files.find(step.path);
        const auto before = found == files.end() ? setup::FileFact{} : found->second;
        const bool is_new = before.state == setup::FileFact::State::missing;
        put(step.path, step.text,
            step.permissions != 0 ? step.permissions : (is_new ? 0644 : before.permissions));
        files[step.path].link_target = before.link_target;
    }
    void apply(const setup::SetPermissions& step) {
        files[step.path].permissions = step.permissions;
    }
    void apply(const setup::MakeLink& step) {
        setup::FileFact link;
        link.link_target = step.target;
        link.state = setup::FileFact::State::present;
        files[step.path] = link;
    }
    void apply(const setup::RemoveFile& step) {
        if (step.only_without.empty() || !files.contains(step.only_without)) files.erase(step.path);
    }
    void apply(const setup::RemoveFolderIfEmpty& step) {
        for (auto at = step.path; made_.contains(at) || (at == step.path && is_in_data(at));
             at = parent(at)) {
            const auto is_inside = [&](const auto& file) {
                return file.first.starts_with(at + "/");
            };
            if (std::any_of(files.begin(), files.end(), is_inside)) return;
            files.erase(at);
            made_.erase(at);
            note_made();
        }
    }
    void apply(const setup::ClearFolder& step) {
        std::erase_if(files, [&](const auto& file) {
            if (!file.first.starts_with(step.path + "/")) return false;
            const auto name = file.first.substr(step.path.size() + 1);
            return std::find(step.kept.begin(), step.kept.end(), name) == step.kept.end();
        });
    }
    void apply(const setup::RecordPorts& step) {
        put(facts.folders.in_data("effective-ports.json"),
            config::to_ports_file(step.ports, facts.now, "0"), 0600);
    }
    void run_command(const setup::Argv& argv) {
        std::string line;
        for (const auto& word : argv) line += (line.empty() ? "" : " ") + word;
        ran.push_back(line);
        (void)run(argv);
    }
    void apply(const setup::RunCommand& step) { run_command(step.argv); }
    void apply(const setup::AskAdmin& step) { run_command(step.argv); }
    void apply(const setup::MakeAuthority&) { make_authority(); }
    void apply(const setup::MakeBundle&) { make_bundle(); }
    void apply(const setup::StartProcess& step) { on_process(step.role, true); }
    void apply(const setup::StopProcess& step) { on_process(step.role, false); }
    void apply(const setup::AwaitHealth&) {}
    void apply(const setup::AwaitPort&) {}
    void apply(const setup::Notify&) {}

    std::set<std::string> made_;
};

}  // namespace halton::test
