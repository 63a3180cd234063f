#include "setup/verdict.h"

#include <algorithm>
#include <set>

namespace halton::setup {
namespace {

int weight_of(const Finding& finding) {
    switch (finding.health) {
        case Health::broken: return 4;
        case Health::odd: return 3;
        case Health::unknown: return 2;
        case Health::good: return 1;
        case Health::off: return 0;
    }
    return 0;
}

const DiagnosisRow* find(const std::vector<DiagnosisRow>& rows, std::string_view id) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [id](const DiagnosisRow& row) { return row.id == id; });
    return found == rows.end() ? nullptr : &*found;
}

// The fault at the far end of what `row` depends on; null when all of that is well. A dependency
// that is well itself hides nothing behind it: it was judged with the same facts. And what works,
// though oddly, explains nothing that is broken.
const DiagnosisRow* find_root(const std::vector<DiagnosisRow>& rows, const DiagnosisRow& row,
                              std::set<std::string_view>& seen) {
    for (const auto id : split_ids(row.depends_on)) {
        const DiagnosisRow* below = find(rows, id);
        if (!below || !is_fault(below->finding) ||
            weight_of(below->finding) < weight_of(row.finding) || !seen.insert(below->id).second)
            continue;
        const DiagnosisRow* deeper = find_root(rows, *below, seen);
        return deeper ? deeper : below;
    }
    return nullptr;
}

}  // namespace

std::string_view to_text(Verdict verdict) {
    switch (verdict) {
        case Verdict::healthy: return "HEALTHY";
        case Verdict::inconsistent: return "INCONSISTENT";
        case Verdict::broken: return "BROKEN";
    }
    return "BROKEN";
}

int to_exit_code(Verdict verdict) { return static_cast<int>(verdict); }

bool is_fault(const Finding& finding) {
    return finding.health == Health::odd || finding.health == Health::broken;
}

Diagnosis diagnose(std::vector<DiagnosisRow> rows) {
    Diagnosis diagnosis;
    for (auto& row : rows) {
        const auto same =
            std::find_if(diagnosis.rows.begin(), diagnosis.rows.end(),
                         [&row](const DiagnosisRow& other) { return other.id == row.id; });
        if (same == diagnosis.rows.end())
            diagnosis.rows.push_back(std::move(row));
        else if (weight_of(row.finding) > weight_of(same->finding))
            *same = std::move(row);
    }
    const auto is_said_below = [&](const DiagnosisRow& row) {
        const auto words = split_ids(row.depends_on);
        return !row.finding.code.empty() &&
               std::any_of(words.begin(), words.end(), [&](std::string_view id) {
                   const DiagnosisRow* below = find(diagnosis.rows, id);
                   return below && below != &row && below->finding.code == row.finding.code;
               });
    };
    std::set<std::string> said;
    for (const auto& row : diagnosis.rows)
        if (is_said_below(row)) said.insert(row.id);
    std::erase_if(diagnosis.rows, [&](const DiagnosisRow& row) { return said.contains(row.id); });
    for (auto& row : diagnosis.rows) {
        row.caused_by.clear();
        if (!is_fault(row.finding)) continue;
        std::set<std::string_view> seen{row.id};
        if (const DiagnosisRow* root = find_root(diagnosis.rows, row, seen))
            row.caused_by = root->id;
        diagnosis.verdict = std::max(diagnosis.verdict, row.finding.health == Health::broken
                                                            ? Verdict::broken
                                                            : Verdict::inconsistent);
    }
    return diagnosis;
}

std::vector<const DiagnosisRow*> in_telling_order(const Diagnosis& diagnosis) {
    std::vector<const DiagnosisRow*> order;
    const auto tell_causes = [&](Health health) {
        for (const DiagnosisRow& cause : diagnosis.rows) {
            if (!is_fault(cause.finding) || !cause.caused_by.empty()) continue;
            if (cause.finding.health != health) continue;
            order.push_back(&cause);
            for (const DiagnosisRow& row : diagnosis.rows)
                if (row.caused_by == cause.id) order.push_back(&row);
        }
    };
    tell_causes(Health::broken);
    tell_causes(Health::odd);
    for (const DiagnosisRow& row : diagnosis.rows)
        if (row.finding.health == Health::unknown) order.push_back(&row);
    for (const DiagnosisRow& row : diagnosis.rows)
        if (row.finding.health == Health::good || row.finding.health == Health::off)
            order.push_back(&row);
    return order;
}

}  // namespace halton::setup
