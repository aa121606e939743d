import type { HostReader } from "../../host/host.ts";
import { PiriError } from "../../../base/errors.ts";
import {
  inNeutralWords,
  type ServiceAct,
  type ServiceFacts,
  type ServiceManager,
} from "./service_manager.ts";
import { readUnits, UNIT_PROPERTIES, type UnitRow } from "./unit_rows.ts";
import {
  definitionsOf,
  enabledBy,
  UNIT_FOLDER,
  UNIT_FOLDERS,
  whyFixedBy,
} from "./unit_files.ts";
import { unitName } from "./unit_names.ts";

/** Scripts of the init system before systemd, for which it makes units. */
const OLD_SCRIPTS = "/etc/init.d/";

/** Table of all units that are in memory. It is forgotten when a unit is written. */
const UNITS = { name: "units of systemd", paths: UNIT_FOLDERS };
const LOG_LINES = 10;

/** States of a unit whose file systemd could not use. */
const FLAWS: ReadonlySet<string> = new Set(["bad-setting", "error"]);

/** A running systemd. */
export class Systemd implements ServiceManager {
  readonly kind = "systemd";
  readonly runs = true;
  readonly acts: ReadonlySet<ServiceAct> = new Set([
    "start",
    "stop",
    "restart",
    "reload",
    "enable",
    "disable",
    "mask",
    "unmask",
  ]);
  readonly rereads = ["systemctl", "daemon-reload"];

  nameOf(name: string): string {
    return unitName(name);
  }

  async find(name: string, reader: HostReader): Promise<ServiceFacts> {
    const units = await reader.shared(UNITS, async () => {
      const rows = await show(reader, ["--all", "--", "*"]);
      return new Map(
        rows.flatMap((row) => row.names.map((each) => [each, row])),
      );
    });
    const loaded = units.get(name);
    if (loaded !== undefined) return await factsOf(name, loaded, reader);
    const facts = await reader.shared(
      { ...UNITS, name: `unit ${name}` },
      () => this.findNow(name, reader),
    );
    return { ...facts, isLoaded: false };
  }

  async findNow(name: string, reader: HostReader): Promise<ServiceFacts> {
    const [unit] = await show(reader, ["--", name]);
    return await factsOf(name, unit, reader);
  }

  definitions(name: string): readonly string[] {
    return definitionsOf(name);
  }

  additions(name: string): string {
    return `${UNIT_FOLDER}/${name}.d`;
  }

  command(act: ServiceAct, { id }: ServiceFacts): readonly string[] {
    return ["systemctl", act, "--", id];
  }

  async lastLines(
    { id, start }: ServiceFacts,
    reader: HostReader,
  ): Promise<string[]> {
    const journal = async (...which: readonly string[]) => {
      const { stdout } = await reader.ask(inNeutralWords([
        "journalctl",
        "--no-pager",
        "--quiet",
        "--output=cat",
        `--lines=${LOG_LINES}`,
        ...which,
      ]));
      return stdout.split("\n").filter((line) => line.trim() !== "");
    };
    if (start === "") return await journal(`--unit=${id}`);
    // Of this start only: lines of an earlier one would mislead.
    const lines = await journal(
      `_SYSTEMD_INVOCATION_ID=${start}`,
      "+",
      `INVOCATION_ID=${start}`,
    );
    return lines.length > 0 ? lines : await journal(`--unit=${id}`);
  }

  async obstacles({ id }: ServiceFacts, reader: HostReader): Promise<string[]> {
    const [unit] = await show(reader, ["--", id]);
    const found: string[] = [];
    for (const name of unit?.needs ?? []) {
      const facts = await this.findNow(name, reader);
      if (!facts.isThere || !facts.isUp) {
        found.push(`${name} is ${facts.status}`);
      }
    }
    return found;
  }
}

async function show(
  reader: HostReader,
  which: readonly string[],
): Promise<readonly UnitRow[]> {
  const { code, stdout, stderr } = await reader.ask(
    inNeutralWords([
      "systemctl",
      "show",
      "--no-pager",
      `--property=${UNIT_PROPERTIES.join(",")}`,
      ...which,
    ]),
  );
  if (code === 0) return readUnits(stdout);
  throw new PiriError(
    "UNAVAILABLE",
    `Cannot ask systemd for its units: ${
      stderr.trim() || `systemctl ended with exit code ${code}`
    }`,
  );
}

async function factsOf(
  name: string,
  unit: UnitRow | undefined,
  reader: HostReader,
): Promise<ServiceFacts> {
  if (unit === undefined || unit.load === "not-found") {
    return notThere(name, unit?.isUp === true ? unit : undefined);
  }
  const { id, names, status, isUp, fileState } = unit;
  const isMasked = unit.load === "masked" || fileState.startsWith("masked");
  const oldScript = unit.source.startsWith(OLD_SCRIPTS);
  const enabled = isMasked
    ? false
    : oldScript
    ? await isOldScriptEnabled(id, reader)
    : enabledBy(fileState);
  const whyFixed = enabled === undefined ? whyFixedBy(fileState) : undefined;
  return {
    id,
    names: [...new Set([name, id, ...names])],
    isThere: true,
    isUp,
    isDown: unit.isDown,
    ...unit.isUnmet ? { isUnmet: true } : {},
    status,
    enabled,
    ...whyFixed === undefined ? {} : { whyFixed },
    isMasked,
    ...FLAWS.has(unit.load) ? { flaw: unit.load } : {},
    canReload: unit.canReload,
    isStale: unit.isStale,
    isLoaded: true,
    files: unit.files,
    start: unit.invocation,
  };
}

/** A unit without a file may still run: its file was removed under it. */
function notThere(name: string, unit: UnitRow | undefined): ServiceFacts {
  return {
    id: name,
    names: [name],
    isThere: unit !== undefined,
    isUp: unit !== undefined,
    isDown: unit === undefined,
    status: unit?.status ?? "not there",
    enabled: undefined,
    whyFixed: "it has no file any more",
    isMasked: false,
    canReload: false,
    isStale: false,
    isLoaded: unit !== undefined,
    files: [],
    start: unit?.invocation ?? "",
  };
}

/** Asks if an old script is enabled: its file is always "generated", so no other question tells. */
async function isOldScriptEnabled(
  id: string,
  reader: HostReader,
): Promise<boolean> {
  const { code } = await reader.ask(
    inNeutralWords(["systemctl", "is-enabled", "--quiet", "--", id]),
  );
  return code === 0;
}
