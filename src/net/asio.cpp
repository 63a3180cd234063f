// The one place where Asio is compiled (ASIO_SEPARATE_COMPILATION): a third of the build time.
#include <asio/impl/src.hpp>
