import type { ServicePlan } from "../../lib/service/service_host.ts";

/** The service of an agent at its usual place. */
export const agentPlan: ServicePlan = {
  name: "piri-agent",
  executable: "/opt/piri/agent/current/bin/piri-agent",
  dir: "/var/lib/piri-agent",
  scope: "system",
  user: "",
  group: "",
  hasLowPort: false,
  guard: "/opt/piri/agent/bin/piri-guard",
};

/** The service of a Manager at its usual place. */
export const managerPlan: ServicePlan = {
  name: "piri-manager",
  executable: "/opt/piri/manager/current/bin/piri-manager",
  dir: "/var/lib/piri-manager",
  scope: "system",
  user: "piri",
  group: "piri",
  hasLowPort: false,
  guard: "/opt/piri/manager/bin/piri-guard",
};

/** The same where nothing runs as root before each start. */
export const unguardedPlan: ServicePlan = {
  name: "piri-manager",
  executable: managerPlan.executable,
  dir: managerPlan.dir,
  scope: "system",
  user: "piri",
  group: "piri",
  hasLowPort: false,
};

/** The service of an agent at places that have to be quoted, of another user. */
export const oddPlan: ServicePlan = {
  ...agentPlan,
  executable: "/srv/p&i 100%/piri-agent",
  guard: "/srv/p&i 100%/piri-guard",
  dir: '/srv/the "state" of $HOME',
  user: "deploy",
  group: "web",
};

/** The service of an agent of a user without root. */
export const userPlan: ServicePlan = {
  ...agentPlan,
  executable: "/home/ann/.local/share/piri/agent/current/bin/piri-agent",
  guard: "/home/ann/.local/share/piri/agent/bin/piri-guard",
  dir: "/home/ann/.local/state/piri-agent",
  scope: "user",
};
