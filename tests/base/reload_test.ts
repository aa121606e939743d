import { assertEquals } from "@std/assert";
import { logger } from "../../lib/base/log.ts";
import { PiriError } from "../../lib/base/errors.ts";
import {
  compareSettings,
  type Reload,
  reloadAndLog,
  type Settings,
} from "../../lib/base/reload.ts";
import { heardLog } from "../support/heard_log.ts";

interface Config {
  readonly port: number;
  readonly limits: { readonly days: number; readonly names: readonly string[] };
}

const SETTINGS: Settings<Config> = {
  port: { valueOf: ({ port }) => port, atOnce: false },
  "limits.days": { valueOf: ({ limits }) => limits.days, atOnce: true },
  "limits.names": { valueOf: ({ limits }) => limits.names, atOnce: true },
};

const BEFORE: Config = { port: 1, limits: { days: 2, names: ["a"] } };

/** Level and text of all that a reload logs. */
async function logOf(reload: () => Promise<Reload>): Promise<string[]> {
  await using heard = await heardLog();
  await reloadAndLog(reload, logger("test"));
  return heard.records.map(({ level, message }) =>
    `${level}: ${message.join("")}`
  );
}

Deno.test("compareSettings() tells what changes at once from what changes later", () => {
  const after = { port: 9, limits: { days: 3, names: ["a"] } };

  assertEquals(compareSettings(SETTINGS, BEFORE, after), {
    changed: ["limits.days"],
    later: ["port"],
  });
  assertEquals(
    compareSettings(SETTINGS, BEFORE, structuredClone(BEFORE)),
    { changed: [], later: [] },
  );
});

Deno.test("a reload logs what changed, and what changes at the next start", async () => {
  const log = await logOf(() =>
    Promise.resolve({ changed: ["a", "b.c"], later: ["d"] })
  );

  assertEquals(log, [
    "info: The configuration was read again: changed: a, b.c",
    "warning: d changes at the next start",
  ]);
});

Deno.test("a reload that finds no change says so", async () => {
  const log = await logOf(() => Promise.resolve({ changed: [], later: [] }));

  assertEquals(log, [
    "info: The configuration was read again: nothing has changed at once",
  ]);
});

Deno.test("a reload that fails logs why, and that the old settings stay", async () => {
  const log = await logOf(() =>
    Promise.reject(
      new PiriError("INVALID_ARGUMENT", 'Cannot read "c.yaml": line 3: no'),
    )
  );

  assertEquals(log, [
    'error: The old settings stay: Cannot read "c.yaml": line 3: no',
  ]);
});
