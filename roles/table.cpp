#include "roles/table.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"

namespace halton::roles {
namespace {

constexpr std::size_t indent = 2;
constexpr std::size_t gap = 2;
constexpr std::size_t cut_width_min = 8;

// Columns on the screen: characters and not bytes. Wide East Asian ones count as one, as nothing
// here makes them common.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string pad(const std::string& text, std::size_t width, bool is_number) {
    const std::string blank(width - std::min(width, width_of(text)), ' ');
    return is_number ? blank + text : text + blank;
}

}  // namespace

std::string render_table(const std::vector<Column>& columns,
                         std::vector<std::vector<std::string>> rows, int width) {
    std::vector<std::size_t> shown(columns.size());
    std::iota(shown.begin(), shown.end(), std::size_t{0});
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        widths.push_back(width_of(columns[i].heading));
        for (const auto& row : rows) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    const auto total = [&] {
        std::size_t sum = indent + gap * (shown.size() - 1);
        for (const auto i : shown) sum += widths[i];
        return sum;
    };
    const auto limit = static_cast<std::size_t>(std::max(width, 0));
    while (limit > 0 && total() > limit) {
        const auto first_out = std::max_element(shown.begin(), shown.end(), [&](auto a, auto b) {
            return columns[a].leaves_at < columns[b].leaves_at;
        });
        if (columns[*first_out].leaves_at == 0) break;
        shown.erase(first_out);
    }
    for (const auto i : shown) {
        if (limit == 0 || total() <= limit || !columns[i].is_cut) continue;
        const auto excess = total() - limit;
        const auto least = std::min(widths[i], cut_width_min);
        widths[i] = std::max(least, widths[i] - std::min(widths[i], excess));
        for (auto& row : rows)
            if (width_of(row[i]) > widths[i]) row[i] = to_safe_text(row[i], widths[i] - 2) + "..";
    }

    std::string text;
    const auto add_line = [&](auto cell_of) {
        std::string line(indent, ' ');
        for (const auto i : shown) {
            if (line.size() > indent) line.append(gap, ' ');
            line += pad(cell_of(i), widths[i], columns[i].is_number);
        }
        line.resize(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    };
    add_line([&](std::size_t i) { return columns[i].heading; });
    for (const auto& row : rows) add_line([&](std::size_t i) { return row[i]; });
    return text;
}

std::string wrap_text(std::string_view text, int width) {
    const auto limit = static_cast<std::size_t>(std::max(width, 0));
    std::string out;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string line(text.substr(0, end));
        const bool is_ended = end < text.size();
        text.remove_prefix(is_ended ? end + 1 : end);
        const auto first = std::min(line.find_first_not_of(' '), line.size());
        const std::string further(first + 2, ' ');
        while (limit > 0 && width_of(line) > limit) {
            // The last space that fits; a word that is too long stays whole.
            std::size_t cut = std::string::npos;
            std::size_t column = 0;
            const auto own_indent = line.find_first_not_of(' ');
            for (std::size_t i = 0; i < line.size(); ++i) {
                const bool is_begin = (line[i] & 0xc0) != 0x80;
                if (line[i] == ' ' && i > own_indent &&
                    (column <= limit || cut == std::string::npos))
                    cut = i;
                column += is_begin ? 1 : 0;
                if (column > limit && cut != std::string::npos) break;
            }
            if (cut == std::string::npos) break;
            const auto next = line.find_first_not_of(' ', cut);
            if (next == std::string::npos) break;
            out += line.substr(0, line.find_last_not_of(' ', cut) + 1) + '\n';
            line = further + line.substr(next);
        }
        out += line;
        if (is_ended) out += '\n';
    }
    return out;
}

}  // namespace halton::roles
