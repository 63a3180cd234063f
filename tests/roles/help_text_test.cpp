// Completions and manual pages are made of the real table: every verb and every flag of it is in
// them, and the shells that are installed accept them.
#include "roles/help_text.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "platform/process.h"
#include "roles/verb_table.h"
#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using roles::HelpPage;
using roles::Shell;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

HelpPage make_page(const char* command) {
    HelpPage page;
    page.command = command;
    page.help = "does it's [job]: well";
    page.list.program = std::string("halton-meter ") + command;
    page.list.about = "'tis about.\n.and a dot";
    page.list.flags = {{"by", "b", "day|week", "a group"},
                       {"out", "", "FILE", "where \\to"},
                       {"help", "h", "", "print this help"}};
    return page;
}

}  // namespace

TEST_CASE("help: every verb has a page with its flags, inner commands too") {
    const auto pages = roles::read_help_pages();
    std::set<std::string> commands;
    for (const auto& page : pages) commands.insert(page.command);
    for (const auto& verb : roles::verbs()) {
        INFO(verb.name);
        REQUIRE(commands.count(std::string(verb.name)) == 1);
        const auto page = std::find_if(pages.begin(), pages.end(), [&](const HelpPage& one) {
            return one.command == verb.name;
        });
        const bool has_inner = std::any_of(pages.begin(), pages.end(), [&](const HelpPage& one) {
            return one.command.starts_with(std::string(verb.name) + ' ');
        });
        CHECK((has_inner || !page->list.flags.empty()));
        CHECK((has_inner || !page->list.about.empty()));
    }
    for (const char* inner : {"pricing list", "pricing import", "projects rename"})
        CHECK(commands.count(inner) == 1);
    const auto merge = std::find_if(pages.begin(), pages.end(), [](const HelpPage& one) {
        return one.command == "projects merge";
    });
    CHECK(merge->list.names == "from into");
    CHECK(has(merge->help, "Makes one project of two"));
}

TEST_CASE("help: every visible verb and flag is in the completions and on a page") {
    const auto pages = roles::read_help_pages();
    const auto bash = roles::to_completions(pages, Shell::bash);
    const auto zsh = roles::to_completions(pages, Shell::zsh);
    const auto fish = roles::to_completions(pages, Shell::fish);
    const auto whole = roles::to_man_page(pages, "").value();
    for (const auto& page : pages) {
        INFO(page.command);
        const auto own = roles::to_man_page(pages, page.command);
        REQUIRE(own);
        for (const auto& flag : page.list.flags) {
            INFO(flag.name);
            std::string in_troff = "--" + flag.name;
            for (std::size_t at = 0; (at = in_troff.find('-', at)) != std::string::npos; at += 2)
                in_troff.insert(at, "\\");
            CHECK(has(*own, in_troff));
            if (page.is_hidden) continue;
            CHECK(has(bash, "--" + flag.name));
            CHECK(has(zsh, "'--" + flag.name + "["));
            // Of this very command.
            const auto lines = lines_of(fish);
            const auto verb = page.command.substr(0, page.command.find(' '));
            CHECK(std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
                return has(line, "from " + verb) && has(line, "-l " + flag.name + " ");
            }));
        }
        if (page.is_hidden || has(page.command, " ")) continue;
        CHECK(has(bash, page.command + " | \""));
        CHECK(has(zsh, "'" + page.command + ":"));
        CHECK(has(fish, "-a " + page.command + " -d"));
        std::string in_troff = page.command;
        for (std::size_t at = 0; (at = in_troff.find('-', at)) != std::string::npos; at += 2)
            in_troff.insert(at, "\\");
        CHECK(has(whole, "\\fB" + in_troff + "\\fR"));
    }
    // What is hidden is not offered.
    CHECK_FALSE(has(bash, "userenv"));
    CHECK_FALSE(has(fish, "userenv"));
    CHECK_FALSE(roles::to_man_page(pages, "no-such-verb"));
}

TEST_CASE("help: marks of the shells and of troff do no harm") {
    const std::vector<HelpPage> pages{make_page("report")};
    const auto bash = roles::to_completions(pages, Shell::bash);
    CHECK(has(bash, "--by) COMPREPLY=($(compgen -W \"day week\""));
    CHECK(has(bash, "--out) COMPREPLY=($(compgen -f"));
    const auto zsh = roles::to_completions(pages, Shell::zsh);
    CHECK(has(zsh, "'report:does it'\\''s \\[job\\]\\: well'"));
    CHECK(has(zsh, "'--by[a group]:day|week:(day week)'"));
    CHECK(has(roles::to_completions(pages, Shell::fish), "-x -a 'day week' -d 'a group'"));
    const auto page = roles::to_man_page(pages, "report").value();
    CHECK(has(page, "\\&'tis about.\n\\&.and a dot"));
    CHECK(has(page, "where \\eto"));
    CHECK(has(page, "\\fB\\-b\\fR, \\fB\\-\\-by\\fR \\fIday|week\\fR"));
}

TEST_CASE("help: the shells that are here accept what is printed") {
    const test::TempDirectory directory;
    const auto pages = roles::read_help_pages();
    struct Case {
        const char* name;
        Shell shell;
    };
    for (const Case& each :
         {Case{"bash", Shell::bash}, {"zsh", Shell::zsh}, {"fish", Shell::fish}}) {
        if (!platform::has_program(each.name)) continue;
        INFO(each.name);
        const auto file = directory / each.name;
        const auto check = [&](const std::string& script) {
            test::write_text(file, script);
            const auto done = platform::run_program({each.name, "-n", file.string()},
                                                    platform::read_environment(), 10'000);
            return done ? done->exit_code : -1;
        };
        const auto script = roles::to_completions(pages, each.shell);
        CHECK(check(script) == 0);
        // The check can fail.
        CHECK(check(script + "if (((\n") != 0);
    }
    if (!platform::has_program("groff")) return;
    for (const auto& page : pages) {
        INFO(page.command);
        test::write_text(directory / "page", roles::to_man_page(pages, page.command).value());
        const auto done = platform::run_program(
            {"groff", "-man", "-ww", "-Tascii", (directory / "page").string()},
            platform::read_environment(), 10'000);
        REQUIRE(done);
        CHECK(done->exit_code == 0);
        CHECK(done->errors.empty());
    }
}

TEST_CASE("help: bash completes verbs, flags, choices and inner commands") {
    if (!platform::has_program("bash")) return;
    const test::TempDirectory directory;
    test::write_text(directory / "script",
                     roles::to_completions(roles::read_help_pages(), Shell::bash));
    const auto complete = [&](const std::string& words, int at) {
        const auto command = fmt::format(
            "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _halton_meter; echo "
            "\"${{COMPREPLY[@]}}\"",
            (directory / "script").string(), words, at);
        const auto done =
            platform::run_program({"bash", "-c", command}, platform::read_environment(), 10'000);
        return done ? done->output : std::string("failed");
    };
    CHECK(complete("halton-meter rep", 1) == "report reprice\n");
    CHECK(complete("halton-meter report --vs", 2) == "--vs-previous\n");
    CHECK(complete("halton-meter pricing s", 2) == "show\n");
    CHECK(has(complete("halton-meter pricing list --pro", 3), "--provider"));
    CHECK(complete("halton-meter completions z", 2) == "zsh\n");
    CHECK(has(complete("halton-meter man pri", 2), "pricing"));
}
