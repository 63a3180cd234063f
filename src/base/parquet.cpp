#include "base/parquet.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <unordered_map>

#include <zstd.h>

#include "base/limits.h"

namespace halton {
namespace {

constexpr std::string_view magic = "PAR1";
// Fast, and close to what higher levels reach on columns like ours.
constexpr int zstd_level = 3;

// Numbers of the format's own definition.
enum Physical : std::int32_t { boolean = 0, int64 = 2, float64 = 5, byte_array = 6 };
enum Encoding : std::int32_t { plain = 0, run_lengths = 3, dictionary = 8 };
enum PageType : std::int32_t { data_page = 0, dictionary_page = 2 };
constexpr std::int32_t codec_zstd = 6;
constexpr std::int32_t required = 0;
constexpr std::int32_t optional = 1;

Physical physical_of(ParquetType type) {
    switch (type) {
        case ParquetType::text: return byte_array;
        case ParquetType::real: return float64;
        case ParquetType::flag: return boolean;
        case ParquetType::integer:
        case ParquetType::timestamp_us:
        case ParquetType::nano_decimal: break;
    }
    return int64;
}

void append_varint(std::string& out, std::uint64_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void append_little_endian(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

// Thrift's compact protocol, as far as the format needs it.
class Thrift {
public:
    void begin_struct() { last_ids_.push_back(0); }
    void end_struct() {
        out_ += '\0';
        last_ids_.pop_back();
    }
    void begin_struct_field(int id) {
        field(id, 12);
        begin_struct();
    }
    void number32(int id, std::int64_t value) {
        field(id, 5);
        zigzag(value);
    }
    void number64(int id, std::int64_t value) {
        field(id, 6);
        zigzag(value);
    }
    void flag(int id, bool value) { field(id, value ? 1 : 2); }
    void text(int id, std::string_view value) {
        field(id, 8);
        bytes(value);
    }
    void list(int id, int element_type, std::size_t count) {
        field(id, 9);
        if (count < 15) {
            out_ += static_cast<char>(count << 4 | static_cast<std::size_t>(element_type));
        } else {
            out_ += static_cast<char>(0xf0 | element_type);
            append_varint(out_, count);
        }
    }
    // Elements of lists.
    void bytes(std::string_view value) {
        append_varint(out_, value.size());
        out_ += value;
    }
    void zigzag(std::int64_t value) {
        append_varint(out_, (static_cast<std::uint64_t>(value) << 1) ^
                                static_cast<std::uint64_t>(value >> 63));
    }
    static constexpr int type_number32 = 5;
    static constexpr int type_text = 8;
    static constexpr int type_struct = 12;

    const std::string& out() const { return out_; }

private:
    void field(int id, int type) {
        const int delta = id - last_ids_.back();
        if (delta > 0 && delta < 16) {
            out_ += static_cast<char>(delta << 4 | type);
        } else {
            out_ += static_cast<char>(type);
            zigzag(id);
        }
        last_ids_.back() = id;
    }

    std::string out_;
    std::vector<int> last_ids_;
};

// Runs of equal values, and groups of eight packed ones between them.
class RunLengths {
public:
    explicit RunLengths(int bit_width) : bit_width_(bit_width) {}

    void add(std::uint32_t value, std::size_t count) {
        if (count == 0) return;
        if (run_ > 0 && value == value_) {
            run_ += count;
            return;
        }
        settle();
        value_ = value;
        run_ = count;
    }

    std::string finish() {
        settle();
        flush_packed();
        return std::move(out_);
    }

private:
    // What was collected of one value goes out as a run if it is long enough. Packed groups before
    // it must be full, since a reader counts eight values for each.
    void settle() {
        while (run_ > 0 && packed_.size() % 8 != 0) {
            packed_.push_back(value_);
            --run_;
        }
        if (run_ >= 8) {
            flush_packed();
            append_varint(out_, static_cast<std::uint64_t>(run_) << 1);
            append_little_endian(out_, value_, (bit_width_ + 7) / 8);
        } else {
            packed_.insert(packed_.end(), run_, value_);
        }
        run_ = 0;
    }

    void flush_packed() {
        if (packed_.empty()) return;
        packed_.resize((packed_.size() + 7) / 8 * 8);
        append_varint(out_, packed_.size() / 8 << 1 | 1);
        std::uint64_t bits = 0;
        int bit_count = 0;
        for (const std::uint32_t value : packed_) {
            bits |= static_cast<std::uint64_t>(value) << bit_count;
            bit_count += bit_width_;
            for (; bit_count >= 8; bit_count -= 8, bits >>= 8) out_ += static_cast<char>(bits);
        }
        packed_.clear();
    }

    int bit_width_;
    std::uint32_t value_ = 0;
    std::size_t run_ = 0;
    std::vector<std::uint32_t> packed_;
    std::string out_;
};

// One column of the group that is being filled.
struct ColumnBuffer {
    std::vector<bool> is_there;  // of nullable columns
    std::vector<std::int64_t> numbers;
    std::vector<std::uint32_t> indexes;  // of texts
    std::deque<std::string> texts;       // distinct, in the order of their first use
    std::unordered_map<std::string_view, std::uint32_t> index_of;  // views into `texts`

    void clear() {
        is_there.clear();
        numbers.clear();
        indexes.clear();
        index_of.clear();
        texts.clear();
    }
};

struct ChunkFacts {
    std::int64_t offset = 0;  // of its first page
    std::int64_t dictionary_offset = -1;
    std::int64_t data_offset = 0;
    std::int64_t value_count = 0;
    std::int64_t plain_bytes = 0;  // with page headers
    std::int64_t packed_bytes = 0;
};

struct GroupFacts {
    std::int64_t row_count = 0;
    std::vector<ChunkFacts> chunks;
};

int bit_width_of(std::size_t largest) {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(largest)));
}

void append_text(std::string& out, std::string_view text) {
    append_little_endian(out, text.size(), 4);
    out += text;
}

}  // namespace

struct ParquetWriter::State {
    std::vector<ParquetColumn> columns;
    std::vector<std::pair<std::string, std::string>> facts;
    std::vector<ColumnBuffer> buffers;
    std::vector<GroupFacts> groups;
    std::size_t next_column = 0;
    std::size_t group_rows = 0;
    std::size_t group_bytes = 0;
    std::int64_t rows = 0;
    std::int64_t offset = 0;  // bytes that were given out
    std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> zstd{ZSTD_createCCtx(), &ZSTD_freeCCtx};

