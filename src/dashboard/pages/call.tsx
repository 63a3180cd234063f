// One call, and how its cost came about.
import { useData } from "../lib/api";
import { count, full_day, latency, moment, percent } from "../lib/format";
import { cost_lines, nano_money } from "../lib/money";
import { to_hash } from "../lib/route";
import type { Explanation, RequestDetail } from "../lib/types";
import { Card, Command, Empty, Head, Load, ProjectLink, ProviderName, sentence, Tile } from "../parts/basics";
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
                {explanation ? <Cost explanation={explanation} /> : <p class="note">The row is of an older version, which did not keep what a price needs.</p>}
                <p class="note in-terminal">In a terminal:</p>
                <Command line={`halton-meter explain ${call.id}`} />
                {has_body && (
                  <>
                    <p class="note in-terminal">What was sent and answered is captured; it is shown in a terminal only:</p>
                    <Command line={`halton-meter bodies show ${call.id}`} />
                  </>
                )}
              </Card>
            </div>
          </div>
        )}
      </Load>
    </>
  );
}

function Cost(props: { explanation: Explanation }) {
  const { explanation } = props;
  const stored = explanation.cost_nanousd;
  const today = explanation.cost_by_todays_prices_nanousd;
  return (
    <>
      <p class="note">
        {sentence(explanation.reason)}
        {explanation.price_id && `. ${explanation.price_id}`}
        {explanation.price_date && `, list of ${full_day(explanation.price_date)}`}
      </p>
      {explanation.parts
        .filter((part) => part.steps.length > 0)
        .map((part, i) => {
          const { lines, sum } = cost_lines(part.steps);
          return (
            <div class="scroll cost-part" key={i} tabIndex={0} role="region" aria-label={`Cost of ${part.model || "the call"}`}>
              <table>
                {explanation.parts.length > 1 && <caption>{part.model}</caption>}
                <thead>
                  <tr>
                    <th scope="col">Part</th>
                    <th scope="col" class="num">
                      Count
                    </th>
                    <th scope="col" class="num">
                      Price
                    </th>
                    <th scope="col" class="num">
                      Comes to
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {lines.map((line, n) => (
                    <tr key={n}>
                      <td>
                        {line.what}
                        {!line.is_exact && <span class="dim"> (a stand-in)</span>}
                      </td>
                      <td class="num">{line.count}</td>
                      <td class="num">{line.price}</td>
                      <td class="num">{line.amount === null ? <span class="tag warn">no price</span> : nano_money(line.amount)}</td>
                    </tr>
                  ))}
                  <tr>
                    <th scope="row">Sum</th>
                    <td />
                    <td />
                    <td class="num strong">{nano_money(sum)}</td>
                  </tr>
                </tbody>
              </table>
            </div>
          );
        })}
      <p class="note see-also">
        {stored === null ? "No cost is recorded." : `Recorded: ${nano_money(stored)}.`}
        {today !== null && today !== stored && ` By today’s prices ${nano_money(today)}.`}
      </p>
      {explanation.next && <Command line={explanation.next} />}
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
