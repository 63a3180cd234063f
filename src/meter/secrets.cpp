#include "meter/secrets.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/base64.h"
#include "base/limits.h"
#include "base/text.h"

namespace halton::meter {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_alnum(char c) { return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_space(char c) { return is_blank(c) || c == '\n' || c == '\r'; }
constexpr bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }

bool is_word(char c) { return is_alnum(c) || c == '_' || c == '-'; }
bool is_dotted(char c) { return is_word(c) || c == '.'; }
bool is_path(char c) { return is_word(c) || c == '/'; }
bool is_capital(char c) { return is_upper(c) || is_digit(c); }
bool is_base64(char c) { return is_alnum(c) || c == '+' || c == '/'; }
bool is_token(char c) { return is_dotted(c) || c == '~' || c == '+' || c == '/' || c == '='; }

// What secrets of one maker begin with, and what follows.
struct Form {
    std::string_view kind;
    std::string_view prefix;
    bool (*is_part)(char);
    std::size_t least_bytes;   // behind the prefix
    bool is_anywhere = false;  // also with a letter before it: nothing else is written like this
    bool is_mixed = false;     // a digit or a capital is in it, or it is an ordinary word
};

constexpr Form forms[] = {
    {"anthropic-key", "sk-ant-", is_word, 10, true},
    {"openai-key", "sk-proj-", is_word, 12, true},
    {"openai-key", "sk-svcacct-", is_word, 12, true},
    {"openai-key", "sk-admin-", is_word, 12, true},
    {"openrouter-key", "sk-or-", is_word, 16, true},
    {"openai-key", "sk-", is_word, 16, false, true},
    {"stripe-key", "sk_live_", is_word, 10},
    {"stripe-key", "sk_test_", is_word, 10},
    {"stripe-key", "rk_live_", is_word, 10},
    {"stripe-key", "rk_test_", is_word, 10},
    {"stripe-key", "whsec_", is_base64, 16},
    {"xai-key", "xai-", is_word, 16, false, true},
    {"google-key", "AIza", is_word, 30},
    {"google-token", "ya29.", is_dotted, 10},
    {"google-token", "GOCSPX-", is_word, 16},
    {"google-token", "1//0", is_word, 30},
    {"github-token", "ghp_", is_word, 20},
    {"github-token", "gho_", is_word, 20},
    {"github-token", "ghu_", is_word, 20},
    {"github-token", "ghs_", is_word, 20},
    {"github-token", "ghr_", is_word, 20},
    {"github-token", "github_pat_", is_word, 20, true},
    {"gitlab-token", "glpat-", is_word, 16},
    {"aws-key", "AKIA", is_capital, 16},
    {"aws-key", "ASIA", is_capital, 16},
    {"halton-key", "hm_sync_", is_word, 8, true},
    {"slack-token", "xoxb-", is_word, 10},
    {"slack-token", "xoxp-", is_word, 10},
    {"slack-token", "xoxa-", is_word, 10},
    {"slack-token", "xoxr-", is_word, 10},
    {"slack-token", "xoxs-", is_word, 10},
    {"slack-token", "xoxe-", is_word, 10},
    {"slack-token", "xoxe.", is_dotted, 10},
    {"slack-token", "xapp-", is_word, 10},
    {"slack-token", "hooks.slack.com/services/", is_path, 20, true},
    {"huggingface-token", "hf_", is_word, 20, false, true},
    {"groq-key", "gsk_", is_word, 20, false, true},
    {"perplexity-key", "pplx-", is_word, 20, false, true},
    {"replicate-token", "r8_", is_word, 20, false, true},
    {"nvidia-key", "nvapi-", is_word, 20},
    {"fireworks-key", "fw_", is_word, 20, false, true},
    {"cerebras-key", "csk-", is_word, 20, false, true},
    {"together-key", "tgp_v1_", is_word, 16},
    {"npm-token", "npm_", is_word, 30, false, true},
    {"pypi-token", "pypi-", is_word, 30, false, true},
    {"sendgrid-key", "SG.", is_dotted, 30, false, true},
    {"digitalocean-token", "dop_v1_", is_word, 30},
    {"shopify-token", "shpat_", is_word, 20},
    {"linear-key", "lin_api_", is_word, 20},
    {"databricks-token", "dapi", is_word, 30, false, true},
    {"vault-token", "hvs.", is_dotted, 20},
    {"tailscale-key", "tskey-", is_word, 16},
    {"age-key", "AGE-SECRET-KEY-", is_word, 20},
};
constexpr std::size_t form_count = std::size(forms);

// What stands before a secret that has no form of its own. Names are compared as they end, in small
// letters and without '-', '_', '.' and spaces, so that "x-api-key", "OPENAI_API_KEY" and "apiKey"
// are one.
enum class Value {
    any,
    line,      // the rest of the line, with its spaces: a head
    cookie,    // as line, and it looks like one
    long_one,  // a long one with a digit: what the name ends in is an ordinary word too
    in_query,  // of a URL's query only
    assigned,  // behind '=', or in quotes: the name is an ordinary word too
};

struct Name {
    std::string_view kind;
    std::string_view ending;
    Value value = Value::any;
};

constexpr Name names[] = {
    {"api-key", "apikey"},
    {"api-key", "subscriptionkey"},
    {"api-key", "authkey"},
    {"api-key", "servicekey"},
    {"azure-key", "accountkey"},
    {"azure-key", "sharedaccesskey"},
    {"azure-key", "sharedaccesssignature"},
    {"aws-secret", "secretaccesskey"},
    {"aws-secret", "awssecretkey"},
    {"secret", "secretkey"},
    {"secret", "accesskeysecret"},
    {"secret", "clientsecret"},
    {"secret", "appsecret"},
    {"secret", "apisecret"},
    {"secret", "signingsecret"},
    {"secret", "webhooksecret"},
    {"secret", "encryptionkey"},
    {"secret", "masterkey"},
    {"secret", "secret", Value::assigned},
    {"password", "password"},
    {"password", "passwd"},
    {"password", "passphrase"},
    {"password", "userpwd"},
    {"password", "mysqlpwd"},
    {"private-key", "privatekey"},
    {"token", "accesstoken"},
    {"token", "refreshtoken"},
    {"token", "idtoken"},
    {"token", "authtoken"},
    {"token", "apitoken"},
    {"token", "sessiontoken"},
    {"token", "bearertoken"},
    {"token", "securitytoken"},
    {"token", "token", Value::long_one},
    {"authorization", "authorization", Value::line},
    {"cookie", "cookie", Value::cookie},
    {"url-key", "key", Value::in_query},
    {"url-key", "sig", Value::in_query},
    {"url-key", "signature", Value::in_query},
    {"url-key", "token", Value::in_query},
};

// A name is looked for in this many bytes before its ':' or '='.
constexpr std::size_t name_bytes_max = 48;
constexpr std::size_t least_value_bytes = 4;
constexpr std::size_t userinfo_bytes_max = 512;
// A PEM key with its heads; what has no end within this is taken as far as it looks like one.
constexpr std::size_t pem_bytes_max = 64 * 1024;
// Where the secret of an AWS key id may follow: the next line or column.
constexpr std::size_t aws_reach_bytes = 256;
constexpr std::size_t aws_secret_bytes = 40;

// Words that stand in a key's place and are none.
bool is_placeholder(std::string_view value) {
    static constexpr std::array<std::string_view, 12> words{
        "null", "none",   "true",     "false",    "undefined", "nil",
        "str",  "string", "required", "optional", "number",    "object"};
    if (value.starts_with("[REDACTED")) return true;
    for (const std::string_view word : words)
        if (is_equal_ignoring_case(value, word)) return true;
    // A variable's name, or stars.
    const bool is_variable = value.starts_with('$');
    return std::all_of(value.begin(), value.end(), [is_variable](char c) {
        return c == '*' || c == '.' ||
               (is_variable && (is_upper(c) || c == '_' || c == '$' || c == '{' || c == '}'));
    });
}

class Finder {
public:
    Finder(std::string_view text, FunctionRef<int(std::size_t)> quote_depth)
        : text_(text), quote_depth_(quote_depth) {}

