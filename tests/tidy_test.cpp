// Tidy: the tables of src/README.md are the rules of this tree, and this test holds the tree to
// them. It checks structure, never taste; each message names the rule and the way out.
// The second half plants violations into small made-up trees: a check that finds nothing there is
// broken.
#include <algorithm>
#include <cstdio>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.h"

namespace {

namespace fs = std::filesystem;

struct File {
    std::string path;  // from the top of the tree, with '/'
    std::string text;
};
using Tree = std::vector<File>;

struct Finding {
    std::string where;
    std::string message;
};
using Findings = std::vector<Finding>;

bool is_identifier(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_cpp(std::string_view path) { return path.ends_with(".cpp") || path.ends_with(".h"); }

// The program: not its tests, not its scripts.
bool is_source(std::string_view path) {
    return is_cpp(path) && (path.starts_with("src/") || path.starts_with("roles/"));
}

// "src/http/head.h" -> "http", "roles/edge.cpp" -> "roles".
std::string folder_of(std::string_view path) {
    if (path.starts_with("src/")) path.remove_prefix(4);
    return std::string(path.substr(0, path.find('/')));
}

std::string at_line(const std::string& path, std::string_view text, std::size_t offset) {
    const auto line = std::count(text.begin(), text.begin() + static_cast<long>(offset), '\n') + 1;
    return path + ":" + std::to_string(line);
}

// ---- C++ as text ----------------------------------------------------------------------------

enum class Strings { keep, blank };

// The text with comments (and string contents, if wanted) replaced by spaces; lines stay lines.
std::string strip(std::string_view text, Strings strings) {
    std::string out(text);
    const auto blank = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to && i < out.size(); ++i)
            if (out[i] != '\n') out[i] = ' ';
    };
    const auto end_of = [&](std::string_view mark, std::size_t from) {
        const auto found = text.find(mark, from);
        return found == std::string_view::npos ? text.size() : found + mark.size();
    };
    for (std::size_t i = 0; i < text.size();) {
        const auto rest = text.substr(i);
        if (rest.starts_with("//")) {
            const std::size_t end = std::min(text.find('\n', i), text.size());
            blank(i, end);
            i = end;
        } else if (rest.starts_with("/*")) {
            const std::size_t end = end_of("*/", i + 2);
            blank(i, end);
            i = end;
        } else if (rest.starts_with("R\"") && (i == 0 || !is_identifier(text[i - 1]))) {
            const std::size_t open = std::min(text.find('(', i), text.size());
            const std::string close = ")" + std::string(text.substr(i + 2, open - i - 2)) + "\"";
            const std::size_t end = end_of(close, open);
            if (strings == Strings::blank) blank(open, end);
            i = end;
        } else if (text[i] == '"' ||
                   // Not the separator of 1'000.
                   (text[i] == '\'' && (i == 0 || !is_identifier(text[i - 1])))) {
            std::size_t end = i + 1;
            while (end < text.size() && text[end] != text[i] && text[end] != '\n')
                end += text[end] == '\\' ? 2 : 1;
            if (strings == Strings::blank) blank(i + 1, end);
            i = end + 1;
        } else {
            ++i;
        }
    }
    return out;
}

struct Include {
    std::string name;
    bool is_own = false;  // written with quotes
    std::string where;
};

std::vector<Include> includes_of(const File& file) {
    std::vector<Include> all;
    std::istringstream lines(strip(file.text, Strings::keep));
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        std::string_view rest = line;
        const auto skip_spaces = [&] {
            rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
        };
        skip_spaces();
        if (!rest.starts_with("#")) continue;
        rest.remove_prefix(1);
        skip_spaces();
        if (!rest.starts_with("include")) continue;
        rest.remove_prefix(7);
        skip_spaces();
        if (rest.empty() || (rest[0] != '<' && rest[0] != '"')) continue;
        const auto end = rest.find(rest[0] == '<' ? '>' : '"', 1);
        all.push_back({std::string(rest.substr(1, end - 1)), rest[0] == '"',
                       file.path + ":" + std::to_string(number)});
    }
    return all;
}

