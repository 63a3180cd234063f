// What the daemon answers (/v1/openapi.json). Fields that an older daemon leaves out are optional.
export interface Spend {
  requests: number;
  cost_usd_minor_units: number;
  plan_cost_usd_minor_units: number; // what plan traffic would have cost by the list; never added
}
export interface Sums extends Spend {
  error_requests: number;
  incomplete_requests: number;
  unpriced_requests: number;
  estimated_requests: number;
  plan_requests: number;
  input_tokens: number;
  output_tokens: number;
  thinking_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  avg_latency_ms: number | null;
}
export interface DaySpend extends Spend { date: string }
export interface DayProviderSpend extends DaySpend { provider: string }
export interface ProviderSpend extends Sums { provider: string }
export interface ModelSpend extends Sums { provider: string; model: string }
export interface ProjectSpend extends Sums { slug: string; name: string }
export interface ToolSpend extends Sums { tool: string | null }
export interface Tool extends ToolSpend { version: string | null; last_at: string | null; sessions: number }
export interface Tools { items: Tool[] }
export interface Summary {
  total_requests: number;
  total_input_tokens: number;
  total_output_tokens: number;
  total_thinking_tokens: number;
  total_cache_read_tokens: number;
  total_cache_write_tokens: number;
  total_cost_usd_minor_units: number;
  cache_hit_rate: number;
  plan_requests?: number;
  plan_cost_usd_minor_units?: number;
  unpriced_requests?: number;
  incomplete_requests?: number;
  estimated_requests?: number;
  error_requests?: number;
  last_request_at?: string | null;
}
export interface Stats {
  zone?: string;
  utc_offset_minutes?: number;
  summary: Summary;
  by_day: DaySpend[];
  by_day_by_provider: DayProviderSpend[];
  by_provider: ProviderSpend[];
  by_model: ModelSpend[];
  by_project?: ProjectSpend[];
  by_tool?: ToolSpend[];
}
export interface Project {
  id: string;
  name: string;
  slug: string;
  created_at: string;
  archived_at: string | null;
  stats: {
    requests_this_month: number;
    cost_usd_this_month_minor_units: number;
    previous_month_cost_usd_minor_units: number;
    all_time_cost_usd_minor_units: number;
    all_time_requests: number;
    last_active_at: string | null;
    primary_model: string | null;
    primary_provider: string | null;
    top_model: string | null;
    top_provider: string | null;
  };
}
export interface Call {
  id: string;
  project?: string;
  provider: string;
  model: string;
  mode: string;
  input_tokens: number;
  output_tokens: number;
  thinking_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  cost_usd_minor_units: number | null;
  latency_ms: number | null;
  tokens_complete: boolean;
  requested_at: string;
  status: string;
  client_tool?: string | null;
  client_version?: string | null;
  session_id?: string | null;
  agent_name?: string | null;
  git_branch?: string | null;
  error_class?: string | null;
  error_wire_class?: string | null;
  provider_error_code?: string | null;
  http_status?: number | null;
  retryable?: boolean | null;
  retry_count?: number | null;
  billing_mode?: string | null;
  cost_state?: string | null;
  time_to_first_byte_ms?: number | null;
  requested_model?: string | null;
  request_kind?: string | null;
  rates_source?: string | null;
  price_id?: string | null;
  price_date?: string | null;
  has_body?: boolean | null;
}
export interface Page<Item> { items: Item[]; next_cursor?: string | null; total?: number }
export interface Session extends Sums {
  session_id: string;
  client_tool: string | null;
  client_version: string | null;
  project: string;
  git_branch: string | null;
  started_at: string;
  last_at: string;
  models: string[];
  retry_count: number;
}
export interface SessionDetail { session: Session; requests: Page<Call> }
export interface ErrorKind {
  provider: string;
  error_class: string;
  error_wire_class: string;
  provider_error_code: string | null;
  http_status: number | null;
  retryable: boolean | null;
  requests: number;
  first_at?: string | null;
  last_at: string | null;
  what_to_do?: string | null;
}
export interface Errors { total_requests: number; error_requests: number; items: ErrorKind[] }
export interface Limit {
  provider: string;
  name: string;
  plan?: string | null;
  status?: string | null;
  used_fraction: number | null;
  resets_at: string | null;
  window_minutes?: number | null;
  is_over?: boolean; // reset since then: the use is unknown until the next call
  observed_at: string;
}
export interface Passthrough {
  metered_requests?: number;
  items: {
    reason: string;
    meaning?: string | null;
    what_to_do?: string | null;
    program?: string | null;
    host?: string | null;
    connections: number;
    first_at?: string | null;
    last_at?: string | null;
  }[];
  refusing_clients?: { program: string; host: string; count: number; since: string }[];
  dropped?: { queue_full?: number; error?: number };
  unseen?: { connections?: number; requests?: number };
}
export interface Price {
  provider: string;
  model: string;
  also: string[];
  from: string | null;
  source: string;
  tier: string;
  above_tokens: number | null;
  nanousd_per_1k: Record<string, number>;
  nanousd_per_1k_units: Record<string, number>;
  web_search_nanousd: number | null;
  request_nanousd: number | null;
}
export interface PriceOverride {
  provider: string;
  model: string;
  tier: string;
  above_tokens: number | null;
  from: string | null;
  to: string | null;
  nanousd_per_1k: Record<string, number>;
}
export interface Prices {
  bundle_date: string;
  local_date: string | null;
  items: Price[];
  overrides: PriceOverride[];
  unpriced_models: { provider: string; model: string; requests: number }[];
}
export interface Budget {
  policy_id: string;
  name: string;
  scope: string;
  period: string;
  period_start: string;
  period_end: string;
  limit_usd_minor_units: number;
  spent_usd_minor_units: number;
  forecast_usd_minor_units: number | null;
  percent: number;
  state: string; // ok, near, over, disabled
  action: string;
  project: string | null;
  provider: string | null;
  model: string | null;
  tool: string | null;
  unpriced_requests: number;
}
export interface Budgets {
  items: Budget[];
  forecast: { period_start: string; period_end: string; spent_usd_minor_units: number; forecast_usd_minor_units: number | null };
}
export interface Policy {
  id: string;
  name: string;
  enabled: boolean;
  priority: number;
  kind: string;
  action: string;
  scope: string;
  project: string | null;
  limit_usd_minor_units: number | null;
  period: string | null;
  counts_plan: boolean;
  created_at: string | null;
  updated_at: string | null;
}
export interface Policies { items: Policy[]; problems: string[] }
export interface AuditEvent {
  id: string;
  occurred_at: string;
  event_type: string;
  actor: string | null;
  project: string | null;
  request_id: string | null;
  detail?: unknown;
}
export interface Finding {
  health: string;
  code: string;
  detail: string;
  action: string;
}
export interface Doctor {
  verdict: string;
  checked_at: string;
  version?: string;
  install_mode?: string;
  layers: (Finding & { id: string; title: string; caused_by: string | null })[];
  tools: { name: string; title: string; pid: number | null; more: number; findings: Finding[] }[];
  warnings: string[];
}
export interface LiveState { running_calls: number; request_count_last_hour: number; lost_events: number; resumed?: boolean }
export interface CostStep {
  what: string;
  count?: number;
  nanousd_per_1k?: number | null; // null: not listed
  nanousd_each?: number | null;
  percent?: number; // a factor on what came before it
  exact: boolean;
}
export interface CostPart { model: string; tier: string | null; above_tokens: number | null; steps: CostStep[] }
export interface Explanation {
  reason: string;
  next: string | null;
  cost_nanousd: number | null;
  cost_by_todays_prices_nanousd: number | null;
  price_id: string | null;
  price_date: string | null;
  rates_source: string | null;
  parts: CostPart[];
}
export interface RequestDetail {
  request: Call;
  explanation: Explanation | null;
  has_body: boolean;
}
export interface DaemonStatus {
  last_seen_at: string | null;
  request_count_last_hour: number;
  version?: string;
  state?: string;
  rows_written?: number;
  rows_dropped_queue_full?: number;
  rows_dropped_error?: number;
  rows_waiting?: number;
  running_calls?: number;
  store_state?: string;
  store_last_error?: string | null;
}
