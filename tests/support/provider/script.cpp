#include "support/provider/script.h"

#include <fstream>

#include <fmt/format.h>
#include <openssl/base64.h>

#include "simdjson.h"

namespace provider {

namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

bool decode_base64(std::string_view text, std::string& bytes) {
    std::size_t length = 0;
    if (!EVP_DecodedLength(&length, text.size())) return false;
    bytes.resize(length);
    if (!EVP_DecodeBase64(reinterpret_cast<std::uint8_t*>(bytes.data()), &length, length,
                          reinterpret_cast<const std::uint8_t*>(text.data()), text.size()))
        return false;
    bytes.resize(length);
    return true;
}

std::string string_of(element item, const char* key) {
    std::string_view text;
    return item[key].get(text) == SUCCESS ? std::string(text) : std::string();
}

bool read_pairs(element item, const char* key, HeaderList& pairs) {
    simdjson::dom::array list;
    if (item[key].get(list) != SUCCESS) return true;
    for (element pair : list) {
        std::string_view name, value;
        if (pair.at(0).get(name) != SUCCESS || pair.at(1).get(value) != SUCCESS) return false;
        pairs.emplace_back(name, value);
    }
    return true;
}

// Empty when all is well.
std::string read_item(element item, Script& script) {
    auto id = string_of(item, "id");
    if (id.empty()) return "no id";
    Content content;
    std::int64_t status = 0;
    if (item["status"].get(status) == SUCCESS) content.status = static_cast<int>(status);
    content.reason = string_of(item, "reason");
    content.framing = string_of(item, "framing");
    content.chunks = string_of(item, "chunks");
    if (!read_pairs(item, "headers", content.headers)) return "headers";
    if (!read_pairs(item, "trailers", content.trailers)) return "trailers";
    simdjson::dom::array interim;
    if (item["interim"].get(interim) == SUCCESS)
        for (element one : interim) {
            std::int64_t number = 0;
            if (one.get(number) != SUCCESS) return "interim";
            content.interim.push_back(static_cast<int>(number));
        }
    simdjson::dom::array frames;
    if (item["frames"].get(frames) == SUCCESS)
        for (element frame : frames)
            content.frames.push_back({string_of(frame, "direction") == "sent",
                                      string_of(frame, "text")});
    if (!decode_base64(string_of(item, "raw"), content.raw)) return "raw";
    std::string body;
    if (!decode_base64(string_of(item, "body"), body)) return "body";
    content.body.push_back({{}, std::move(body)});
    script[id] = std::move(content);
    return {};
}

}  // namespace

bool read_script(const std::string& file, Script& script, std::string& problem) {
    std::ifstream in(file);
    if (!in) {
        problem = "cannot read " + file;
        return false;
    }
    simdjson::dom::parser parser;
    int number = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty()) continue;
        element item;
        auto wrong = parser.parse(line).get(item) == SUCCESS ? read_item(item, script)
                                                             : std::string("not JSON");
        if (!wrong.empty()) {
            problem = fmt::format("{}:{}: {}", file, number, wrong);
            return false;
        }
    }
    return true;
}

}  // namespace provider
