// Importer: fills the gaps of the ledger with calls that a tool wrote down itself.
// In:    calls of transcripts, in any order, as often as one likes. Out: rows with source 'import'
//        for those that were not metered; counts.
// A call is known by the provider's id of it where the transcript has one, else by its session and
// counts; its own id is made of what it is, so that importing again adds nothing.
// Fails: not_found (a dry run without a database is none), unsupported (an older schema), busy
// (somebody holds the lock for seconds), too_large, io.
// Blocking. Thread: one at a time. Limits: import_*.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "meter/transcript.h"

namespace halton::meter {
class PriceBook;
}

namespace halton::store {

struct ImportCounts {
    std::int64_t calls = 0;         // that the transcripts tell
    std::int64_t metered = 0;       // by the proxy, when they happened
    std::int64_t imported = 0;      // by an import before this one
    std::int64_t repeated = 0;      // the same call in several transcripts
    std::int64_t fresh = 0;         // too new to be judged
    std::int64_t added = 0;         // gaps that are filled, or would be
    std::int64_t unpriced = 0;      // of them
    std::int64_t incomplete = 0;    // of them: the transcript does not have the last counts
    std::int64_t plan_unknown = 0;  // of them: taken as metered, since nothing says who pays
    NanoUsd cost;                   // of them, paid by use
    NanoUsd plan_cost;              // of them, covered by a subscription
};

struct ImportSettings {
    bool is_dry = false;
    bool takes_fresh = false;  // also what may still be running
    UtcTime now;
    std::optional<meter::BillingMode> billing;  // nothing: as the session, the tool, the transcript
    const meter::PriceBook* prices = nullptr;
    // The project of a folder, for sessions of which nothing was metered.
    std::function<std::string(const std::string& folder)> project_of;
};

class Importer {
public:
    static Result<std::unique_ptr<Importer>> open(const std::filesystem::path& database,
                                                  ImportSettings settings);
    virtual ~Importer() = default;

    virtual Result<void> add(std::span<const meter::TranscriptCall> calls) = 0;
    // Writes what is left.
    virtual Result<void> finish() = 0;
    virtual const ImportCounts& counts() const = 0;
};

}  // namespace halton::store
