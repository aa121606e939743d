import { PiriError } from "../../base/errors.ts";
import { contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import { scheduleFlaw } from "../providers/cron/cron_schedule.ts";
import {
  commandWord,
  CRON_SETTINGS,
  environmentLine,
} from "../providers/cron/cron_text.ts";
import {
  crontabOf,
  findBlock,
  hasCrontab,
  writeCrontab,
} from "../providers/cron/crontab.ts";
import { type Check, type Forecast, stepOperation } from "../step_operation.ts";
import { differenceOf } from "../text_change.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import {
  JOB,
  type JobParams,
  requireUser,
  validateJob,
} from "./job_command.ts";
import {
  changeFile,
  checkFile,
  findFile,
  type WantedFile,
} from "./new_content.ts";
import { kindText } from "./paths.ts";

const FOLDER = "/etc/cron.d";
const MODE = 0o644;
/** Mode of a file with variables, which may be passwords. */
const ENV_MODE = 0o600;

/** Lets cron run a command at given times. */
export const cronJob = stepOperation({
  name: "cron.Job",
  description:
    "Makes cron run a command at given times, by a file or a block of its own",
  subject: "name",
  oneOf: [["schedule", "absent"], ["command", "absent"]],
  parameters: {
    name: {
      type: "text",
      required: true,
      description: "Name of the job, which tells it from others",
    },
    schedule: {
      type: "text",
      description: "Five fields of a crontab, or a word as @daily",
    },
    ...JOB,
  },
  touches: ({ name }) => [`${FOLDER}/${name}`],
  validate(params) {
    validateJob(params);
    const { schedule, command } = params;
    if (command?.trim() === "") {
      throw new WrongValue(["command"], "it is empty; give it a command");
    }
    const flaw = schedule === undefined ? undefined : scheduleFlaw(schedule);
    if (schedule === undefined || flaw === undefined) return;
    throw new WrongValue(["schedule"], `${quoted(schedule)} ${flaw}`);
  },
  async check(params, reader, forecast) {
    await requireUser(params, reader, forecast);
    return hasFolder(reader)
      ? await checkCronFile(params, reader, forecast)
      : await checkBlock(params, reader, forecast);
  },
  async change(params, _, writer) {
    if (hasFolder(writer)) await changeCronFile(params, writer);
    else await changeBlock(params, writer);
  },
});

interface Params extends JobParams {
  readonly schedule?: string;
}

function hasFolder(reader: HostReader): boolean {
  return reader.followed(FOLDER)?.kind === "folder";
}

async function checkCronFile(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const wanted = wantedFile(params);
  if (wanted !== undefined) {
    const found = await findFile(wanted.path, reader);
    return await checkFile(wanted, found, { reader, forecast });
  }
  const path = `${FOLDER}/${params.name}`;
  const facts = reader.facts(path);
  const fingerprint = fingerprintOf(kindText(facts));
  if (facts === undefined) return { verdict: "ok", changes: [], fingerprint };
  return {
    verdict: "change",
    changes: [{ what: "job", from: kindText(facts), to: "(absent)" }],
    fingerprint,
    effects: [{ kind: "path", path, facts: undefined }],
  };
}

async function changeCronFile(
  params: Params,
  writer: HostWriter,
): Promise<void> {
  const wanted = wantedFile(params);
  if (wanted !== undefined) await changeFile(wanted, writer);
  else await writer.remove(`${FOLDER}/${params.name}`);
}

/** File of a job in the folder of cron; undefined if there shall be none. */
function wantedFile(params: Params): WantedFile | undefined {
  const { name, schedule = "", command = "", user = "root", env = {} } = params;
  if (params.absent === true) return undefined;
  const hasEnv = Object.keys(env).length > 0;
  const lines = [
    "# Managed by Piri: changes here are lost.",
    ...Object.entries(env).toSorted().map(([key, value]) =>
      environmentLine(name, key, value)
    ),
    `${schedule.trim()} ${user} ${commandWord(command)}`,
  ];
  const text = lines.map((line) => `${line}\n`).join("");
  return {
    path: `${FOLDER}/${name}`,
    content: contentOfBytes(new TextEncoder().encode(text)),
    attributes: { mode: hasEnv ? ENV_MODE : MODE, uid: 0, gid: 0 },
    ...hasEnv ? { showsText: false } : {},
  };
}

/** Block of a job in the crontab of its user; undefined if there shall be none. */
function wantedBlock(params: Params): string[] | undefined {
  const { name, absent = false, schedule = "", command = "", env = {} } =
    params;
  if (absent) return undefined;
  const setting = Object.keys(env).find((key) => CRON_SETTINGS.has(key));
  if (setting !== undefined) {
    throw refused(
      name,
      `this host has no ${FOLDER}, and ${setting} in a crontab holds for all jobs behind it`,
    );
  }
  const exports = Object.entries(env).toSorted().map(([key, value]) =>
    `${key}='${value.replaceAll("'", `'\\''`)}'`
  );
  const line = exports.length === 0
    ? command
    : `export ${exports.join(" ")}; ${command}`;
  return [`${schedule.trim()} ${commandWord(line)}`];
}

async function checkBlock(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { name, user = "root", env = {} } = params;
  if (!hasCrontab(reader)) {
    if (forecast.opaque !== undefined) {
      throw new Unforeseen(
        `there is no cron, and step "${forecast.opaque}" may bring it`,
      );
    }
    throw new PiriError(
      "UNSUPPORTED",
      `Cannot make the cron job "${name}" on this host: it has neither ${FOLDER} nor the program crontab; install cron by an earlier step`,
    );
  }
  const now = findBlock(name, await crontabOf(user, reader)).block;
  const wanted = wantedBlock(params);
  const [from, to] = [now, wanted].map((lines) =>
    (lines ?? []).map((line) => `${line}\n`).join("")
  );
  const fingerprint = fingerprintOf(now ?? null);
  if (from === to && (now === undefined) === (wanted === undefined)) {
    return { verdict: "ok", changes: [], fingerprint };
  }
  const hidesText = Object.keys(env).length > 0;
  const { text, ...counts } = await differenceOf(from ?? "", to ?? "");
  return {
    verdict: "change",
    changes: [{
      what: `crontab of ${user}`,
      from: now === undefined ? "(absent)" : "job",
      to: wanted === undefined ? "(absent)" : "job",
      ...counts,
      ...hidesText || text === undefined ? {} : { text },
    }],
    fingerprint,
  };
}

async function changeBlock(params: Params, writer: HostWriter): Promise<void> {
  const { name, user = "root" } = params;
  const { before, after } = findBlock(name, await crontabOf(user, writer));
  await writeCrontab(user, name, {
    lines: { before, block: wantedBlock(params), after },
    writer,
  });
}

function refused(name: string, why: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot make the cron job "${name}": ${why}`,
  );
}