// Offsets where `word` stands as a whole word. "name(" finds calls and declarations of free
// functions, not members; "#word" finds preprocessor lines.
std::vector<std::size_t> find_word(std::string_view code, std::string_view word) {
    const bool is_call = word.ends_with('(');
    const bool is_directive = word.starts_with('#');
    if (is_call) word.remove_suffix(1);
    if (is_directive) word.remove_prefix(1);
    std::vector<std::size_t> found;
    for (std::size_t at = code.find(word); at != std::string_view::npos;
         at = code.find(word, at + 1)) {
        std::size_t next = at + word.size();
        if (next < code.size() && is_identifier(code[next]) && is_identifier(word.back())) continue;
        if (at > 0 && is_identifier(code[at - 1]) && is_identifier(word.front())) continue;
        std::size_t before = at;
        while (before > 0 && (code[before - 1] == ' ' || code[before - 1] == '\t')) --before;
        const char previous = before == 0 ? '\n' : code[before - 1];
        if (is_directive && previous != '#') continue;
        if (is_call) {
            while (next < code.size() && (code[next] == ' ' || code[next] == '\n')) ++next;
            if (next == code.size() || code[next] != '(') continue;
            if (previous == '.' || previous == '>') continue;
        }
        found.push_back(at);
    }
    return found;
}

// ---- the tables of src/README.md --------------------------------------------------------------

using Row = std::vector<std::string>;  // cells

// The rows of the first table under the heading, without its head.
std::vector<Row> read_table(std::string_view readme, std::string_view heading) {
    std::vector<Row> rows;
    std::istringstream lines{std::string(readme)};
    std::string line;
    const std::string wanted = "## " + std::string(heading);
    bool is_inside = false;
    int row_count = 0;
    while (std::getline(lines, line)) {
        if (line.starts_with("## ")) is_inside = line == wanted;
        if (!is_inside) continue;
        if (!line.starts_with("|")) {
            if (row_count > 0) break;
            continue;
        }
        if (++row_count <= 2) continue;  // head and rule
        Row row;
        std::istringstream cells(line.substr(1));
        for (std::string cell; std::getline(cells, cell, '|');) row.push_back(cell);
        rows.push_back(std::move(row));
    }
    return rows;
}

// What stands between backticks.
std::vector<std::string> in_backticks(std::string_view cell) {
    std::vector<std::string> all;
    for (std::size_t open = cell.find('`'); open != std::string_view::npos;
         open = cell.find('`', open)) {
        const std::size_t close = cell.find('`', open + 1);
        if (close == std::string_view::npos) break;
        all.emplace_back(cell.substr(open + 1, close - open - 1));
        open = close + 1;
    }
    return all;
}

// Whether a source lies in one of the places: "net/" (a folder), "base/log.cpp" (a file),
// "base/json*" (files that begin so).
bool is_at_home(std::string_view path, const std::vector<std::string>& places) {
    if (path.starts_with("src/")) path.remove_prefix(4);
    return std::any_of(places.begin(), places.end(), [&](std::string_view place) {
        if (place.ends_with('*')) {
            place.remove_suffix(1);
            return path.starts_with(place);
        }
        return place.ends_with('/') ? path.starts_with(place) : path == place;
    });
}

std::string joined(const std::vector<std::string>& places) {
    if (places.empty()) return "nowhere";
    std::string text;
    for (const auto& place : places) text += (text.empty() ? "" : ", ") + place;
    return text;
}

struct Home {
    std::vector<std::string> names;  // includes, or words
    std::vector<std::string> places;
    std::string reason;
};

struct Rules {
    std::map<std::string, int> floors;  // folder -> floor
    std::vector<Home> libraries;
    std::vector<Home> words;
    std::map<std::string, std::vector<std::string>> short_lists;  // file -> folders
    std::map<std::string, std::string> untested;                  // source -> reason
};

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

std::vector<Home> read_homes(std::string_view readme, std::string_view heading) {
    std::vector<Home> homes;
    for (const Row& row : read_table(readme, heading))
        if (row.size() >= 3)
            homes.push_back({in_backticks(row[0]), in_backticks(row[1]), trimmed(row[2])});
    return homes;
}

Rules read_rules(std::string_view readme) {
    Rules rules;
    for (const Row& row : read_table(readme, "Map"))
        if (row.size() >= 2)
            for (const auto& folder : in_backticks(row[1]))
                rules.floors[folder.substr(0, folder.find('/'))] = std::atoi(row[0].c_str());
    rules.libraries = read_homes(readme, "Homes of libraries");
    rules.words = read_homes(readme, "Words with one home");
    for (const Row& row : read_table(readme, "Short lists"))
        if (row.size() >= 2 && !in_backticks(row[0]).empty())
            rules.short_lists[in_backticks(row[0])[0]] = in_backticks(row[1]);
    for (const Row& row : read_table(readme, "Sources without a test of their own"))
        if (row.size() >= 2)
            for (const auto& source : in_backticks(row[0]))
                rules.untested[source] = trimmed(row[1]);
    return rules;
}

