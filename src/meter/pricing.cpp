#include "meter/pricing.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"
#include "meter/price_file.h"

namespace halton::embedded {

extern const std::string_view prices;  // the dated file in meter/prices/, made by the build

}  // namespace halton::embedded

namespace halton::meter {

namespace {

__extension__ using Wide = __int128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Length of the date at the end of `id` with its hyphen: -20250514, -2025-05-14, -latest.
std::size_t release_suffix_bytes(std::string_view id) {
    static constexpr std::array<std::string_view, 3> forms{"-########", "-####-##-##", "-latest"};
    for (const std::string_view form : forms) {
        if (id.size() <= form.size()) continue;
        const std::string_view tail = id.substr(id.size() - form.size());
        const bool is_match = std::equal(form.begin(), form.end(), tail.begin(), [](char f, char c) {
            return f == '#' ? is_digit(c) : f == c;
        });
        if (is_match) return form.size();
    }
    return 0;
}

// What may follow a stem: a preview or experiment, with a date, a build number or neither.
bool is_snapshot(std::string_view rest) {
    for (const std::string_view stage : {"-preview", "-exp"}) {
        if (!rest.starts_with(stage)) continue;
        rest.remove_prefix(stage.size());
        break;
    }
    static constexpr std::array<std::string_view, 7> forms{
        "", "-###", "-####", "-##-##", "-##-####", "-####-##-##", "-########"};
    return std::any_of(forms.begin(), forms.end(), [&](std::string_view form) {
        return form.size() == rest.size() &&
               std::equal(form.begin(), form.end(), rest.begin(),
                          [](char f, char c) { return f == '#' ? is_digit(c) : f == c; });
    });
}

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

using Periods = std::vector<std::size_t>;  // indexes of rows, by rising start

struct ProviderPrices {
    std::unordered_map<std::string, Periods, TextHash, std::equal_to<>> by_id;
    std::vector<std::pair<std::string, std::string>> stems;  // stem, model; longest first

    const Periods* find(std::string_view id) const {
        const auto found = by_id.find(id);
        return found == by_id.end() ? nullptr : &found->second;
    }
    const Periods* look_up(std::string_view model) const;
};

// From the exact name to forms that provably mean the same model; never a looser likeness.
const Periods* ProviderPrices::look_up(std::string_view model) const {
    if (const Periods* exact = find(model)) return exact;
    if (model.starts_with("models/")) return look_up(model.substr(7));
    if (const std::size_t bytes = release_suffix_bytes(model)) {
        return look_up(model.substr(0, model.size() - bytes));
    }
    const std::size_t colon = model.find(':');
    if (model.starts_with("ft:")) {
        // "ft:<base model>:<organisation>:..." is billed as a tuned base model.
        const std::size_t next = model.find(':', 3);
        return next == std::string_view::npos ? nullptr : look_up(model.substr(0, next));
    }
    // "gpt-3.5-turbo-instruct:20230824-v2": a build of a model.
    if (colon != std::string_view::npos && colon + 1 < model.size() && is_digit(model[colon + 1])) {
        return look_up(model.substr(0, colon));
    }
    for (const auto& [stem, target] : stems) {
        if (model.starts_with(stem) && is_snapshot(model.substr(stem.size()))) return find(target);
    }
    return nullptr;
}

// Adds up a call in one band and tier, remembering whether a price had to stand in.
class Bill {
public:
    Bill(const PriceBand& band, Tier tier)
        : rates_(band.rates[static_cast<std::size_t>(tier)]), standard_(band.rates[0]) {}

