// The texts of `projects`: the list, and one project with its settings. Pure.
#pragma once

#include <string>
#include <vector>

#include "store/projects.h"

namespace halton::roles {

// Archived ones are left out, unless all are wanted.
std::string to_projects_text(const std::vector<store::ProjectRow>& projects, bool has_archived,
                             int width);
std::string to_projects_json(const std::vector<store::ProjectRow>& projects, bool has_archived);

std::string to_project_text(const store::ProjectRow& project);
std::string to_project_json(const store::ProjectRow& project);

}  // namespace halton::roles
