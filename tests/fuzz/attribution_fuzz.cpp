// Whatever a process and a request say of themselves: slugs are slugs, words are words, what is
// shown cannot act on a terminal, and the explanation agrees with the answer. The input is fields
// with NULs between; each of them stands in every place.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "config/slug.h"
#include "http/head.h"
#include "meter/attribution.h"
#include "meter/client_signals.h"
#include "meter/project_registry.h"

using namespace halton;
using namespace halton::meter;

namespace {

void require(bool is_true) {
    if (!is_true) std::abort();
}

void check_shown(std::string_view text) {
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void check_word(std::string_view text, std::size_t bytes_max) {
    require(text.size() <= bytes_max);
    for (const char c : text)
        require(c > ' ' && c < 0x7f &&
                std::string_view("<>\"'&=\\;`").find(c) == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    std::vector<std::string> fields;
    while (!rest.empty()) {
        fields.emplace_back(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(std::min(fields.back().size() + 1, rest.size()));
    }
    while (fields.size() < 8) fields.emplace_back();

    const auto folders = find_workspaces(fields, fields[1]);
    require(folders.size() <= limits::workspace_count_max);
    for (const auto& folder : folders) {
        require(folder.folder.starts_with('/'));
        require((folder.folder + "/").find("/../") == std::string::npos);
        check_shown(folder.folder);
    }

    ClientProcess process;
    process.executable = fields[0];
    process.working_directory = fields[1];
    process.halton_project = fields[2];
    process.files.haltonrcs = {{fields[3], fields[4]}};
    process.files.git_directory_parent = fields[5];
    process.files.git_work_tree = fields[6];
    process.files.git_branch = fields[7];
    if (!folders.empty()) process.ide = IdeWindow{1, fields[0], folders, process.files};
    for (auto& label : find_labels(fields)) process.labels.push_back({std::move(label), true});
    process.labels.push_back({fields[2], false});
    process.ancestors = {{2, fields[0], fields[1], fields[4], process.files}};
    process.ancestors_end = fields[3];
    process.container = {fields[5], (size & 1) != 0, (size & 2) != 0, fields[6]};

    ProjectRegistry registry;
    registry.note("shop", fields[1]);
    const auto found = attribute(process, "misc", &registry);
    require(config::is_slug(found.project_slug));
    check_shown(found.git_branch);
    std::string first;
    for (const auto& answer : explain(process, "misc", &registry)) {
        if (first.empty() && answer.slug) first = answer.layer;
        if (answer.slug) require(config::is_slug(*answer.slug));
        check_shown(answer.reason);
        require(answer.reason.size() < 1000);
    }
    require(first == found.layer);

    http::HeaderList headers;
    for (const char* name :
         {"user-agent", "session-id", "thread-id", "x-openai-subagent", "x-codex-turn-metadata"})
        headers.add(name, fields[headers.all().size()]);
    const auto signals = read_client_signals(headers, fields[5]);
    check_word(signals.tool, limits::client_word_bytes_max);
    check_word(signals.version, limits::client_word_bytes_max);
    check_word(signals.session_id, limits::session_id_bytes_max);
    check_word(signals.thread_id, limits::session_id_bytes_max);
    check_word(signals.turn_id, limits::session_id_bytes_max);
    check_word(signals.agent_name, limits::agent_name_bytes_max);
    return 0;
}
