import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { PiriError } from "../lib/base/errors.ts";
import { hashSecret } from "../lib/base/secret.ts";
import { Database } from "../lib/store/database.ts";
import { migrate, MIGRATIONS } from "../lib/store/migrate.ts";
import { TempFolder } from "./support/temp_folder.ts";
import type { Body } from "../lib/wire/message.ts";
import {
  type CrashPoint,
  ROTATED,
  RotatingSite,
  type Victim,
} from "./support/rotating_site.ts";

/** Messages from a rotation to the first hello with the new key. */
const MESSAGES: readonly Body["case"][] = [
  "command",
  "progress",
  "result",
  "commandAck",
  "bye",
  "clientHello",
  "authChallenge",
  "authProof",
  "serverHello",
];

const VICTIMS: readonly Victim[] = ["agent", "Manager", "link"];

const HOW_OFTEN: Readonly<Record<number, string>> = { 1: "once", 2: "twice" };

const POINTS: readonly CrashPoint[] = [
  ...MESSAGES.flatMap((message) =>
    VICTIMS.flatMap((victim) =>
      (["before", "after"] as const).map((when) => ({
        message,
        nth: 1,
        when,
        victim,
      }))
    )
  ),
  { write: "keepNext", when: "before" },
  { write: "keepNext", when: "after" },
  { write: "adopt", when: "before" },
  { write: "adopt", when: "between" },
  { write: "adopt", when: "after" },
];

function nameOf(point: CrashPoint): string {
  return "write" in point
    ? `the agent dies ${point.when} ${point.write}`
    : `the ${point.victim} ends ${point.when} ${point.message}`;
}

Deno.test("a rotated agent has another key, and the one before is refused for ever", async () => {
  await using site = await RotatingSite.start();
  const first = site.key;
  await site.rotate();
  await site.comesBack();
  assertNotEquals(site.key.publicKey, first.publicKey);
  const { publicKey, nextKey } = await site.entry();
  assertEquals(publicKey, site.key.publicKey);
  assertEquals(nextKey, null);
  assertEquals(await site.answerTo(first), "auth failed");
  assertEquals(await site.answerTo(site.key), "admitted");
});

for (const times of [1, 2]) {
  for (const point of POINTS) {
    Deno.test(`an agent rotated ${HOW_OFTEN[times]} gets in where ${nameOf(point)}`, async () => {
      await using site = await RotatingSite.start();
      const first = site.key;
      site.arm(point);
      await site.rotate(times);
      await site.comesBack();
      assert(site.hasCrashed, "the point was not reached");
      // Nothing of it is left in the way of another one.
      await site.settles();
      await site.rotate();
      await site.comesBack();
      const { publicKey, nextKey } = await site.entry();
      assertEquals(publicKey, site.key.publicKey);
      assertEquals([nextKey, site.files.next], [null, undefined]);
      assertNotEquals(site.key.publicKey, first.publicKey);
      assertEquals(await site.answerTo(first), "auth failed");
    });
  }
}

Deno.test("an agent of version 0.1 goes on with its secret, and is rotated once it has a key", async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("manager.db");
  await makeReleased(path);
  await using site = await RotatingSite.start({ path, isOld: true });
  assertEquals((await site.entry()).publicKey, null);
  // The old version has no key, and says so.
  await assertRejects(
    () =>
      site.manager.commands.run({
        agents: [ROTATED],
        operation: "agent.Rotate",
        params: "{}",
        requestId: "too early",
        requestedBy: "test",
        onDisconnect: "continue",
      }),
    PiriError,
    "its version of piri-agent is too old",
  );
  await site.upgrade();
  const first = site.key;
  assertEquals((await site.entry()).publicKey, first.publicKey);
  await site.rotate();
  await site.comesBack();
  assertEquals((await site.entry()).publicKey, site.key.publicKey);
  assertEquals(await site.answerTo(first), "auth failed");
});

/** Makes a database as version 0.1 had it, with the agent. */
async function makeReleased(path: string): Promise<void> {
  const [released = ""] = MIGRATIONS;
  await Deno.writeFile(path, new Uint8Array(), { mode: 0o600 });
  using db = new Database(path);
  migrate(db, path, [released]);
  db.run(
    "INSERT INTO meta (id, manager_id, created_at) VALUES (1, 'abc', 1000)",
  );
  db.run(
    `INSERT INTO agents (id, groups, cidrs, added_at, secret_hash, protocol)
       VALUES (?, '[]', '[]', 1000, ?, 2)`,
    ROTATED,
    hashSecret(`secret of ${ROTATED}`),
  );
}

Deno.test("an agent goes on with its key if the Manager has forgotten the next one", async () => {
  await using site = await RotatingSite.start();
  const first = site.key;
  site.arm({ message: "clientHello", nth: 1, when: "before", victim: "link" });
  await site.forgetNextKey();
  await site.rotate();
  await site.forgetNextKey();
  await site.comesBack();
  assertEquals(site.key.publicKey, first.publicKey);
  assertEquals(site.files.next, undefined);
});
