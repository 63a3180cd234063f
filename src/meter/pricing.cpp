#include "meter/pricing.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"
#include "meter/buckets.h"

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

using Indexes = std::vector<std::size_t>;

template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// Names of one provider's models: what rows or overrides each has, by their index.
struct ModelNames {
    TextMap<Indexes> by_id;
    std::vector<std::pair<std::string, std::string>> stems;  // stem, model; longest first

    const Indexes* find(std::string_view id) const {
        const auto found = by_id.find(id);
        return found == by_id.end() ? nullptr : &found->second;
    }
    const Indexes* look_up(std::string_view model) const;
};

// From the exact name to forms that provably mean the same model; never a looser likeness.
const Indexes* ModelNames::look_up(std::string_view model) const {
    if (const Indexes* exact = find(model)) return exact;
    if (model.starts_with("models/")) return look_up(model.substr(7));
    // Bedrock: "arn:aws:bedrock:us-east-1:<account>:inference-profile/us.anthropic.claude-...".
    if (model.starts_with("arn:")) {
        const std::size_t slash = model.rfind('/');
        return slash == std::string_view::npos ? nullptr : look_up(model.substr(slash + 1));
    }
    // Vertex AI: "claude-opus-4-6@default", "...@20251001".
    if (const std::size_t at = model.find('@'); at != std::string_view::npos && at > 0) {
        return look_up(model.substr(0, at));
    }
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

// The price of `tokens` in one band and tier.
struct TokenPrice {
    std::int64_t nanousd = -1;  // per thousand; -1: none
    bool is_exact = true;
};

// The price for `wanted`, or for `fallback` where none is listed: no cache price means no discount.
// A tier without its own price in this step keeps its relation to the standard tier as it is below
// the step, or takes the standard price, both as an estimate.
TokenPrice find_price(const PriceRow& row, const PriceBand& band, Tier tier, Rate wanted,
                      Rate fallback) {
    const Rates& rates = band.rates[static_cast<std::size_t>(tier)];
    const Rates& standard = band.rates[0];
    if (rates.has(wanted)) return {rates.get(wanted), true};
    if (standard.has(wanted)) {
        const PriceBand& base = row.bands.front();
        const std::int64_t base_tier = base.rates[static_cast<std::size_t>(tier)].get(wanted);
        const std::int64_t base_standard = base.rates[0].get(wanted);
        if (tier != Tier::standard && &band != &base && base_tier >= 0 && base_standard > 0) {
            const Wide scaled = (Wide{standard.get(wanted)} * base_tier + base_standard / 2) /
                                base_standard;
            return {static_cast<std::int64_t>(scaled), false};
        }
        return {standard.get(wanted), false};
    }
    if (wanted == fallback) return {-1, false};
    return find_price(row, band, tier, fallback, fallback);
}

// Adds up a call, remembering whether a price had to stand in.
class Bill {
public:
    Bill(const PriceRow& row, const PriceBand& band, Tier tier, PriceStory* story)
        : row_(row), band_(band), tier_(tier), story_(story) {}

    void charge(std::int64_t tokens, Rate wanted, Rate fallback) {
        if (tokens <= 0) return;
        const TokenPrice price = find_price(row_, band_, tier_, wanted, fallback);
        is_exact_ = is_exact_ && price.is_exact;
        tell({PriceStep::Kind::tokens, name_of(wanted), tokens, price.nanousd, price.is_exact});
        if (price.nanousd < 0) is_priced_ = false;
        else total_ += Wide{tokens} * price.nanousd;
    }
    // `count` units at a price per thousand of them.
    void charge_units(Unit unit, std::int64_t count, std::int64_t nanousd) {
        tell({PriceStep::Kind::units, name_of(unit), count, nanousd, true});
        total_ += Wide{count} * nanousd;
    }
    void scale(std::string_view what, std::int64_t percent) {
        tell({PriceStep::Kind::factor, what, percent, 0, true});
        total_ *= percent;
        divisor_ *= 100;
    }
    // A fee in nano-dollars, to which no factor applies: comes last.
    void add_fee(std::string_view what, std::int64_t count, std::int64_t nanousd) {
        tell({PriceStep::Kind::fee, what, count, nanousd, true});
        total_ += Wide{count} * nanousd * divisor_;
    }
    void mark_estimated() { is_exact_ = false; }
    void mark_unpriced() { is_priced_ = false; }

    bool is_priced() const { return is_priced_; }
    bool is_exact() const { return is_exact_; }
    // The one rounding, half up. Nonsense counts end at a bound that leaves room to add.
    NanoUsd total() const {
        const Wide rounded = (total_ + divisor_ / 2) / divisor_;
        constexpr Wide most = std::numeric_limits<std::int64_t>::max() / 64;
        return NanoUsd{static_cast<std::int64_t>(rounded < most ? rounded : most)};
    }

private:
    void tell(const PriceStep& step) {
        if (story_ != nullptr) story_->steps.push_back(step);
    }

    const PriceRow& row_;
    const PriceBand& band_;
    Tier tier_;
    PriceStory* story_;
    Wide total_ = 0;       // nano-dollars times divisor_
    Wide divisor_ = 1000;  // prices are per thousand
    bool is_priced_ = true;
    bool is_exact_ = true;
};

struct NamedTier {
    std::string_view name;
    Tier tier;
};
// As answers name them; Google's words stand in `trafficType`.
constexpr std::array named_tiers{
    NamedTier{"", Tier::standard},          NamedTier{"default", Tier::standard},
    NamedTier{"standard", Tier::standard},  NamedTier{"auto", Tier::standard},
    NamedTier{"on_demand", Tier::standard}, NamedTier{"batch", Tier::batch},
    NamedTier{"flex", Tier::flex},          NamedTier{"on_demand_flex", Tier::flex},
    NamedTier{"priority", Tier::priority},  NamedTier{"on_demand_priority", Tier::priority},
    NamedTier{"fast", Tier::priority},
};

// Nothing for a tier we know no price of: reserved capacity, words of tomorrow.
std::optional<Tier> tier_of(std::string_view name) {
    for (const NamedTier& row : named_tiers) {
        if (is_equal_ignoring_case(row.name, name)) return row.tier;
    }
    return std::nullopt;
}

const PriceBand& band_of(const PriceRow& row, std::int64_t prompt) {
    const PriceBand* band = &row.bands.front();
    for (const PriceBand& step : row.bands) {
        if (prompt > step.above_tokens) band = &step;
    }
    return *band;
}

bool has_tier(const PriceRow& row, Tier tier) {
    return std::any_of(row.bands.begin(), row.bands.end(), [&](const PriceBand& band) {
        return band.rates[static_cast<std::size_t>(tier)] != Rates{};
    });
}

bool has_token_price(const PriceRow& row) {
    const Rates& rates = row.bands.front().rates[0];
    for (std::size_t i = 0; i < rate_count; ++i) {
        if (rates.get(static_cast<Rate>(i)) > 0) return true;
    }
    return false;
}

void charge_tokens(Bill& bill, const Rates& standard, const Buckets& buckets, RequestKind kind) {
    bill.charge(buckets.fresh_input, Rate::input, Rate::input);
    bill.charge(buckets.tool_input, Rate::input, Rate::input);
    bill.charge(buckets.cache_read, Rate::cache_read, Rate::input);
    // Cached sound or pictures without a price of their own: as cached text, which is a guess where
    // fresh ones are not as text.
    const Rate cached = standard.has(Rate::cache_read) ? Rate::cache_read : Rate::input;
    if (buckets.audio_cache_read > 0 && !standard.has(Rate::audio_cache_read) &&
        standard.has(Rate::audio_input)) {
        bill.mark_estimated();
    }
    if (buckets.image_cache_read > 0 && standard.has(Rate::image_input)) bill.mark_estimated();
    bill.charge(buckets.audio_cache_read, Rate::audio_cache_read, cached);
    bill.charge(buckets.image_cache_read, cached, Rate::input);
    bill.charge(buckets.cache_write_5m, Rate::cache_write, Rate::input);
    // The hour without a price of its own: as the default lifetime, which is a guess.
    if (buckets.cache_write_1h > 0 && !standard.has(Rate::cache_write_1h)) bill.mark_estimated();
    bill.charge(buckets.cache_write_1h, Rate::cache_write_1h,
                standard.has(Rate::cache_write) ? Rate::cache_write : Rate::input);
    bill.charge(buckets.audio_input, Rate::audio_input, Rate::input);
    bill.charge(buckets.image_input, Rate::image_input, Rate::input);
    // Embeddings have no output, whatever a provider may count.
    if (kind == RequestKind::embedding) return;
    bill.charge(buckets.output, Rate::output, Rate::output);
    bill.charge(buckets.audio_output, Rate::audio_output, Rate::output);
    bill.charge(buckets.image_output, Rate::image_output, Rate::output);
    bill.charge(buckets.reasoning, Rate::reasoning_output, Rate::output);
}

// Everything that is not counted in tokens. A count without a price of its own is fine where the
// tokens are the price, and makes the call unpriceable where they are not.
void charge_other_units(Bill& bill, const PriceRow& row, const TokenUsage& usage,
                        const Buckets& buckets) {
    struct Counted {
        Unit unit;
        std::int64_t count;
    };
    const std::array counted{Counted{Unit::query, usage.query_count},
                             Counted{Unit::page, usage.page_count},
                             Counted{Unit::image, usage.image_count},
                             Counted{Unit::character, usage.character_count},
                             // Speech is charged by the second that has begun.
                             Counted{Unit::second, (usage.audio_input_ms + 999) / 1000}};
    const bool has_tokens = buckets.has_tokens();
    bool is_any_priced = false;
    for (const Counted& entry : counted) {
        if (entry.count <= 0) continue;
        const std::int64_t nanousd = row.units.get(entry.unit);
        if (nanousd >= 0) {
            bill.charge_units(entry.unit, entry.count, nanousd);
            is_any_priced = true;
        } else if (!has_tokens || !has_token_price(row)) {
            bill.mark_unpriced();
        }
    }
    // A model that is charged in units only, and an answer that counts none.
    const bool is_by_units = row.units != Units{} && !has_token_price(row);
    if (is_by_units && !is_any_priced) bill.mark_unpriced();
}

void charge_fees(Bill& bill, const PriceRow& row, const PriceRow* defaults,
                 const TokenUsage& usage) {
    bool is_charged = false;
    if (usage.web_search_count > 0) {
        is_charged = true;
        if (row.web_search_nanousd >= 0) {
            bill.add_fee("web search", usage.web_search_count, row.web_search_nanousd);
        } else if (row.grounded_call_nanousd >= 0) {
            bill.add_fee("call that searched", 1, row.grounded_call_nanousd);
        } else {
            // The provider's usual fee, or none that we know.
            bill.mark_estimated();
            if (defaults != nullptr && defaults->web_search_nanousd >= 0) {
                bill.add_fee("web search", usage.web_search_count, defaults->web_search_nanousd);
            }
        }
    }
    if (row.request_nanousd >= 0) {
        bill.add_fee("call", 1, row.request_nanousd);
        is_charged = true;
    }
    if (is_charged && row.is_fee_varying) bill.mark_estimated();
}

// One price file with the names of its models.
struct Layer {
    PriceFile file;
    TextMap<ModelNames> providers;
    std::string source;     // "bundled-2026-08-21", "override"
    std::string id_prefix;  // before the ids of its rows

    const PriceRow* find(std::string_view provider, std::string_view model, UtcTime at) const {
        const auto names = providers.find(provider);
        if (names == providers.end()) return nullptr;
        const Indexes* periods = names->second.look_up(model);
        if (periods == nullptr) return nullptr;
        const PriceRow* found = nullptr;
        for (const std::size_t index : *periods) {
            if (file.rows[index].from <= at) found = &file.rows[index];
        }
        return found;
    }
    // The provider-wide row.
    const PriceRow* find_defaults(std::string_view provider) const {
        const auto names = providers.find(provider);
        const Indexes* rows = names == providers.end() ? nullptr : names->second.find("*");
        return rows == nullptr ? nullptr : &file.rows[rows->front()];
    }
};

std::string id_of(const PriceRow& row) {
    std::string id = row.provider + '/' + row.model;
    if (row.from != UtcTime::min()) id += '@' + to_iso8601(row.from).substr(0, 10);
    return id;
}

// The step of a row that begins above that many tokens, made from the one below where needed.
void apply(const PriceOverride& change, PriceRow& row) {
    if (row.bands.empty()) row.bands.emplace_back();
    if (change.above_tokens >= 0) {
        auto place = std::find_if(row.bands.begin(), row.bands.end(), [&](const PriceBand& band) {
            return band.above_tokens >= change.above_tokens;
        });
        if (place == row.bands.end() || place->above_tokens != change.above_tokens) {
            PriceBand step = *(place - 1);
            step.above_tokens = change.above_tokens;
            row.bands.insert(place, step);
        }
    }
    for (PriceBand& band : row.bands) {
        if (band.above_tokens < change.above_tokens) continue;
        Rates& rates = band.rates[static_cast<std::size_t>(change.tier)];
        for (std::size_t i = 0; i < rate_count; ++i) {
            const auto rate = static_cast<Rate>(i);
            if (change.rates.has(rate)) rates.set(rate, change.rates.get(rate));
        }
    }
}

}  // namespace

