import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom as random } from "../../../lib/base/random.ts";
import {
  type InitOptions,
  initState,
} from "../../../lib/manager/state/init_state.ts";
import {
  loadState,
  withManagerKey,
} from "../../../lib/manager/state/state_folder.ts";
import {
  type Renewal,
  renewServerIdentity,
} from "../../../lib/manager/state/renew_identity.ts";
import type { ServerIdentity } from "../../../lib/manager/state/server_identity.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { ownerTest, STRANGER } from "../../support/other_owner.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const DAY_MS = 86_400_000;
const windows = Deno.build.os === "windows";

const options: InitOptions = {
  listen: { host: "0.0.0.0", port: 7051 },
  advertise: { host: "mgr.example.org", port: 7051 },
  clock: new FakeClock(),
  random,
};

async function namesIn(path: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  return entries.map(({ name }) => name).sort();
}

function modeOf(path: string): string | undefined {
  return ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
}

Deno.test("init makes a folder that serve can use", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("new", "state");
  await initState(dir, options);
  const { config, server, paths } = await loadState(dir);
  assertEquals(config.advertise, options.advertise);
  assertEquals(config.listen, options.listen);
  assertMatch(server.name, /^[0-9a-f]{16}\.piri\.internal$/);
  assertEquals(server.expiresAt, options.clock.now() + 90 * DAY_MS);
  assertEquals(await namesIn(paths.dir), [
    "ca.key",
    "ca.pem",
    "config.yaml",
    "data",
    "files",
    "manager.key",
    "server.key",
    "server.pem",
  ]);
  assertEquals(await namesIn(paths.data), ["agents", "all.yaml", "groups"]);
  assertEquals(await namesIn(paths.files), ["all", "groups"]);
});

Deno.test({
  name:
    "init keeps folder and keys from others, even in a folder that was open",
  ignore: windows,
  fn: async () => {
    await using folder = await TempFolder.make();
    await Deno.chmod(folder.path, 0o755);
    const paths = await initState(folder.path, options);
    const secret = [
      paths.caKey,
      paths.managerKey,
      paths.serverKey,
      paths.config,
    ];
    assertEquals(secret.map(modeOf), ["600", "600", "600", "600"]);
    assertEquals(modeOf(folder.path), "700");
  },
});

Deno.test("a folder of a version without keys gets a key once, and keeps it", async () => {
  await using folder = await TempFolder.make();
  const paths = await initState(folder.path, options);
  await Deno.remove(paths.managerKey);
  const before = await loadState(folder.path);
  assertEquals(before.managerKeyPem, undefined);
  const { managerKeyPem } = await withManagerKey(before, options.random);
  const again = await loadState(folder.path);
  assertEquals(again.managerKeyPem, managerKeyPem);
  assertEquals(await withManagerKey(again, options.random), again);
});

Deno.test("init refuses a folder in use, names its content and leaves it alone", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("state");
  await initState(dir, options);
  const before = await Deno.readTextFile(folder.at("state", "ca.pem"));
  const error = await assertRejects(() => initState(dir, options), PiriError);
  assertEquals(error.code, "FAILED_PRECONDITION");
  assertEquals(
    error.message,
    `Cannot initialise "${dir}": the folder is in use, it holds ca.key, ca.pem, config.yaml, data, files and 3 more`,
  );
  assertEquals(await Deno.readTextFile(folder.at("state", "ca.pem")), before);
});

Deno.test("init leaves a folder with other things in it as it was", async () => {
  await using folder = await TempFolder.make();
  await folder.write("mine/letter.txt", "dear");
  const before = await Deno.stat(folder.at("mine"));
  await assertRejects(
    () => initState(folder.at("mine"), options),
    PiriError,
    "it holds letter.txt",
  );
  assertEquals(await namesIn(folder.at("mine")), ["letter.txt"]);
  assertEquals((await Deno.stat(folder.at("mine"))).mode, before.mode);
});

Deno.test("a folder of a failed init is refused by serve, and mended by another init", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("state");
  await assertRejects(
    () =>
      initState(dir, {
        ...options,
        prepare: async ({ database }) => {
          await Deno.writeTextFile(database, "half a database");
          throw new PiriError("DISK", "Cannot write: the disk is full");
        },
      }),
    PiriError,
    "the disk is full",
  );
  await assertRejects(
    () => loadState(dir),
    PiriError,
    "its initialisation did not finish; run piri-manager init again",
  );
  const found: boolean[] = [];
  await initState(dir, {
    ...options,
    prepare: async ({ dir, database }) => {
      found.push((await namesIn(dir)).includes("manager.db"));
      await Deno.writeTextFile(database, "whole");
    },
  });
  assertEquals(found, [false]);
  const { paths } = await loadState(dir);
  assertEquals(await Deno.readTextFile(paths.database), "whole");
});

Deno.test("an init that was killed at its very end has made the folder", async () => {
  await using folder = await TempFolder.make();
  const { unfinished, caCert } = await initState(folder.path, options);
  await Deno.writeTextFile(unfinished, "");
  const before = await Deno.readTextFile(caCert);
  await loadState(folder.path);
  await assertRejects(
    () => initState(folder.path, options),
    PiriError,
    "the folder is in use",
  );
  assertEquals(await Deno.readTextFile(caCert), before);
});

