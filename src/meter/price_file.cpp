#include "meter/price_file.h"

#include <optional>

#include "base/json.h"

namespace halton::meter {

namespace {

constexpr std::array<std::string_view, rate_count> rate_names{
    "input",       "output",       "cache_read",       "cache_write", "cache_write_1h",
    "audio_input", "audio_output", "audio_cache_read", "image_input", "image_output",
    "reasoning_output"};

constexpr std::array<std::string_view, tier_count> tier_keys{"rates", "batch", "flex", "priority"};

// False when the object holds an unknown name or no price.
bool read_rates(JsonView object, Rates& rates) {
    bool is_good = true;
    object.for_each_member([&](std::string_view name, JsonView value) {
        const auto price = value.as_integer();
        for (std::size_t i = 0; i < rate_names.size(); ++i) {
            if (rate_names[i] != name) continue;
            if (price && *price >= 0) rates.set(static_cast<Rate>(i), *price);
            else is_good = false;
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
    if (!is_good) return std::nullopt;
    row.audio_second_nanousd = object["audio_second"].as_integer().value_or(-1);
    row.web_search_nanousd = object["web_search"].as_integer().value_or(-1);
    row.fast_percent = object["fast_percent"].as_integer().value_or(100);
    row.us_percent = object["us_percent"].as_integer().value_or(100);
    return row;
}

}  // namespace

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
