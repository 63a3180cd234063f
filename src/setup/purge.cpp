#include "setup/purge.h"

namespace halton::setup {

std::vector<Step> plan_purge(const Facts& facts, bool is_graceful, bool takes_record) {
    ClearFolder clear{facts.folders.data, {}};
    if (!takes_record) clear.kept = {"db.sqlite", "db.sqlite-wal", "db.sqlite-shm"};
    if (is_graceful)
        clear.kept.insert(clear.kept.end(),
                          {"ca.pem", "ca-bundle.pem", "config.toml", "effective-ports.json"});
    return {clear};
}

}  // namespace halton::setup