Deno.test("one of two inits at once makes the folder, and the other is refused", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("state");
  const results = await Promise.allSettled([
    initState(dir, options),
    initState(dir, options),
  ]);
  assertEquals(results.map(({ status }) => status).sort(), [
    "fulfilled",
    "rejected",
  ]);
  await loadState(dir);
});

Deno.test("a folder that was never initialised is refused with the command to run", async () => {
  await using folder = await TempFolder.make();
  for (const dir of [folder.path, folder.at("none")]) {
    const error = await assertRejects(() => loadState(dir), PiriError);
    assertEquals(error.code, "FAILED_PRECONDITION");
    assertEquals(
      error.message,
      `Cannot use "${dir}": it is not a Manager's state folder; run piri-manager init first`,
    );
  }
});

Deno.test({
  name: "a key that others may read is refused with the line that mends it",
  ignore: windows,
  fn: async () => {
    await using folder = await TempFolder.make();
    const { caKey, nextCaKey, serverKey, secretsKey } = await initState(
      folder.path,
      options,
    );
    await folder.write("ca-next.key", "");
    await folder.write("secrets.key", "");
    await Deno.chmod(nextCaKey, 0o600);
    await Deno.chmod(secretsKey, 0o600);
    for (const path of [caKey, nextCaKey, serverKey, secretsKey]) {
      await Deno.chmod(path, 0o640);
      const error = await assertRejects(
        () => loadState(folder.path),
        PiriError,
        `run chmod 600 ${path}`,
      );
      assertEquals(error.code, "DENIED");
      await Deno.chmod(path, 0o600);
    }
    await loadState(folder.path);
  },
});

Deno.test({
  name:
    "a state folder that others may write to is refused, one they may read is not",
  ignore: windows,
  fn: async () => {
    await using folder = await TempFolder.make();
    await initState(folder.path, options);
    for (const mode of [0o720, 0o777]) {
      await Deno.chmod(folder.path, mode);
      await assertRejects(
        () => loadState(folder.path),
        PiriError,
        `run chmod 700 ${folder.path}`,
      );
    }
    await Deno.chmod(folder.path, 0o755);
    await loadState(folder.path);
  },
});

ownerTest(
  "a state folder of another user is refused to root, which may export it",
  async () => {
    await using folder = await TempFolder.make();
    const paths = await initState(folder.path, options);
    const files = [folder.path, paths.caKey, paths.serverKey, paths.managerKey];
    for (const path of files) await Deno.chown(path, STRANGER, STRANGER);
    await assertRejects(
      () => loadState(folder.path),
      PiriError,
      `Cannot use "${folder.path}": it belongs to uid ${STRANGER}`,
    );
    await loadState(folder.path, { anyOwnerForRoot: true });
  },
);

Deno.test("the certificate is renewed in its last 30 days and not before", async () => {
  await using folder = await TempFolder.make();
  const clock = new FakeClock();
  await initState(folder.path, { ...options, clock });
  const before = await loadState(folder.path);
  clock.jump(60 * DAY_MS);
  assertEquals(
    await renewServerIdentity(before, { clock, random }),
    { kind: "not due" },
  );
  clock.jump(1);
  const renewed = renewedIn(
    await renewServerIdentity(before, { clock, random }),
  );
  assertEquals(renewed?.name, before.server.name);
  assertEquals(renewed?.keyPem, before.server.keyPem);
  const after = await loadState(folder.path);
  assertEquals(after.server, renewed);
  assertEquals(
    Math.round((after.server.expiresAt - clock.now()) / DAY_MS),
    90,
  );
});

Deno.test("a certificate that ends with its authority is not renewed over and over", async () => {
  await using folder = await TempFolder.make();
  const clock = new FakeClock();
  await initState(folder.path, { ...options, clock });
  clock.jump(3_640 * DAY_MS);
  const state = await loadState(folder.path);
  const last = renewedIn(await renewServerIdentity(state, { clock, random }));
  assertEquals(Math.round(((last?.expiresAt ?? 0) - clock.now()) / DAY_MS), 13);
  assertEquals(
    await renewServerIdentity(await loadState(folder.path), { clock, random }),
    { kind: "not due" },
  );
});

Deno.test("a certificate stays without the authority's key, and it is told that it is due", async () => {
  await using folder = await TempFolder.make();
  const clock = new FakeClock();
  const { caKey } = await initState(folder.path, { ...options, clock });
  await Deno.remove(caKey);
  const before = await loadState(folder.path);

  const early = await renewServerIdentity(before, { clock, random });
  clock.jump(61 * DAY_MS);
  const late = await renewServerIdentity(before, { clock, random });
  const named = await renewServerIdentity(before, {
    clock,
    random,
    needed: "other.example.org",
  });

  assertEquals(early, { kind: "not due" });
  assertEquals(late, { kind: "no key" });
  assertEquals(named, { kind: "no key" });
  assertEquals((await loadState(folder.path)).server, before.server);
});

function renewedIn(renewal: Renewal): ServerIdentity | undefined {
  return renewal.kind === "renewed" ? renewal.identity : undefined;
}
