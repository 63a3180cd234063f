// Who spent it: all projects, and one of them.
import { useData } from "../lib/api";
import { provider_colour } from "../lib/colours";
import { ago, change, count, moment, money, money_digits, percent, plural, short_model, tokens } from "../lib/format";
import { useLiveRefresh } from "../lib/live";
import { to_hash } from "../lib/route";
import type { Project, Stats, Sums } from "../lib/types";
import { Bars, Card, Empty, Head, Load, Tile } from "../parts/basics";
import { CallList } from "../parts/call_list";
import { call_columns } from "../parts/calls";
import { useQuery, useRoute } from "../parts/router";
import { Caveats, RangePicker, SpendByDay, useRange } from "../parts/spend";
import { Table } from "../parts/table";

export function Projects() {
  const projects = useData<Project[]>("/v1/projects", 60_000);
  useLiveRefresh(projects.reload);
  const [query, set_query] = useQuery();
  const shows_all = query.archived === "1";
  return (
    <>
      <Head title="Projects" about="A call is booked to the folder, git repository or .haltonrc that its program works in. “halton-meter whoami” explains one." />
      <Load data={projects}>
        {(all) => {
          const rows = all.filter((one) => shows_all || !one.archived_at);
          const archived = all.length - all.filter((one) => !one.archived_at).length;
          const month = money_digits(rows.map((one) => one.stats.cost_usd_this_month_minor_units));
          const before = money_digits(rows.map((one) => one.stats.previous_month_cost_usd_minor_units));
          const ever = money_digits(rows.map((one) => one.stats.all_time_cost_usd_minor_units));
          return (
            <Table
              name="projects"
              title={plural(rows.length, "project")}
              about="Months are calendar months in UTC"
              rows={rows}
              row_key={(row) => row.slug}
              sort="-month"
              tools={
                archived > 0 && (
                  <label class="check">
                    <input type="checkbox" checked={shows_all} onChange={(event) => set_query({ archived: event.currentTarget.checked ? "1" : undefined })} />
                    Archived ({archived})
                  </label>
                )
              }
              columns={[
                {
                  key: "project",
                  title: "Project",
                  value: (row) => row.slug,
                  show: (row) => (
                    <>
                      <a href={to_hash("project", row.slug)}>{row.name || row.slug}</a>
                      {row.name && row.name !== row.slug && <div class="dim">{row.slug}</div>}
                      {row.archived_at && <span class="tag">archived</span>}
                    </>
                  ),
                  class: "text",
                },
                { key: "month", title: "This month", value: (row) => row.stats.cost_usd_this_month_minor_units, show: (row) => money(row.stats.cost_usd_this_month_minor_units, month), is_number: true, class: "strong" },
                { key: "before", title: "Last month", value: (row) => row.stats.previous_month_cost_usd_minor_units, show: (row) => money(row.stats.previous_month_cost_usd_minor_units, before), is_number: true },
                { key: "ever", title: "All time", value: (row) => row.stats.all_time_cost_usd_minor_units, show: (row) => money(row.stats.all_time_cost_usd_minor_units, ever), is_number: true },
                { key: "calls", title: "Calls this month", value: (row) => row.stats.requests_this_month, show: (row) => count(row.stats.requests_this_month), is_number: true },
                { key: "model", title: "Costliest model", value: (row) => row.stats.top_model, show: (row) => (row.stats.top_model ? short_model(row.stats.top_model) : <span class="dim">–</span>), class: "text" },
                { key: "active", title: "Last call", value: (row) => row.stats.last_active_at, show: (row) => <span title={moment(row.stats.last_active_at)}>{ago(row.stats.last_active_at, Date.now())}</span>, class: "fit", is_descending_first: true },
              ]}
              empty={
                <Empty title="No project yet" command="halton-meter run -- claude">
                  A project appears with its first metered call. Run a tool inside of the folder of your work.
                </Empty>
              }
            />
          );
        }}
      </Load>
    </>
  );
}

/** A sum in line with those beside it; plan traffic in brackets, since nobody is billed for it. */
function spend_text(row: Sums, beside: Sums[]): string {
  const digits = money_digits(beside.map((one) => Math.max(one.cost_usd_minor_units, one.plan_cost_usd_minor_units)));
  if (row.cost_usd_minor_units === 0 && row.plan_cost_usd_minor_units > 0) return `(${money(row.plan_cost_usd_minor_units, digits)})`;
  return row.cost_usd_minor_units === 0 && row.unpriced_requests > 0 ? "no price" : money(row.cost_usd_minor_units, digits);
}