    std::vector<Secret> find() {
        for (std::size_t at = 0; at < text_.size();) {
            const auto found = may_begin_with(text_[at]) ? look(at) : std::optional<Secret>();
            if (!found || found->end <= at) {
                ++at;
                continue;
            }
            found_.push_back(*found);
            at = found->end;
            if (found->kind == "aws-key") add_aws_secret(at);
        }
        return in_order();
    }

private:
    // Two that overlap are one.
    std::vector<Secret> in_order() {
        std::stable_sort(found_.begin(), found_.end(),
                         [](const Secret& a, const Secret& b) { return a.begin < b.begin; });
        std::vector<Secret> apart;
        for (const Secret& secret : found_) {
            if (!apart.empty() && secret.begin < apart.back().end)
                apart.back().end = std::max(apart.back().end, secret.end);
            else
                apart.push_back(secret);
        }
        return apart;
    }

    char at_or_zero(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }
    bool is_start(std::size_t at) const { return at == 0 || !is_alnum(text_[at - 1]); }
    bool has(std::size_t at, std::string_view word) const {
        return text_.substr(at, word.size()) == word;
    }
    template <class IsPart>
    std::size_t run_end(std::size_t at, IsPart is_part) const {
        while (at < text_.size() && is_part(text_[at])) ++at;
        return at;
    }

