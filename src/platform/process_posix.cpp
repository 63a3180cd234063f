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
#include <utility>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/text.h"
#include "platform/files.h"
#include "platform/network.h"

namespace halton::platform {
namespace {

// /etc/passwd of a machine with thousands of accounts.
constexpr std::size_t password_file_bytes_max = 4 * 1024 * 1024;

std::vector<char*> to_pointers(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// A program with all that execve() takes, made before a fork: its child must not allocate.
class Command {
public:
    Command(std::string program, const std::vector<std::string>& argv,
            const Environment& environment)
        : program_(std::move(program)), arguments_(argv) {
        for (const auto& [name, value] : environment) variables_.push_back(name + "=" + value);
        argument_pointers_ = to_pointers(arguments_);
        variable_pointers_ = to_pointers(variables_);
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    // Returns only when it fails: errno.
    int execute() const {
        ::execve(program_.c_str(), argument_pointers_.data(), variable_pointers_.data());
        return errno;
    }

private:
    std::string program_;
    std::vector<std::string> arguments_;
    std::vector<std::string> variables_;
    std::vector<char*> argument_pointers_;
    std::vector<char*> variable_pointers_;
};

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

namespace {

// Calls `take` with the fields of each line until it says yes.
template <class Take>
Result<void> find_password_line(Take take) {
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
        if (take(fields)) return {};
    }
    return fail(ErrorKind::not_found, "no such user in /etc/passwd");
}

}  // namespace

Result<std::filesystem::path> find_password_home(std::uint32_t uid) {
    std::filesystem::path home;
    const auto found = find_password_line([&](const auto& fields) {
        if (parse_decimal(fields[2]) != uid || fields[5].empty() || fields[5].front() != '/')
            return false;
        home = fields[5];
        return true;
    });
    if (!found) return fail(ErrorKind::not_found, fmt::format("no home directory for uid {}", uid));
    return home;
}

std::string find_user_name(std::uint32_t uid) {
    std::string name;
    const auto found = find_password_line([&](const auto& fields) {
        if (parse_decimal(fields[2]) != uid) return false;
        name = fields[0];
        return true;
    });
    if (found) return name;
    // A user of a directory service: the session knows.
    for (const char* variable : {"USER", "LOGNAME"})
        if (const auto value = read_variable(variable)) return *value;
    return {};
}

bool is_process_alive(int pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

Error become_program(const std::vector<std::string>& argv, const Environment& environment) {
    if (argv.empty()) return Error{ErrorKind::not_found, Leg::local, "no command given"};
    const auto program = find_program(argv.front(), environment);
    if (!program) return program.error();

    int number = Command(*program, argv, environment).execute();
    if (number == ENOEXEC) {
        // A script without a "#!" line: every shell runs it with sh, so people rely on it.
        std::vector<std::string> script{"sh", *program};
        script.insert(script.end(), argv.begin() + 1, argv.end());
        number = Command("/bin/sh", script, environment).execute();
    }
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

bool has_program(const std::string& name) {
    return find_program(name, read_environment()).has_value();
}

Result<Finished> run_program(const std::vector<std::string>& argv, const Environment& environment,
                             int limit_ms, bool is_attended, std::string_view input) {
    if (argv.empty()) return fail(ErrorKind::not_found, "no program given");
    if (input.size() > process_input_bytes_max)
        return fail(ErrorKind::io, "too much for the input of a program");
    const auto program = find_program(argv.front(), environment);
    if (!program) return fail(program.error());
    const Command command(*program, argv, environment);

    // stdout, stderr, stdin
    std::array<std::array<int, 2>, 3> pipes{{{-1, -1}, {-1, -1}, {-1, -1}}};
    const auto close_all = [&pipes] {
        for (auto& ends : pipes)
            for (int& end : ends)
                if (end >= 0) ::close(std::exchange(end, -1));
    };
    for (auto& ends : pipes) {
        if (::pipe(ends.data()) != 0) {
            close_all();
            return fail(ErrorKind::io, "cannot make a pipe");
        }
        for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    }
    // Before anybody could go away: the pipe takes it whole.
    if (!input.empty() &&
        ::write(pipes[2][1], input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
        close_all();
        return fail(ErrorKind::io, "cannot fill a pipe");
    }
    const auto descriptor_count =
        static_cast<int>(std::min<std::uint64_t>(descriptor_limit(), 65'536));
    const int child = ::fork();
    if (child < 0) {
        close_all();
        return fail(ErrorKind::io, fmt::format("cannot start {}", argv.front()));
    }
    if (child == 0) {
        if (!is_attended) {
            const int nothing = ::open("/dev/null", O_RDWR);
            ::dup2(input.empty() ? nothing : pipes[2][0], STDIN_FILENO);
            ::dup2(pipes[0][1], STDOUT_FILENO);
            ::dup2(pipes[1][1], STDERR_FILENO);
        }
        // A connection that lives on in a program that we started would not end with us.
        for (int other = STDERR_FILENO + 1; other < descriptor_count; ++other) ::close(other);
        command.execute();
        ::_exit(127);
    }
    for (auto& ends : pipes) ::close(std::exchange(ends[1], -1));
    ::close(std::exchange(pipes[2][0], -1));
    // A person at a terminal takes the time it takes.
    if (is_attended) close_all();

    using namespace std::chrono;
    const auto deadline = steady_clock::now() + milliseconds(limit_ms);
    std::array<std::string, 2> outputs;
    bool is_late = false;
    while (pipes[0][0] >= 0 || pipes[1][0] >= 0) {
        const auto left = duration_cast<milliseconds>(deadline - steady_clock::now()).count();
        std::array<pollfd, 2> readable{
            {{pipes[0][0], POLLIN, 0}, {pipes[1][0], POLLIN, 0}}};  // -1 is passed over
        const int ready =
            left <= 0 ? 0 : ::poll(readable.data(), readable.size(), static_cast<int>(left));
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            is_late = true;
            break;
        }
        for (std::size_t i = 0; i < readable.size(); ++i) {
            if (readable[i].revents == 0) continue;
            std::array<char, 4096> buffer;
            const auto count = ::read(pipes[i][0], buffer.data(), buffer.size());
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) {
                ::close(std::exchange(pipes[i][0], -1));
                continue;
            }
            const auto room = limits::setup_command_output_bytes_max - outputs[i].size();
            outputs[i].append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
        }
    }
    close_all();
    if (is_late) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (is_late) return fail(ErrorKind::timeout, fmt::format("{} takes too long", argv.front()));
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return Finished{code, std::move(outputs[0]), std::move(outputs[1])};
}

Result<std::string> run_helper(const std::vector<std::string>& argv, int limit_ms) {
    auto finished = run_program(argv, read_environment(), limit_ms);
    if (!finished) return fail(finished.error());
    if (finished->exit_code != 0)
        return fail(ErrorKind::io, fmt::format("{} failed", argv.front()));
    return std::move(finished->output);
}

Result<int> start_detached(const std::vector<std::string>& argv, const Environment& environment,
                           const std::filesystem::path& log_file,
                           const std::function<bool(int pid)>& on_pid) {
    if (argv.empty()) return fail(ErrorKind::not_found, "no program given");
    const auto program = find_program(argv.front(), environment);
    if (!program) return fail(program.error());
    const Command command(*program, argv, environment);
    std::array<int, 2> ends{};
    std::array<int, 2> leave{};  // to begin
    if (::pipe(ends.data()) != 0) return fail(ErrorKind::io, "cannot make a pipe");
    if (::pipe(leave.data()) != 0) {
        for (const int end : ends) ::close(end);
        return fail(ErrorKind::io, "cannot make a pipe");
    }
    for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    for (const int end : leave) ::fcntl(end, F_SETFD, FD_CLOEXEC);
    const int middle = ::fork();
    if (middle == 0) {
        // A session of its own, and no parent that would have to wait for it.
        ::setsid();
        ::close(leave[1]);
        const int child = ::fork();
        if (child != 0) {
            const auto told = ::write(ends[1], &child, sizeof child);
            ::_exit(told == sizeof child ? 0 : 1);
        }
        char word = 0;
        if (::read(leave[0], &word, 1) != 1) ::_exit(127);
        const int nothing = ::open("/dev/null", O_RDWR);
        const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(nothing, STDIN_FILENO);
        ::dup2(log >= 0 ? log : nothing, STDOUT_FILENO);
        ::dup2(log >= 0 ? log : nothing, STDERR_FILENO);
        for (int other = 3; other < 64; ++other) ::close(other);
        if (::chdir("/") != 0) ::_exit(127);
        command.execute();
        ::_exit(127);
    }
    ::close(ends[1]);
    ::close(leave[0]);
    int pid = 0;
    const auto got = middle < 0 ? -1 : ::read(ends[0], &pid, sizeof pid);
    ::close(ends[0]);
    int status = 0;
    while (middle > 0 && ::waitpid(middle, &status, 0) < 0 && errno == EINTR) {
    }
    const bool is_begun =
        got == sizeof pid && pid > 0 && on_pid(pid) && ::write(leave[1], "y", 1) == 1;
    ::close(leave[1]);
    if (!is_begun) return fail(ErrorKind::io, fmt::format("cannot start {}", argv.front()));
    return pid;
}

bool ask_to_end(int pid) {
    if (pid <= 1 || ::kill(pid, SIGTERM) != 0) return false;
    ::kill(pid, SIGCONT);  // a stopped one hears nothing
    return true;
}

bool end_by_force(int pid) { return pid > 1 && ::kill(pid, SIGKILL) == 0; }

}  // namespace halton::platform
