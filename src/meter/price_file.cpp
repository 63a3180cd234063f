#include "meter/price_file.h"

#include <optional>

#include <fmt/format.h>

#include "base/json.h"

namespace halton::meter {

namespace {

constexpr std::array<std::string_view, rate_count> rate_names{
    "input",       "output",       "cache_read",       "cache_write", "cache_write_1h",
    "audio_input", "audio_output", "audio_cache_read", "image_input", "image_output",
    "reasoning_output"};

constexpr std::array<std::string_view, unit_count> unit_names{"query", "page", "image", "character",
                                                              "second"};

constexpr std::array<std::string_view, tier_count> tier_keys{"rates", "batch", "flex", "priority"};

// False when the object holds an unknown name or no price.
bool read_rates(JsonView object, Rates& rates) {
    bool is_good = true;
    object.for_each_member([&](std::string_view name, JsonView value) {
        const auto price = value.as_integer();
        for (std::size_t i = 0; i < rate_names.size(); ++i) {
            if (rate_names[i] != name) continue;
            if (price && *price >= 0 && *price <= rate_nanousd_max) rates.set(static_cast<Rate>(i), *price);
            else is_good = false;
            return;
        }
        is_good = false;
    });
    return is_good;
}

bool read_units(JsonView object, Units& units) {
    bool is_good = true;
    object.for_each_member([&](std::string_view name, JsonView value) {
        const auto price = value.as_integer();
        for (std::size_t i = 0; i < unit_names.size(); ++i) {
            if (unit_names[i] != name) continue;
            if (price && *price >= 0 && *price <= unit_nanousd_max) {
                units.set(static_cast<Unit>(i), *price);
            } else {
                is_good = false;
            }
            return;
        }
        is_good = false;
    });
    return is_good;
}

bool read_band(JsonView object, PriceBand& band) {
    for (std::size_t i = 0; i < tier_keys.size(); ++i) {
        if (!read_rates(object[tier_keys[i]], band.rates[i])) return false;
    }
    return true;
}

void read_texts(JsonView list, std::vector<std::string>& texts) {
    list.for_each_element([&](JsonView value) {
        if (const auto text = value.as_string()) texts.emplace_back(*text);
    });
}

std::optional<PriceRow> read_row(JsonView object) {
    PriceRow row;
    row.provider = object["provider"].as_string().value_or("");
    row.model = object["model"].as_string().value_or("");
    if (row.provider.empty() || row.model.empty()) return std::nullopt;
    read_texts(object["also"], row.also);
    read_texts(object["stems"], row.stems);
    if (const auto from = object["from"].as_string()) {
        const auto time = parse_iso8601(std::string(*from) + "T00:00:00Z");
        if (!time) return std::nullopt;
        row.from = *time;
    }
    bool is_good = read_band(object, row.bands.emplace_back());
    object["above"].for_each_element([&](JsonView step) {
        PriceBand& band = row.bands.emplace_back();
        band.above_tokens = step["tokens"].as_integer().value_or(-1);
        is_good = is_good && read_band(step, band) &&
                  band.above_tokens > row.bands[row.bands.size() - 2].above_tokens;
    });
    is_good = is_good && read_units(object["units"], row.units);
    const auto number = [&](std::string_view key, std::int64_t absent, std::int64_t most) {
        const auto value = object[key].as_integer();
        if (value && (*value < 0 || *value > most)) is_good = false;
        return value.value_or(absent);
    };
    row.web_search_nanousd = number("web_search", -1, rate_nanousd_max);
    row.grounded_call_nanousd = number("grounded_call", -1, rate_nanousd_max);
    row.request_nanousd = number("request", -1, rate_nanousd_max);
    row.is_fee_varying = object["fees_vary"].as_bool().value_or(false);
    row.fast_percent = number("fast_percent", 100, 10'000);
    row.us_percent = number("us_percent", 100, 10'000);
    if (!is_good) return std::nullopt;
    return row;
}

void append_rates(std::string& line, std::string_view key, const Rates& rates) {
    if (rates == Rates{}) return;
    line += fmt::format(",\"{}\":{{", key);
    bool is_first = true;
    for (std::size_t i = 0; i < rate_names.size(); ++i) {
        const std::int64_t price = rates.get(static_cast<Rate>(i));
        if (price < 0) continue;
        line += fmt::format("{}\"{}\":{}", is_first ? "" : ",", rate_names[i], price);
        is_first = false;
    }
    line += '}';
}

void append_band(std::string& line, const PriceBand& band) {
    for (std::size_t i = 0; i < tier_keys.size(); ++i) {
        append_rates(line, tier_keys[i], band.rates[i]);
    }
}

void append_texts(std::string& line, std::string_view key, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    line += fmt::format(",\"{}\":[", key);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i > 0) line += ',';
        append_json_string(line, texts[i]);
    }
    line += ']';
}

}  // namespace

std::string_view name_of(Rate rate) { return rate_names[static_cast<std::size_t>(rate)]; }
std::string_view name_of(Unit unit) { return unit_names[static_cast<std::size_t>(unit)]; }
std::string_view name_of(Tier tier) {
    return tier == Tier::standard ? "standard" : tier_keys[static_cast<std::size_t>(tier)];
}

std::string to_price_line(const PriceRow& row) {
    std::string line = "{\"provider\":";
    append_json_string(line, row.provider);
    line += ",\"model\":";
    append_json_string(line, row.model);
    append_texts(line, "also", row.also);
    append_texts(line, "stems", row.stems);
    if (row.from != UtcTime::min()) {
        line += fmt::format(",\"from\":\"{}\"", to_iso8601(row.from).substr(0, 10));
    }
    if (!row.bands.empty()) append_band(line, row.bands.front());
    for (std::size_t i = 1; i < row.bands.size(); ++i) {
        line += fmt::format("{}{{\"tokens\":{}", i == 1 ? ",\"above\":[" : ",",
                            row.bands[i].above_tokens);
        append_band(line, row.bands[i]);
        line += '}';
        if (i + 1 == row.bands.size()) line += ']';
    }
    if (row.units != Units{}) {
        line += ",\"units\":{";
        bool is_first = true;
        for (std::size_t i = 0; i < unit_names.size(); ++i) {
            const std::int64_t price = row.units.get(static_cast<Unit>(i));
            if (price < 0) continue;
            line += fmt::format("{}\"{}\":{}", is_first ? "" : ",", unit_names[i], price);
            is_first = false;
        }
        line += '}';
    }
    const auto number = [&](std::string_view key, std::int64_t value, std::int64_t absent) {
        if (value != absent) line += fmt::format(",\"{}\":{}", key, value);
    };
    number("web_search", row.web_search_nanousd, -1);
    number("grounded_call", row.grounded_call_nanousd, -1);
    number("request", row.request_nanousd, -1);
    if (row.is_fee_varying) line += ",\"fees_vary\":true";
    number("fast_percent", row.fast_percent, 100);
    number("us_percent", row.us_percent, 100);
    return line + '}';
}

Result<PriceFile> parse_price_file(std::string_view text) {
    PriceFile file;
    JsonParser parser;
    for (std::size_t line_number = 1; !text.empty(); ++line_number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const auto refuse = [&] {
            return fail(ErrorKind::malformed, "price file, line " + std::to_string(line_number));
        };
        if (line.empty()) continue;
        const auto object = parser.parse(line);
        if (!object || !object->is_object()) return refuse();
        if (line_number == 1) {
            if ((*object)["format"].as_integer() != 1) return refuse();
            file.date = (*object)["date"].as_string().value_or("");
            if (!parse_iso8601(file.date + "T00:00:00Z")) return refuse();
            continue;
        }
        auto row = read_row(*object);
        if (!row) return refuse();
        file.rows.push_back(std::move(*row));
    }
    if (file.date.empty()) return fail(ErrorKind::malformed, "price file without a first line");
    return file;
}

}  // namespace halton::meter
