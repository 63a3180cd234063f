// A second opinion on prices, slow and plain: reads the lines of a price file again, looks models
// up with regular expressions and adds up fractions. Shares no code with src/meter/ but the reader
// of JSON, so that both cannot be wrong in the same way.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/json.h"

namespace halton::test {

__extension__ using Int128 = __int128;

// An exact fraction, always reduced.
class Fraction {
public:
    Fraction(Int128 top = 0, Int128 bottom = 1) : top_(top), bottom_(bottom) {
        const Int128 common = gcd(top_ < 0 ? -top_ : top_, bottom_);
        if (common > 1) {
            top_ /= common;
            bottom_ /= common;
        }
    }
    Fraction operator+(const Fraction& other) const {
        return {top_ * other.bottom_ + other.top_ * bottom_, bottom_ * other.bottom_};
    }
    Fraction operator*(const Fraction& other) const {
        return {top_ * other.top_, bottom_ * other.bottom_};
    }
    Fraction operator/(const Fraction& other) const {
        return {top_ * other.bottom_, bottom_ * other.top_};
    }
    bool operator<(const Fraction& other) const {
        return top_ * other.bottom_ < other.top_ * bottom_;
    }
    // Half up; for what is not negative.
    std::int64_t rounded() const {
        return static_cast<std::int64_t>((2 * top_ + bottom_) / (2 * bottom_));
    }

private:
    static Int128 gcd(Int128 a, Int128 b) {
        while (b != 0) {
            const Int128 rest = a % b;
            a = b;
            b = rest;
        }
        return a;
    }
    Int128 top_;
    Int128 bottom_;
};

// What a call used, each thing once; names are those of the price file.
struct ReferenceUse {
    std::map<std::string, std::int64_t> tokens;  // "input", "cache_write", ..., "reasoning_output"
    std::map<std::string, std::int64_t> units;   // "page", ...
    std::int64_t prompt = 0;
    std::int64_t searches = 0;
};

struct ReferenceQuestion {
    std::string provider;
    std::string model;
    std::string tier;  // "rates", "batch", "flex", "priority"
    std::string day;   // "2026-08-21"
    bool is_fast = false;
    bool is_us = false;
    bool is_embedding = false;
};

class PriceReference {
public:
    using Prices = std::map<std::string, std::int64_t>;
    struct Step {
        std::int64_t above = -1;
        std::map<std::string, Prices> tiers;
    };
    struct Row {
        std::string provider, model, from;
        std::vector<std::string> names, stems;
        std::vector<Step> steps;
        Prices units, numbers;
    };

    static PriceReference read(const std::string& path) {
        PriceReference made;
        std::ifstream file(path);
        JsonParser parser;
        std::string line;
        std::getline(file, line);  // the head
        while (std::getline(file, line)) {
            const auto json = parser.parse(line);
            if (!json) throw std::runtime_error("not JSON: " + line);
            Row row;
            row.provider = text(*json, "provider");
            row.model = text(*json, "model");
            row.from = text(*json, "from");
            row.names.push_back(row.model);
            (*json)["also"].for_each_element(
                [&](JsonView name) { row.names.emplace_back(*name.as_string()); });
            (*json)["stems"].for_each_element(
                [&](JsonView name) { row.stems.emplace_back(*name.as_string()); });
            row.steps.push_back(step_of(*json));
            (*json)["above"].for_each_element([&](JsonView step) {
                row.steps.push_back(step_of(step));
                row.steps.back().above = *step["tokens"].as_integer();
            });
            row.units = prices_of((*json)["units"]);
            for (const char* key :
                 {"web_search", "grounded_call", "request", "fast_percent", "us_percent"}) {
                if (const auto number = (*json)[key].as_integer()) row.numbers[key] = *number;
            }
            made.rows_.push_back(std::move(row));
        }
        return made;
    }

    const std::vector<Row>& rows() const { return rows_; }

