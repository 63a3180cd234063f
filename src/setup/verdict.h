// From findings to a verdict: what is wrong in one word, the root cause first, its consequences
// folded under it. Serves `doctor` and `status`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "setup/layer.h"

namespace halton::setup {

enum class Verdict {
    healthy,       // all that the mode needs is fine
    inconsistent,  // traffic works, metered or not, but something is not as recorded
    broken,        // calls fail, or would
};

std::string_view to_text(Verdict verdict);  // "HEALTHY", "INCONSISTENT", "BROKEN"
int to_exit_code(Verdict verdict);          // 0, 1, 2

// One line of the diagnosis: a layer, or something that runs.
struct DiagnosisRow {
    std::string id;          // "edge"
    std::string title;       // "edge"
    std::string depends_on;  // ids with blanks between; unknown ones are nobody
    Finding finding{};
    std::string caused_by{};  // id of the root cause; empty for a fault of its own
};

// Odd or broken: what counts. The rest is said.
bool is_fault(const Finding& finding);

struct Diagnosis {
    Verdict verdict = Verdict::healthy;
    std::vector<DiagnosisRow> rows;  // as they came, with `caused_by` filled in
};

// Two rows of one id become one: the worse finding holds. A row that says with the same code what
// a row that it depends on says is left out: the layer knows more of it.
Diagnosis diagnose(std::vector<DiagnosisRow> rows);

// The rows in the order to tell them: each root cause with its consequences behind it, the
// broken before the odd; then what is not known; then what is well or off.
std::vector<const DiagnosisRow*> in_telling_order(const Diagnosis& diagnosis);

}  // namespace halton::setup