// ---- checks ----------------------------------------------------------------------------------

std::string_view text_of(const Tree& tree, std::string_view path) {
    for (const File& file : tree)
        if (file.path == path) return file.text;
    return {};
}

bool has_file(const Tree& tree, std::string_view path) {
    return std::any_of(tree.begin(), tree.end(),
                       [&](const File& file) { return file.path == path; });
}

void check_floors(const File& file, const Rules& rules, Findings& findings) {
    const std::string own = folder_of(file.path);
    const auto own_floor = rules.floors.find(own);
    if (own_floor == rules.floors.end()) return;  // the map's check speaks of it
    for (const Include& include : includes_of(file)) {
        if (!include.is_own) continue;
        const std::string other = folder_of(include.name);
        const auto floor = rules.floors.find(other);
        if (include.name.find('/') == std::string::npos || floor == rules.floors.end())
            findings.push_back({include.where, "\"" + include.name +
                                                   "\" is not written from src/: write "
                                                   "\"folder/file.h\" of a folder in the map"});
        else if (other != own && floor->second >= own_floor->second)
            findings.push_back(
                {include.where, own + "/ (floor " + std::to_string(own_floor->second) +
                                    ") includes " + other + "/ (floor " +
                                    std::to_string(floor->second) +
                                    "): a file uses its own folder and lower floors only. Move "
                                    "the shared part down, or pass it in from roles/"});
    }
}

void check_libraries(const File& file, const Rules& rules, Findings& findings) {
    for (const Include& include : includes_of(file)) {
        if (include.is_own) continue;
        const Home* home = nullptr;
        std::size_t best_bytes = 0;
        for (const Home& candidate : rules.libraries)
            for (const std::string& name : candidate.names) {
                const bool is_match =
                    name.ends_with('/') ? include.name.starts_with(name) : include.name == name;
                if (!is_match || name.size() < best_bytes) continue;
                best_bytes = name.size();
                home = &candidate;
            }
        if (home != nullptr) {
            if (!is_at_home(file.path, home->places))
                findings.push_back({include.where, "<" + include.name + "> belongs to " +
                                                       joined(home->places) + ": " + home->reason});
        } else if (include.name.find_first_of("./") != std::string::npos) {
            findings.push_back(
                {include.where, "<" + include.name +
                                    "> has no home: give the library a row under \"Homes of "
                                    "libraries\" in src/README.md"});
        }
    }
}

void check_words(const File& file, const Rules& rules, Findings& findings) {
    const std::string code = strip(file.text, Strings::blank);
    for (const Home& word : rules.words) {
        if (is_at_home(file.path, word.places)) continue;
        for (const std::string& name : word.names)
            for (const std::size_t at : find_word(code, name))
                findings.push_back(
                    {at_line(file.path, code, at),
                     name + " belongs to " + joined(word.places) + ": " + word.reason});
    }
}

void check_short_list(const File& file, const Rules& rules, Findings& findings) {
    const auto list = rules.short_lists.find(file.path);
    if (list == rules.short_lists.end()) return;
    for (const Include& include : includes_of(file))
        if (include.is_own && !is_at_home(include.name, list->second))
            findings.push_back({include.where, "\"" + include.name +
                                                   "\" is not on the short list "
                                                   "of " +
                                                   file.path + " (" + joined(list->second) +
                                                   "): it must start without the rest"});
}

void check_map(const Tree& tree, const Rules& rules, Findings& findings) {
    std::set<std::string> folders;
    for (const File& file : tree)
        if (is_source(file.path)) folders.insert(folder_of(file.path));
    for (const std::string& folder : folders)
        if (!rules.floors.contains(folder))
            findings.push_back({"src/README.md", "the folder " + folder +
                                                     "/ is not in the map: add its row with floor "
                                                     "and purpose"});
    for (const auto& [folder, floor] : rules.floors)
        if (!folders.contains(folder))
            findings.push_back({"src/README.md", "the map has " + folder +
                                                     "/, which does not exist: remove the row"});
}

// A map that names files which are not there leads astray.
void check_named_files(const Tree& tree, Findings& findings) {
    const std::string_view readme = text_of(tree, "src/README.md");
    for (const std::string& name : in_backticks(readme)) {
        const bool is_file = is_cpp(name) || name.ends_with(".build");
        if (!is_file || name.find_first_of("<*> ") != std::string::npos) continue;
        if (name.find('/') == std::string::npos && name != "meson.build") continue;
        if (!has_file(tree, name) && !has_file(tree, "src/" + name))
            findings.push_back({"src/README.md", "names " + name +
                                                     ", which does not exist: say where that is "
                                                     "now"});
    }
}

