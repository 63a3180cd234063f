#include "platform/authority_files.h"

#include "base/limits.h"
#include "base/log.h"
#include "meter/hosts.h"
#include "platform/environment.h"
#include "platform/files.h"
#include "tls/bundle.h"
#include "tls/pem.h"
#include "tls/trust.h"

namespace halton::platform {
namespace {

Result<std::shared_ptr<const tls::Authority>> load(const Home& home) {
    auto key = read_file(home.ca_key_file(), limits::ca_bundle_bytes_max);
    if (!key) return fail(key.error());
    auto certificate = read_file(home.ca_certificate_file(), limits::ca_bundle_bytes_max);
    if (!certificate) return fail(certificate.error());
    return tls::Authority::load({std::move(*certificate), std::move(*key)});
}

constexpr const char* own_roots_name = "own-roots.pem";

bool is_same_file(const std::string& a, const std::filesystem::path& b) {
    std::error_code ignored;
    return std::filesystem::equivalent(a, b, ignored);
}

}  // namespace

Result<std::shared_ptr<const tls::Authority>> load_or_make_authority(
    const Home& home, const std::vector<std::string>& metered_hosts, UtcTime now) {
    auto hosts = metered_hosts;
    hosts.emplace_back(meter::self_test_host);
    auto loaded = load(home);
    if (loaded && (*loaded)->covers(hosts, now)) return loaded;
    const bool is_first = !loaded && loaded.error().kind == ErrorKind::not_found;
    log_event(is_first ? LogLevel::info : LogLevel::warn, "ca.made",
              {{"reason", is_first  ? std::string("first start")
                          : loaded ? std::string("the host list changed or the root expires")
                                    : to_text(loaded.error())}});
    auto files = tls::make_authority(hosts, now);
    if (!files) return fail(files.error());
    // Key first: a certificate without its key would be trusted and useless.
    auto written = make_private_directory(home.ca_directory());
    if (written) written = write_file_atomically(home.ca_key_file(), files->key_pem, 0600);
    if (written)
        written = write_file_atomically(home.ca_certificate_file(), files->certificate_pem, 0644);
    if (!written) return fail(written.error());
    return tls::Authority::load(*files);
}

std::vector<std::string> read_trusted_roots(const Home& home, const std::string& extra_file) {
    std::vector<std::string> texts;
    const auto add = [&texts](const std::string& path) {
        auto text = read_file(path, limits::ca_bundle_bytes_max);
        if (!text) return false;
        texts.push_back(std::move(*text));
        return true;
    };
    const auto variable = read_variable("SSL_CERT_FILE");
    const bool is_users = variable && !is_same_file(*variable, home.ca_bundle_file());
    if (!is_users || !add(*variable))
        for (const auto& path : tls::system_bundle_paths())
            if (add(path)) break;
    add((home.directory / own_roots_name).string());
    if (!extra_file.empty() && !add(extra_file))
        log_event(LogLevel::warn, "config.ignored", {{"what", "[upstream] ca_file: " + extra_file}});
    return texts;
}

Result<void> keep_own_roots(const Home& home, const std::vector<std::string>& texts) {
    std::string kept;
    for (const auto& text : texts)
        tls::for_each_certificate(
            text, [&kept](std::string_view der) { kept += tls::to_certificate_pem(der); });
    const auto file = home.directory / own_roots_name;
    if (kept.empty()) {
        const auto removed = remove_file(file);
        if (!removed) return fail(removed.error());
        return {};
    }
    if (kept.size() > limits::ca_bundle_bytes_max)
        return fail(ErrorKind::too_large, "your own CA files are too large together");
    const auto present = read_file(file, limits::ca_bundle_bytes_max);
    if (present && *present == kept) return {};
    return write_file_atomically(file, kept, 0644);
}

Result<void> write_bundle(const Home& home, const std::vector<std::string>& roots) {
    auto root = read_file(home.ca_certificate_file(), limits::ca_bundle_bytes_max);
    if (!root) return fail(root.error());
    auto bundle = tls::merge_bundle(roots, *root);
    if (!bundle) return fail(bundle.error());
    const auto present = read_file(home.ca_bundle_file(), limits::ca_bundle_bytes_max);
    if (present && *present == *bundle) return {};
    return write_file_atomically(home.ca_bundle_file(), *bundle, 0644);
}

}  // namespace halton::platform
