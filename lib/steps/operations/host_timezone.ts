import { resolve } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import {
  type Change,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { requireLinux } from "./linux_only.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";

const ZONES = "/usr/share/zoneinfo";
const LINK = "/etc/localtime";

/** File that some systems have beside the link. */
const FILE = "/etc/timezone";

/** Puts a host into a time zone. */
export const hostTimezone = stepOperation({
  name: "host.Timezone",
  description: "Makes a host be in a time zone",
  subject: "zone",
  parameters: {
    zone: {
      type: "text",
      required: true,
      description: "Name of the zone, as Europe/Berlin or UTC",
    },
  },
  touches: () => [LINK, FILE],
  validate({ zone }) {
    if (/^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,3}$/.test(zone)) return;
    throw new WrongValue(
      ["zone"],
      `${quoted(zone)} is no name of a time zone, as Europe/Berlin`,
    );
  },
  async check({ zone }, reader, forecast) {
    requireLinux("set a time zone", reader);
    requireZone(zone, reader, forecast);
    const facts = reader.facts(LINK);
    if (facts?.kind === "folder") {
      throw new PiriError(
        "FAILED_PRECONDITION",
        `Cannot set the time zone: "${LINK}" is a folder`,
      );
    }
    const now = zoneOf(facts?.target) ??
      (facts === undefined ? "UTC" : facts.kind);
    const changes: Change[] = [];
    const effects: Effect[] = [];
    if (zoneOf(facts?.target) !== zone) {
      changes.push({ what: "zone", from: now, to: zone });
      const { uid, gid } = reader.self;
      const target = `${ZONES}/${zone}`;
      effects.push({
        kind: "path",
        path: LINK,
        facts: { kind: "link", mode: 0o777, uid, gid, size: 0, target },
      });
    }
    const named = await checkNamed(zone, reader, forecast);
    return {
      verdict: changes.length + named.changes.length === 0 ? "ok" : "change",
      changes: [...changes, ...named.changes],
      fingerprint: fingerprintOf([facts?.target ?? now, named.fingerprint]),
      effects: [...effects, ...named.effects],
    };
  },
  async change({ zone }, _, writer) {
    if (zoneOf(writer.facts(LINK)?.target) !== zone) {
      await writer.makeLink(LINK, `${ZONES}/${zone}`);
    }
    if (hasFile(writer)) await changeFile(wantedFile(zone), writer);
  },
});

/** Change of the file beside the link, where there is one. */
async function checkNamed(
  zone: string,
  reader: HostReader,
  forecast: Forecast,
): Promise<
  { changes: Change[]; effects: readonly Effect[]; fingerprint: string }
> {
  if (!hasFile(reader)) return { changes: [], effects: [], fingerprint: "" };
  const check = await checkFile(
    wantedFile(zone),
    await findFile(FILE, reader),
    {
      reader,
      forecast,
    },
  );
  return {
    changes: check.changes.map((change) => ({
      ...change,
      what: `timezone ${change.what}`,
    })),
    effects: check.effects ?? [],
    fingerprint: check.fingerprint,
  };
}

function hasFile(reader: HostReader): boolean {
  return reader.facts(FILE)?.kind === "file";
}

function wantedFile(zone: string) {
  const content = contentOfBytes(new TextEncoder().encode(`${zone}\n`));
  return { path: FILE, content, attributes: {} };
}

/** Zone to which the link of a host leads. */
function zoneOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  const path = resolve("/etc", target);
  return path.startsWith(`${ZONES}/`) ? path.slice(ZONES.length + 1) : path;
}

function requireZone(
  zone: string,
  reader: HostReader,
  { opaque }: Forecast,
): void {
  if (reader.followed(`${ZONES}/${zone}`)?.kind === "file") return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `there is no time zone "${zone}", and step "${opaque}" may bring it`,
    );
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot set the time zone: there is no "${ZONES}/${zone}"; mend its name, or install tzdata by an earlier step`,
  );
}