// "src/platform/process_posix.cpp" -> "tests/platform/process_test.cpp".
std::string test_of(std::string_view source) {
    std::string path(source.starts_with("src/") ? source.substr(4) : source);
    path.resize(path.size() - std::string_view(".cpp").size());
    for (const std::string_view system : {"_linux", "_macos", "_posix", "_windows"})
        if (path.ends_with(system)) path.resize(path.size() - system.size());
    return "tests/" + path + "_test.cpp";
}

void check_tests(const Tree& tree, const Rules& rules, Findings& findings) {
    for (const File& file : tree) {
        if (!is_source(file.path) || !file.path.ends_with(".cpp")) continue;
        const std::string name = file.path.substr(file.path.starts_with("src/") ? 4 : 0);
        const std::string test = test_of(file.path);
        const bool is_tested = has_file(tree, test);
        const bool is_excused =
            std::any_of(rules.untested.begin(), rules.untested.end(),
                        [&](const auto& row) { return is_at_home(name, {row.first}); });
        if (!is_tested && !is_excused)
            findings.push_back({file.path, "has no " + test +
                                               ": write it, or give the reason under \"Sources "
                                               "without a test of their own\" in src/README.md"});
        if (is_tested && rules.untested.contains(name))
            findings.push_back({"src/README.md", name + " has a test now: remove its excuse"});
    }
    for (const auto& [source, reason] : rules.untested) {
        const auto is_that = [&, place = source](const File& file) {
            return is_source(file.path) && is_at_home(file.path, {place});
        };
        if (reason.empty() || std::none_of(tree.begin(), tree.end(), is_that))
            findings.push_back({"src/README.md", source + " is excused from a test, but has no "
                                                          "reason or does not exist"});
    }
}

// A file that no list names is neither compiled nor run, and nobody notices.
void check_build_lists(const Tree& tree, Findings& findings) {
    const std::string_view build = text_of(tree, "meson.build");
    for (const File& file : tree) {
        const bool is_unit = is_source(file.path) && file.path.ends_with(".cpp");
        const bool is_test = file.path.starts_with("tests/") && file.path.ends_with("_test.cpp");
        const bool is_fuzz =
            file.path.starts_with("tests/fuzz/") && file.path.ends_with("_fuzz.cpp");
        if (!is_unit && !is_test && !is_fuzz) continue;
        std::string name = fs::path(file.path).stem().string();
        if (is_unit) {
            // Listed by the name without its system.
            if (!find_word(build, name).empty()) continue;
            for (const std::string_view system : {"_linux", "_macos", "_windows"})
                if (name.ends_with(system)) name.resize(name.size() - system.size());
        } else if (file.path != "tests/tidy_test.cpp") {
            name.resize(name.rfind('_'));
        }
        if (find_word(build, name).empty())
            findings.push_back({file.path, "is in no list of meson.build: it is never built"});
    }
}

// Made-up keys in fixtures must not have the shape of real ones: scanners and people could not
// tell them apart, and one day it is a real one.
void check_secrets(const File& file, Findings& findings) {
    struct Shape {
        std::string prefix;
        std::size_t least_bytes;  // of what follows
    };
    // Written in two pieces, so that this file does not find itself.
    static const std::vector<Shape> shapes{
        {std::string("s") + "k-", 20},   {std::string("AI") + "za", 30},
        {std::string("xa") + "i-", 20},  {std::string("gh") + "p_", 30},
        {std::string("gho") + "_", 30},  {std::string("github") + "_pat_", 22},
        {std::string("AK") + "IA", 16},  {std::string("gs") + "k_", 20},
        {std::string("xo") + "xb-", 20}, {std::string("h") + "f_", 30},
    };
    for (const Shape& shape : shapes)
        for (std::size_t at = file.text.find(shape.prefix); at != std::string::npos;
             at = file.text.find(shape.prefix, at + 1)) {
            if (at > 0 && (is_identifier(file.text[at - 1]) || file.text[at - 1] == '-')) continue;
            std::size_t end = at + shape.prefix.size();
            while (end < file.text.size() &&
                   (is_identifier(file.text[end]) || file.text[end] == '-'))
                ++end;
            if (end - at - shape.prefix.size() >= shape.least_bytes)
                findings.push_back({at_line(file.path, file.text, at),
                                    "has the shape of a real key (" + shape.prefix +
                                        "...): invent one that is short or says what it is"});
        }
    const std::string block = std::string("PRIVATE KEY") + "-----\nM";
    const std::size_t at = file.text.find(block);
    if (at != std::string::npos)
        findings.push_back({at_line(file.path, file.text, at),
                            "holds a private key: make one at run time instead"});
}