    ColumnBuffer& begin_value(bool is_there) {
        ColumnBuffer& buffer = buffers[next_column];
        if (columns[next_column].is_nullable) buffer.is_there.push_back(is_there);
        if (++next_column == columns.size()) {
            next_column = 0;
            ++group_rows;
            ++rows;
        }
        return buffer;
    }

    // Header and compressed body of one page; the sizes are added to `facts`.
    std::string to_page(PageType type, Encoding encoding, std::size_t value_count,
                        const std::string& body, ChunkFacts& chunk) {
        std::string packed(ZSTD_compressBound(body.size()), '\0');
        const auto packed_bytes = ZSTD_compressCCtx(zstd.get(), packed.data(), packed.size(),
                                                    body.data(), body.size(), zstd_level);
        packed.resize(packed_bytes);  // the bound is enough for every input
        Thrift header;
        header.begin_struct();
        header.number32(1, type);
        header.number32(2, static_cast<std::int64_t>(body.size()));
        header.number32(3, static_cast<std::int64_t>(packed.size()));
        header.begin_struct_field(type == data_page ? 5 : 7);
        header.number32(1, static_cast<std::int64_t>(value_count));
        header.number32(2, encoding);
        if (type == data_page) {
            header.number32(3, run_lengths);
            header.number32(4, run_lengths);
        }
        header.end_struct();
        header.end_struct();
        chunk.plain_bytes += static_cast<std::int64_t>(header.out().size() + body.size());
        chunk.packed_bytes += static_cast<std::int64_t>(header.out().size() + packed.size());
        return header.out() + packed;
    }

