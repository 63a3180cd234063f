// ProviderTable: the built-in rows, and those that [[provider.custom]] of the config adds: a host,
// the family of its formats, and a name for the rows.
// What is added wins over what is built in, so that a gateway under a known domain can be named.
// Several entries may name one host: it then speaks all of their families, under the first name.
// Owner: the daemon; outlives all observers. Thread: any, const after making.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "meter/providers/provider.h"

namespace halton::meter {

class ProviderTable {
public:
    // Entries that config::parse_config let pass; shapes that no family has are ignored.
    explicit ProviderTable(const std::vector<config::CustomProvider>& added = {});
    ~ProviderTable();

    // Who answers at this host (lower case); both null when nobody we know.
    HostMatch find_host(std::string_view host) const;

    // All hosts of all rows.
    std::vector<const Host*> hosts() const;

private:
    struct Custom;
    std::vector<std::unique_ptr<Custom>> custom_;
};

// The built-in rows alone.
const ProviderTable& built_in_providers();

}  // namespace halton::meter