bool is_path_letter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

// What ties the tree to one machine or one network.
void check_machine(const File& file, const std::vector<std::string>& machine_paths,
                   Findings& findings) {
    static const std::vector<std::string> registries{
        std::string("registry.npm") + "js.org",     std::string("pypi") + ".org",
        std::string("files.python") + "hosted.org", std::string("proxy.golang") + ".org",
        std::string("sum.golang") + ".org",         std::string("crates") + ".io",
        std::string("rubygems") + ".org",           std::string("deb.debian") + ".org",
        std::string("security.debian") + ".org",    std::string("archive.ubuntu") + ".com",
        std::string("repo1.maven") + ".org",
    };
    const auto find = [&](const std::string& text, const std::string& message) {
        const std::size_t at = file.text.find(text);
        if (at != std::string::npos)
            findings.push_back({at_line(file.path, file.text, at), text + " " + message});
    };
    for (const auto& registry : registries)
        find(registry, "names a package registry: which one is used is the machine's setting");
    // Only where it begins: with the tree in /work, "/home/me/work/" is nobody's path.
    for (const auto& path : machine_paths) {
        std::size_t at = file.text.find(path);
        while (at != std::string::npos && at > 0 && is_path_letter(file.text[at - 1]))
            at = file.text.find(path, at + 1);
        if (at != std::string::npos)
            findings.push_back({at_line(file.path, file.text, at),
                                path + " is a path of this machine: use a relative one, or an "
                                       "invented example"});
    }
}

// The file and the words in it that say that a test of this name is there. "failopen.stop.word" is
// `test_word` of tests/e2e/failopen/stop.py; "tls/engine_test: title" a test case of
// tests/tls/engine_test.cpp whose name begins so.
std::pair<std::string, std::string> place_of_test(std::string name) {
    if (const auto colon = name.find(": "); colon != std::string::npos)
        return {"tests/" + name.substr(0, colon) + ".cpp", "TEST_CASE(\"" + name.substr(colon + 2)};
    const auto dot = name.rfind('.');
    if (dot == std::string::npos) return {};
    const std::string function = "def test_" + name.substr(dot + 1) + "(";
    name.resize(dot);
    std::replace(name.begin(), name.end(), '.', '/');
    return {"tests/e2e/" + name + ".py", function};
}

constexpr std::string_view tests_readme = "tests/README.md";

// Each pitfall names a test that is there, or says in words why there is none.
void check_pitfalls(const Tree& tree, Findings& findings) {
    const std::string where{tests_readme};
    for (const Row& row : read_table(text_of(tree, tests_readme), "Pitfalls")) {
        if (row.size() < 3) {
            findings.push_back({where, "a pitfall without its test: " + trimmed(row[0])});
            continue;
        }
        const auto names = in_backticks(row[2]);
        if (names.empty() && trimmed(row[2]).size() < 10)
            findings.push_back({where, "pitfall " + trimmed(row[0]) +
                                           " names no test: name one, or say why there is none"});
        for (const auto& name : names) {
            const auto [file, words] = place_of_test(name);
            if (file.empty() || text_of(tree, file).find(words) == std::string_view::npos)
                findings.push_back({where, "pitfall " + trimmed(row[0]) + " names " + name +
                                               ", which is not there: it was renamed or removed"});
        }
    }
}

Findings check(const Tree& tree, const std::vector<std::string>& machine_paths = {}) {
    Findings findings;
    const Rules rules = read_rules(text_of(tree, "src/README.md"));
    check_map(tree, rules, findings);
    check_tests(tree, rules, findings);
    check_build_lists(tree, findings);
    check_named_files(tree, findings);
    check_pitfalls(tree, findings);
    for (const File& file : tree) {
        check_secrets(file, findings);
        check_machine(file, machine_paths, findings);
        if (!is_source(file.path)) continue;
        check_floors(file, rules, findings);
        check_libraries(file, rules, findings);
        check_words(file, rules, findings);
        check_short_list(file, rules, findings);
    }
    return findings;
}

// ---- the real tree -----------------------------------------------------------------------------

fs::path source_root() {
    if (const char* root = std::getenv("HALTON_SOURCE_ROOT")) return root;
    return fs::path(__FILE__).parent_path().parent_path();
}

