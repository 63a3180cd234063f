// `import`: calls that were made while nothing was metered, out of the transcripts that the tool
// itself keeps. Reads counts, models and times; what was said is skipped.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "meter/attribution.h"
#include "meter/transcript.h"
#include "platform/environment.h"
#include "platform/home.h"
#include "platform/project_files.h"
#include "roles/exit_code.h"
#include "roles/import_text.h"
#include "roles/prices.h"
#include "roles/verbs.h"
#include "store/import.h"
#include "store/projects.h"

namespace halton::roles {
namespace {

namespace fs = std::filesystem;
using meter::TranscriptKind;

constexpr const char* verb_name = "halton-meter import";
constexpr std::size_t read_bytes = 64 * 1024;

// Where the tool keeps them, unless it was told another place.
fs::path find_folder(TranscriptKind kind) {
    const fs::path user = platform::read_variable("HOME").value_or("");
    if (kind == TranscriptKind::codex) {
        const auto own = platform::read_variable("CODEX_HOME");
        return (own ? fs::path(*own) : user / ".codex") / "sessions";
    }
    const auto own = platform::read_variable("CLAUDE_CONFIG_DIR");
    return (own ? fs::path(*own) : user / ".claude") / "projects";
}

std::vector<fs::path> find_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code failed;
    const auto options = fs::directory_options::skip_permission_denied;
    for (fs::recursive_directory_iterator it(folder, options, failed), end; !failed && it != end;
         it.increment(failed)) {
        std::error_code ignored;
        if (it->path().extension() == ".jsonl" && it->is_regular_file(ignored))
            files.push_back(it->path());
    }
    // Names begin with dates or are random: either way the same order each time.
    std::sort(files.begin(), files.end());
    return files;
}

// Hands the lines on one by one, whatever the file's size. False: it cannot be read.
bool read_lines(const fs::path& file, meter::TranscriptReader& reader, ImportFiles& counts,
                const std::function<Result<void>(bool)>& on_some, Result<void>& done) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return false;
    std::string line;
    std::string chunk(read_bytes, '\0');
    bool is_too_long = false;
    const auto end_line = [&] {
        if (is_too_long)
            ++counts.long_lines;
        else
            reader.read(line);
        line.clear();
        is_too_long = false;
    };
    while (done && stream.read(chunk.data(), read_bytes).gcount() > 0) {
        std::string_view rest(chunk.data(), static_cast<std::size_t>(stream.gcount()));
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            const auto part = rest.substr(0, end);
            if (line.size() + part.size() > limits::transcript_line_bytes_max) {
                is_too_long = true;
                line.clear();
            }
            if (!is_too_long) line += part;
            if (end == std::string_view::npos) break;
            end_line();
            rest.remove_prefix(end + 1);
        }
        done = on_some(false);
    }
    if (!line.empty() || is_too_long) end_line();
    if (done) done = on_some(true);
    return true;
}

int run_tool(TranscriptKind kind, int argc, char** argv) {
    cxxopts::Options options(
        fmt::format("{} {}", verb_name, name_of(kind)),
        fmt::format("Adds calls of {} that were made while nothing was metered, as its own\n"
                    "transcripts tell them. Calls that were metered, or imported before, are left "
                    "alone.\n",
                    name_of(kind)));
    const auto text = [] { return cxxopts::value<std::string>(); };
    options.add_options()("dry-run", "only say what would be added")(
        "folder", "where the transcripts are, instead of the tool's own place", text(), "DIR")(
        "recent", "also calls of the last two minutes, which may still be running")(
        "billing", "who pays for these calls, where the ledger does not know", text(),
        "metered|plan")("json", "as one JSON object")("h,help", "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");
    store::ImportSettings settings;
    settings.is_dry = flags.count("dry-run") > 0;
    settings.takes_fresh = flags.count("recent") > 0;
    settings.now = system_clock().now_utc();
    if (flags.count("billing") > 0) {
        settings.billing = meter::parse_billing_mode(flags["billing"].as<std::string>());
        const bool is_known = settings.billing == meter::BillingMode::plan ||
                              settings.billing == meter::BillingMode::metered;
        if (!is_known)
            return report_usage_error(options.program().c_str(), "--billing wants metered or plan");
    }
    const fs::path folder =
        flags.count("folder") > 0 ? fs::path(flags["folder"].as<std::string>()) : find_folder(kind);
    const auto files = find_files(folder);
    if (files.empty())
        return report_failure(fmt::format("no transcript (*.jsonl) below {}", folder.string()),
                              fmt::format("import {} --folder <where they are>", name_of(kind)));
    const auto parsed = platform::read_config(*home);
    const Prices prices = read_prices(*home, parsed.config, settings.now);
    for (const auto& warning : prices.warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    settings.prices = &prices.book;
    settings.project_of = [&](const std::string& path) {
        meter::ClientProcess process;
        process.pid = 1;  // found; its folder is what is known
        process.working_directory = path;
        if (!path.empty()) process.files = platform::read_project_files(path);
        return meter::attribute(process, parsed.config.default_project).project_slug;
    };
    if (!settings.is_dry) {
        const auto made = platform::make_home(*home);
        if (!made) return report_failure(made.error().context, "doctor");
    }
    const auto importer = store::Importer::open(home->database_file(), std::move(settings));
    if (!importer) return report_failure(importer.error().context, "status");
    ImportFiles counts;
    Result<void> done;
    for (const auto& file : files) {
        meter::TranscriptReader reader(kind);
        const auto on_some = [&](bool is_end) { return (*importer)->add(reader.take(is_end)); };
        ++counts.files;
        if (!read_lines(file, reader, counts, on_some, done)) ++counts.unreadable;
        counts.malformed_lines += reader.malformed_count();
        if (!done) break;
    }
    if (done) done = (*importer)->finish();
    if (!done) return report_failure(done.error().context, fmt::format("import {}", name_of(kind)));
    const auto& sums = (*importer)->counts();
    const bool is_dry = flags.count("dry-run") > 0;
    fmt::print("{}", flags.count("json") > 0 ? to_import_json(kind, counts, sums, is_dry)
                                             : to_import_text(kind, counts, sums, is_dry));
    return exit_done;
}

}  // namespace

int run_import(int argc, char** argv) {
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word.empty() || word == "--help" || word == "-h") {
        fmt::print(
            "Adds calls that were made while nothing was metered, as the tool's own transcripts\n"
            "tell them.\nUsage:\n"
            "  halton-meter import claude-code [--dry-run]   ~/.claude/projects\n"
            "  halton-meter import codex [--dry-run]         ~/.codex/sessions\n"
            "Each of them knows --help.\n");
        return word.empty() ? exit_usage : exit_done;
    }
    const auto kind = meter::parse_transcript_kind(word);
    if (!kind)
        return report_usage_error(
            verb_name,
            fmt::format("no transcripts of '{}': claude-code or codex", to_safe_text(word, 40))
                .c_str());
    return run_tool(*kind, argc - 1, argv + 1);
}

}  // namespace halton::roles
