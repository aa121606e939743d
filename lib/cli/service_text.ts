import type { Output } from "./output.ts";
import type { ServiceStatus, ServiceStep } from "./service_acts.ts";
import { isoTime } from "./time.ts";

/** Line about a step of a change. */
export function stepLine({ done, what }: ServiceStep): string {
  return `${done ? "done" : "ok  "}  ${what}`;
}

/** Facts about a service for people. */
export function statusText(
  status: ServiceStatus,
  output: Output,
): Record<string, string> {
  const { process, pid, since, restarts, definition } = status;
  if (definition === undefined) {
    return { service: `not installed (${status.manager})` };
  }
  const started = since === undefined
    ? ""
    : `, since ${output.fullTime(BigInt(since))}`;
  return {
    service: `${status.manager}, of the ${status.scope}`,
    definition,
    enabled: status.enabled ? "yes" : "no",
    running: status.running
      ? `yes, process ${pid}${started}`
      : `no: ${status.detail}`,
    restarts: restarts === undefined ? "" : String(restarts),
    connected: connectedText(process),
    serves: process?.connected === null ? process.detail : "",
    version: versionText(status),
    update: updateText(status.update),
    installation: status.installation === "package"
      ? `of a package: ${status.executable}`
      : `in slots: ${status.executable}`,
    "state folder": status.stateDir,
    log: status.logLine,
  };
}

function connectedText(process: ServiceStatus["process"]): string {
  if (process === undefined || process.connected === null) return "";
  return `${process.connected ? "yes" : "no"}${
    process.detail === "" ? "" : `: ${process.detail}`
  }`;
}

function versionText({ process, versionOnDisk }: ServiceStatus): string {
  const disk = versionOnDisk ?? "unknown";
  if (process === undefined) return disk;
  if (process.version !== disk) {
    return `${disk} is installed, ${process.version} runs: restart it`;
  }
  return process.replaced === true
    ? `${disk}, whose file was replaced since it runs: restart it`
    : disk;
}

function updateText(update: ServiceStatus["update"]): string {
  if (update === undefined) return "";
  const { from, to, state, starts, reason, detail } = update;
  const more = detail === "" ? "" : `; ${detail}`;
  switch (state) {
    case "trial":
      if (reason !== "") {
        return `${to} has failed its trial (${reason}), and does not go back to ${from}${more}`;
      }
      return `${to} is on trial, ${
        starts === 0
          ? "from its next start on"
          : `started ${starts === 1 ? "once" : `${starts} times`}`
      }: it goes back to ${from} if it fails${more}`;
    case "confirmed":
      return `${to} is confirmed, after ${from}`;
    default:
      return `${to} was given up, and ${from} runs again: ${reason}`;
  }
}

/** The same for programs. */
export function statusJson(status: ServiceStatus): Record<string, unknown> {
  const { process, definition, pid, since, restarts } = status;
  return {
    manager: status.manager,
    scope: status.scope,
    installed: definition !== undefined,
    definition: definition ?? null,
    enabled: status.enabled,
    running: status.running,
    pid: pid ?? null,
    since: since === undefined ? null : isoTime(since),
    restarts: restarts ?? null,
    detail: status.detail === "" ? null : status.detail,
    installation: status.installation ?? null,
    executable: status.executable ?? null,
    versionOnDisk: status.versionOnDisk ?? null,
    versionRunning: process?.version ?? null,
    replaced: process?.replaced ?? false,
    connected: process?.connected ?? null,
    connection: process?.detail ?? null,
    update: updateJson(status.update),
    dir: status.stateDir,
  };
}

function updateJson(
  update: ServiceStatus["update"],
): Record<string, unknown> | null {
  if (update === undefined) return null;
  const { from, to, state, starts, deadline, reason, detail } = update;
  return {
    from,
    to,
    state,
    starts,
    deadline: isoTime(deadline),
    reason: reason === "" ? null : reason,
    detail: detail === "" ? null : detail,
  };
}
