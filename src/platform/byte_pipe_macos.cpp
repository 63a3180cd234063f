#include <cerrno>

#include "platform/byte_pipe.h"

// No splice(2) on this system: callers see is_supported() and copy through a buffer.
namespace halton::platform {

bool BytePipe::is_supported() { return false; }
BytePipe::~BytePipe() = default;
MoveResult BytePipe::fill(int, std::size_t) { return {-1, ENOSYS}; }
MoveResult BytePipe::drain(int) { return {-1, ENOSYS}; }
void BytePipe::give_back() {}

}  // namespace halton::platform
