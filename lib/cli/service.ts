import { defineSubcommand, type Group, type Subcommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import type { Output } from "./output.ts";
import type {
  ServiceReport,
  ServiceStatus,
  ServiceStep,
  WithService,
} from "./service_acts.ts";
import { isoTime } from "./time.ts";

/** `service`: makes a program a service of this host. */
export function serviceGroup<Services extends WithService>(
  program: string,
  more: readonly Subcommand<Services>[] = [],
): Group<Services> {
  return {
    name: "service",
    summary: "install, start, stop and show the service of this host",
    subcommands: [
      installOf(program),
      uninstall,
      simple("start", "start the service"),
      simple("stop", "stop the service; it starts again with the host"),
      program === "piri-agent"
        ? restart
        : simple("restart", "stop the service if it runs, and start it"),
      status,
      ...more,
    ],
    synonyms: {
      add: `${program} service install`,
      disable: `${program} service uninstall`,
      enable: `${program} service install`,
      remove: `${program} service uninstall`,
      show: `${program} service status`,
    },
  };
}

function installOf(program: string) {
  const byDefault = program === "piri-manager"
    ? "piri, which is made if it is missing"
    : "root";
  return defineSubcommand({
    name: "install",
    summary: "copy this program to its place, as a service",
    positionals: {},
    flags: {
      user: {
        type: "string",
        value: "USER[:GROUP]",
        summary: `user that the service runs as (default: ${byDefault})`,
      },
    },
    examples: ["", "--user deploy --dir /srv/piri"],
    async execute(
      { flags, stateDir: dir, output },
      { service }: WithService,
    ) {
      const acts = await service();
      return await tell(
        output,
        await acts.install({ dir, user: flags.user }),
      );
    },
  });
}

const uninstall = defineSubcommand({
  name: "uninstall",
  summary: "stop the service and remove it with the program",
  positionals: {},
  flags: {
    purge: {
      type: "boolean",
      summary: "remove the state folder, too: this host then has to join anew",
    },
  },
  examples: ["", "--purge"],
  async execute({ flags, stateDir: dir, output }, { service }: WithService) {
    const acts = await service();
    const { stateDir, ...report } = await acts.uninstall({
      dir,
      purge: flags.purge,
    });
    return await tell(output, report, { dir: stateDir });
  },
});

function simple(name: "start" | "stop" | "restart", summary: string) {
  return defineSubcommand({
    name,
    summary,
    positionals: {},
    flags: {},
    examples: [""],
    async execute({ output }, { service }: WithService) {
      const acts = await service();
      return await tell(output, await acts[name]());
    },
  });
}

const restart = defineSubcommand({
  name: "restart",
  summary: "stop the service if it runs, and start it",
  positionals: {},
  flags: {
    "when-idle": {
      type: "duration",
      value: "TIME",
      summary:
        "let it restart as soon as it runs no command, and wait for that as long",
    },
  },
  examples: ["", "--when-idle 30m"],
  async execute({ flags, stateDir: dir, output }, { service }: WithService) {
    const acts = await service();
    const ms = flags["when-idle"];
    const report = ms === undefined
      ? await acts.restart()
      : await acts.restartWhenIdle(dir, ms);
    return await tell(output, report);
  },
});

const status = defineSubcommand({
  name: "status",
  summary: "show whether the service runs and is connected",
  positionals: {},
  flags: {},
  more: [{
    title: "Exit code",
    lines: [["0", "it runs"], ["3", "it is installed, and does not run"], [
      "5",
      "it is not installed",
    ]],
  }],
  examples: ["", "--json"],
  async execute({ stateDir: dir, json, output }, { service }: WithService) {
    const found = await (await service()).status(dir);
    if (json) await output.value(statusJson(found));
    else await output.facts(statusText(found, output));
    return found.definition === undefined
      ? ExitCode.notFound
      : found.running
      ? ExitCode.ok
      : ExitCode.unavailable;
  },
});

/** Prints what was done, and what is to be done next. */
async function tell(
  output: Output,
  { manager, steps, hints }: ServiceReport,
  more: Readonly<Record<string, string>> = {},
): Promise<ExitCode> {
  const changed = steps.some(({ done }) => done);
  await output.either(
    { manager, changed, steps, hints, ...more },
    ...steps.map(stepLine),
  );
  for (const hint of hints) await output.note(hint);
  return ExitCode.ok;
}

/** Line about a step of a change. */
export function stepLine({ done, what }: ServiceStep): string {
  return `${done ? "done" : "ok  "}  ${what}`;
}

function statusText(
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

function statusJson(status: ServiceStatus): Record<string, unknown> {
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
    dir: status.stateDir,
  };
}
