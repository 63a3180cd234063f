#include "platform/api_token.h"

#include <filesystem>

#include "support/catch.h"
#include "support/temp_directory.h"

using namespace halton;
using namespace halton::test;
namespace fs = std::filesystem;

TEST_CASE("api token: made once, for its owner only, and kept") {
    const TempDirectory folder;
    const platform::Home home{folder.path()};
    CHECK(platform::read_api_token(home).error().kind == ErrorKind::not_found);
    const auto made = platform::read_or_make_api_token(home);
    REQUIRE(made);
    CHECK(made->size() == 64);
    CHECK(made->find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(fs::status(home.api_token_file()).permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(platform::read_or_make_api_token(home) == *made);
    CHECK(platform::read_api_token(home) == *made);

    const TempDirectory other;
    CHECK(platform::read_or_make_api_token({other.path()}) != *made);
}

TEST_CASE("api token: one that others can read, or that is none, is replaced") {
    const TempDirectory folder;
    const platform::Home home{folder.path()};
    const auto first = platform::read_or_make_api_token(home);
    REQUIRE(first);
    ErrorKind wanted = ErrorKind::permission;
    SECTION("readable for a group") {
        fs::permissions(home.api_token_file(), fs::perms::group_read, fs::perm_options::add);
    }
    SECTION("a link to somewhere") {
        fs::rename(home.api_token_file(), folder.path() / "elsewhere");
        fs::create_symlink(folder.path() / "elsewhere", home.api_token_file());
    }
    SECTION("cut off") {
        write_text(home.api_token_file(), first->substr(1));
        wanted = ErrorKind::malformed;
    }
    SECTION("something else") {
        write_text(home.api_token_file(), std::string(64, 'G'));
        wanted = ErrorKind::malformed;
    }
    CHECK(platform::read_api_token(home).error().kind == wanted);
    const auto second = platform::read_or_make_api_token(home);
    REQUIRE(second);
    CHECK(*second != *first);
    CHECK(fs::is_regular_file(fs::symlink_status(home.api_token_file())));
    CHECK(platform::read_api_token(home) == *second);
}
