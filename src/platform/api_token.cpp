#include "platform/api_token.h"

#include <algorithm>
#include <random>
#include <system_error>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"

namespace halton::platform {
namespace {

constexpr std::size_t digit_count = 2 * limits::api_token_bytes;

// Of the system's generator, each of them.
std::string make_token() {
    std::random_device device;
    std::string token;
    while (token.size() < digit_count) token += fmt::format("{:08x}", device() & 0xffff'ffffu);
    return token.substr(0, digit_count);
}

}  // namespace

Result<std::string> read_api_token(const Home& home) {
    const auto path = home.api_token_file();
    std::error_code failed;
    const auto status = std::filesystem::symlink_status(path, failed);
    if (status.type() == std::filesystem::file_type::not_found)
        return fail(ErrorKind::not_found, fmt::format("no {}", path.string()));
    constexpr auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    if (failed || status.type() != std::filesystem::file_type::regular ||
        (status.permissions() & others) != std::filesystem::perms::none)
        return fail(ErrorKind::permission,
                    fmt::format("{} is not for its owner only", path.string()));
    auto text = read_file(path, limits::api_token_bytes * 4);
    if (!text) return fail(text.error());
    std::string token(trim(*text));
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (token.size() != digit_count || !std::all_of(token.begin(), token.end(), is_digit))
        return fail(ErrorKind::malformed, fmt::format("{} holds no token", path.string()));
    return token;
}

Result<std::string> read_or_make_api_token(const Home& home) {
    if (auto token = read_api_token(home)) return token;
    auto token = make_token();
    const auto written = write_file_atomically(home.api_token_file(), token + "\n", 0600);
    if (!written) return fail(written.error());
    return token;
}

}  // namespace halton::platform