struct PriceBook::State {
    std::vector<std::shared_ptr<const Layer>> layers;  // the bundle last
    std::vector<PriceOverride> overrides;
    TextMap<ModelNames> overridden;  // by provider
    std::string override_date;

    const Layer& bundle() const { return *layers.back(); }

    const PriceRow* find_defaults(std::string_view provider) const {
        for (const auto& layer : layers) {
            if (const PriceRow* row = layer->find_defaults(provider)) return row;
        }
        return nullptr;
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
    auto layer = std::make_shared<Layer>();
    layer->file = std::move(*file);
    layer->source = "bundled-" + layer->file.date;
    const std::vector<PriceRow>& rows = layer->file.rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const PriceRow& row = rows[i];
        ModelNames& names = layer->providers[row.provider];
        std::vector<std::string> ids = row.also;
        ids.push_back(row.model);
        for (const std::string& id : ids) {
            Indexes& periods = names.by_id[id];
            const bool is_in_order = periods.empty() || (rows[periods.back()].from < row.from &&
                                                         rows[periods.back()].model == row.model);
            if (!is_in_order) return fail(ErrorKind::malformed, "price file: two prices for " + id);
            periods.push_back(i);
        }
        for (const std::string& stem : row.stems) names.stems.emplace_back(stem, row.model);
    }
    for (auto& [provider, names] : layer->providers) {
        std::stable_sort(names.stems.begin(), names.stems.end(),
                         [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
    }
    PriceBook book;
    book.state_->layers.push_back(std::move(layer));
    return book;
}

PriceBook PriceBook::with_local(const PriceBook* local_set, std::vector<PriceOverride> overrides,
                                std::string date) const {
    PriceBook book;
    State& state = *book.state_;
    if (local_set != nullptr) {
        auto layer = std::make_shared<Layer>(local_set->state_->bundle());
        layer->source = "override";
        layer->id_prefix = "import:";
        state.layers.push_back(std::move(layer));
    }
    state.layers.push_back(state_->layers.back());
    state.overrides = std::move(overrides);
    state.override_date = std::move(date);
    for (std::size_t i = 0; i < state.overrides.size(); ++i) {
        const PriceOverride& entry = state.overrides[i];
        state.overridden[entry.provider].by_id[entry.model].push_back(i);
    }
    return book;
}

std::optional<FoundPrice> PriceBook::find(const PriceQuery& query) const {
    if (query.model.empty() || query.model == "*") return std::nullopt;
    FoundPrice found;
    bool is_found = false;
    for (const auto& layer : state_->layers) {
        const PriceRow* row = layer->find(query.provider, query.model, query.at);
        if (row == nullptr) continue;
        found = {*row, layer->source, layer->id_prefix + id_of(*row), layer->file.date};
        is_found = true;
        break;
    }
    // A provider that charges nothing for any model, or the same for all.
    if (!is_found) {
        const PriceRow* row = state_->find_defaults(query.provider);
        if (row != nullptr && row->bands.front().rates[0] != Rates{}) {
            found = {*row, state_->bundle().source, id_of(*row), state_->bundle().file.date};
            is_found = true;
        }
    }
    const auto names = state_->overridden.find(query.provider);
    const Indexes* changes =
        names == state_->overridden.end() ? nullptr : names->second.look_up(query.model);
    if (changes == nullptr) return is_found ? std::optional(std::move(found)) : std::nullopt;
    for (const std::size_t index : *changes) {
        const PriceOverride& change = state_->overrides[index];
        if (query.at < change.from || query.at >= change.until) continue;
        if (!is_found) {
            found.row.provider = change.provider;
            found.row.model = change.model;
        }
        is_found = true;
        apply(change, found.row);
        found.rates_source = "override";
        found.price_id = "override:" + change.provider + '/' + change.model;
        if (change.from != UtcTime::min()) {
            found.price_id += '@' + to_iso8601(change.from).substr(0, 10);
        }
        found.price_date = state_->override_date;
    }
    return is_found ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<PricedCall> PriceBook::price(const PriceQuery& query, const TokenUsage& usage,
                                           PriceStory* story) const {
    if (story != nullptr) *story = {std::string(query.model), {}, -1, 0, {}};
    const auto found = find(query);
    if (!found) return std::nullopt;
    const PriceRow& row = found->row;
    const Buckets buckets = buckets_of(usage);

    // A tier without prices of its own is charged like the standard one.
    const auto named = tier_of(query.service_tier);
    const bool is_listed = named && (*named == Tier::standard || has_tier(row, *named));
    const PriceBand& band = band_of(row, buckets.prompt);
    const Tier tier = is_listed ? *named : Tier::standard;
    if (story != nullptr) {
        story->tier = name_of(tier);
        story->above_tokens = band.above_tokens;
        story->prompt_tokens = buckets.prompt;
    }
    Bill bill(row, band, tier, story);
    if (!is_listed || !buckets.is_sure) bill.mark_estimated();
    // Written to a cache for how long? Where the hour costs more, that has to be told.
    const Rates& standard = band.rates[0];
    if (usage.cache_write > 0 && !usage.has_cache_write_split && usage.cache_write_1h == 0 &&
        standard.has(Rate::cache_write_1h) &&
        standard.get(Rate::cache_write_1h) != standard.get(Rate::cache_write)) {
        bill.mark_estimated();
    }

    charge_tokens(bill, standard, buckets, query.kind);
    charge_other_units(bill, row, usage, buckets);
    if (query.speed == "fast") {
        bill.scale("fast mode", row.fast_percent);
        if (row.fast_percent == 100) bill.mark_estimated();
    }
    if (query.region == "us") bill.scale("ran in the US", row.us_percent);
    charge_fees(bill, row, state_->find_defaults(query.provider), usage);

    if (!bill.is_priced()) return std::nullopt;
    return PricedCall{bill.total(), bill.is_exact() ? CostState::exact : CostState::estimated,
                      found->rates_source, found->price_id, found->price_date};
}

std::vector<ListedPrice> PriceBook::rows() const {
    std::vector<ListedPrice> all;
    for (const auto& layer : state_->layers) {
        for (const PriceRow& row : layer->file.rows) {
            if (row.model != "*") all.push_back({&row, layer->source});
        }
    }
    return all;
}

const std::vector<PriceOverride>& PriceBook::overrides() const { return state_->overrides; }

std::string_view PriceBook::local_date() const {
    return state_->layers.size() < 2 ? std::string_view{} : state_->layers.front()->file.date;
}

std::string_view PriceBook::bundle_date() const { return state_->bundle().file.date; }
std::string_view PriceBook::source() const { return state_->bundle().source; }

}  // namespace halton::meter