    // Charges at the price for `wanted`, or for `fallback` where none is listed: no cache price
    // means no discount. A tier without its own price takes the standard one, as an estimate.
    void charge(std::int64_t tokens, Rate wanted, Rate fallback) {
        if (tokens <= 0) return;
        if (rates_.has(wanted)) return add(tokens, rates_.get(wanted));
        if (standard_.has(wanted)) {
            is_exact_ = false;
            return add(tokens, standard_.get(wanted));
        }
        if (rates_.has(fallback)) return add(tokens, rates_.get(fallback));
        is_exact_ = false;
        if (standard_.has(fallback)) add(tokens, standard_.get(fallback));
        else is_priced_ = false;
    }
    // A fee in nano-dollars.
    void add_fee(std::int64_t count, std::int64_t nanousd) {
        if (count <= 0) return;
        if (nanousd < 0) is_exact_ = false;
        else total_ += Wide{count} * nanousd * 1000;
    }
    void scale(std::int64_t percent) {
        total_ *= percent;
        divisor_ *= 100;
    }
    void mark_estimated() { is_exact_ = false; }

    bool is_priced() const { return is_priced_; }
    bool is_exact() const { return is_exact_; }
    // The one rounding, half up. Nonsense counts end at a bound that leaves room to add.
    NanoUsd total() const {
        const Wide rounded = (total_ + divisor_ / 2) / divisor_;
        constexpr Wide most = std::numeric_limits<std::int64_t>::max() / 64;
        return NanoUsd{static_cast<std::int64_t>(rounded < most ? rounded : most)};
    }

private:
    void add(std::int64_t tokens, std::int64_t nanousd_per_thousand) {
        total_ += Wide{tokens} * nanousd_per_thousand;
    }

    const Rates& rates_;
    const Rates& standard_;
    Wide total_ = 0;         // nano-dollars times divisor_
    Wide divisor_ = 1000;    // rates are per thousand tokens
    bool is_priced_ = true;
    bool is_exact_ = true;
};

Tier tier_of(std::string_view name) {
    if (is_equal_ignoring_case(name, "batch")) return Tier::batch;
    if (is_equal_ignoring_case(name, "flex")) return Tier::flex;
    if (is_equal_ignoring_case(name, "priority")) return Tier::priority;
    return Tier::standard;
}

const PriceBand& band_of(const PriceRow& row, const TokenUsage& usage) {
    // Everything the model read counts against the threshold, cached or not.
    const std::int64_t input =
        usage.input_includes_cache ? usage.input
                                   : usage.input + usage.cache_read + usage.cache_write;
    const PriceBand* band = &row.bands.front();
    for (const PriceBand& step : row.bands) {
        if (input > step.above_tokens) band = &step;
    }
    return *band;
}

bool has_tier(const PriceRow& row, Tier tier) {
    return std::any_of(row.bands.begin(), row.bands.end(), [&](const PriceBand& band) {
        return band.rates[static_cast<std::size_t>(tier)] != Rates{};
    });
}

}  // namespace

struct PriceBook::State {
    PriceFile file;
    std::unordered_map<std::string, ProviderPrices, TextHash, std::equal_to<>> providers;
    std::string source;