    const Row* find(const ReferenceQuestion& asked) const {
        if (asked.model == "*" || asked.model.empty()) return nullptr;
        if (const Row* row = find_name(asked, asked.model)) return row;
        const Row* wide = find_exact(asked.provider, "*", "9999");
        return wide != nullptr && !wide->steps[0].tiers.at("rates").empty() ? wide : nullptr;
    }

    // Nano-dollars; nothing when it has no price.
    std::optional<std::int64_t> price(const ReferenceQuestion& asked,
                                      const ReferenceUse& use) const {
        const Row* row = find(asked);
        if (row == nullptr) return std::nullopt;
        const Step* step = &row->steps[0];
        for (const Step& candidate : row->steps) {
            if (use.prompt > candidate.above) step = &candidate;
        }
        std::string tier = asked.tier;
        bool is_tier_listed = false;
        for (const Step& candidate : row->steps) {
            is_tier_listed |= !candidate.tiers.at(tier).empty();
        }
        if (!is_tier_listed) tier = "rates";

        Fraction sum;
        for (const auto& [name, count] : use.tokens) {
            if (count == 0) continue;
            const bool is_output = name.find("output") != std::string::npos;
            if (is_output && asked.is_embedding) continue;
            std::vector<std::string> chain{name};
            if (name == "audio_cache_read" || name == "image_cache_read") {
                chain.push_back("cache_read");
                chain.push_back("input");
            } else if (name == "cache_write_1h" &&
                       step->tiers.at("rates").count("cache_write") > 0) {
                chain.push_back("cache_write");
            } else {
                chain.push_back(is_output ? "output" : "input");
            }
            std::optional<Fraction> rate;
            for (const std::string& link : chain) {
                if (!rate) rate = rate_of(*row, *step, tier, link);
            }
            if (!rate) return std::nullopt;
            sum = sum + Fraction(count) * *rate / Fraction(1000);
        }

        bool has_token_price = false;
        for (const auto& [name, price] : row->steps[0].tiers.at("rates")) {
            has_token_price |= price > 0;
        }
        std::int64_t token_count = 0;
        for (const auto& [name, count] : use.tokens) token_count += count;
        bool is_unit_priced = false;
        for (const auto& [name, count] : use.units) {
            if (count == 0) continue;
            const auto price = row->units.find(name);
            if (price != row->units.end()) {
                sum = sum + Fraction(count) * Fraction(price->second, 1000);
                is_unit_priced = true;
            } else if (token_count == 0 || !has_token_price) {
                return std::nullopt;
            }
        }
        if (!row->units.empty() && !has_token_price && !is_unit_priced) return std::nullopt;

        const auto number = [&](const std::string& key, std::int64_t absent) {
            const auto found = row->numbers.find(key);
            return found == row->numbers.end() ? absent : found->second;
        };
        if (asked.is_fast) sum = sum * Fraction(number("fast_percent", 100), 100);
        if (asked.is_us) sum = sum * Fraction(number("us_percent", 100), 100);
        if (use.searches > 0) {
            if (number("web_search", -1) >= 0) {
                sum = sum + Fraction(use.searches * number("web_search", 0));
            } else if (number("grounded_call", -1) >= 0) {
                sum = sum + Fraction(number("grounded_call", 0));
            } else if (const Row* wide = find_exact(asked.provider, "*", "9999")) {
                const auto fee = wide->numbers.find("web_search");
                if (fee != wide->numbers.end()) sum = sum + Fraction(use.searches * fee->second);
            }
        }
        sum = sum + Fraction(number("request", 0));
        return sum.rounded();
    }

private:
    static std::string text(JsonView object, std::string_view key) {
        return std::string(object[key].as_string().value_or(""));
    }
    static Prices prices_of(JsonView object) {
        Prices prices;
        object.for_each_member([&](std::string_view key, JsonView value) {
            prices[std::string(key)] = *value.as_integer();
        });
        return prices;
    }
    static Step step_of(JsonView object) {
        Step step;
        for (const char* tier : {"rates", "batch", "flex", "priority"}) {
            step.tiers[tier] = prices_of(object[tier]);
        }
        return step;
    }

