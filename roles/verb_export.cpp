// `export`: the calls of a period as CSV, JSON lines or Parquet, row by row with bounded memory.
// Works with the daemon up or down.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <system_error>

#include <fmt/format.h>
#include <cxxopts.hpp>

#include "base/limits.h"
#include "base/text.h"
#include "base/version.h"
#include "platform/files.h"
#include "platform/home.h"
#include "platform/terminal.h"
#include "roles/exit_code.h"
#include "roles/export_text.h"
#include "roles/period.h"
#include "roles/verbs.h"
#include "store/export.h"
#include "store/projects.h"

namespace halton::roles {
namespace {

constexpr const char* verb_name = "halton-meter export";
constexpr std::chrono::hours default_period{24 * 365 * 50};
constexpr std::size_t text_bytes_before_write = 256 * 1024;

// Where the bytes go: a file that gets its name when it is whole, or stdout.
class Output {
public:
    explicit Output(std::string file) : file_(std::move(file)), part_(file_ + ".part") {
        if (file_.empty()) return;
        stream_.open(part_, std::ios::binary | std::ios::trunc);
        // Who talked to whom, and how much, is the owner's business.
        std::error_code ignored;
        std::filesystem::permissions(
            part_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
            ignored);
    }
    ~Output() {
        if (file_.empty() || is_done_) return;
        stream_.close();
        std::error_code ignored;
        std::filesystem::remove(part_, ignored);
    }
    bool is_good() const { return out().good(); }
    bool write(const std::string& bytes) {
        out().write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return is_good();
    }
    bool finish() {
        out().flush();
        if (!is_good()) return false;
        if (file_.empty()) return true;
        stream_.close();
        std::error_code failed;
        std::filesystem::rename(part_, file_, failed);
        is_done_ = !failed;
        return is_done_;
    }

private:
    std::ostream& out() const {
        return file_.empty() ? std::cout : const_cast<std::ofstream&>(stream_);
    }
    std::string file_;
    std::string part_;
    std::ofstream stream_;
    bool is_done_ = false;
};

}  // namespace

int run_export(int argc, char** argv) {
    cxxopts::Options options(
        verb_name,
        "Writes every call of a period, one row each, as CSV, JSON lines or Parquet; all that\n"
        "there are by default. The columns: src/store/README.md.\n");
    const auto text = [] { return cxxopts::value<std::string>(); };
    options.add_options()("format", "csv, jsonl or parquet; else by the file's ending", text(),
                          "csv|jsonl|parquet")("out", "the file; stdout without it", text(),
                                               "FILE");
    add_period_flags(options);
    options.add_options()("project", "only this project", text(), "SLUG")("h,help",
                                                                          "print this help");
    cxxopts::ParseResult flags;
    if (const auto done = parse_flags(options, argc, argv, &flags)) return *done;
    const auto file = flags.count("out") > 0 ? flags["out"].as<std::string>() : std::string();
    std::string format = flags.count("format") > 0 ? flags["format"].as<std::string>() : "";
    if (format.empty()) {
        format = std::filesystem::path(file).extension().string();
        format.erase(0, 1);
        if (file.empty()) format = "csv";
    }
    if (format != "csv" && format != "jsonl" && format != "parquet")
        return report_usage_error(verb_name, "--format wants csv, jsonl or parquet");
    if (file.empty() && format == "parquet" && platform::is_stdout_terminal())
        return report_usage_error(verb_name, "Parquet is nothing for a terminal: add --out FILE");
    const auto period = read_period(flags, system_clock().now_utc(), default_period);
    if (!period) return report_usage_error(verb_name, period.error().context.c_str());
    const auto home = platform::find_home();
    if (!home) return report_failure(home.error().context, "doctor");

    store::ExportQuery query{std::max(period->from, UtcTime{}), period->to, std::nullopt};
    if (flags.count("project") > 0)
        query.project =
            store::find_current_slug(home->database_file(), flags["project"].as<std::string>());
    // The clock is for one page of rows.
    store::Reader reader(home->database_file(), std::chrono::minutes(2));
    const auto total = store::count_export(reader, query);
    if (!total && total.error().kind == ErrorKind::not_found)
        return report_failure("no call has been metered yet", "run -- <your tool>");
    if (!total) return report_failure(total.error().context, "status");

    Output output(file);
    if (!output.is_good())
        return report_failure(fmt::format("cannot write {}: {}", file, std::strerror(errno)),
                              "export --out <another file>");
    const bool has_bar = platform::is_stderr_terminal() && *total > limits::export_page_rows;
    const int columns = std::max(platform::terminal_columns(), 60);
    ParquetWriter parquet(to_parquet_columns(),
                          {{"halton.schema", fmt::format("{}", store::export_schema_number)},
                           {"halton.version", std::string(version())}});
    std::string pending;
    bool is_written = true;
    if (format == "csv") pending = to_csv_head();
    if (format == "parquet") pending = parquet.take_head();
    std::int64_t done_rows = 0;
    const auto on_row = [&](std::span<const store::ExportCell> row) {
        if (format == "csv") append_csv_row(pending, row);
        if (format == "jsonl") append_json_row(pending, row);
        if (format == "parquet") {
            add_parquet_row(parquet, row);
            if (parquet.is_group_full()) pending += parquet.take_group();
        }
        ++done_rows;
        if (has_bar && done_rows % limits::export_page_rows == 0)
            fmt::print(stderr, "\r{}", to_progress(done_rows, *total, columns));
        if (pending.size() < text_bytes_before_write) return true;
        is_written = output.write(pending);
        pending.clear();
        return is_written;
    };
    const auto rows = store::export_rows(reader, query, on_row);
    if (has_bar)
        fmt::print(stderr, "\r{}\r", std::string(static_cast<std::size_t>(columns) - 1, ' '));
    if (rows && format == "parquet") pending += parquet.finish();
    if (rows) is_written = output.write(pending) && output.finish();
    if (!is_written)
        return report_failure(fmt::format("cannot write {}: {}", file.empty() ? "to stdout" : file,
                                          std::strerror(errno)),
                              "export --out <another file>");
    if (!rows) return report_failure(rows.error().context, "status");
    if (file.empty()) return exit_done;
    fmt::print(stderr, "{} call{} written to {}\n", *rows, *rows == 1 ? "" : "s",
               to_safe_text(file, 200));
    if (*rows == 0)
        fmt::print(stderr, "No call in this period; next: halton-meter report --since 365d\n");
    return exit_done;
}

}  // namespace halton::roles
