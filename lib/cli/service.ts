import { defineSubcommand, type Group, type Subcommand } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import type { Output } from "./output.ts";
import type {
  ServiceReport,
  ServiceStep,
  WithService,
} from "./service_acts.ts";
import { statusJson, statusText, stepLine } from "./service_text.ts";

/** `service`: makes a program a service of this host. */
export function serviceGroup<Services extends WithService>(
  program: string,
  more: readonly Subcommand<Services>[] = [],
): Group<Services> {
  return {
    name: "service",
    summary: "install, start, stop and show the service of this host",
    subcommands: [
      program === "piri-manager" ? installManager : installAgent,
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

const INSTALL_SUMMARY = "copy this program to its place, as a service";

const INSTALL_EXAMPLES = ["", "--user deploy --dir /srv/piri"];

function userFlag(byDefault: string) {
  return {
    type: "string",
    value: "USER[:GROUP]",
    summary: `user that the service runs as (default: ${byDefault})`,
  } as const;
}

const installAgent = defineSubcommand({
  name: "install",
  summary: INSTALL_SUMMARY,
  positionals: {},
  flags: { user: userFlag("root") },
  examples: INSTALL_EXAMPLES,
  async execute({ flags, stateDir: dir, output }, { service }: WithService) {
    const acts = await service();
    return await tell(output, await acts.install({ dir, user: flags.user }));
  },
});

const installManager = defineSubcommand({
  name: "install",
  summary: INSTALL_SUMMARY,
  positionals: {},
  flags: {
    user: userFlag("piri, which is made if it is missing"),
    restart: {
      type: "boolean",
      summary: "restart it as this version, and wait until that is confirmed",
    },
    confirm: {
      type: "duration",
      value: "TIME",
      summary:
        "time for which another version has to work until it is confirmed (default: 1m)",
    },
    "allow-downgrade": {
      type: "boolean",
      summary: "take a lower version than the installed one, too",
    },
  },
  examples: [...INSTALL_EXAMPLES, "--restart"],
  async execute(
    { flags, stateDir: dir, json, output },
    { service }: WithService,
  ) {
    const acts = await service();
    const report = await acts.install({
      dir,
      user: flags.user,
      confirmMs: flags.confirm,
      allowDowngrade: flags["allow-downgrade"],
    });
    if (!flags.restart) return await tell(output, report);
    // A trial takes a while: what was done is said before.
    if (!json) {
      for (const each of report.steps) await output.line(stepLine(each));
    }
    const { steps, hints } = await acts.restartOnTrial(dir);
    return await tell(output, { ...report, steps, hints }, report.steps);
  },
});

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
    return await tell(output, report, [], { dir: stateDir });
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
  told: readonly ServiceStep[] = [],
  more: Readonly<Record<string, string>> = {},
): Promise<ExitCode> {
  const all = [...told, ...steps];
  const changed = all.some(({ done }) => done);
  await output.either(
    { manager, changed, steps: all, hints, ...more },
    ...steps.map(stepLine),
  );
  for (const hint of hints) await output.note(hint);
  return ExitCode.ok;
}