    const PriceRow* find(const PriceQuery& query) const {
        const auto provider = providers.find(query.provider);
        if (provider == providers.end()) return nullptr;
        const Periods* periods = provider->second.look_up(query.model);
        if (periods == nullptr) return nullptr;
        const PriceRow* found = nullptr;
        for (const std::size_t index : *periods) {
            if (file.rows[index].from <= query.at) found = &file.rows[index];
        }
        return found;
    }
};

PriceBook::PriceBook() : state_(std::make_unique<State>()) {}
PriceBook::PriceBook(PriceBook&&) noexcept = default;
PriceBook& PriceBook::operator=(PriceBook&&) noexcept = default;
PriceBook::~PriceBook() = default;

const PriceBook& PriceBook::bundled() {
    static const PriceBook book = [] {
        auto parsed = parse(embedded::prices);
        if (!parsed) {
            log_event(LogLevel::error, "prices.broken", {{"error", to_text(parsed.error())}});
            std::abort();
        }
        return std::move(*parsed);
    }();
    return book;
}

Result<PriceBook> PriceBook::parse(std::string_view text) {
    auto file = parse_price_file(text);
    if (!file) return fail(file.error());
    PriceBook book;
    State& state = *book.state_;
    state.file = std::move(*file);
    state.source = "bundled-" + state.file.date;
    const std::vector<PriceRow>& rows = state.file.rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const PriceRow& row = rows[i];
        ProviderPrices& prices = state.providers[row.provider];
        std::vector<std::string> ids = row.also;
        ids.push_back(row.model);
        for (const std::string& id : ids) {
            Periods& periods = prices.by_id[id];
            const bool is_in_order = periods.empty() || (rows[periods.back()].from < row.from &&
                                                         rows[periods.back()].model == row.model);
            if (!is_in_order) return fail(ErrorKind::malformed, "price file: two prices for " + id);
            periods.push_back(i);
        }
        for (const std::string& stem : row.stems) prices.stems.emplace_back(stem, row.model);
    }
    for (auto& [provider, prices] : state.providers) {
        std::stable_sort(prices.stems.begin(), prices.stems.end(),
                         [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    }
    return book;
}

std::optional<PricedCall> PriceBook::price(const PriceQuery& query, const TokenUsage& usage) const {
    const PriceRow* row = state_->find(query);
    if (row == nullptr) return std::nullopt;

    // A tier without prices of its own is charged like the standard one.
    const Tier named = tier_of(query.service_tier);
    const bool is_listed = has_tier(*row, named);
    Bill bill(band_of(*row, usage), is_listed ? named : Tier::standard);
    if (!is_listed) bill.mark_estimated();

    // The parts of the input, each counted once.
    const std::int64_t cached = usage.cache_read + usage.cache_write;
    const std::int64_t plain_input = usage.input - (usage.input_includes_cache ? cached : 0) -
                                     usage.audio_input - usage.image_input;
    const std::int64_t plain_output = usage.output - usage.audio_output - usage.image_output;
    // Which modality was cached is not told; then the parts overlap.
    const bool has_parts = usage.audio_input > 0 || usage.image_input > 0;
    if (plain_input < 0 || (usage.input_includes_cache && cached > 0 && has_parts)) {
        bill.mark_estimated();
    }
    const std::int64_t write_1h = std::min(usage.cache_write_1h, usage.cache_write);

    bill.charge(plain_input, Rate::input, Rate::input);
    bill.charge(usage.tool_input, Rate::input, Rate::input);
    bill.charge(usage.cache_read, Rate::cache_read, Rate::input);
    bill.charge(usage.cache_write - write_1h, Rate::cache_write, Rate::input);
    bill.charge(write_1h, Rate::cache_write_1h, Rate::cache_write);
    bill.charge(usage.audio_input, Rate::audio_input, Rate::input);
    bill.charge(usage.image_input, Rate::image_input, Rate::input);
    // Embeddings have no output, whatever a provider may count.
    if (query.kind != RequestKind::embedding) {
        bill.charge(plain_output, Rate::output, Rate::output);
        bill.charge(usage.audio_output, Rate::audio_output, Rate::output);
        bill.charge(usage.image_output, Rate::image_output, Rate::output);
        if (!usage.output_includes_reasoning) {
            bill.charge(usage.reasoning, Rate::reasoning_output, Rate::output);
        }
    }
    if (usage.audio_input_ms > 0) {
        if (row->audio_second_nanousd < 0) return std::nullopt;
        bill.add_fee((usage.audio_input_ms + 999) / 1000, row->audio_second_nanousd);
    }
    if (query.speed == "fast") bill.scale(row->fast_percent);
    if (query.region == "us") bill.scale(row->us_percent);
    // Searches are not part of what the factors apply to, so they come last.
    Bill fees(band_of(*row, usage), Tier::standard);
    fees.add_fee(usage.web_search_count, row->web_search_nanousd);

    if (!bill.is_priced()) return std::nullopt;
    PricedCall priced;
    priced.cost = bill.total() + fees.total();
    priced.state = bill.is_exact() && fees.is_exact() ? CostState::exact : CostState::estimated;
    priced.rates_source = state_->source;
    return priced;
}

std::string_view PriceBook::bundle_date() const { return state_->file.date; }
std::string_view PriceBook::source() const { return state_->source; }

}  // namespace halton::meter
