#include "base/uuid.h"

#include <set>
#include <string>

#include "support/catch.h"

TEST_CASE("identifiers have the form of version 4 and differ") {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string id = halton::make_uuid();
        REQUIRE(id.size() == 36);
        for (std::size_t at = 0; at < id.size(); ++at) {
            if (at == 8 || at == 13 || at == 18 || at == 23) REQUIRE(id[at] == '-');
            else REQUIRE(std::string("0123456789abcdef").find(id[at]) != std::string::npos);
        }
        REQUIRE(id[14] == '4');
        REQUIRE(std::string("89ab").find(id[19]) != std::string::npos);
        REQUIRE(seen.insert(id).second);
    }
}
