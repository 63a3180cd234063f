// The texts of `whoami`: how a process is attributed, tier by tier. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "meter/attribution.h"

namespace halton::roles {

struct WhoamiView {
    int pid = 0;
    // What is known of it; an error when it is gone, or another user's.
    Result<meter::ClientProcess> process = fail(ErrorKind::not_found);
    std::vector<meter::LayerAnswer> answers;  // of a known one: every tier
    meter::Attribution attribution;
    // The project that has that slug for an old name; the slug itself otherwise.
    std::string current_slug;
};

std::string to_whoami_text(const WhoamiView& view, int width);
std::string to_whoami_json(const WhoamiView& view);

}  // namespace halton::roles
