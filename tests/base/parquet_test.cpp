// The writer against a small reader of the format's specification, written for this test alone.
// tests/e2e/exports.py shows the files to real readers.
#include "base/parquet.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <variant>

#include <zstd.h>

#include "base/limits.h"
#include "support/catch.h"

using namespace halton;

namespace {

// A value of Thrift's compact protocol, read without knowing what it means.
struct Thrift {
    std::int64_t number = 0;
    std::string text;
    std::vector<Thrift> list;
    std::map<int, Thrift> fields;
};

class ThriftReader {
public:
    ThriftReader(const std::string& bytes, std::size_t at) : bytes_(bytes), at_(at) {}
    std::size_t at() const { return at_; }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0;; shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes_.at(at_++));
            value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
            if ((byte & 0x80) == 0) return value;
        }
    }
    std::int64_t zigzag() {
        const auto value = varint();
        return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
    }
    Thrift read(int type) {
        Thrift value;
        switch (type) {
            case 1: value.number = 1; break;
            case 2: break;
            case 5:
            case 6: value.number = zigzag(); break;
            case 8: {
                const auto size = varint();
                value.text = bytes_.substr(at_, size);
                at_ += size;
                break;
            }
            case 9: {
                const auto head = static_cast<unsigned char>(bytes_.at(at_++));
                const auto count =
                    head >> 4 == 15 ? varint() : static_cast<std::uint64_t>(head >> 4);
                for (std::uint64_t i = 0; i < count; ++i) value.list.push_back(read(head & 15));
                break;
            }
            case 12: return read_struct();
            default: throw std::runtime_error("unknown type");
        }
        return value;
    }
    Thrift read_struct() {
        Thrift value;
        int id = 0;
        while (true) {
            const auto head = static_cast<unsigned char>(bytes_.at(at_++));
            if (head == 0) return value;
            id = head >> 4 == 0 ? static_cast<int>(zigzag()) : id + (head >> 4);
            value.fields[id] = read(head & 15);
        }
    }

private:
    const std::string& bytes_;
    std::size_t at_;
};

std::uint64_t little_endian(const std::string& bytes, std::size_t at, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes.at(at + i)))
                 << (8 * i);
    return value;
}

std::vector<std::uint32_t> read_runs(const std::string& bytes, std::size_t at, int width,
                                     std::size_t count) {
    std::vector<std::uint32_t> values;
    const auto value_bytes = static_cast<std::size_t>((width + 7) / 8);
    while (values.size() < count) {
        ThriftReader reader(bytes, at);
        const auto head = reader.varint();
        at = reader.at();
        if ((head & 1) == 0) {
            const auto value = static_cast<std::uint32_t>(little_endian(bytes, at, value_bytes));
            values.insert(values.end(), head >> 1, value);
            at += value_bytes;
            continue;
        }
        const auto bits = (head >> 1) * 8 * static_cast<std::uint64_t>(width);
        for (std::uint64_t bit = 0; bit < bits; bit += static_cast<std::uint64_t>(width)) {
            std::uint32_t value = 0;
            for (int i = 0; i < width; ++i) {
                const auto place = bit + static_cast<std::uint64_t>(i);
                const auto byte = static_cast<unsigned char>(bytes.at(at + place / 8));
                value |= static_cast<std::uint32_t>(byte >> (place % 8) & 1) << i;
            }
            values.push_back(value);
        }
        at += bits / 8;
    }
    values.resize(count);
    return values;
}

using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;

struct Page {
    Thrift header;
    std::string body;
    std::size_t end = 0;
};

Page read_page(const std::string& file, std::size_t at) {
    ThriftReader reader(file, at);
    Page page;
    page.header = reader.read_struct();
    const auto packed = static_cast<std::size_t>(page.header.fields.at(3).number);
    page.body.resize(static_cast<std::size_t>(page.header.fields.at(2).number));
    const auto size =
        ZSTD_decompress(page.body.data(), page.body.size(), file.data() + reader.at(), packed);
    if (size != page.body.size()) throw std::runtime_error("page");
    page.end = reader.at() + packed;
    return page;
}

std::vector<std::string> read_texts(const std::string& body, std::size_t at, std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) {
        const auto size = little_endian(body, at, 4);
        texts.push_back(body.substr(at + 4, size));
        at += 4 + size;
    }
    return texts;
}