// What belongs to the repository: no build folders, no fetched subprojects, no hidden folders
// but those of continuous integration.
bool is_walked(const std::string& path) {
    if (path.starts_with("build") && path.find('/') == std::string::npos) return false;
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.starts_with('.') && name != ".ci" && name != ".github") return false;
    if (path.starts_with("subprojects/") && path != "subprojects/packagefiles" &&
        !path.starts_with("subprojects/packagefiles/"))
        return false;
    return name != "node_modules" && name != "__pycache__";
}

Tree read_tree(const fs::path& root) {
    Tree tree;
    auto walk = fs::recursive_directory_iterator(root);
    for (; walk != fs::recursive_directory_iterator(); ++walk) {
        const std::string path = fs::relative(walk->path(), root).generic_string();
        if (walk->is_directory()) {
            if (!is_walked(path)) walk.disable_recursion_pending();
        } else if (walk->is_regular_file()) {
            std::ifstream in(walk->path(), std::ios::binary);
            tree.push_back({path, {std::istreambuf_iterator<char>(in), {}}});
        }
    }
    return tree;
}

// Where this copy stands and who built it: neither may be written into a file.
std::vector<std::string> paths_of_this_machine(const fs::path& root) {
    std::vector<std::string> paths;
    const auto add = [&](const fs::path& path) {
        const std::string text = path.generic_string() + "/";
        if (std::count(text.begin(), text.end(), '/') > 1) paths.push_back(text);
    };
    const fs::path absolute = fs::canonical(root);
    add(absolute);
    add(absolute.parent_path());
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        add(fs::path(home));
    return paths;
}

}  // namespace

TEST_CASE("the tree keeps the rules of src/README.md") {
    const fs::path root = source_root();
    const Tree tree = read_tree(root);
    const Rules rules = read_rules(text_of(tree, "src/README.md"));
    // An unreadable table would switch its rule off.
    REQUIRE(rules.floors.size() >= 10);
    REQUIRE(rules.libraries.size() >= 10);
    REQUIRE(rules.words.size() >= 6);
    REQUIRE(rules.short_lists.contains("roles/edge.cpp"));
    REQUIRE(has_file(tree, "roles/edge.cpp"));
    REQUIRE(read_table(text_of(tree, tests_readme), "Pitfalls").size() == 50);
    const Findings findings = check(tree, paths_of_this_machine(root));
    // As a compiler writes them, so that editors find the places.
    for (const Finding& finding : findings)
        std::fprintf(stderr, "%s: %s\n", finding.where.c_str(), finding.message.c_str());
    CHECK(findings.size() == 0);
}

// ---- canaries ----------------------------------------------------------------------------------

namespace {

const std::string small_readme = R"(# Map of a made-up program

## Map

| Floor | Folder | What |
|---|---|---|
| 0 | `base/` | ground |
| 1 | `http/` | bytes |
| 1 | `tls/` | more bytes |
| 3 | `platform/` | the system |
| 4 | `net/` | sockets |
| 6 | `roles/` | roof |

Words in between.

## Homes of libraries

| Included as | Home | Reason |
|---|---|---|
| `asio/` | `net/` `roles/` | pure code has no sockets |
| `asio.hpp` | | it costs seconds a file |
| `llhttp.h` | `http/` | one home |
| `json.h` | `base/json*` | one home |

## Words with one home

| Word | Home | Reason |
|---|---|---|
| `co_spawn` | `net/task_group.cpp` | no unsupervised task |
| `getenv(` | `platform/` | values are passed in |
| `system(` | | no shell |
| `std::thread` | `net/blocking.cpp` | few threads |
| `#if` `#ifdef` `#ifndef` | `platform/` | one file a system |

## Short lists

| File | May include | Reason |
|---|---|---|
| `roles/edge.cpp` | `base/` `net/` | starts alone |

## Sources without a test of their own

| Source | Reason |
|---|---|
| `roles/edge.cpp` | end to end |
)";

