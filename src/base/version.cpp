#include "base/version.h"

namespace halton {

std::string_view version() { return HALTON_VERSION; }

}  // namespace halton
