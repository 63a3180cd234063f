// Stores of trusted roots outside of our folder: the distribution's anchors and the user's NSS
// database. Names carry the root's hash, so that exactly what was added is removed again. Pure.
#pragma once

#include <string>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

// One way in which distributions take roots of the machine's owner.
struct AnchorStore {
    std::string folder;
    Argv update;  // makes the system's bundle anew
};
const std::vector<AnchorStore>& anchor_stores();

// The first 16 letters of the root's SHA-256; empty when the text holds no certificate.
std::string short_hash(std::string_view root_pem);

// "<folder>/halton-meter-1f2e3d4c5b6a7988.crt"
std::string anchor_file(const AnchorStore& store, std::string_view root_pem);

// "halton-meter 1f2e3d4c5b6a7988", as certutil lists it.
std::string nss_name(std::string_view root_pem);

// Bundles of the system that hold our root now, for the self-test.
std::vector<std::string> find_changed_stores(const Facts& facts);

}  // namespace halton::setup
