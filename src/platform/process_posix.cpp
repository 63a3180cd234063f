#include "platform/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "platform/files.h"

namespace halton::platform {
namespace {

constexpr std::size_t helper_output_bytes_max = 64 * 1024;
// /etc/passwd of a machine with thousands of accounts.
constexpr std::size_t password_file_bytes_max = 4 * 1024 * 1024;

std::vector<char*> to_pointers(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// Where a shell would look: each folder of PATH, the first file that may be run. A file that is
// there but may not be run is remembered, as it explains the failure better than "not found".
Result<std::string> find_program(const std::string& name, const Environment& environment) {
    const auto denied = [&name] {
        return fail(ErrorKind::permission, fmt::format("{} is not a program one may run", name));
    };
    const auto is_runnable = [](const std::string& path, bool& is_there) {
        struct stat facts {};
        if (::stat(path.c_str(), &facts) != 0) return false;
        is_there = true;
        return S_ISREG(facts.st_mode) && ::access(path.c_str(), X_OK) == 0;
    };
    bool is_there = false;
    if (name.find('/') != std::string::npos) {
        if (is_runnable(name, is_there)) return name;
        if (is_there) return denied();
        return fail(ErrorKind::not_found, fmt::format("{}: no such program", name));
    }
    const auto found = environment.find("PATH");
    std::string_view path = found == environment.end() ? "/usr/local/bin:/usr/bin:/bin"
                                                       : std::string_view(found->second);
    while (!name.empty()) {
        const auto colon = path.find(':');
        const std::string folder(path.substr(0, colon));
        const auto candidate = (folder.empty() ? std::string(".") : folder) + "/" + name;
        bool is_here = false;
        if (is_runnable(candidate, is_here)) return candidate;
        struct stat facts {};
        is_there = is_there ||
                   (is_here && ::stat(candidate.c_str(), &facts) == 0 && S_ISREG(facts.st_mode));
        if (colon == std::string_view::npos) break;
        path.remove_prefix(colon + 1);
    }
    if (is_there) return denied();
    return fail(ErrorKind::not_found, fmt::format("{}: command not found", name));
}

}  // namespace

int own_pid() { return static_cast<int>(::getpid()); }

std::uint32_t own_uid() { return static_cast<std::uint32_t>(::getuid()); }

Result<std::filesystem::path> find_password_home(std::uint32_t uid) {
    // Read by hand: getpwuid would load the host's name service modules into a static program.
    const auto text = read_file("/etc/passwd", password_file_bytes_max);
    if (!text) return fail(text.error());
    std::string_view rest = *text;
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        std::array<std::string_view, 7> fields;  // name:password:uid:gid:comment:home:shell
        for (auto& field : fields) {
            const auto colon = line.find(':');
            field = line.substr(0, colon);
            line = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        }
        if (parse_decimal(fields[2]) == uid && !fields[5].empty() && fields[5].front() == '/')
            return std::filesystem::path(fields[5]);
    }
    return fail(ErrorKind::not_found, fmt::format("no home directory for uid {}", uid));
}

bool is_process_alive(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

Error become_program(const std::vector<std::string>& argv, const Environment& environment) {
    if (argv.empty()) return Error{ErrorKind::not_found, Leg::local, "no command given"};
    const auto program = find_program(argv.front(), environment);
    if (!program) return program.error();

    auto arguments = argv;
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    auto argument_pointers = to_pointers(arguments);
    auto variable_pointers = to_pointers(variables);
    ::execve(program->c_str(), argument_pointers.data(), variable_pointers.data());
    if (errno == ENOEXEC) {
        // A script without a "#!" line: every shell runs it with sh, so people rely on it.
        std::vector<std::string> script{"sh", *program};
        script.insert(script.end(), argv.begin() + 1, argv.end());
        auto script_pointers = to_pointers(script);
        ::execve("/bin/sh", script_pointers.data(), variable_pointers.data());
    }
    const int number = errno;
    ErrorKind kind = ErrorKind::permission;
    if (number == ENOENT) kind = ErrorKind::not_found;  // its interpreter is missing
    if (number == E2BIG || number == ENOMEM) kind = ErrorKind::io;
    return Error{kind, Leg::local, fmt::format("{}: {}", argv.front(), std::strerror(number))};
}

Result<Fork> fork_process() {
    const int child = ::fork();
    if (child < 0) return fail(ErrorKind::io, fmt::format("fork: {}", std::strerror(errno)));
    if (child > 0) return Fork::parent;
    // A session of its own: who ends the parent's group (launchd does) does not mean us.
    ::setsid();
    return Fork::child;
}

void end_without_cleanup(int exit_code) { ::_exit(exit_code); }

Result<std::string> run_helper(const std::vector<std::string>& argv, int limit_ms) {
    if (argv.empty()) return fail(ErrorKind::not_found, "no helper given");
    const auto environment = read_environment();
    const auto program = find_program(argv.front(), environment);
    if (!program) return fail(program.error());
    auto arguments = argv;
    auto pointers = to_pointers(arguments);

    int ends[2];
    if (::pipe(ends) != 0) return fail(ErrorKind::io, "cannot make a pipe");
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    const int child = ::fork();
    if (child < 0) {
        ::close(ends[0]);
        ::close(ends[1]);
        return fail(ErrorKind::io, "cannot start a helper");
    }
    if (child == 0) {
        const int nothing = ::open("/dev/null", O_RDWR);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(nothing, STDERR_FILENO);
        ::dup2(ends[1], STDOUT_FILENO);
        ::execv(program->c_str(), pointers.data());
        ::_exit(127);
    }
    ::close(ends[1]);

    using namespace std::chrono;
    const auto deadline = steady_clock::now() + milliseconds(limit_ms);
    std::string output;
    bool is_late = false;
    for (;;) {
        const auto left = duration_cast<milliseconds>(deadline - steady_clock::now()).count();
        pollfd readable{ends[0], POLLIN, 0};
        const int ready = left <= 0 ? 0 : ::poll(&readable, 1, static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            is_late = true;
            break;
        }
        std::array<char, 4096> buffer;
        const auto count = ::read(ends[0], buffer.data(), buffer.size());
        if (count <= 0) break;
        const auto room = helper_output_bytes_max - output.size();
        output.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
    }
    ::close(ends[0]);
    if (is_late) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (is_late) return fail(ErrorKind::timeout, fmt::format("{} takes too long", argv.front()));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(ErrorKind::io, fmt::format("{} failed", argv.front()));
    return output;
}

}  // namespace halton::platform
