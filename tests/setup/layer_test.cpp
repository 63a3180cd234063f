#include "setup/layer.h"

#include "support/catch.h"

using namespace halton::setup;

TEST_CASE("layer: every step has a line") {
    const std::vector<Step> steps{MakeFolder{"/f"},
                                  WriteFile{"/w", "text"},
                                  SetPermissions{"/p", 0600},
                                  MakeLink{"/l", "/t"},
                                  RemoveFile{"/r"},
                                  RemoveFolderIfEmpty{"/e"},
                                  ClearFolder{"/c", {"kept"}},
                                  ClearFolder{"/c", {}},
                                  RecordPorts{{1, 2, 3, 0, 0}},
                                  RunCommand{{"a", "b c", ""}},
                                  AskAdmin{{"x"}, "because"},
                                  MakeAuthority{},
                                  MakeBundle{},
                                  StartProcess{"edge"},
                                  StopProcess{7, "edge"},
                                  AwaitHealth{1500},
                                  AwaitPort{80, 1000},
                                  Notify{"hello"}};
    CHECK(std::variant_size_v<Step> == steps.size() - 1);
    for (const auto& step : steps) {
        CHECK_FALSE(describe(step).empty());
        CHECK(describe(step).find('\n') == std::string::npos);
    }
    CHECK(describe(steps[9]) == "run: a 'b c' ''");
    CHECK(describe(steps[10]) == "run as root: x (because)");
    CHECK(describe(steps[6]) == "delete what is in /c, except kept");
    // Texts stay out of it: they may hold anything.
    CHECK(describe(steps[1]) == "write /w (4 bytes)");
    CHECK(describe(RemoveFile{"/a\x1b[31m\n/b"}) == "remove /a?[31m?/b");
}

TEST_CASE("layer: words are quoted for a shell") {
    CHECK(quote_for_shell("a b") == "'a b'");
    CHECK(quote_for_shell("it's $HOME") == R"('it'\''s $HOME')");
    CHECK(quote_for_shell("") == "''");
}
