// Catch2 in the version that is there: v2 (Debian 12) or v3. Tests include this, not Catch2.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
