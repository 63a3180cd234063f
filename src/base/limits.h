// Every limit of the program with its reason. Plain constants where nobody needs another value,
// fields of Limits where tests pass smaller ones.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace halton {

namespace limits {

// A log value longer than this helps nobody and may be somebody's payload.
inline constexpr std::size_t log_value_bytes_max = 300;
// A log file of a role that no supervisor's journal bounds, and how many old ones are kept: weeks of
// a busy machine, and 600 MiB at the worst. Looked at once a minute.
inline constexpr std::uint64_t log_bytes_max = 100 * 1024 * 1024;
inline constexpr int log_backup_count = 5;
inline constexpr std::chrono::milliseconds log_look_pause{60'000};

// Tap and observer -----------------------------------------------------------------------
// One HTTP head as the tap and the edge accept it. Servers refuse at 8 to 64 KiB; the largest
// heads seen (cookies of chatgpt.com) stay under 16.
inline constexpr std::size_t head_bytes_max = 64 * 1024;
inline constexpr std::size_t header_count_max = 200;
// Pipelined requests without an answer that the tap follows before it turns blind.
inline constexpr std::size_t pipelined_exchanges_max = 64;
// HTTP/2: streams of a connection that the tap follows at once; more are passed without a row.
// Servers allow 100 to 250.
inline constexpr std::size_t h2_open_streams_max = 1000;
// A header table that the ends agreed on, a direction. The largest that clients announce is
// Chrome's 64 KiB; nearly all stay at 4 KiB.
inline constexpr std::size_t h2_table_bytes_max = 64 * 1024;
// One header block on the wire, with its CONTINUATION frames: heads that are too large for a row
// still have to be decoded, for the table's sake. Servers end connections far below.
inline constexpr std::size_t h2_header_block_bytes_max = 256 * 1024;
// Decoded heads of one read (relay_read_bytes). A field of 4 KiB is one byte on the wire when
// it is said again, so 64 KiB could become 170 MB.
inline constexpr std::size_t h2_shown_head_bytes_max = 4 * 1024 * 1024;
// One SSE event (image deltas of the Responses API are the largest seen, about 2 MiB).
inline constexpr std::size_t sse_event_bytes_max = 8 * 1024 * 1024;
// One message of an AWS event stream. Its format allows 16 MiB; text deltas are below 1 KiB and
// the counts a few hundred bytes.
inline constexpr std::size_t aws_message_bytes_max = 8 * 1024 * 1024;
// Deflate streams that one compressed WebSocket message may consist of. Libraries write one that
// never ends; each end costs a copy of the window.
inline constexpr int websocket_final_blocks_max = 16;
// Answers that run or are waited for on one WebSocket; clients have one, with side talk a few.
inline constexpr std::size_t socket_turns_max = 64;
// What is kept of one picked JSON value (a usage object, an error object, a model name).
inline constexpr std::size_t json_pick_bytes_max = 64 * 1024;
inline constexpr std::size_t json_depth_max = 256;
// A metering copy that inflates to more than this, or by more than the ratio beyond the first
// MiB, is a bomb: metering gives up, forwarding goes on.
inline constexpr std::uint64_t decoded_bytes_max = 64ull * 1024 * 1024;
inline constexpr std::uint64_t decoded_ratio_max = 2000;
// Calls inside a call that are billed apart (compaction, advisors); recorded answers have 3.
inline constexpr std::size_t sub_calls_max = 16;
// Background answers that are waited for, a hundred bytes each: nobody has this many running.
inline constexpr std::size_t pending_answer_count_max = 4096;
// Entries that a config adds to the providers; more than anybody's gateways.
inline constexpr std::size_t custom_provider_count_max = 64;
// A count beyond this is nonsense and taken for this; sums and prices of such counts cannot
// overflow. The largest context window today has ten million tokens.
inline constexpr std::int64_t token_count_max = 1'000'000'000'000;
// Columns of the ledger that hold text from the wire.
inline constexpr std::size_t model_bytes_max = 128;
inline constexpr std::size_t path_bytes_max = 256;
inline constexpr std::size_t error_code_bytes_max = 64;
inline constexpr std::size_t request_id_bytes_max = 128;
inline constexpr std::size_t user_agent_bytes_max = 200;
inline constexpr std::size_t slug_bytes_max = 128;
// What clients tell about themselves: ids are UUIDs of 36 bytes, names and branches a few words.
inline constexpr std::size_t client_word_bytes_max = 40;
inline constexpr std::size_t session_id_bytes_max = 128;
inline constexpr std::size_t agent_name_bytes_max = 64;
inline constexpr std::size_t git_branch_bytes_max = 200;
// A header that is JSON, as agents send one with each turn: recorded ones have up to 700 bytes.
inline constexpr std::size_t turn_metadata_bytes_max = 4 * 1024;
// Ids of the price rows of one call; more than a few only calls with sub-calls have.
inline constexpr std::size_t price_id_bytes_max = 400;
// Windows of subscriptions told by one answer: real ones tell up to six, in words of up to 30 bytes
// and headers of up to 60.
inline constexpr std::size_t plan_limits_max = 16;
inline constexpr std::size_t plan_word_bytes_max = 48;
inline constexpr std::size_t plan_header_bytes_max = 128;

// Prices ---------------------------------------------------------------------------------
// A price file of somebody else: the best-known one has 1.5 MiB and 3,000 models.
inline constexpr std::size_t price_import_bytes_max = 32 * 1024 * 1024;
inline constexpr std::size_t price_import_rows_max = 50'000;
// Negotiated prices in config.toml; each look-up of an overridden model walks its own only.
inline constexpr std::size_t price_overrides_max = 1'000;
// Rows that are priced anew in one transaction: milliseconds, which the daemon's writer waits for
// without noticing.
inline constexpr std::size_t reprice_rows_per_transaction = 200;
// Rows that change their project in one transaction, as above; one column, so more of them.
inline constexpr std::int64_t merge_rows_per_transaction = 2'000;

// Relaying -------------------------------------------------------------------------------
// One read of a relay. A thread has one such buffer, not a connection.
inline constexpr std::size_t relay_read_bytes = 64 * 1024;
// Rounds of one tunnel before the others get their turn.
inline constexpr int relay_rounds_max = 8;
// Sockets looked at in one go; more wait for the next round.
inline constexpr std::size_t readiness_batch = 256;
// Moving bytes holds the thread this long before everybody else has a turn. A connection takes a
// dozen turns to open, and 300 ms later the edge gives it up.
inline constexpr std::chrono::microseconds relay_turn{1'000};
// splice(2): pipe size (the kernel's default ceiling for users is 1 MiB) and pipes kept ready.
inline constexpr std::size_t pipe_bytes = 1024 * 1024;
inline constexpr std::size_t idle_pipe_count_max = 64;

// Listening ------------------------------------------------------------------------------
// Connections that wait in the kernel while accepting pauses (the kernel caps it at somaxconn).
inline constexpr int listen_backlog = 4096;
// Out of descriptors or over the connection limit: look again after this.
inline constexpr std::chrono::milliseconds accept_pause{50};
// Readers of the API at once; a dashboard has half a dozen.
inline constexpr std::size_t api_connection_count_max = 256;
// Ports tried upwards from a wanted one that is taken.
inline constexpr int port_fallback_count = 20;

// Sockets that a supervisor gives: one for each address family of loopback, and some to spare.
inline constexpr std::size_t given_socket_count_max = 16;
// Descriptors that stay free of connections: listeners, event queues, the log, a name look-up, a
// health probe, the files of the database.
inline constexpr std::size_t reserved_descriptor_count = 24;
// A connection that is being opened: client, daemon, two attempts at an upstream. Then two.
inline constexpr std::size_t opening_descriptor_count = 4;
inline constexpr std::size_t tunnel_descriptor_count = 2;

// Handing a port over to a new edge -------------------------------------------------------
// One line of that dialogue.
inline constexpr std::size_t handover_line_bytes_max = 64;
// The other edge answers within milliseconds, also under load; a stopped one never.
inline constexpr std::chrono::milliseconds handover_answer{5'000};
// How long the new edge has run before the old one lets go of the port: what breaks at once has
// broken by then.
inline constexpr std::chrono::milliseconds handover_settle{1'000};
// A third edge waits for its turn this long in all.
inline constexpr std::chrono::milliseconds handover_wait{15'000};

// Blocking look-ups that wait for the worker; each takes well under a millisecond.
inline constexpr std::size_t blocking_queue_max = 512;
// Pairs of (client program, host) that are remembered to refuse our certificate.
inline constexpr std::size_t refusal_count_max = 1024;
// Processes of one of them that are remembered to accept it: sessions of an agent that run beside
// each other.
inline constexpr std::size_t accepting_pid_count_max = 32;

// Files ----------------------------------------------------------------------------------
inline constexpr std::size_t config_bytes_max = 1024 * 1024;
inline constexpr std::size_t haltonrc_bytes_max = 64 * 1024;
inline constexpr std::size_t ports_file_bytes_max = 4 * 1024;
// system_state.json: half a KiB a network service, and a kioslaverc.
inline constexpr std::size_t system_state_bytes_max = 256 * 1024;
// System bundles are about 220 KiB; a corporate one with everything is below 4 MiB.
inline constexpr std::size_t ca_bundle_bytes_max = 16 * 1024 * 1024;
// Steps of the walk from a working directory to the root.
inline constexpr int directory_walk_max = 64;

// Set-up ---------------------------------------------------------------------------------
// Layers ask, and an answer leads to the next question: a stranger on a port to the port above it.
inline constexpr int setup_ask_rounds = 40;
// What is read of one file: bundles are the largest, see ca_bundle_bytes_max.
inline constexpr std::size_t setup_file_bytes_max = 16 * 1024 * 1024;
// Commands that only look answer in tens of milliseconds; a session bus that is gone takes longer.
inline constexpr std::chrono::milliseconds setup_look_time{5'000};
// Commands that change something: a daemon that is stopped has 30 s to drain, and a person whom
// macOS asks for a password has to find it.
inline constexpr std::chrono::milliseconds setup_change_time{180'000};
inline constexpr std::size_t setup_command_output_bytes_max = 256 * 1024;
// A label or unit name that is still being freed is tried again after this.
inline constexpr std::chrono::milliseconds setup_try_pause{500};
// A daemon that starts reads prices and opens a database; a loaded machine takes seconds.
inline constexpr std::chrono::milliseconds daemon_start_time{30'000};
inline constexpr std::chrono::milliseconds health_poll{500};
// A role that was asked to end: the daemon drains for at most 25 s.
inline constexpr std::chrono::milliseconds role_stop_time{30'000};
// A daemon that is launched within this after a `stop` exits at once.
inline constexpr std::chrono::seconds graceful_shutdown_time{30};

// Client process ------------------------------------------------------------------------
// A look-up that takes longer than this gives the default project: the tunnel does not wait.
inline constexpr std::chrono::milliseconds socket_owner_time_max{100};
// Descriptors looked at in all; a busy desktop has about 20,000 of one user.
inline constexpr std::size_t socket_owner_fd_count_max = 200'000;
// Processes remembered: more tools than anybody runs at once.
inline constexpr std::size_t socket_owner_recent_count_max = 16;
// /proc/net/tcp has 150 bytes a line: 50,000 sockets.
inline constexpr std::size_t socket_table_bytes_max = 8 * 1024 * 1024;
// Its beginning, where the listeners stand: 400 of them.
inline constexpr std::size_t listener_table_bytes_max = 64 * 1024;
// The kernel's own bound for arguments and environment is a quarter of an 8 MiB stack.
inline constexpr std::size_t environ_bytes_max = 2 * 1024 * 1024;
// What `doctor` looks at of running tools: more processes than a desktop has, the beginning of
// their command lines, and no longer than one waits for an answer.
inline constexpr std::size_t process_count_max = 4096;
inline constexpr std::size_t process_arguments_bytes_max = 4096;
inline constexpr std::chrono::milliseconds process_look_time{2'000};
// Settings of a tool; real ones have a few KiB.
inline constexpr std::size_t tool_settings_bytes_max = 1024 * 1024;
// A sound-looking database of a million rows is looked through in two seconds.
inline constexpr std::chrono::milliseconds database_check_time{3'000};

// System proxy ---------------------------------------------------------------------------
// The watchdog's look at /health: twice in a row it would have been slow by accident, five times is
// a daemon that is gone for 7.5 s.
inline constexpr std::chrono::milliseconds watchdog_poll{1'500};
inline constexpr int watchdog_failures = 5;
// Its patience with one answer: a daemon that takes longer on loopback hangs.
inline constexpr std::chrono::milliseconds watchdog_probe{1'000};
// Where the settings cannot be changed they cannot be changed later either, but a tool that is busy
// can be asked again.
inline constexpr int watchdog_actions_max = 3;
// One look or change by networksetup, gsettings, ...: tens of milliseconds each; a session bus that
// is gone takes longer.
inline constexpr std::chrono::milliseconds proxy_tool_time{5'000};
// How long a daemon that starts asks itself for its health, and how often, before it switches the
// proxy on.
inline constexpr std::chrono::milliseconds proxy_on_wait{30'000};
inline constexpr std::chrono::milliseconds proxy_on_poll{250};
// All of them: a daemon that ends has 30 s, and a person who types reset-proxy as long.
inline constexpr std::chrono::milliseconds system_proxy_time{15'000};
// Arguments that are looked at for a workspace: an IDE's own command line has a few hundred bytes,
// its helpers' up to 4 KiB.
inline constexpr std::size_t command_line_bytes_max = 64 * 1024;
inline constexpr std::size_t argument_count_max = 256;
// Folders of one command line. From the second on it is ambiguous; these are shown.
inline constexpr std::size_t workspace_count_max = 8;
inline constexpr std::size_t workspace_label_count_max = 8;
// Steps from a client towards the first process.
inline constexpr int ancestor_count_max = 8;
// What a process said of itself and its parents is taken for this long as still true: a tool opens
// its connections in bursts.
inline constexpr std::chrono::milliseconds process_facts_age_max{2'000};
inline constexpr std::size_t process_facts_count_max = 32;
// Sockets remembered from a look through all processes, for those that ask next: 16 bytes each.
inline constexpr std::size_t seen_socket_count_max = 4096;
// Slugs whose folder is known: more projects than anybody has.
inline constexpr std::size_t project_registry_count_max = 4096;

// TLS --------------------------------------------------------------------------------------
// A post-quantum ClientHello is about 1.8 KiB; 16 KiB is one record's worth.
inline constexpr std::size_t client_hello_bytes_max = 16 * 1024 + 512;
// Minted leaves kept in memory: far more hosts than any provider table has.
inline constexpr std::size_t leaf_cache_count_max = 256;
// Upstream sessions for resumption, a few KiB each. A burst of new connections to one provider
// wants one single-use ticket each; beyond that a full handshake is what is lost.
inline constexpr std::size_t session_cache_count_max = 256;
inline constexpr std::size_t sessions_per_peer_max = 32;

// Store ------------------------------------------------------------------------------------
// Finished calls that wait for the writer thread; at 4096 it is minutes behind, so drop and count.
inline constexpr std::size_t record_queue_max = 4096;
// What keeps waiting rows through a kill: some 2,000 rows of 500 bytes, ten times what a busy
// daemon has between two commits. Above it rows wait in memory alone.
inline constexpr std::size_t pending_file_bytes = 1 << 20;
// Each daemon holds one, also a draining one: as many as a day of upgrades leaves behind.
inline constexpr std::size_t pending_file_count_max = 16;
// Rows in one transaction: bounds the time a reader's checkpoint waits.
inline constexpr std::size_t rows_per_transaction_max = 512;
// Under load commits are this far apart, and nobody sees a report that is 10 ms behind. Above
// the row count their cost is in touching index pages, which more rows can share.
inline constexpr std::chrono::milliseconds commit_interval{10};
inline constexpr std::chrono::milliseconds commit_interval_busy{50};
inline constexpr std::size_t commit_busy_row_count = 32;
// A locked file is free again within milliseconds, a full disk within minutes.
inline constexpr std::chrono::milliseconds store_back_off_min{50};
inline constexpr std::chrono::milliseconds store_back_off_max{5'000};
// Kinds of connections that were not metered, a day: a dozen reasons times a few tools.
inline constexpr std::size_t unmetered_kinds_max = 512;
inline constexpr std::size_t unmetered_name_bytes_max = 80;
// Their counts are written this often; a kill loses no more than that.
inline constexpr std::chrono::milliseconds unmetered_interval{2'000};
// And kept as long as anybody asks why a bill and a report differ.
inline constexpr int unmetered_days_max = 90;


// API -----------------------------------------------------------------------------------
// The longest real address is a slug of 128 bytes, percent-encoded, and a query of a dozen words.
inline constexpr std::size_t api_target_bytes_max = 8 * 1024;
inline constexpr std::size_t api_query_count_max = 64;
// A changing request is a handful of words; a policy's rule has a few hundred bytes.
inline constexpr std::size_t api_body_bytes_max = 64 * 1024;
// Rows of one page: what the documented dashboard asks for, and what a person scrolls through.
inline constexpr std::int64_t api_page_rows = 50;
inline constexpr std::int64_t api_page_rows_max = 200;
// Groups of one answer: a year of days with ten providers each.
inline constexpr std::int64_t api_group_rows = 1'000;
inline constexpr std::int64_t api_group_rows_max = 10'000;
// Rows that one step of a CSV reads: a few hundred KiB in memory, some ten milliseconds.
inline constexpr std::int64_t api_csv_rows_per_step = 1'000;
// Queries at once, each on a thread and a connection of its own. A page of the dashboard asks six,
// which take milliseconds; more threads would take processors away from metering.
inline constexpr std::size_t api_reader_count = 2;
// A query that takes longer is given up: whoever asked has left or thinks it hangs.
inline constexpr std::chrono::milliseconds api_query_time{20'000};
// Queries that wait for a reader: what sixty dashboards ask at once.
inline constexpr std::size_t api_query_queue_max = 512;
// How soon a query notices that nobody waits for it.
inline constexpr std::chrono::milliseconds api_leave_look{100};
// `doctor` starts programs and takes a second: its answer is good for this long.
inline constexpr std::chrono::milliseconds api_doctor_age{10'000};
// Readers of the live feed. The issue asks for 64; each is a socket and a short queue.
inline constexpr std::size_t live_client_count_max = 128;
// Events that wait for one of them: minutes of an agent, a second of the busiest machine.
inline constexpr std::size_t live_queue_max = 256;
// Events that are kept for readers that come back, with half a KiB each.
inline constexpr std::size_t live_replay_max = 256;
// A line at least this often, so that both sides notice a dead connection.
inline constexpr std::chrono::milliseconds live_heartbeat{10'000};
// The number of running calls is told at most this often.
inline constexpr std::chrono::milliseconds live_state_pause{250};
// Connections of the API above which those that ask nothing make room for new ones, so that a
// crowd of idle ones never keeps a health probe out.
inline constexpr std::size_t api_connection_count_crowded = 192;
// Values of one label of /metrics: each is a series that Prometheus keeps for ever.
inline constexpr std::size_t metric_label_values_max = 100;
inline constexpr std::size_t metric_label_bytes_max = 80;
// The secret of writing routes, in random bytes; it is written as twice as many hex digits.
inline constexpr std::size_t api_token_bytes = 32;

// Captured bodies -----------------------------------------------------------------------
// What is kept of one side of a call, decoded: long contexts are some hundred KiB, and what is
// beyond are pictures.
inline constexpr std::size_t body_bytes_max = 1024 * 1024;
// Held beyond that until secrets are taken out, so that one across the cap is seen whole. The
// longest are PEM keys, with up to 13 KiB.
inline constexpr std::size_t body_margin_bytes = 16 * 1024;
// All bodies that are being captured or wait for the writer. Thirty large calls at once; what would
// not fit is not captured, and counted.
inline constexpr std::size_t body_memory_max = 64 * 1024 * 1024;
// A body with more secrets than this is something else than a conversation; it is dropped.
inline constexpr std::size_t body_redactions_max = 20'000;
// A quoted value behind a name such as "password"; longer ones are cut there.
inline constexpr std::size_t secret_value_bytes_max = 8 * 1024;
// Streams whose pieces are read as one text: answers in parallel, tools and thoughts beside them.
inline constexpr std::size_t body_channels_max = 64;
inline constexpr std::size_t body_content_type_bytes_max = 100;
// A try to write a body while somebody else holds the lock; each waits a quarter of a second.
inline constexpr int body_write_tries_max = 4;
// Bodies deleted in one transaction: milliseconds, also with a MiB each.
inline constexpr std::int64_t bodies_per_prune_step = 50;
// How often the writer looks for bodies that are too old or too many, and first after its start.
inline constexpr std::chrono::milliseconds body_prune_interval{10 * 60'000};
inline constexpr std::chrono::milliseconds body_prune_first{30'000};
// How often the daemon looks whether a project's switch was changed.
inline constexpr std::chrono::milliseconds capture_settings_pause{1'000};
inline constexpr std::size_t capture_settings_count_max = 10'000;

// Dashboard -----------------------------------------------------------------------------
// Somebody waits for it; a daemon under load answers /health in milliseconds.
inline constexpr std::chrono::milliseconds dashboard_probe{2'000};

// Roll-ups and history ------------------------------------------------------------------
// A query of a dashboard; with roll-ups they take milliseconds at ten million rows. What takes
// longer than this is somebody's mistake, and the next one waits for its connection.
inline constexpr std::chrono::milliseconds store_query_time{10'000};
// A writer holds its lock for milliseconds; longer than this is worth an error message.
inline constexpr std::chrono::milliseconds store_read_lock_wait{2'000};
// Pages that one reader keeps: a month of roll-ups with their keys, and the upper levels of the
// indices. There are a few readers.
inline constexpr int store_reader_cache_kib = 4 * 1024;
// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
inline constexpr int store_progress_steps = 2'000;
// Periods of one answer: a year by the hour. A chart has a few hundred.
inline constexpr std::size_t usage_periods_max = 9'000;
// Rows of one answer: a year of days by project, provider and model.
inline constexpr std::size_t usage_rows_max = 200'000;
// Changes of a time zone that one query names: two a year.
inline constexpr std::size_t usage_zone_spans_max = 200;
// Items of one page of calls or sessions. Dashboards ask for 20 to 200, exports go page by page.
inline constexpr std::size_t request_page_max = 1'000;
inline constexpr std::size_t session_page_max = 200;
// Groups of errors in one answer: classes times codes of providers, which those invent.
inline constexpr std::size_t error_groups_max = 500;
// Old rows that are added to the roll-ups in one transaction after an upgrade: some 50 ms, which
// new rows wait for in the queue.
inline constexpr std::int64_t rollup_fill_rows = 10'000;
// When they are filled it is looked again this often: a person may put an older file in place.
inline constexpr std::chrono::hours rollup_look_pause{1};

// Policies, budgets, audit --------------------------------------------------------------
// Policies that are looked at; each call walks all of them, and nobody writes this many.
inline constexpr std::size_t policy_count_max = 500;
// A name is typed, and stands in refusals that clients show.
inline constexpr std::size_t policy_name_bytes_max = 64;
inline constexpr std::size_t policy_pattern_bytes_max = 128;
// Above a billion dollars a limit is a slip, and sums of nano-dollars stay far from overflow.
inline constexpr std::int64_t budget_dollars_max = 1'000'000'000;
// Before this part of a period has passed a pace is no pace: an hour of a day, a day of a month.
inline constexpr double forecast_part_min = 0.04;

// How often the daemon looks whether the table was changed (two stat calls), and after how long it
// adds up the spend anew although nobody changed a policy: other daemons and `reprice` write too.
inline constexpr std::chrono::milliseconds policy_look_pause{1'000};
inline constexpr std::chrono::milliseconds policy_sum_pause{30'000};
// A look at the table that takes longer counts as failed: every call passes until one is done.
inline constexpr std::chrono::milliseconds policy_read_time{5'000};
// Finished calls that are not yet seen in the database: as many as the ledger's queue may hold.
inline constexpr std::size_t policy_pending_calls_max = 4096;

// A held request: the model may stand behind the messages, and bodies of 32 MB exist. Where more
// would have to be held, or all of them together hold more, the request passes undecided.
inline constexpr std::size_t gate_hold_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t gate_hold_all_bytes_max = 64 * 1024 * 1024;
// An SDK sends its body at once; who takes longer streams it, and may wait for nobody.
inline constexpr std::chrono::milliseconds gate_hold_time{3'000};
inline constexpr std::chrono::milliseconds gate_look_pause{250};
// What a blocked client still sends of its body is read and thrown away, for so much and so long;
// then the connection ends.
inline constexpr std::uint64_t gate_drain_bytes_max = 256ull * 1024 * 1024;
inline constexpr std::chrono::milliseconds gate_drain_time{30'000};
// After a refusal that closes the connection the client has this long to read it and to close.
inline constexpr std::chrono::milliseconds gate_linger_time{2'000};

// Events that wait to be written: a database that is locked for minutes, at the rates below.
inline constexpr std::size_t audit_queue_max = 256;
// Events of one policy within an hour; the rest is a number in the next one. A blocked client that
// tries again all night is one line a minute.
inline constexpr int policy_events_an_hour_max = 60;
// Matches of a rule that only logs or warns, for one project: one an hour, with their number.
inline constexpr std::chrono::minutes policy_match_pause{60};
// Pairs of policy and project whose matches are remembered.
inline constexpr std::size_t policy_match_keys_max = 1024;
inline constexpr std::size_t audit_detail_bytes_max = 4096;
// Events that one `audit` shows unless it is told otherwise, and at most.
inline constexpr std::int64_t audit_shown_count = 100;
inline constexpr std::int64_t audit_shown_count_max = 10'000;

// The command of [notify]: a desktop notification takes milliseconds, a chat's web hook seconds.
inline constexpr std::chrono::milliseconds notify_time{10'000};
inline constexpr std::size_t notify_queue_max = 16;
inline constexpr int notify_an_hour_max = 60;
inline constexpr std::size_t notify_arguments_max = 32;
inline constexpr std::size_t notify_argument_bytes_max = 4096;

// Views, export, import -----------------------------------------------------------------
// A row group of Parquet is held in memory until it is written: some 60 columns of 20,000 rows are
// about 15 MB. Groups that are much smaller make files large and slow to read.
inline constexpr std::size_t parquet_group_rows_max = 20'000;
inline constexpr std::size_t parquet_group_bytes_max = 16 * 1024 * 1024;
// A text as long as this is no value of ours.
inline constexpr std::size_t parquet_text_bytes_max = 64 * 1024;

// A page of rows is read in one transaction, so that a long export never holds the log of the
// database back.
inline constexpr std::int64_t export_page_rows = 5'000;

// Groups of one answer: sessions of a year of heavy work, or names that a client makes up.
inline constexpr std::size_t row_groups_max = 50'000;
// Above that, a report shows no percentiles: they need every row, which takes a second a million.
inline constexpr std::int64_t report_p95_rows_max = 500'000;
// Rows of a table in a terminal; --json and --csv have all.
inline constexpr std::size_t report_shown_rows_max = 40;

// Rows that a live view takes at a time, and between two looks: a person reads a handful, and a
// burst of a thousand calls in a second still fits.
inline constexpr std::size_t landed_rows_max = 2'000;
// Between two looks of `tail` and `top`: a call shows within half a second. A look at a file that
// has not changed takes some 50 us.
inline constexpr std::chrono::milliseconds live_look_time{400};

// What Claude Code tells a status line is some 2 KB. A shell's prompt waits for us, so a silent
// stdin is not waited for.
inline constexpr std::size_t statusline_input_bytes_max = 64 * 1024;
inline constexpr std::chrono::milliseconds statusline_input_time{60};
// A status line that comes late is worse than one that says less.
inline constexpr std::chrono::milliseconds statusline_query_time{150};

// A message of the Model Context Protocol; those that a client sends us are a few hundred bytes.
inline constexpr std::size_t mcp_line_bytes_max = 256 * 1024;

// Answers of a transcript whose next piece may still come: sub-agents run side by side, a few dozen
// at most.
inline constexpr std::size_t transcript_open_max = 64;
// A line of a transcript holds one message; pictures make some of them megabytes.
inline constexpr std::size_t transcript_line_bytes_max = 32 * 1024 * 1024;
// What a tool wrote down less than this ago may be running, or its row on its way.
inline constexpr std::chrono::minutes import_settle_time{2};
// A metered call of a transcript began at most that long before the tool wrote its answer down.
inline constexpr std::chrono::hours import_call_time_max{2};
// Hours of rows that are kept in mind while calls are matched, some 1 MB each on a busy machine.
inline constexpr std::size_t import_hours_max = 48;
// Sessions and folders that an import keeps in mind: a session is one file, seldom two.
inline constexpr std::size_t import_sessions_max = 4'096;
// Answers without their last counts that wait for a whole copy in another file.
inline constexpr std::size_t import_incomplete_max = 100'000;
// Calls of one import, so that each is counted once also where nothing is written.
inline constexpr std::size_t import_calls_max = 4'000'000;
inline constexpr std::size_t import_rows_per_transaction = 500;

}  // namespace limits

// Times and sizes of connections; production values. A test passes its own, smaller ones.
struct Limits {
    using ms = std::chrono::milliseconds;

    // Heads are sent in one piece by every real client; 30 s bounds slow-loris.
    ms first_head{30'000};
    ms connect{10'000};
    ms handshake{10'000};
    // Models think for minutes in silence.
    ms idle{600'000};
    // A loopback connect or interim answer of the chain hop that takes longer means "hung".
    ms chain_answer{300};
    // Health probe: one loopback round trip, generously.
    ms probe{250};
    ms health_ttl_healthy{1'000};
    ms health_ttl_unhealthy{200};
    // How often the edge looks at the daemon's health while it waits for its first byte.
    ms first_byte_check{250};
    // Name look-up in all.
    ms resolve{5'000};
    // Happy Eyeballs: RFC 8305 section 5, Connection Attempt Delay.
    ms connection_attempt_delay{250};
    // Graceful shutdown: running calls get this long, then the queue is flushed; the supervisor
    // grants 30 s in all.
    ms drain{20'000};
    ms flush{5'000};
    // A drain in a child (up to Config::drain_max) lets a connection go that has been quiet between
    // two calls for longer than most clients keep one: theirs is the first word then.
    ms drain_quiet{20'000};
    // Before that fork the database is written and closed. What a locked one leaves waits in the
    // pending rows, for the streams must not wait longer.
    ms flush_before_fork{500};

    // Client bytes kept for a replay until the daemon's first byte.
    std::size_t first_flight_bytes_max = 64 * 1024;
    // Concurrent connections of one listener; above it accepting pauses.
    std::size_t connection_count_max = 20'000;
};

}  // namespace halton
