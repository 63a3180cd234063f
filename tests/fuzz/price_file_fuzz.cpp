// No price list, ours or LiteLLM's, may crash its reader. What an import makes is a list of ours,
// a row is read as it was written, and no price is negative.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "meter/price_import.h"

using namespace halton;
using namespace halton::meter;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

void check_rows(const PriceFile& file) {
    for (const PriceRow& row : file.rows) {
        const std::string line = to_price_line(row);
        const auto again =
            parse_price_file("{\"format\":1,\"date\":\"2026-01-01\"}\n" + line + "\n");
        require(again.has_value() && again->rows.size() == 1);
        require(to_price_line(again->rows.front()) == line);
    }
}

void check_prices(const PriceBook& book, const PriceFile& file) {
    TokenUsage usage;
    usage.input = 300'000;
    usage.output = 20;
    usage.cache_read = 1'000;
    usage.web_search_count = 2;
    for (const PriceRow& row : file.rows) {
        for (const std::string_view tier : {"", "batch", "priority"}) {
            const auto priced = book.price(
                {row.provider, row.model, RequestKind::chat, tier, row.from, "fast", "us"}, usage);
            require(!priced || priced->cost.value >= 0);
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto file = parse_price_file(text)) {
        check_rows(*file);
        if (const auto book = PriceBook::parse(text)) check_prices(*book, *file);
    }
    if (const auto import = import_litellm(text, "2026-01-01")) {
        const auto file = parse_price_file(import->text);
        require(file.has_value() && file->rows.size() == import->row_count);
        check_rows(*file);
        const auto book = PriceBook::parse(import->text);
        require(book.has_value());
        check_prices(*book, *file);
    }
    return 0;
}
