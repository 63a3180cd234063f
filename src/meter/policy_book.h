// PolicyBook: the policies of a running daemon, with what their budgets have spent so far, and what
// people are to be told of.
// In:    policies with their sums (load), each finished and each blocked call. Out: verdicts for
//        calls that begin, and Happenings: few, however many calls there are.
// Exact: a sum of the database plus the calls that it has not included yet, in nano-dollars.
// Fails: open. Without policies, after fail() and before the first load nothing matches.
// Owner: the role. Thread: the I/O thread. Pure: time comes in with each call.
// Limits: policy_pending_calls_max, policy_events_an_hour_max, policy_match_pause.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "meter/call.h"
#include "meter/policy.h"

namespace halton::meter {

// Something that the audit keeps, and that people may want to be told of.
struct Happening {
    enum class Kind {
        blocked,    // a call was refused here
        matched,    // a rule matched, or a budget's limit is reached
        threshold,  // a budget is half or four fifths spent
    };
    Kind kind = Kind::matched;
    UtcTime at;
    Policy policy;
    // Of the call; empty for budgets.
    std::string project;
    std::string provider;
    std::string model;
    std::string tool;
    std::string request_id;
    std::int64_t call_count = 1;  // calls since the last one that was told
    bool is_let_through = false;  // a rule that blocks could not: HTTP/2, too large, too late
    // Of a budget.
    Period period;
    NanoUsd spent;
    int percent = 0;  // 50, 80, 100
};

// "budget 'team' has reached 80 % of $100.00 a month": one line for people.
std::string to_sentence(const Happening& happening);
// A JSON object with names and numbers, for the audit and for hooks.
std::string to_detail(const Happening& happening);

struct PolicyCounts {
    std::uint64_t blocked = 0;    // calls
    std::uint64_t undecided = 0;  // calls that passed where a block could not be decided
    std::uint64_t failures = 0;   // times the policies could not be read
};

class PolicyBook {
public:
    using Tell = std::function<void(Happening)>;
    explicit PolicyBook(Tell tell);

    // All policies, in their order, what each has spent by the database (`spent` as long), and the
    // pending calls that those sums include.
    void load(std::vector<Policy> policies, std::span<const NanoUsd> spent,
              std::span<const std::string> included_calls, UtcTime now);
    // They cannot be read: every call passes until the next load.
    void fail();

    const std::vector<Policy>& policies() const { return policies_; }
    std::vector<std::string> pending_calls() const;
    // Changes whenever another set of policies is loaded.
    std::uint64_t generation() const { return generation_; }

    bool may_block(std::string_view project, std::string_view provider) const {
        return meter::may_block(policies_, project, provider);
    }
    // Holds until the next load or fail.
    Verdict judge(const CallFacts& facts, UtcTime now);

    void note_finished(const CallRecord& call);
    void note_blocked(const CallRecord& call, const Policy& policy);
    void note_undecided() { ++counts_.undecided; }

    const PolicyCounts& counts() const { return counts_; }

private:
    // A finished call as budgets look at it.
    struct Pending {
        std::string id;
        UtcTime at;
        NanoUsd cost;
        std::string project;
        std::string provider;
        std::string model;
        std::string answered_model;
        std::string tool;
        bool is_plan = false;

        CallFacts facts() const {
            return {project, provider, model, answered_model, tool, is_plan};
        }
    };
    struct Budget {
        Period period;
        int told_percent = 0;  // in that period
    };
    struct Rate {
        UtcTime begun_at;         // of the hour
        int told = 0;             // in it
        std::int64_t untold = 0;  // calls since the last one that was told
    };
    using RateKey = std::pair<std::int64_t, std::string>;

    void roll_over(UtcTime now);
    void add(const Pending& call, std::size_t index);
    void look_at_thresholds(UtcTime now);
    Happening make(Happening::Kind kind, const Policy& policy, const CallRecord& call) const;

    Tell tell_;
    std::vector<Policy> policies_;
    std::vector<NanoUsd> spent_;  // beside them
    std::map<std::int64_t, Budget> budgets_;
    std::deque<Pending> pending_;
    std::map<RateKey, Rate> rates_;
    std::uint64_t generation_ = 0;
    PolicyCounts counts_;
};

}  // namespace halton::meter