    std::optional<Secret> look(std::size_t at) {
        switch (text_[at]) {
            case ':':
                if (has(at, "://"))
                    if (auto found = in_url(at + 3)) return found;
                return named(at);
            case '=': return named(at);
            case '-': return private_key(at);
            case 'b':
            case 'B': return scheme(at);
            case 'e':
                if (auto found = web_token(at)) return found;
                break;
            default: break;
        }
        return formed(at);
    }

    // Indexes of the forms that begin with each byte.
    using FormsByStart = std::array<std::vector<std::size_t>, 256>;
    static const FormsByStart& forms_by_start() {
        static const FormsByStart all = [] {
            FormsByStart made;
            for (std::size_t i = 0; i < form_count; ++i)
                made[static_cast<unsigned char>(forms[i].prefix.front())].push_back(i);
            return made;
        }();
        return all;
    }

    // Whether look() knows anything that begins with this byte.
    static bool may_begin_with(char byte) {
        static const std::array<bool, 256> starts = [] {
            std::array<bool, 256> made{};
            for (std::size_t c = 0; c < made.size(); ++c) made[c] = !forms_by_start()[c].empty();
            for (const char c : {':', '=', 'b', 'B', 'e', '-'})
                made[static_cast<unsigned char>(c)] = true;
            return made;
        }();
        return starts[static_cast<unsigned char>(byte)];
    }

    // By its form.
    std::optional<Secret> formed(std::size_t at) {
        for (const std::size_t i : forms_by_start()[static_cast<unsigned char>(text_[at])]) {
            const Form& form = forms[i];
            if (!has(at, form.prefix) || at < blind_until_[i]) continue;
            if (!form.is_anywhere && !is_start(at)) continue;
            const std::size_t begin = at + form.prefix.size();
            const std::size_t end = run_end(begin, form.is_part);
            if (end < text_.size()) {
                if (end - begin < form.least_bytes) continue;
                const auto rest = text_.substr(begin, end - begin);
                if (form.is_mixed && std::none_of(rest.begin(), rest.end(), is_capital)) {
                    // Nor has any later part of the same word.
                    blind_until_[i] = end;
                    continue;
                }
            }
            return Secret{at, end, form.kind};
        }
        return std::nullopt;
    }