Tree clean_tree() {
    Tree tree{
        {"src/README.md", small_readme},
        {"meson.build",
         "base: 'text' http: 'head' tls: 'leaf' platform_specific = 'socket' "
         "net: 'blocking task_group' roles: 'edge'"},
        {"src/base/text.cpp", "#include \"base/text.h\"\n// getenv(\"HOME\") is not called\n"},
        {"src/base/text.h", "#pragma once\n#include <string>\n"},
        {"src/http/head.cpp",
         "#include <llhttp.h>\n#include \"base/text.h\"\n"
         "const char* help = \"system(x) co_spawn\";\n"},
        {"src/tls/leaf.cpp", "int a = 1'000; char quote = '\"'; // co_spawn\n"},
        {"src/platform/socket_linux.cpp", "#ifdef X\n#endif\nauto home = getenv(\"HOME\");\n"},
        {"src/net/task_group.cpp", "#include <asio/co_spawn.hpp>\nvoid f() { co_spawn(); }\n"},
        {"src/net/blocking.cpp", "std::thread worker;\n"},
        {"roles/edge.cpp", "#include \"net/task_group.h\"\nvoid f() { machine.system(1); }\n"},
    };
    for (const char* test : {"base/text", "http/head", "tls/leaf", "platform/socket",
                             "net/blocking", "net/task_group"})
        tree.push_back({"tests/" + std::string(test) + "_test.cpp", "TEST_CASE(\"x\") {}\n"});
    return tree;
}

// The clean tree with one file's text replaced or added.
Tree with(const std::string& path, const std::string& text) {
    Tree tree = clean_tree();
    for (File& file : tree)
        if (file.path == path) {
            file.text = text;
            return tree;
        }
    tree.push_back({path, text});
    return tree;
}

Tree without(const std::string& path) {
    Tree tree = clean_tree();
    std::erase_if(tree, [&](const File& file) { return file.path == path; });
    return tree;
}

// Exactly one finding, which says this.
void check_found(const Tree& tree, const std::string& where, const std::string& words) {
    const Findings findings = check(tree, {"/machine/of/ann/"});
    INFO("looking for: " << words);
    for (const Finding& finding : findings) UNSCOPED_INFO(finding.where << ": " << finding.message);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].where == where);
    CHECK(findings[0].message.find(words) != std::string::npos);
}

}  // namespace

TEST_CASE("canary: a clean tree has no findings") {
    for (const Finding& finding : check(clean_tree(), {"/machine/of/ann/"})) {
        INFO(finding.where << ": " << finding.message);
        CHECK(finding.where.empty());
    }
}

TEST_CASE("canary: floors") {
    check_found(with("src/base/text.h", "#include \"http/head.h\"\n"), "src/base/text.h:1",
                "lower floors only");
    check_found(with("src/http/head.cpp", "\n# include \"tls/leaf.h\"\n"), "src/http/head.cpp:2",
                "http/ (floor 1) includes tls/ (floor 1)");
    check_found(with("src/tls/leaf.cpp", "#include \"roles/edge.h\"\n"), "src/tls/leaf.cpp:1",
                "lower floors only");
    check_found(with("src/http/head.cpp", "#include \"head.h\"\n"), "src/http/head.cpp:1",
                "not written from src/");
    check_found(with("src/http/head.cpp", "#include \"../base/text.h\"\n"), "src/http/head.cpp:1",
                "not written from src/");
}

TEST_CASE("canary: homes of libraries") {
    check_found(with("src/http/head.cpp", "#include <asio/awaitable.hpp>\n"), "src/http/head.cpp:1",
                "pure code has no sockets");
    check_found(with("src/net/task_group.cpp", "#include <asio.hpp>\n"), "src/net/task_group.cpp:1",
                "belongs to nowhere");
    check_found(with("src/base/text.h", "/* */ #include <llhttp.h>\n"), "src/base/text.h:1",
                "belongs to http/");
    check_found(with("src/base/text.h", "#include <json.h>\n"), "src/base/text.h:1",
                "belongs to base/json*");
    check_found(with("src/net/task_group.cpp", "#include <boost/any.hpp>\n"),
                "src/net/task_group.cpp:1", "has no home");
    check_found(with("roles/edge.cpp", "#include <unistd.h>\n"), "roles/edge.cpp:1", "has no home");
}

TEST_CASE("canary: words with one home") {
    check_found(with("src/base/text.cpp", "void f() {\n    asio::co_spawn(x);\n}\n"),
                "src/base/text.cpp:2", "no unsupervised task");
    check_found(with("src/base/text.cpp", "auto a = std::getenv(\"HOME\");\n"),
                "src/base/text.cpp:1", "values are passed in");
    check_found(with("src/platform/socket_linux.cpp", "int a = ::system (\"ls\");\n"),
                "src/platform/socket_linux.cpp:1", "no shell");
    check_found(with("src/net/task_group.cpp", "std::thread worker;\n"), "src/net/task_group.cpp:1",
                "few threads");
    check_found(with("src/base/text.cpp", "#  ifdef __linux__\n#endif\n"), "src/base/text.cpp:1",
                "one file a system");
    check_found(with("src/base/text.cpp", "const char* a = R\"x(\")x\"; void co_spawn();\n"),
                "src/base/text.cpp:1", "no unsupervised task");
}