    std::string to_chunk(const ParquetColumn& column, const ColumnBuffer& buffer,
                         std::int64_t chunk_offset, ChunkFacts& chunk) {
        chunk.offset = chunk_offset;
        chunk.value_count = static_cast<std::int64_t>(group_rows);
        std::string body;
        if (column.is_nullable) {
            RunLengths levels(1);
            for (const bool is_there : buffer.is_there) levels.add(is_there ? 1 : 0, 1);
            append_text(body, levels.finish());
        }
        std::string pages;
        Encoding encoding = plain;
        switch (column.type) {
            case ParquetType::text: {
                // A dictionary pays where each text stands twice in the mean.
                if (!buffer.texts.empty() && buffer.texts.size() * 2 <= buffer.indexes.size()) {
                    std::string dictionary_body;
                    for (const auto& text : buffer.texts) append_text(dictionary_body, text);
                    chunk.dictionary_offset = chunk_offset;
                    pages = to_page(dictionary_page, plain, buffer.texts.size(), dictionary_body,
                                    chunk);
                    encoding = dictionary;
                    const int width = std::max(1, bit_width_of(buffer.texts.size() - 1));
                    body += static_cast<char>(width);
                    RunLengths indexes(width);
                    for (const auto index : buffer.indexes) indexes.add(index, 1);
                    body += indexes.finish();
                } else {
                    for (const auto index : buffer.indexes) append_text(body, buffer.texts[index]);
                }
                break;
            }
            case ParquetType::flag: {
                std::string bits((buffer.numbers.size() + 7) / 8, '\0');
                for (std::size_t i = 0; i < buffer.numbers.size(); ++i)
                    if (buffer.numbers[i] != 0)
                        bits[i / 8] = static_cast<char>(bits[i / 8] | 1 << (i % 8));
                body += bits;
                break;
            }
            case ParquetType::integer:
            case ParquetType::timestamp_us:
            case ParquetType::nano_decimal:
            case ParquetType::real:  // its bits
                for (const auto number : buffer.numbers)
                    append_little_endian(body, static_cast<std::uint64_t>(number), 8);
                break;
        }
        chunk.data_offset = chunk_offset + static_cast<std::int64_t>(pages.size());
        pages += to_page(data_page, encoding, group_rows, body, chunk);
        return pages;
    }

    void write_schema(Thrift& out) const {
        out.list(2, Thrift::type_struct, columns.size() + 1);
        out.begin_struct();
        out.text(4, "schema");
        out.number32(5, static_cast<std::int64_t>(columns.size()));
        out.end_struct();
        for (const auto& column : columns) {
            out.begin_struct();
            out.number32(1, physical_of(column.type));
            out.number32(3, column.is_nullable ? optional : required);
            out.text(4, column.name);
            // Twice: the older word for older readers, the newer one for newer ones.
            if (column.type == ParquetType::text) {
                out.number32(6, 0);
                out.begin_struct_field(10);
                out.begin_struct_field(1);
                out.end_struct();
                out.end_struct();
            } else if (column.type == ParquetType::nano_decimal) {
                out.number32(6, 5);
                out.number32(7, 9);
                out.number32(8, 18);
                out.begin_struct_field(10);
                out.begin_struct_field(5);
                out.number32(1, 9);
                out.number32(2, 18);
                out.end_struct();
                out.end_struct();
            } else if (column.type == ParquetType::timestamp_us) {
                out.number32(6, 10);
                out.begin_struct_field(10);
                out.begin_struct_field(8);
                out.flag(1, true);
                out.begin_struct_field(2);
                out.begin_struct_field(2);
                out.end_struct();
                out.end_struct();
                out.end_struct();
                out.end_struct();
            }
            out.end_struct();
        }
    }

    void write_chunk(Thrift& out, const ParquetColumn& column, const ChunkFacts& chunk) const {
        out.begin_struct();
        out.number64(2, chunk.offset);
        out.begin_struct_field(3);
        out.number32(1, physical_of(column.type));
        const bool has_dictionary = chunk.dictionary_offset >= 0;
        out.list(2, Thrift::type_number32, has_dictionary ? 3 : 2);
        out.zigzag(plain);
        out.zigzag(run_lengths);
        if (has_dictionary) out.zigzag(dictionary);
        out.list(3, Thrift::type_text, 1);
        out.bytes(column.name);
        out.number32(4, codec_zstd);
        out.number64(5, chunk.value_count);
        out.number64(6, chunk.plain_bytes);
        out.number64(7, chunk.packed_bytes);
        out.number64(9, chunk.data_offset);
        if (has_dictionary) out.number64(11, chunk.dictionary_offset);
        out.end_struct();
        out.end_struct();
    }

