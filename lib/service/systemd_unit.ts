import { MANAGER_USER } from "./account.ts";
import { SHARED_CONTROL_FOLDER } from "../base/paths.ts";
import {
  argumentsOf,
  guardWords,
  requireOneLine,
  type ServicePlan,
  settingsFileOf,
  titleOf,
} from "./service_host.ts";

/** Text of a systemd unit for a service. */
export function systemdUnit(plan: ServicePlan): string {
  requireOneLine(plan);
  const isUser = plan.scope === "user";
  const command = [plan.executable, ...argumentsOf(plan)].map(unitWord);
  const body = plan.name === "piri-agent"
    ? agentLines(plan)
    : managerLines(plan);
  return lines(
    `# Written by ${plan.name} service install.`,
    `# State folder: ${plan.dir}`,
    `# Executable: ${plan.executable}`,
    "[Unit]",
    `Description=${titleOf(plan.name)}`,
    ...isUser ? [] : plan.name === "piri-agent" ? ["After=network.target"] : [
      "Wants=network-online.target",
      "After=network-online.target nss-lookup.target",
    ],
    `ConditionPathExists=${unitPath(settingsFileOf(plan))}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    "NotifyAccess=main",
    ...guardLines(plan),
    `ExecStart=${command.join(" ")}`,
    "ExecReload=/bin/kill -HUP $MAINPID",
    "Restart=always",
    "RestartSec=5",
    "WatchdogSec=60",
    "TimeoutStopSec=30",
    ...plan.user === "" ? [] : [`User=${plan.user}`],
    ...plan.group === "" ? [] : [`Group=${plan.group}`],
    ...body,
    "",
    "[Install]",
    `WantedBy=${isUser ? "default.target" : "multi-user.target"}`,
  );
}

/** Lines that run the guard. The program starts also if they fail. */
function guardLines(plan: ServicePlan): string[] {
  if (plan.guard === undefined) return [];
  const line = (prefix: string, ...flags: readonly string[]) =>
    `ExecStartPre=${prefix}${
      [...guardWords(plan, plan.guard ?? ""), ...flags].map(unitWord).join(" ")
    }`;
  if (plan.user === "" || plan.name === "piri-agent") return [line("-")];
  // "+" is for root without the restrictions: the user of the service may not change which version is started.
  return [line("-", "--part", "state"), line("-+", "--part", "link")];
}

/** An agent gets no restrictions: it has to manage the host, and commands inherit them. */
function agentLines(plan: ServicePlan): string[] {
  return [
    // Daemons that commands have started survive a restart. The agent ends its commands itself.
    "KillMode=process",
    "OOMPolicy=continue",
    // Only root may lower it.
    ...plan.scope === "user" ? [] : ["OOMScoreAdjust=-500"],
    "TasksMax=infinity",
    "UMask=0022",
    ...stateLines(plan),
  ];
}

/** A Manager starts no programs, so it gets all restrictions but one: V8 makes memory executable. */
function managerLines(plan: ServicePlan): string[] {
  if (plan.scope === "user") return ["NoNewPrivileges=yes", "UMask=0077"];
  const capability = plan.hasLowPort ? "CAP_NET_BIND_SERVICE" : "";
  const isAtHome = /^\/(home|root|run\/user)\//.test(plan.dir);
  return [
    "UMask=0077",
    "LimitNOFILE=524288",
    ...stateLines(plan),
    ...socketLines(plan),
    `CapabilityBoundingSet=${capability}`,
    `AmbientCapabilities=${capability}`,
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    `ProtectHome=${isAtHome ? "read-only" : "yes"}`,
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateMounts=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "RemoveIPC=yes",
    "SystemCallArchitectures=native",
    "SystemCallErrorNumber=EPERM",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
  ];
}

function stateLines({ name, dir, scope }: ServicePlan): string[] {
  if (scope === "user") return [];
  if (dir === `/var/lib/${name}`) {
    return [`StateDirectory=${name}`, "StateDirectoryMode=0700"];
  }
  return name === "piri-manager" ? [`ReadWritePaths=${unitWord(dir)}`] : [];
}

/** Folder of the socket, for operators in the group of its own. Other groups may have members who are none. */
function socketLines({ group }: ServicePlan): string[] {
  if (group !== MANAGER_USER) return [];
  const name = SHARED_CONTROL_FOLDER.slice("/run/".length);
  return [`RuntimeDirectory=${name}`, "RuntimeDirectoryMode=0750"];
}

/** A word of a line of a unit, quoted where systemd would otherwise read something else. */
function unitWord(text: string): string {
  const escaped = unitPath(text).replaceAll("$", "$$$$");
  return /[\s"'\\;]/.test(escaped)
    ? `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`
    : escaped;
}

/** A path that takes the rest of a line. */
function unitPath(text: string): string {
  return text.replaceAll("%", "%%");
}

function lines(...all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