    // Three parts of base64 between dots, the first of which is a JSON object.
    std::optional<Secret> web_token(std::size_t at) {
        if (!has(at, "eyJ") || !is_start(at) || at < web_token_blind_until_) return std::nullopt;
        std::size_t end = run_end(at, is_word);
        if (end == text_.size()) return Secret{at, end, "jwt"};
        const std::size_t first_end = end;
        if (end - at < 12 || text_[end] != '.' || !is_word(at_or_zero(end + 1))) {
            web_token_blind_until_ = first_end;
            return std::nullopt;
        }
        while (at_or_zero(end) == '.' && is_word(at_or_zero(end + 1)))
            end = run_end(end + 1, is_word);
        if (end - first_end < 12 && end < text_.size()) {
            web_token_blind_until_ = first_end;
            return std::nullopt;
        }
        return Secret{at, end, "jwt"};
    }

    // "Bearer ..." and "Basic ...".
    std::optional<Secret> scheme(std::size_t at) {
        if (!is_start(at)) return std::nullopt;
        const bool is_bearer = is_equal_ignoring_case(text_.substr(at, 6), "bearer");
        if (!is_bearer && !is_equal_ignoring_case(text_.substr(at, 5), "basic"))
            return std::nullopt;
        std::size_t begin = at + (is_bearer ? 6 : 5);
        if (has(begin, "%20"))
            begin += 3;
        else if (is_blank(at_or_zero(begin)))
            while (is_blank(at_or_zero(begin)) && begin < at + 16) ++begin;
        else
            return std::nullopt;
        const std::size_t end = run_end(begin, is_token);
        const auto value = text_.substr(begin, end - begin);
        if (value.empty() || is_placeholder(value)) return std::nullopt;
        if (end == text_.size()) return Secret{begin, end, is_bearer ? "bearer" : "basic"};
        if (is_bearer) {
            const bool has_digit = std::any_of(value.begin(), value.end(), is_digit);
            if (value.size() < (has_digit ? 8 : 20)) return std::nullopt;
            return Secret{begin, end, "bearer"};
        }
        std::string user;
        const bool is_user = value.size() >= 6 && append_base64_decoded(user, value) &&
                             user.find(':') != std::string::npos;
        if (!is_user) return std::nullopt;
        return Secret{begin, end, "basic"};
    }

    std::optional<Secret> private_key(std::size_t at) {
        constexpr std::string_view mark = "-----BEGIN ";
        if (!has(at, mark)) return std::nullopt;
        const std::size_t head_end = text_.find("-----", at + mark.size());
        if (head_end == std::string_view::npos) {
            if (text_.size() - at > 80) return std::nullopt;
            return Secret{at, text_.size(), "private-key"};
        }
        if (head_end - at > 80 ||
            text_.substr(at, head_end - at).find("PRIVATE KEY") == std::string_view::npos)
            return std::nullopt;
        const std::size_t body = head_end + 5;
        if (pem_end_ != std::string_view::npos && pem_end_ < body)
            pem_end_ = text_.find("-----END ", body);
        if (pem_end_ != std::string_view::npos && pem_end_ - body <= pem_bytes_max) {
            const std::size_t tail = text_.find("-----", pem_end_ + 9);
            const std::size_t end =
                tail == std::string_view::npos || tail - pem_end_ > 80 ? pem_end_ + 9 : tail + 5;
            return Secret{at, end, "private-key"};
        }
        std::size_t end =
            run_end(body, [](char c) { return is_base64(c) || is_space(c) || c == '='; });
        // Not a part of a word: that may be the beginning of something else.
        if (end < text_.size())
            while (end > body && !is_space(text_[end - 1])) --end;
        return Secret{at, end, "private-key"};
    }

