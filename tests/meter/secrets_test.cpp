#include "meter/secrets.h"

#include <string>

#include "support/catch.h"

using namespace halton::meter;

namespace {

// Forms are written in two pieces: no file of ours holds what looks like a key.
const std::string tail = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0";

std::string key(const std::string& prefix) { return prefix + tail; }

// The text with each secret as <kind>.
std::string marked(const std::string& text) {
    std::string out;
    std::size_t at = 0;
    for (const Secret& secret : find_secrets(text)) {
        REQUIRE(secret.begin >= at);
        REQUIRE(secret.end > secret.begin);
        REQUIRE(secret.end <= text.size());
        out += text.substr(at, secret.begin - at) + '<' + std::string(secret.kind) + '>';
        at = secret.end;
    }
    return out + text.substr(at);
}

}  // namespace

TEST_CASE("secrets: each form is found in a sentence, at both ends and in quotes") {
    const struct {
        const char* kind;
        std::string secret;
    } rows[] = {
        {"anthropic-key", key("sk-"
                              "ant-")},
        {"openai-key", key("sk-"
                           "proj-")},
        {"openai-key", key("sk"
                           "-")},
        {"openrouter-key", key("sk-"
                               "or-v1-")},
        {"xai-key", key("xa"
                        "i-")},
        {"google-key", key("AI"
                           "za")},
        {"google-token", key("ya"
                             "29.")},
        {"github-token", key("gh"
                             "p_")},
        {"github-token", key("github"
                             "_pat_")},
        {"gitlab-token", key("gl"
                             "pat-")},
        {"aws-key",
         "AK"
         "IA"
         "ABCDEFGH12345678"},
        {"halton-key", key("hm_"
                           "sync_")},
        {"slack-token", key("xo"
                            "xb-")},
        {"stripe-key", key("sk_"
                           "live_")},
        {"huggingface-token", key("h"
                                  "f_")},
        {"groq-key", key("gs"
                         "k_")},
        {"jwt",
         "ey"
         "JhbGciOiJIUzI1NiJ9.ey"
         "JzdWIiOiIxMjM0NTY3ODkwIn0." +
             tail},
    };
    for (const auto& row : rows) {
        INFO(row.secret);
        const std::string mark = '<' + std::string(row.kind) + '>';
        CHECK(marked("use " + row.secret + " today") == "use " + mark + " today");
        CHECK(marked("\"" + row.secret + "\",") == "\"" + mark + "\",");
        CHECK(marked(row.secret) == mark);
        CHECK(marked("(" + row.secret + ")\n") == "(" + mark + ")\n");
    }
}

TEST_CASE("secrets: what stands behind a name") {
    CHECK(marked("x-api-key: abcd1234\nhost: a") == "x-api-key: <api-key>\nhost: a");
    CHECK(marked("export OPENAI_API_KEY=abcd1234 && go") ==
          "export OPENAI_API_KEY=<api-key> && go");
    CHECK(marked(R"({"apiKey": "ab cd, ef", "b": 1})") == R"({"apiKey": "<api-key>", "b": 1})");
    CHECK(marked(R"(os.environ["MY_API_KEY"] = 'x1y2z3')") ==
          R"(os.environ["MY_API_KEY"] = '<api-key>')");
    CHECK(marked("password: tr0ub4dor&3") == "password: <password>&3");
    CHECK(marked("DB_PASSWORD=\"a b\\\"c d\" x") == "DB_PASSWORD=\"<password>\" x");
    CHECK(marked("Authorization: Bearer whatever it is\nb") == "Authorization: <authorization>\nb");
    CHECK(marked("curl -H 'authorization: Basic Zm9v' x") ==
          "curl -H 'authorization: <authorization>' x");
    CHECK(marked("Proxy-Authorization: Basic YTpi\r\n") ==
          "Proxy-Authorization: <authorization>\r\n");
    CHECK(marked("Cookie: sid=31d4d96e407aad42\n") == "Cookie: <cookie>\n");
    CHECK(marked("aws_secret_access_key = wJalrXUtnFEMIbPx") ==
          "aws_secret_access_key = <aws-secret>");
    CHECK(marked("SecretAccessKey=abcd/efgh+1") == "SecretAccessKey=<aws-secret>");
    CHECK(marked("AccountName=a;AccountKey=abcd+efg==;E=x") ==
          "AccountName=a;AccountKey=<azure-key>;E=x");
    CHECK(marked("\"GITHUB_TOKEN\": \"abcdefghij12\"") == "\"GITHUB_TOKEN\": \"<token>\"");
    CHECK(marked("client_secret=abcd&x=1") == "client_secret=<secret>&x=1");
    CHECK(marked("secret = 'well kept'") == "secret = '<secret>'");
    CHECK(marked("\"password\":\n    \"on the next line\"") == "\"password\":\n    \"<password>\"");
}

