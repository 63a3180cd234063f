// The installation, layer by layer, with what to type.
import { useData } from "../lib/api";
import { ago, count } from "../lib/format";
import type { DaemonStatus, Doctor, Finding } from "../lib/types";
import { Card, Command, Empty, Head, Load, Tile } from "../parts/basics";

const VERDICTS: Record<string, [string, string]> = {
  HEALTHY: ["good", "All is well"],
  INCONSISTENT: ["odd", "Your tools work, but something is not as it should be"],
  BROKEN: ["broken", "Something is broken"],
};
const HEALTH: Record<string, string> = { good: "well", off: "off", unknown: "not known", odd: "odd", broken: "broken" };

function Layer(props: { title: string; finding: Finding; is_caused: boolean }) {
  const { finding } = props;
  return (
    <li class={props.is_caused ? "caused" : undefined}>
      <span class={`dot ${finding.health}`} aria-hidden="true" />
      <span>
        {props.title}
        <span class="visually-hidden">: {HEALTH[finding.health] ?? finding.health}</span>
      </span>
      <div class="detail">
        {finding.detail || <span class="dim">{HEALTH[finding.health] ?? finding.health}</span>}
        {finding.code && <span class="dim mono"> {finding.code}</span>}
        {finding.action && (
          <div>
            <Command line={finding.action} />
          </div>
        )}
      </div>
    </li>
  );
}

export function Health() {
  const doctor = useData<Doctor>("/v1/doctor", 60_000);
  const status = useData<DaemonStatus>("/v1/daemon/status", 10_000);
  return (
    <>
      <Head title="Health" about="What “halton-meter doctor” finds, the root cause first.">
        <button type="button" class="button" disabled={doctor.is_loading} onClick={doctor.reload}>
          {doctor.is_loading ? "Looking…" : "Look again"}
        </button>
      </Head>
      <div class="stack">
        <Load data={doctor}>
          {(value) => {
            const [tone, words] = VERDICTS[value.verdict] ?? ["unknown", value.verdict];
            const faults = value.layers.filter((one) => one.health === "odd" || one.health === "broken");
            const others = value.layers.filter((one) => !faults.includes(one));
            return (
              <>
                <Card>
                  <div class="verdict">
                    <span class={`dot ${tone}`} aria-hidden="true" />
                    {words}
                  </div>
                  <p class="note">
                    Looked {ago(value.checked_at, Date.now())}
                    {value.install_mode && `; installed ${value.install_mode}`}
                    {value.version && `; version ${value.version}`}
                  </p>
                </Card>
                {faults.length > 0 && (
                  <Card title="To repair" id="faults" about="What follows from another fault stands below it.">
                    <ul class="layers">
                      {faults.map((one) => (
                        <Layer key={one.id} title={one.title} finding={one} is_caused={Boolean(one.caused_by)} />
                      ))}
                    </ul>
                  </Card>
                )}
                {value.warnings.length > 0 && (
                  <Card title="In config.toml" id="warnings">
                    <ul class="notes">
                      {value.warnings.map((line) => (
                        <li key={line}>
                          <span>{line}</span>
                        </li>
                      ))}
                    </ul>
                  </Card>
                )}
                <Card title="Tools that run now" id="tools" about="As the daemon sees them: whether their calls are metered.">
                  {value.tools.length === 0 ? (
                    <Empty title="No known tool is running">Start one; a terminal that was open before the set-up keeps its old environment.</Empty>
                  ) : (
                    <ul class="layers">
                      {value.tools.map((tool) => (
                        <Layer
                          key={`${tool.name}/${tool.pid}`}
                          title={`${tool.title || tool.name}${tool.more > 0 ? ` and ${tool.more} more` : ""}`}
                          finding={tool.findings.find((one) => one.health !== "good") ?? tool.findings[0] ?? { health: "good", code: "", detail: "metered", action: "" }}
                          is_caused={false}
                        />
                      ))}
                    </ul>
                  )}
                </Card>
                <Card title="Layers" id="layers">
                  {others.length === 0 ? (
                    <Empty title="No other layer was looked at" command="halton-meter doctor" />
                  ) : (
                    <ul class="layers">
                      {others.map((one) => (
                        <Layer key={one.id} title={one.title} finding={one} is_caused={false} />
                      ))}
                    </ul>
                  )}
                </Card>
              </>
            );
          }}
        </Load>
        <Load data={status}>
          {(value) => (
            <dl class="tiles">
              <Tile label="Daemon" value={value.state ?? "–"} sub={value.version ? `version ${value.version}` : undefined} />
              <Tile label="Rows written" value={count(value.rows_written)} sub="since it started" />
              <Tile label="Waiting" value={count(value.rows_waiting)} sub="not yet in the database" />
              <Tile label="Database" value={value.store_state ?? "–"} sub={value.store_last_error ?? "no error"} />
            </dl>
          )}
        </Load>
      </div>
    </>
  );
}