    // Behind "://": user:password@.
    std::optional<Secret> in_url(std::size_t at) {
        constexpr std::string_view ends = "/?#\"'`<>\\ \t\r\n";
        const std::size_t limit = std::min(text_.size(), at + userinfo_bytes_max);
        std::size_t colon = std::string_view::npos;
        std::size_t host = std::string_view::npos;
        std::size_t end = at;
        for (; end < limit && ends.find(text_[end]) == std::string_view::npos; ++end) {
            if (text_[end] == ':' && colon == std::string_view::npos) colon = end;
            if (text_[end] == '@') host = end;
        }
        if (host == std::string_view::npos) {
            // The text ends inside of a password, or of a port.
            if (end != text_.size() || colon == std::string_view::npos) return std::nullopt;
            const auto rest = text_.substr(colon + 1);
            if (std::all_of(rest.begin(), rest.end(), is_digit)) return std::nullopt;
            return Secret{colon + 1, end, "url-password"};
        }
        const bool has_password = colon != std::string_view::npos && colon + 1 < host;
        if (!has_password && host - at < 16) return std::nullopt;
        const std::size_t begin = has_password ? colon + 1 : at;
        if (is_placeholder(text_.substr(begin, host - begin))) return std::nullopt;
        return Secret{begin, host, "url-password"};
    }

    // The name before a ':' or '=', as names are compared.
    struct Before {
        std::string name;
        char separator = '\0';  // in front of it
    };
    Before name_before(std::size_t at) const {
        std::size_t end = at;
        const auto skip = [&](auto is_skipped, int most) {
            for (; end > 0 && most > 0 && is_skipped(text_[end - 1]); --most) --end;
        };
        skip(is_blank, 4);
        skip([](char c) { return c == ']'; }, 1);
        skip(is_quote, 1);
        Before before;
        std::size_t begin = end;
        while (begin > 0 && end - begin < name_bytes_max) {
            const char c = text_[begin - 1];
            if (!is_dotted(c) && c != ' ') break;
            --begin;
        }
        for (const char c : text_.substr(begin, end - begin))
            if (is_alnum(c)) before.name += to_lower(c);
        if (begin > 0) before.separator = text_[begin - 1];
        return before;
    }

    static const Name* find_name(const Before& before) {
        for (const Name& name : names) {
            if (!before.name.ends_with(name.ending)) continue;
            const bool is_in_query = before.separator == '?' || before.separator == '&';
            if (name.value == Value::in_query && (!is_in_query || before.name != name.ending))
                continue;
            // "token" alone is what answers call their pieces.
            if (name.value == Value::long_one && before.name == name.ending) continue;
            return &name;
        }
        return nullptr;
    }

    std::optional<Secret> named(std::size_t at) {
        const Before before = name_before(at);
        if (before.name.size() < 3) return std::nullopt;
        const Name* name = find_name(before);
        if (name == nullptr || at < name_blind_until_[static_cast<std::size_t>(name->value)])
            return std::nullopt;
        std::size_t begin = at + 1;
        for (int i = 0; i < 2 && (at_or_zero(begin) == '=' || at_or_zero(begin) == '>' ||
                                  at_or_zero(begin) == ':');
             ++i)
            ++begin;
        const std::size_t value_at = begin;
        while (is_space(at_or_zero(begin)) && begin - value_at < 64) ++begin;
        if (begin >= text_.size()) return std::nullopt;
        const bool is_next_line =
            text_.substr(value_at, begin - value_at).find('\n') != std::string_view::npos;
        if (is_quote(text_[begin])) return quoted(*name, begin);
        if (is_next_line) return std::nullopt;
        if (name->value == Value::assigned && text_[at] != '=') return std::nullopt;
        return bare(*name, begin);
    }

    std::optional<Secret> quoted(const Name& name, std::size_t quote) {
        const int depth = quote_depth_(quote);
        const std::size_t begin = quote + 1;
        const std::size_t limit = std::min(text_.size(), begin + limits::secret_value_bytes_max);
        std::size_t end = begin;
        while (end < limit && (text_[end] != text_[quote] || quote_depth_(end) > depth)) ++end;
        if (end == limit) end = run_end(end, is_token);
        return judge(name, begin, end, end == text_.size());
    }