TEST_CASE("secrets: heads, URLs and key ids") {
    CHECK(marked("send Bearer abcdef12 now") == "send Bearer <bearer> now");
    CHECK(marked("send bearer%20abcdef12 now") == "send bearer%20<bearer> now");
    CHECK(marked("Basic dXNlcjpwYXNz ok") == "Basic <basic> ok");
    CHECK(marked("https://ann:p%40ss@host.example/x") ==
          "https://ann:<url-password>@host.example/x");
    CHECK(marked("redis://:hunter2@h:6379/0") == "redis://:<url-password>@h:6379/0");
    CHECK(marked("https://0123456789abcdef01@git.example/x") ==
          "https://<url-password>@git.example/x");
    CHECK(marked("GET /v1/models?key=abcd1234&alt=sse HTTP") ==
          "GET /v1/models?key=<url-key>&alt=sse HTTP");
    CHECK(marked("blob?sv=1&sig=abc%2Fdef&se=2") == "blob?sv=1&sig=<url-key>&se=2");
    const std::string id =
        "AK"
        "IA"
        "ABCDEFGH12345678";
    const std::string secret = "aB3" + std::string(34, 'x') + "/+9";
    REQUIRE(secret.size() == 40);
    CHECK(marked(id + "," + secret + "\n") == "<aws-key>,<aws-secret>\n");
    CHECK(marked(id + "\nregion eu-west-1\n" + secret + " x") ==
          "<aws-key>\nregion eu-west-1\n<aws-secret> x");
}

TEST_CASE("secrets: private keys, whole, cut and alone") {
    const std::string begin =
        "-----BEGIN RSA PRIV"
        "ATE KEY-----\n";
    const std::string end =
        "\n-----END RSA PRIV"
        "ATE KEY-----";
    CHECK(marked("a " + begin + "Proc-Type: 4,ENCRYPTED\n\nMIIabc/+=\nxyz" + end + " b") ==
          "a <private-key> b");
    CHECK(marked("a " + begin + "MIIabc") == "a <private-key>");
    CHECK(marked("a " + begin + "MIIabc\ndef, and so on") == "a <private-key>def, and so on");
    CHECK(marked("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----") ==
          "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----");
}

TEST_CASE("secrets: ordinary text is left alone") {
    for (const char* text :
         {"a task-force-of-more-than-twenty-bytes and a risk-averse-investor-in-bonds",
          "{\"max_tokens\": 1024, \"stop_token\": \"</s>\", \"token\": \"Hello\"}",
          "the bearer of this letter, a basic income, an authorization that ended.",
          "{\"password\": {\"type\": \"string\"}, \"api_key\": null}", "password=$DB_PASSWORD ",
          "api_key = \"****\"", "https://example.com:8080/a@b ", "x == y ? a : b", "std::string",
          "key=value&b=c ", "eyJ is how a token begins ", "secret: practice, practice ",
          "sk"
          "-learn-is-a-python-library-for-statistics ",
          "https://host/?a=b@c "}) {
        INFO(text);
        CHECK(marked(text) == text);
    }
}

TEST_CASE("secrets: one that runs into the end counts however short") {
    CHECK(marked("use sk-"
                 "ant-a") == "use <anthropic-key>");
    CHECK(marked("use gh"
                 "p_") == "use <github-token>");
    CHECK(marked("x-api-key: a") == "x-api-key: <api-key>");
    CHECK(marked("{\"password\":\"ab") == "{\"password\":\"<password>");
    CHECK(marked("http://ann:pa") == "http://ann:<url-password>");
    CHECK(marked("http://host:80") == "http://host:80");
    CHECK(marked("Bearer ab") == "Bearer <bearer>");
}

TEST_CASE("secrets: nothing takes more than linear time") {
    // Each would run into the time limit of the whole test if a look went on from every place to
    // the end.
    const std::size_t count = 1'000'000;
    for (const char* part :
         {"sk-aa-", "eyJ-", "xtoken=", "cookie: ", "-----BEGIN ", "://a:", "\"=",
          "-----BEGIN PRIV"
          "ATE KEY-----",
          "AK"
          "IAAAAAAAAAAAAAAAAA",
          "bearer ", "xtoken=\"xtoken='", "=", ":", "password=\\\"", "sk-", "basic aaaaaaaa "}) {
        INFO(part);
        std::string text;
        while (text.size() < count) text += part;
        CHECK(find_secrets(text + " x").size() <= text.size());
    }
}
