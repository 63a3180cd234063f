// Projects of processes that live in a box: a container, or the sandbox of a macOS app.
// In:    what the system shows of the box. Out: a slug "docker:<host>", "k8s:<host>",
//        "mac:<bundle id>", or nothing. Pure: every form is tested on every system.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace halton::meter {

struct ContainerFacts {
    std::string cgroup;          // /proc/<pid>/cgroup
    bool has_mark = false;       // a file that container engines put at the root
    bool is_kubernetes = false;  // the folder of a pod's credentials is there
    std::string hostname;        // as the container is called inside; empty: unknown
};

// With an unknown host name, the id's first twelve digits, which engines take for a name.
std::optional<std::string> container_slug(const ContainerFacts& facts);

// "/Users/ada/Library/Containers/com.openai.chat/Data" is "mac:com.openai.chat".
std::optional<std::string> app_sandbox_slug(std::string_view working_directory);

}  // namespace halton::meter