    static std::optional<Fraction> rate_of(const Row& row, const Step& step,
                                           const std::string& tier, const std::string& name) {
        const Prices& own = step.tiers.at(tier);
        const Prices& plain = step.tiers.at("rates");
        if (own.count(name) > 0) return Fraction(own.at(name));
        if (plain.count(name) == 0) return std::nullopt;
        const Prices& base_own = row.steps[0].tiers.at(tier);
        const Prices& base_plain = row.steps[0].tiers.at("rates");
        if (step.above >= 0 && tier != "rates" && base_own.count(name) > 0 &&
            base_plain.count(name) > 0 && base_plain.at(name) > 0) {
            const Fraction scaled = Fraction(plain.at(name)) * Fraction(base_own.at(name)) /
                                    Fraction(base_plain.at(name));
            return Fraction(scaled.rounded());  // prices are whole
        }
        return Fraction(plain.at(name));
    }

    // The newest period that has begun.
    const Row* find_exact(const std::string& provider, const std::string& name,
                          const std::string& day) const {
        const Row* found = nullptr;
        bool is_known = false;
        for (const Row& row : rows_) {
            if (row.provider != provider) continue;
            for (const std::string& own : row.names) {
                if (own != name) continue;
                is_known = true;
                if (row.from <= day) found = &row;
            }
        }
        static const Row not_yet;
        return is_known && found == nullptr ? &not_yet : found;
    }

    const Row* find_name(const ReferenceQuestion& asked, std::string name) const {
        static const std::regex dated("(.+)(-[0-9]{8}|-[0-9]{4}-[0-9]{2}-[0-9]{2}|-latest)");
        static const std::regex tuned("(ft:[^:]*):.*");
        static const std::regex built("([^:]*):[0-9].*");
        while (true) {
            if (const Row* row = find_exact(asked.provider, name, asked.day)) {
                return row->names.empty() ? nullptr : row;
            }
            std::smatch match;
            if (name.rfind("arn:", 0) == 0 && name.find('/') != std::string::npos)
                name = name.substr(name.find_last_of('/') + 1);
            else if (name.rfind("models/", 0) == 0)
                name = name.substr(7);
            else if (name.find('@') != std::string::npos && name[0] != '@') {
                name = name.substr(0, name.find('@'));
            } else if (std::regex_match(name, match, dated))
                name = std::string(match[1]);
            else if (name.rfind("ft:", 0) == 0) {
                if (!std::regex_match(name, match, tuned)) return nullptr;
                name = std::string(match[1]);
            } else if (std::regex_match(name, match, built))
                name = std::string(match[1]);
            else
                break;
        }
        static const std::regex snapshot(
            "(-preview|-exp)?(-[0-9]{3}|-[0-9]{4}|-[0-9]{2}-[0-9]{2}|-[0-9]{2}-[0-9]{4}|"
            "-[0-9]{4}-[0-9]{2}-[0-9]{2}|-[0-9]{8})?");
        const Row* best = nullptr;
        std::size_t best_bytes = 0;
        for (const Row& row : rows_) {
            if (row.provider != asked.provider) continue;
            for (const std::string& stem : row.stems) {
                if (name.rfind(stem, 0) != 0 || stem.size() < best_bytes) continue;
                if (best != nullptr && stem.size() == best_bytes) continue;
                if (!std::regex_match(name.substr(stem.size()), snapshot)) continue;
                best_bytes = stem.size();
                best = find_exact(asked.provider, row.model, asked.day);
            }
        }
        return best != nullptr && best->names.empty() ? nullptr : best;
    }

    std::vector<Row> rows_;
};

}  // namespace halton::test
