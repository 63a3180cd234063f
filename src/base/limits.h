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
