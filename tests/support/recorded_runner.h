// A CommandRunner that plays recorded output: answers by command line, in the order in which they
// were given, the last one again and again. What nobody recorded is a program that does not exist.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "platform/command_runner.h"

namespace halton::test {

class RecordedRunner final : public platform::CommandRunner {
public:
    void answer(setup::Argv argv, std::string output, int exit_code = 0) {
        answers_[std::move(argv)].push_back({true, exit_code, std::move(output)});
    }

    setup::CommandFact run(const setup::Argv& argv, std::chrono::milliseconds) override {
        seen_.push_back(argv);
        const auto found = answers_.find(argv);
        if (found == answers_.end()) return {};
        auto fact = found->second.front();
        if (found->second.size() > 1) found->second.pop_front();
        return fact;
    }

    setup::CommandFact run_attended(const setup::Argv& argv) override {
        return run(argv, std::chrono::milliseconds(0));
    }

    // Everything that was run, in order, as lines.
    std::vector<std::string> seen() const {
        std::vector<std::string> lines;
        for (const auto& argv : seen_) {
            std::string line;
            for (const auto& word : argv) line += (line.empty() ? "" : " ") + word;
            lines.push_back(line);
        }
        return lines;
    }

private:
    std::map<setup::Argv, std::deque<setup::CommandFact>> answers_;
    std::vector<setup::Argv> seen_;
};

}  // namespace halton::test