    std::string to_footer() const {
        Thrift out;
        out.begin_struct();
        out.number32(1, 1);
        write_schema(out);
        out.number64(3, rows);
        out.list(4, Thrift::type_struct, groups.size());
        for (const auto& group : groups) {
            out.begin_struct();
            out.list(1, Thrift::type_struct, columns.size());
            std::int64_t bytes = 0;
            for (std::size_t i = 0; i < columns.size(); ++i) {
                write_chunk(out, columns[i], group.chunks[i]);
                bytes += group.chunks[i].plain_bytes;
            }
            out.number64(2, bytes);
            out.number64(3, group.row_count);
            out.end_struct();
        }
        if (!facts.empty()) {
            out.list(5, Thrift::type_struct, facts.size());
            for (const auto& [key, value] : facts) {
                out.begin_struct();
                out.text(1, key);
                out.text(2, value);
                out.end_struct();
            }
        }
        out.text(6, "halton-meter");
        out.end_struct();
        std::string footer = out.out();
        append_little_endian(footer, footer.size(), 4);
        return footer += magic;
    }
};

ParquetWriter::ParquetWriter(std::vector<ParquetColumn> columns,
                             std::vector<std::pair<std::string, std::string>> facts)
    : state_(std::make_unique<State>()) {
    state_->buffers.resize(columns.size());
    state_->columns = std::move(columns);
    state_->facts = std::move(facts);
}

ParquetWriter::~ParquetWriter() = default;
ParquetWriter::ParquetWriter(ParquetWriter&&) noexcept = default;
ParquetWriter& ParquetWriter::operator=(ParquetWriter&&) noexcept = default;

void ParquetWriter::null() {
    const ParquetColumn& column = state_->columns[state_->next_column];
    // A column that has no nulls gets the value that says least.
    if (!column.is_nullable) return column.type == ParquetType::text ? text("") : integer(0);
    state_->begin_value(false);
}

void ParquetWriter::integer(std::int64_t value) {
    state_->begin_value(true).numbers.push_back(value);
    state_->group_bytes += sizeof value;
}

void ParquetWriter::real(double value) { integer(std::bit_cast<std::int64_t>(value)); }

void ParquetWriter::text(std::string_view value) {
    value = value.substr(0, limits::parquet_text_bytes_max);
    ColumnBuffer& buffer = state_->begin_value(true);
    auto known = buffer.index_of.find(value);
    if (known == buffer.index_of.end()) {
        buffer.texts.emplace_back(value);
        known =
            buffer.index_of
                .emplace(buffer.texts.back(), static_cast<std::uint32_t>(buffer.texts.size() - 1))
                .first;
        state_->group_bytes += value.size() + 64;  // with the map's own
    }
    buffer.indexes.push_back(known->second);
    state_->group_bytes += sizeof(std::uint32_t);
}

bool ParquetWriter::is_group_full() const {
    return state_->next_column == 0 && (state_->group_rows >= limits::parquet_group_rows_max ||
                                        state_->group_bytes >= limits::parquet_group_bytes_max);
}

std::int64_t ParquetWriter::row_count() const { return state_->rows; }

std::string ParquetWriter::take_head() {
    state_->offset += static_cast<std::int64_t>(magic.size());
    return std::string(magic);
}

std::string ParquetWriter::take_group() {
    if (state_->group_rows == 0) return {};
    GroupFacts group;
    group.row_count = static_cast<std::int64_t>(state_->group_rows);
    std::string bytes;
    for (std::size_t i = 0; i < state_->columns.size(); ++i) {
        group.chunks.emplace_back();
        bytes += state_->to_chunk(state_->columns[i], state_->buffers[i],
                                  state_->offset + static_cast<std::int64_t>(bytes.size()),
                                  group.chunks.back());
        state_->buffers[i].clear();
    }
    state_->offset += static_cast<std::int64_t>(bytes.size());
    state_->groups.push_back(std::move(group));
    state_->group_rows = state_->group_bytes = 0;
    return bytes;
}

std::string ParquetWriter::finish() {
    std::string bytes = take_group();
    return bytes += state_->to_footer();
}

}  // namespace halton