    std::optional<Secret> bare(const Name& name, std::size_t begin) {
        const bool is_line = name.value == Value::line || name.value == Value::cookie;
        const std::size_t limit = std::min(text_.size(), begin + limits::secret_value_bytes_max);
        std::size_t end = begin;
        while (end < limit) {
            const char c = text_[end];
            if (is_quote(c) || c == '\n' || c == '\r') break;
            if (!is_line && (is_space(c) || c == '&' || c == ';' || c == '<')) break;
            ++end;
        }
        if (end == limit) end = run_end(end, is_token);
        // A sentence's or a list's own signs.
        const std::size_t whole = end;
        while (end > begin &&
               std::string_view(",)]}>.").find(text_[end - 1]) != std::string_view::npos)
            --end;
        if (at_or_zero(begin) == '{' || at_or_zero(begin) == '[' || at_or_zero(begin) == '<')
            return std::nullopt;
        return judge(name, begin, end == begin ? whole : end, whole == text_.size());
    }

    // `is_cut`: the text ends with it.
    std::optional<Secret> judge(const Name& name, std::size_t begin, std::size_t end, bool is_cut) {
        const auto value = text_.substr(begin, end - begin);
        if (value.empty() || is_placeholder(value)) return std::nullopt;
        if (!is_cut && value.size() < least_value_bytes) return std::nullopt;
        if (name.value == Value::long_one && value.size() < 12 && !is_cut) return std::nullopt;
        const bool is_like_one =
            name.value == Value::cookie     ? value.find('=') != std::string_view::npos
            : name.value == Value::long_one ? std::any_of(value.begin(), value.end(), is_digit)
                                            : true;
        if (!is_like_one && !is_cut) {
            // Nor is any later part of it: what it would have to hold is not there.
            name_blind_until_[static_cast<std::size_t>(name.value)] = end;
            return std::nullopt;
        }
        // Its own form says more than its name.
        std::string_view kind = name.kind;
        if (const auto own = formed(begin); own && own->end <= end) kind = own->kind;
        return Secret{begin, end, kind};
    }

    // Forty letters near an AWS key id are its secret.
    void add_aws_secret(std::size_t at) {
        const std::size_t limit = std::min(text_.size(), at + aws_reach_bytes);
        while (at < limit) {
            if (!is_base64(text_[at])) {
                ++at;
                continue;
            }
            const std::size_t end = run_end(at, is_base64);
            const auto word = text_.substr(at, end - at);
            const bool is_whole = word.size() == aws_secret_bytes;
            if ((is_whole || (end == text_.size() && word.size() > 8)) &&
                std::any_of(word.begin(), word.end(), is_digit) &&
                std::any_of(word.begin(), word.end(), is_upper)) {
                found_.push_back({at, end, "aws-secret"});
                return;
            }
            // Names and key ids are words; an image is no place to look.
            if (word.size() > 2 * aws_secret_bytes) return;
            at = end;
        }
    }

    std::string_view text_;
    FunctionRef<int(std::size_t)> quote_depth_;
    std::array<std::size_t, form_count> blind_until_{};
    std::array<std::size_t, 6> name_blind_until_{};  // by Value
    std::size_t web_token_blind_until_ = 0;
    std::size_t pem_end_ = 0;
    std::vector<Secret> found_;
};

}  // namespace

std::vector<Secret> find_secrets(std::string_view text, FunctionRef<int(std::size_t)> quote_depth) {
    return Finder(text, quote_depth).find();
}

std::vector<Secret> find_secrets(std::string_view text) {
    const auto backslashes = [text](std::size_t at) {
        int count = 0;
        while (at > 0 && text[at - 1] == '\\' && count < 64) {
            --at;
            ++count;
        }
        return count;
    };
    return find_secrets(text, backslashes);
}

}  // namespace halton::meter
