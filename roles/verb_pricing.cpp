// `pricing`: the prices that calls are charged by: list, show, check, import.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "meter/price_import.h"
#include "platform/files.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/price_text.h"
#include "roles/prices.h"
#include "roles/report_text.h"
#include "roles/verbs.h"
#include "store/reports.h"

namespace halton::roles {
namespace {

constexpr const char* usage =
    "Shows and changes the prices that calls are charged by.\n"
    "Usage:\n"
    "  halton-meter pricing list [TEXT]    prices of today, of models whose name has TEXT in it\n"
    "  halton-meter pricing show MODEL     every price of one model\n"
    "  halton-meter pricing check          what is old, wrong or missing\n"
    "  halton-meter pricing import FILE    take a price file in LiteLLM's form as a local set\n"
    "Each of them knows --help. Negotiated prices go into config.toml as [[pricing.override]].\n";

// An installation's prices, with its warnings already on stderr.
struct Loaded {
    platform::Home home;
    Prices prices;
    std::size_t warning_count = 0;
    UtcTime now;
};

Result<Loaded> load() {
    auto home = platform::find_home();
    if (!home) return fail(home.error());
    const UtcTime now = system_clock().now_utc();
    const auto parsed = platform::read_config(*home);
    Loaded loaded{std::move(*home), read_prices(*home, parsed.config, now), 0, now};
    auto warnings = parsed.warnings;
    warnings.insert(warnings.end(), loaded.prices.warnings.begin(), loaded.prices.warnings.end());
    for (const auto& warning : warnings) fmt::print(stderr, "halton-meter: {}\n", warning);
    loaded.warning_count = warnings.size();
    return loaded;
}

int report_failure(const Error& error) {
    return roles::report_failure(error.context, "pricing --help");
}

int run_list(int argc, char** argv) {
    cxxopts::Options options("halton-meter pricing list", "Prices of today.\n");
    const auto text = [] { return cxxopts::value<std::string>()->default_value(""); };
    options.add_options()("provider", "only of this provider", text(), "NAME")(
        "text", "only models with this in their name", text(), "TEXT")(
        "json", "as one JSON object")("h,help", "print this help");
    options.parse_positional({"text"});
    options.positional_help("[TEXT]");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto loaded = load();
    if (!loaded) return report_failure(loaded.error());
    const PriceFilter filter{flags["provider"].as<std::string>(), flags["text"].as<std::string>(),
                             loaded->now};
    if (flags.count("json") > 0)
        fmt::print("{}", to_price_list_json(loaded->prices.book, filter));
    else
        fmt::print("{}", to_price_list(loaded->prices.book, filter, platform::terminal_columns()));
    return exit_done;
}

int run_show(int argc, char** argv) {
    constexpr const char* name = "halton-meter pricing show";
    cxxopts::Options options(name, "Every price of one model, as a call of that day is charged.\n");
    const auto text = [] { return cxxopts::value<std::string>(); };
    options.add_options()("model", "the model as answers name it", text(), "MODEL")(
        "provider", "only of this provider", text(), "NAME")(
        "at", "on that day, UTC (YYYY-MM-DD); today by default", text(), "DATE")(
        "json", "as one JSON object")("h,help", "print this help");
    options.parse_positional({"model"});
    options.positional_help("MODEL");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    if (flags.count("model") == 0) return report_usage_error(name, "which model?");
    const auto loaded = load();
    if (!loaded) return report_failure(loaded.error());
    UtcTime at = loaded->now;
    if (flags.count("at") > 0) {
        const auto day = parse_date(flags["at"].as<std::string>());
        if (!day) return report_usage_error(name, day.error().context.c_str());
        at = *day;
    }
    const auto model = flags["model"].as<std::string>();
    const auto& book = loaded->prices.book;
    std::set<std::string> providers;
    for (const auto& listed : book.rows()) providers.insert(listed.row->provider);
    for (const auto& entry : book.overrides()) providers.insert(entry.provider);
    if (flags.count("provider") > 0) providers = {flags["provider"].as<std::string>()};
    std::vector<meter::FoundPrice> found;
    for (const auto& provider : providers) {
        auto price = book.find({provider, model, meter::RequestKind::chat, "", at});
        // "Free for any model" is an answer only to those who ask for that provider.
        if (price && (price->row.model != "*" || flags.count("provider") > 0))
            found.push_back(std::move(*price));
    }
    if (flags.count("json") > 0) {
        fmt::print("{}", to_price_details_json(found, at));
        return found.empty() ? exit_failed : exit_done;
    }
    if (found.empty()) {
        const auto shown = to_safe_text(model, 80);
        fmt::print(
            stderr,
            "halton-meter: no price for '{}': its calls are recorded without a cost. Similar "
            "names: halton-meter pricing list {}\n",
            shown, shown.substr(0, shown.find('-', shown.find('-') + 1)));
        return exit_failed;
    }
    fmt::print("{}", to_price_details(found, at));
    return exit_done;
}

int run_check(int argc, char** argv) {
    cxxopts::Options options(
        "halton-meter pricing check",
        "Tells how old the prices are, what is wrong with local ones, and which "
        "models of the last 30 days have none. Asks nobody over the network.\n");
    options.add_options()("h,help", "print this help");
    if (const auto done = parse_flags(options, argc, argv)) return *done;
    const auto loaded = load();
    if (!loaded) return report_failure(loaded.error());
    const auto& book = loaded->prices.book;
    const auto age_of = [&](std::string_view date) {
        const auto day = parse_date(date);
        return day ? std::chrono::duration_cast<std::chrono::hours>(loaded->now - *day).count() / 24
                   : 0;
    };
    fmt::print("{}", to_sources_text(book));
    fmt::print("  {} prices; the list is {} days old\n", book.rows().size(),
               age_of(book.bundle_date()));
    if (!book.local_date().empty())
        fmt::print("  the local set is {} days old\n", age_of(book.local_date()));
    for (const auto& entry : book.overrides()) {
        const auto in_list = meter::PriceBook::bundled().find(
            {entry.provider, entry.model, meter::RequestKind::chat, "", loaded->now});
        if (!in_list)
            fmt::print(
                "  negotiated: {} {} is in no list; only what config.toml names is charged\n",
                to_safe_text(entry.provider, 40), to_safe_text(entry.model, 80));
    }
    if (loaded->warning_count > 0)
        fmt::print("  {} warning{}, see above\n", loaded->warning_count,
                   loaded->warning_count == 1 ? "" : "s");
    const auto unpriced = store::read_unpriced_models(loaded->home.database_file(),
                                                      loaded->now - std::chrono::hours(24 * 30));
    if (!unpriced && unpriced.error().kind != ErrorKind::not_found)
        return report_failure(unpriced.error());
    std::size_t count = 0;
    if (unpriced)
        for (const auto& model : *unpriced) {
            const auto now_known =
                book.find({model.provider, model.model, meter::RequestKind::chat, "", loaded->now});
            fmt::print("  no price: {} {}, {} call{} in 30 days{}\n",
                       to_safe_text(model.provider, 40),
                       model.model.empty() ? "(no model named)" : to_safe_text(model.model, 80),
                       model.requests, model.requests == 1 ? "" : "s",
                       now_known ? " (known by now: halton-meter reprice --since 30d)" : "");
            ++count;
        }
    if (count == 0 && loaded->warning_count == 0) fmt::print("  nothing is missing\n");
    return loaded->warning_count > 0 ? exit_failed : exit_done;
}

int run_price_import(int argc, char** argv) {
    constexpr const char* name = "halton-meter pricing import";
    cxxopts::Options options(
        name,
        "Takes a price file in LiteLLM's form (model_prices_and_context_window.json) as a local\n"
        "set, before the prices of this version. Replaces the set that was imported before.\n");
    options.add_options()("file", "the file", cxxopts::value<std::string>(), "FILE")(
        "clear", "remove the local set")("h,help", "print this help");
    options.parse_positional({"file"});
    options.positional_help("FILE");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const bool is_clear = flags.count("clear") > 0;
    if (is_clear == (flags.count("file") > 0))
        return report_usage_error(name, "wants a file, or --clear");
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error());
    if (is_clear) {
        std::error_code failed;
        const bool was_there = std::filesystem::remove(home->local_prices_file(), failed);
        if (failed)
            return report_failure(
                {ErrorKind::io, Leg::local,
                 fmt::format("{}: {}", home->local_prices_file().string(), failed.message())});
        fmt::print("{}\n", was_there
                               ? "The local set is removed; it counts until the daemon starts "
                                 "anew."
                               : "There is no local set.");
        return exit_done;
    }
    const auto file = flags["file"].as<std::string>();
    const auto text = platform::read_file(file, limits::price_import_bytes_max);
    if (!text) return report_failure(text.error());
    const auto today = to_iso8601(system_clock().now_utc()).substr(0, 10);
    const auto import = meter::import_litellm(*text, today);
    if (!import)
        return report_failure(
            {import.error().kind, Leg::local, fmt::format("{}: {}", file, import.error().context)});
    // What is written must be readable: a set that the daemon would refuse is never put there.
    if (const auto book = meter::PriceBook::parse(import->text); !book)
        return report_failure(book.error());
    if (const auto made = platform::make_home(*home); !made) return report_failure(made.error());
    const auto written =
        platform::write_file_atomically(home->local_prices_file(), import->text, 0600);
    if (!written) return report_failure(written.error());
    fmt::print("{}", to_import_text(*import, file));
    return exit_done;
}

}  // namespace

int run_pricing(int argc, char** argv) {
    const std::string_view word = argc > 1 ? argv[1] : "";
    if (word == "--help" || word == "-h" || word == "help") {
        fmt::print("halton-meter pricing\n{}", usage);
        return exit_done;
    }
    if (word == "list") return run_list(argc - 1, argv + 1);
    if (word == "show") return run_show(argc - 1, argv + 1);
    if (word == "check") return run_check(argc - 1, argv + 1);
    if (word == "import") return run_price_import(argc - 1, argv + 1);
    return report_usage_error("halton-meter pricing", "wants list, show, check or import");
}

}  // namespace halton::roles
