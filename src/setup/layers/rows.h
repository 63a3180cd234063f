// The layers by name. A new one: its file here, its line below, its row in setup/layers.cpp.
#pragma once

#include "setup/layer.h"

namespace halton::setup::layers {

extern const Layer data_folder;
extern const Layer ports;
extern const Layer authority;
extern const Layer bundle;
extern const Layer user_bus;
extern const Layer linger;
extern const Layer edge_unit;
extern const Layer daemon_unit;
extern const Layer watchdog_unit;
extern const Layer session_environment;
extern const Layer shell_rc;
extern const Layer nss_trust;
extern const Layer system_trust;
extern const Layer gnome_proxy;
extern const Layer kde_proxy;
extern const Layer network_record;
extern const Layer edge_agent;
extern const Layer keychain_trust;
extern const Layer daemon_agent;
extern const Layer watchdog_agent;
extern const Layer userenv_agent;
extern const Layer launchd_variables;
extern const Layer network_proxy;
extern const Layer sentinels;

}  // namespace halton::setup::layers