export function ProjectPage() {
  const { name } = useRoute();
  const { since } = useRange();
  const slug = encodeURIComponent(name);
  const project = useData<Project>(`/v1/projects/${slug}`, 60_000);
  const stats = useData<Stats>(`/v1/projects/${slug}/stats?since=${since}&zone=local`, 60_000);
  useLiveRefresh(() => {
    project.reload();
    stats.reload();
  });
  return (
    <>
      <Head
        title={project.value?.name || name}
        crumb={<a href={to_hash("projects")}>Projects</a>}
        about={
          project.value && (
            <>
              {project.value.name !== project.value.slug && <span class="mono">{project.value.slug}</span>} since {moment(project.value.created_at)}
              {project.value.archived_at && " · archived"}
            </>
          )
        }
      >
        <RangePicker />
      </Head>
      <div class="stack">
        <Load
          data={project}
          missing={
            <Card>
              <Empty title={`No project is called “${name}”`} command="halton-meter projects list">
                It may have been renamed or merged. This lists those that there are.
              </Empty>
            </Card>
          }
        >
          {({ stats: sums }) => (
            <>
              <dl class="tiles">
                <Tile
                  label="This month (UTC)"
                  value={money(sums.cost_usd_this_month_minor_units)}
                  sub={sums.previous_month_cost_usd_minor_units > 0 ? `${change(sums.cost_usd_this_month_minor_units, sums.previous_month_cost_usd_minor_units)} on all of last month` : plural(sums.requests_this_month, "call")}
                />
                <Tile label="All time" value={money(sums.all_time_cost_usd_minor_units)} sub={plural(sums.all_time_requests, "call")} />
                <Tile label="A call, on average" value={sums.requests_this_month > 0 ? money(Math.round(sums.cost_usd_this_month_minor_units / sums.requests_this_month)) : "–"} sub="this month" />
                <Tile
                  label="From cache"
                  value={stats.value ? percent(stats.value.summary.cache_hit_rate) : "–"}
                  sub={stats.value ? `${tokens(stats.value.summary.total_cache_read_tokens)} tokens in this period` : "of input tokens"}
                />
              </dl>
              <Load data={stats}>
                {(value) => (
                  <>
                    <SpendByDay stats={value} since={since} zone={value.zone ?? "UTC"} />
                    <div class="columns two">
                      <Card title="Models" id="project-models">
                        {value.by_model.length === 0 ? (
                          <p class="note">None in this period.</p>
                        ) : (
                          <Bars
                            rows={value.by_model.slice(0, 8).map((row) => ({
                              key: `${row.provider}/${row.model}`,
                              name: short_model(row.model) || "(not named)",
                              amount: spend_text(row, value.by_model),
                              value: row.cost_usd_minor_units,
                              small: plural(row.requests, "call"),
                              colour: provider_colour(row.provider),
                            }))}
                          />
                        )}
                      </Card>
                      <Card title="Tools" id="project-tools">
                        {(value.by_tool ?? []).length === 0 ? (
                          <p class="note">None in this period.</p>
                        ) : (
                          <Bars
                            rows={value.by_tool!.slice(0, 8).map((row) => ({
                              key: row.tool ?? "",
                              name: row.tool ?? "not told",
                              amount: spend_text(row, value.by_tool!),
                              value: row.cost_usd_minor_units,
                              small: plural(row.requests, "call"),
                            }))}
                          />
                        )}
                      </Card>
                    </div>
                    <Caveats summary={value.summary} />
                  </>
                )}
              </Load>
              <ProjectCalls slug={name} />
            </>
          )}
        </Load>
      </div>
    </>
  );
}

function ProjectCalls(props: { slug: string }) {
  const path = `/v1/projects/${encodeURIComponent(props.slug)}/requests`;
  return (
    <CallList
      path={path}
      name="calls"
      title="Calls"
      columns={call_columns("date", "tool", "provider", "model", "cost", "input", "cached", "output", "latency", "state")}
      tools={
        <a class="button" href={`${path}.csv`} download>
          Download all
        </a>
      }
      empty={
        <Empty title="No call is booked to this project" command={`HALTON_PROJECT=${/^[\w./:-]+$/.test(props.slug) ? props.slug : `'${props.slug.replaceAll("'", `'\\''`)}'`} halton-meter run -- claude`}>
          Its calls may be booked to another one. This books a tool's calls here.
        </Empty>
      }
    />
  );
}

