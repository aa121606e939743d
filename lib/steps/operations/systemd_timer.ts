import { PiriError } from "../../base/errors.ts";
import { contentOfBytes } from "../file_content.ts";
import type { FileContent, HostReader } from "../host/host.ts";
import { hasProgram } from "../providers/programs.ts";
import {
  findSystemd,
  requireOther,
} from "../providers/services/find_manager.ts";
import { inNeutralWords } from "../providers/services/service_manager.ts";
import { UNIT_FOLDER } from "../providers/services/unit_files.ts";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import {
  JOB,
  type JobParams,
  requireUser,
  validateJob,
} from "./job_command.ts";
import { changeUnits, checkUnits, type WantedUnits } from "./wanted_units.ts";

const PROGRAM = "systemd-analyze";
const MODE = 0o644;
/** Mode of the file of variables, which may be passwords. */
const ENV_MODE = 0o600;

/** Lets systemd run a command at given times. */
export const systemdTimer = stepOperation({
  name: "systemd.Timer",
  description:
    "Makes systemd run a command at given times, by a timer of its own",
  subject: "name",
  oneOf: [["calendar", "absent"], ["command", "absent"]],
  parameters: {
    name: {
      type: "text",
      required: true,
      description: "Name of the timer, without .timer",
    },
    calendar: {
      type: "texts",
      description: "Times as systemd writes them, as daily or Mon *-*-* 03:00",
    },
    ...JOB,
  },
  touches: ({ name }) => {
    const { service, timer, env } = pathsOf(name);
    return [service, timer, env];
  },
  things: ({ name }) =>
    ["timer", "service"].map((kind) => ({
      kind: "unit",
      name: `${name}.${kind}`,
    })),
  validate(params) {
    validateJob(params);
    const { calendar } = params;
    if (calendar === undefined) return;
    if (calendar.length === 0) {
      throw new WrongValue(["calendar"], "it has no time; give one, as daily");
    }
    const wrong = calendar.findIndex((each) =>
      each.trim() === "" || /[\r\n]/.test(each)
    );
    if (wrong < 0) return;
    throw new WrongValue(
      ["calendar", wrong],
      `${
        quoted(calendar[wrong] ?? "")
      } is no time; write one, as Mon *-*-* 03:00`,
    );
  },
  async check(params, reader, forecast) {
    const wanted = await wantedOf(params, reader);
    await requireUser(params, reader, forecast);
    return await checkUnits(wanted, reader, forecast);
  },
  async change(params, check, writer) {
    await changeUnits(await wantedOf(params, writer), check, writer);
  },
});

interface Params extends JobParams {
  readonly calendar?: readonly string[];
}

function pathsOf(name: string) {
  return {
    service: `${UNIT_FOLDER}/${name}.service`,
    timer: `${UNIT_FOLDER}/${name}.timer`,
    env: `${UNIT_FOLDER}/${name}.service.env`,
  };
}

async function wantedOf(
  params: Params,
  reader: HostReader,
): Promise<WantedUnits> {
  const { name, absent = false, env = {}, calendar = [] } = params;
  const paths = pathsOf(name);
  const names = [`${name}.service`, `${name}.timer`];
  await requireOther("replace", names, reader);
  if (!absent) await requireCalendar(name, calendar, reader);
  const hasEnv = Object.keys(env).length > 0;
  const text = (is: boolean, make: () => string): FileContent | undefined =>
    is ? contentOfBytes(new TextEncoder().encode(make())) : undefined;
  return {
    isGone: absent,
    files: [
      {
        path: paths.env,
        content: text(!absent && hasEnv, () => envText(env)),
        mode: ENV_MODE,
        showsText: false,
      },
      {
        path: paths.service,
        content: text(!absent, () => serviceText(params, hasEnv)),
        mode: MODE,
      },
      {
        path: paths.timer,
        content: text(!absent, () => timerText(name, calendar)),
        mode: MODE,
      },
    ],
    // In the root of an image it is enabled, and starts with the host.
    unit: {
      name: `${name}.timer`,
      up: absent ? false : findSystemd(reader).runs ? true : undefined,
      enabled: !absent,
    },
  };
}

async function requireCalendar(
  name: string,
  calendar: readonly string[],
  reader: HostReader,
): Promise<void> {
  if (!hasProgram(PROGRAM, reader)) return;
  for (const each of calendar) {
    const { code } = await reader.ask(
      inNeutralWords([PROGRAM, "calendar", "--", each]),
    );
    if (code === 0) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot make the timer "${name}": systemd does not understand "${each}" in its calendar; systemd-analyze calendar tries it`,
    );
  }
}

const HEAD = "# Managed by Piri: changes here are lost.\n";

function timerText(name: string, calendar: readonly string[]): string {
  return `${HEAD}[Unit]
Description=Times of ${name}

[Timer]
${
    calendar.map((each) => `OnCalendar=${each.replaceAll("%", "%%")}\n`).join(
      "",
    )
  }Persistent=true

[Install]
WantedBy=timers.target
`;
}

function serviceText(
  { name, command = "", user = "root" }: Params,
  hasEnv: boolean,
): string {
  const env = hasEnv ? `EnvironmentFile=${pathsOf(name).env}\n` : "";
  return `${HEAD}[Unit]
Description=${name}

[Service]
Type=oneshot
User=${user}
${env}ExecStart=/bin/sh -c ${execWord(command)}
`;
}

/** Word of a command line of systemd: its specifiers and variables are left to the shell. */
function execWord(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
    .replaceAll("%", "%%").replaceAll("$", "$$$$").replaceAll("\t", "\\t");
  return `"${escaped}"`;
}

/** File of variables as systemd reads it. */
function envText(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).toSorted().map(([key, value]) =>
    `${key}="${value.replace(/[\\"$`]/g, "\\$&")}"\n`
  );
  return HEAD + lines.join("");
}