// All rows of a file, column by column.
std::vector<std::vector<Cell>> read_file(const std::string& file,
                                         const std::vector<ParquetColumn>& columns) {
    REQUIRE(file.substr(0, 4) == "PAR1");
    REQUIRE(file.substr(file.size() - 4) == "PAR1");
    const auto footer_bytes = little_endian(file, file.size() - 8, 4);
    ThriftReader reader(file, file.size() - 8 - footer_bytes);
    Thrift footer = reader.read_struct();
    REQUIRE(reader.at() == file.size() - 8);
    const auto& schema = footer.fields.at(2).list;
    REQUIRE(schema.size() == columns.size() + 1);
    std::vector<std::vector<Cell>> all(columns.size());
    std::int64_t rows = 0;
    for (auto& group : footer.fields.at(4).list) {
        const auto group_rows = static_cast<std::size_t>(group.fields.at(3).number);
        rows += group.fields.at(3).number;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            CHECK(schema[i + 1].fields.at(4).text == columns[i].name);
            auto& facts = group.fields.at(1).list.at(i).fields.at(3);
            CHECK(facts.fields.at(5).number == static_cast<std::int64_t>(group_rows));
            std::vector<std::string> dictionary;
            auto at = static_cast<std::size_t>(facts.fields.at(9).number);
            std::size_t begin = at;
            if (facts.fields.count(11) > 0) {
                begin = static_cast<std::size_t>(facts.fields.at(11).number);
                auto page = read_page(file, begin);
                dictionary = read_texts(
                    page.body, 0,
                    static_cast<std::size_t>(page.header.fields.at(7).fields.at(1).number));
                CHECK(page.end == at);
            }
            auto page = read_page(file, at);
            CHECK(page.end - begin == static_cast<std::size_t>(facts.fields.at(7).number));
            std::vector<std::uint32_t> levels(group_rows, 1);
            std::size_t place = 0;
            if (columns[i].is_nullable) {
                levels = read_runs(page.body, 4, 1, group_rows);
                place = 4 + little_endian(page.body, 0, 4);
            }
            const auto count = static_cast<std::size_t>(
                std::count(levels.begin(), levels.end(), std::uint32_t{1}));
            std::vector<Cell> values;
            if (columns[i].type == ParquetType::text) {
                std::vector<std::string> texts;
                if (page.header.fields.at(5).fields.at(2).number == 8) {
                    const int width = page.body.at(place);
                    for (const auto index : read_runs(page.body, place + 1, width, count))
                        texts.push_back(dictionary.at(index));
                } else {
                    texts = read_texts(page.body, place, count);
                }
                for (auto& text : texts) values.emplace_back(std::move(text));
            } else if (columns[i].type == ParquetType::flag) {
                for (std::size_t k = 0; k < count; ++k)
                    values.emplace_back(
                        static_cast<std::int64_t>(page.body.at(place + k / 8) >> (k % 8) & 1));
            } else {
                for (std::size_t k = 0; k < count; ++k) {
                    const auto bits = little_endian(page.body, place + 8 * k, 8);
                    if (columns[i].type == ParquetType::real)
                        values.emplace_back(std::bit_cast<double>(bits));
                    else
                        values.emplace_back(static_cast<std::int64_t>(bits));
                }
            }
            std::size_t next = 0;
            for (const auto level : levels)
                all[i].push_back(level == 1 ? values.at(next++) : Cell{});
        }
    }
    CHECK(footer.fields.at(3).number == rows);
    return all;
}

const std::vector<ParquetColumn> columns{
    {"id", ParquetType::text, false},         {"word", ParquetType::text, true},
    {"count", ParquetType::integer, true},    {"ratio", ParquetType::real, true},
    {"is_so", ParquetType::flag, true},       {"at", ParquetType::timestamp_us, false},
    {"cost", ParquetType::nano_decimal, true}};

}  // namespace

TEST_CASE("parquet: what was written is what is read, over several groups") {
    ParquetWriter writer(columns, {{"key", "value"}});
    std::string file = writer.take_head();
    std::vector<std::vector<Cell>> wanted(columns.size());
    std::mt19937 random(7);
    const std::size_t count = limits::parquet_group_rows_max * 2 + 77;
    int group_count = 0;
    for (std::size_t row = 0; row < count; ++row) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            // Long runs of nulls and of values, and changes between them.
            const bool is_null = columns[i].is_nullable && (row % 3000 < 1000 || random() % 3 == 0);
            const auto number = static_cast<std::int64_t>(random()) - (1LL << 31);
            if (is_null) {
                writer.null();
                wanted[i].emplace_back();
            } else if (columns[i].type == ParquetType::text) {
                const auto text = i == 0 ? std::to_string(row) : "w" + std::to_string(row / 900);
                writer.text(text);
                wanted[i].emplace_back(text);
            } else if (columns[i].type == ParquetType::real) {
                writer.real(static_cast<double>(number) / 3);
                wanted[i].emplace_back(static_cast<double>(number) / 3);
            } else {
                const auto value = columns[i].type == ParquetType::flag ? number & 1 : number;
                writer.integer(value);
                wanted[i].emplace_back(value);
            }
        }
        if (writer.is_group_full()) {
            file += writer.take_group();
            ++group_count;
        }
    }
    CHECK(writer.row_count() == static_cast<std::int64_t>(count));
    file += writer.finish();
    CHECK(group_count == 2);
    const auto found = read_file(file, columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
        INFO(columns[i].name);
        CHECK((found[i] == wanted[i]));
    }
}

TEST_CASE("parquet: no rows, only nulls, an empty text, one value") {
    ParquetWriter none(columns, {});
    std::string file = none.take_head();
    CHECK(none.take_group().empty());
    file += none.finish();
    CHECK(read_file(file, columns)[0].empty());

    const std::vector<ParquetColumn> two{{"a", ParquetType::text, true},
                                         {"b", ParquetType::text, false}};
    ParquetWriter writer(two, {});
    file = writer.take_head();
    for (int i = 0; i < 3; ++i) {
        writer.null();
        if (i == 1)
            writer.null();  // an absent value of a column that has none
        else
            writer.text("");
    }
    file += writer.finish();
    const auto found = read_file(file, two);
    CHECK((found[0] == std::vector<Cell>(3)));
    CHECK((found[1] == std::vector<Cell>(3, Cell{std::string()})));
}

TEST_CASE("parquet: large texts end a group early, and a text without end is cut") {
    const std::vector<ParquetColumn> one{{"a", ParquetType::text, false}};
    ParquetWriter writer(one, {});
    std::string file = writer.take_head();
    std::size_t rows = 0;
    while (!writer.is_group_full()) {
        writer.text(std::string(limits::parquet_text_bytes_max + 100, 'x') + "tail");
        writer.text(std::to_string(rows) + std::string(50'000, 'y'));
        rows += 2;
        REQUIRE(rows < limits::parquet_group_rows_max);
    }
    file += writer.finish();
    const auto found = read_file(file, one);
    CHECK(found[0].size() == rows);
    CHECK(std::get<std::string>(found[0][0]).size() == limits::parquet_text_bytes_max);
}