TEST_CASE("canary: short lists") {
    check_found(with("roles/edge.cpp", "#include \"net/task_group.h\"\n#include \"tls/leaf.h\"\n"),
                "roles/edge.cpp:2", "not on the short list");
}

TEST_CASE("canary: the map equals the folders") {
    Tree extra = with("src/store/rows.h", "#pragma once\n");
    check_found(extra, "src/README.md", "store/ is not in the map");
    Tree gone = without("src/tls/leaf.cpp");
    std::erase_if(gone, [](const File& file) { return file.path == "tests/tls/leaf_test.cpp"; });
    check_found(gone, "src/README.md", "tls/, which does not exist");
}

TEST_CASE("canary: the files that the map names are there") {
    const std::string readme = std::string(small_readme) +
                               "\nSee `http/head.cpp`, `head.h`, "
                               "`net/<name>.cpp`, `http/gone.cpp`.\n";
    check_found(with("src/README.md", readme), "src/README.md", "names http/gone.cpp");
}

TEST_CASE("canary: every source has its test, and every excuse a reason") {
    check_found(without("tests/http/head_test.cpp"), "src/http/head.cpp",
                "has no tests/http/head_test.cpp");
    check_found(without("tests/platform/socket_test.cpp"), "src/platform/socket_linux.cpp",
                "has no tests/platform/socket_test.cpp");
    check_found(with("tests/roles/edge_test.cpp", ""), "src/README.md", "remove its excuse");
    std::string readme = small_readme;
    readme += "| `net/gone*` | hard |\n";
    check_found(with("src/README.md", readme), "src/README.md", "net/gone* is excused");
    readme = small_readme;
    readme.replace(readme.find("end to end"), 10, "");
    check_found(with("src/README.md", readme), "src/README.md", "no reason");
}

TEST_CASE("canary: what meson.build does not list is never built") {
    Tree tree = with("src/tls/pem.cpp", "");
    tree.push_back({"tests/tls/pem_test.cpp", ""});
    CHECK(check(tree).size() == 2);
    check_found(with("tests/fuzz/hello_fuzz.cpp", ""), "tests/fuzz/hello_fuzz.cpp", "never built");
}

TEST_CASE("canary: a pitfall's test is there") {
    const std::string head = "## Pitfalls\n\n| # | Must | Test |\n|---|---|---|\n";
    const auto with_row = [&](const std::string& row) {
        Tree tree = with("tests/README.md", head + row);
        tree.push_back({"tests/e2e/failopen/stop.py", "def test_all_goes_on(world):\n    pass\n"});
        return tree;
    };
    CHECK(check(with_row("| 1 | go on | `failopen.stop.all_goes_on`, `tls/leaf_test: x` |\n"))
              .empty());
    CHECK(check(with_row("| 1 | go on | no Windows yet |\n")).empty());
    check_found(with_row("| 1 | go on | |\n"), "tests/README.md", "names no test");
    check_found(with_row("| 1 | go on | `failopen.stop.all_goes` |\n"), "tests/README.md",
                "renamed or removed");
    check_found(with_row("| 1 | go on | `tls/leaf_test: y` |\n"), "tests/README.md",
                "renamed or removed");
    check_found(with_row("| 1 | go on | `stop` |\n"), "tests/README.md", "renamed or removed");
}

TEST_CASE("canary: keys and this machine") {
    const std::string tail = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (const std::string& prefix :
         {std::string("s") + "k-", std::string("s") + "k-ant-", std::string("AI") + "za",
          std::string("xa") + "i-", std::string("gh") + "p_"})
        check_found(with("tests/fixtures/a/request.http", "x\nkey: " + prefix + tail + "\n"),
                    "tests/fixtures/a/request.http:2", "shape of a real key");
    CHECK(check(with("tests/fixtures/a/request.http",
                     std::string("s") + "k-short and task-force-of-more-than-twenty-bytes\n"))
              .empty());
    check_found(
        with("tests/fixtures/ca.pem", std::string("-----BEGIN PRIVATE") + " KEY-----\nMII\n"),
        "tests/fixtures/ca.pem:1", "holds a private key");
    check_found(with("packaging/deps", std::string("fetch https://deb.debian") + ".org/x\n"),
                "packaging/deps:1", "names a package registry");
    check_found(with("packaging/deps", "\n\nroot=/machine/of/ann/main\n"), "packaging/deps:3",
                "is a path of this machine");
    CHECK(check(with("packaging/deps", "\n\nroot=/home/machine/of/ann/main\n")).empty());
}
