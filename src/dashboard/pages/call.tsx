// One call, and how its cost came about.
import { useData } from "../lib/api";
import { count, latency, moment, percent } from "../lib/format";
import { to_hash } from "../lib/route";
import type { RequestDetail } from "../lib/types";
import { Card, Command, Empty, Head, Load, ProjectLink, ProviderName, Tile } from "../parts/basics";
import { CallCost, CallState, cache_share } from "../parts/calls";
import { useRoute } from "../parts/router";

export function CallPage() {
  const { name } = useRoute();
  const detail = useData<RequestDetail>(`/v1/requests/${encodeURIComponent(name)}`);
  return (
    <>
      <Head title={detail.value ? detail.value.request.model || "Call" : "Call"} crumb={<a href={to_hash("live")}>Live</a>} about={<span class="mono">{name}</span>} />
      <Load
        data={detail}
        missing={
          <Card>
            <Empty title="There is no such call">It may have been deleted, or its id is cut off.</Empty>
          </Card>
        }
      >
        {({ request: call, explanation, has_body }) => (
          <div class="stack">
            <dl class="tiles">
              <Tile label="Cost" value={<CallCost call={call} />} sub={call.cost_state ?? ""} />
              <Tile label="Tokens in" value={count(call.input_tokens)} sub={call.cache_read_tokens > 0 ? `${count(call.cache_read_tokens)} from cache (${percent(cache_share(call))})` : "none from cache"} />
              <Tile label="Tokens out" value={count(call.output_tokens)} sub={call.thinking_tokens > 0 ? `${count(call.thinking_tokens)} thinking` : "no thinking"} />
              <Tile label="Time taken" value={latency(call.latency_ms)} sub={call.time_to_first_byte_ms ? `first byte after ${latency(call.time_to_first_byte_ms)}` : call.mode} />
            </dl>
            <div class="columns two">
              <Card title="The call" id="call-facts">
                <table>
                  <tbody>
                    <Fact name="When">{moment(call.requested_at)}</Fact>
                    <Fact name="State">
                      <CallState call={call} />
                    </Fact>
                    <Fact name="Provider">
                      <ProviderName name={call.provider} />
                    </Fact>
                    {call.requested_model && call.requested_model !== call.model && <Fact name="Asked for">{call.requested_model}</Fact>}
                    <Fact name="Project">
                      <ProjectLink slug={call.project} />
                    </Fact>
                    <Fact name="Tool">
                      {call.client_tool ?? "not told"} {call.client_version}
                    </Fact>
                    {call.session_id && (
                      <Fact name="Session">
                        <a href={to_hash("session", call.session_id)}>{call.session_id}</a>
                      </Fact>
                    )}
                    {call.agent_name && <Fact name="Sub-agent">{call.agent_name}</Fact>}
                    {call.git_branch && <Fact name="Branch">{call.git_branch}</Fact>}
                    {call.provider_error_code && <Fact name="Provider’s code">{call.provider_error_code}</Fact>}
                    <Fact name="Billing">{call.billing_mode === "plan" ? "covered by a subscription" : (call.billing_mode ?? "metered")}</Fact>
                  </tbody>
                </table>
              </Card>
              <Card title="How the cost came about" id="call-cost">
                {explanation && explanation.text.length > 0 ? (
                  <ol class="notes plain">
                    {explanation.text.map((line, i) => (
                      <li key={i}>{line}</li>
                    ))}
                  </ol>
                ) : (
                  <p class="note">
                    Nothing was reckoned: {call.cost_usd_minor_units === null ? "there is no price for this model." : "the provider stated the cost."} <a href={to_hash("prices")}>Prices</a>
                  </p>
                )}
                <p class="note in-terminal">In a terminal{has_body ? " (the captured bodies too)" : ""}:</p>
                <Command line={`halton-meter explain ${call.id}`} />
              </Card>
            </div>
          </div>
        )}
      </Load>
    </>
  );
}

function Fact(props: { name: string; children: preact.ComponentChildren }) {
  return (
    <tr>
      <th scope="row">{props.name}</th>
      <td class="text">{props.children}</td>
    </tr>
  );
}
