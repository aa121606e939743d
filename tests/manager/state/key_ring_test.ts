import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { systemClock } from "../../../lib/base/clock.ts";
import { exists } from "../../../lib/base/files.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import {
  createAuthority,
  isIssuedBy,
  renewServerCertificate,
} from "../../../lib/manager/state/authority.ts";
import { initState } from "../../../lib/manager/state/init_state.ts";
import {
  KeyRing,
  settleAuthority,
} from "../../../lib/manager/state/key_ring.ts";
import { loadState } from "../../../lib/manager/state/state_folder.ts";
import { statePaths } from "../../../lib/manager/state/state_paths.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const options = { clock: systemClock, random: systemRandom };

async function initialised(folder: TempFolder): Promise<KeyRing> {
  const address = { host: "127.0.0.1", port: 7051 };
  await initState(folder.at("m"), {
    ...options,
    listen: address,
    advertise: address,
  });
  return await KeyRing.open(statePaths(folder.at("m")), options);
}

Deno.test("rotations under way are there after a restart, and their numbers grow", async () => {
  await using folder = await TempFolder.make();
  const paths = statePaths(folder.at("m"));
  const ring = await initialised(folder);
  assertEquals(ring.number, 0);
  await ring.startAuthority();
  const first = ring.number;
  await ring.startManagerKey();

  const again = await KeyRing.open(paths, options);

  assertEquals(again.nextAuthority?.hash, ring.nextAuthority?.hash);
  assertEquals(
    again.nextManagerKey?.publicKey,
    ring.nextManagerKey?.publicKey,
  );
  assert(again.number > first && first > 0);
});

Deno.test("a number grows although the clock was set back", async () => {
  await using folder = await TempFolder.make();
  const ring = await initialised(folder);
  await ring.startAuthority();
  const late = await KeyRing.open(statePaths(folder.at("m")), {
    random: systemRandom,
    clock: {
      now: () => 1_000,
      monotonic: () => 0,
      timer: () => ({ cancel() {} }),
    },
  });
  await late.startManagerKey();
  assertEquals(late.number, ring.number + 1);
});

Deno.test("the end of a rotation that was cut off at any write is brought to its end", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("m");
  const paths = statePaths(dir);
  const ring = await initialised(folder);
  await ring.startAuthority();
  const next = ring.nextAuthority?.hash;
  const read = (path: string) => Deno.readTextFile(path);
  const before = {
    ca: await read(paths.caCert),
    key: await read(paths.caKey),
    nextCa: await read(paths.nextCaCert),
    nextKey: await read(paths.nextCaKey),
  };
  // The first write is undone by nothing: until then the rotation goes on as before.
  assertEquals(await settleAuthority(paths), false);
  await ring.finishAuthority((await loadState(dir)).server);

  const lefts = [
    { key: before.key, files: [[paths.nextCaKey, before.nextKey]] },
    { key: before.nextKey, files: [] },
  ] as const;
  for (const { key, files } of lefts) {
    await Deno.writeTextFile(paths.caCert, before.ca);
    await Deno.writeTextFile(paths.nextCaCert, before.nextCa);
    await Deno.writeTextFile(paths.caKey, key);
    for (const [path, text] of files) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
    }
    assertEquals(await settleAuthority(paths), true);

    const again = await KeyRing.open(paths, options);
    assertEquals(again.authority.hash, next);
    assertEquals(again.nextAuthority, undefined);
    assertEquals(await read(paths.caKey), before.nextKey);
    assert(isIssuedBy(await read(paths.serverCert), await read(paths.caCert)));
  }
});

Deno.test("the old key does not stay when that of the next authority is kept elsewhere", async () => {
  await using folder = await TempFolder.make();
  const dir = folder.at("m");
  const paths = statePaths(dir);
  const ring = await initialised(folder);
  const issue = { now: Date.now(), random: systemRandom };
  const next = await createAuthority(issue);
  const old = {
    ca: await Deno.readTextFile(paths.caCert),
    key: await Deno.readTextFile(paths.caKey),
  };
  // As a start leaves it that was cut off before its certificate.
  await Deno.writeTextFile(paths.nextCaKey, old.key, { mode: 0o600 });
  await ring.startAuthority(next.certPem);
  assertEquals(await ring.hasNextAuthorityKey(), false);
  const { server } = await loadState(dir);
  const { certPem } = await renewServerCertificate(
    next,
    server.certPem,
    issue,
  );

  await ring.finishAuthority(server, { ...server, certPem });

  assertEquals(await ring.hasAuthorityKey(), false);
  assertEquals(await Deno.readTextFile(paths.caCert), next.certPem);
  assert(isIssuedBy((await loadState(dir)).server.certPem, next.certPem));
  // Cut off before the key was removed, and before the certificate was renamed.
  for (const key of [old.key, undefined]) {
    await Deno.writeTextFile(paths.caCert, old.ca);
    await Deno.writeTextFile(paths.nextCaCert, next.certPem);
    if (key !== undefined) {
      await Deno.writeTextFile(paths.caKey, key, { mode: 0o600 });
    }
    assertEquals(await settleAuthority(paths), true);
    assertEquals(await exists(paths.caKey), false);
    assertEquals(await Deno.readTextFile(paths.caCert), next.certPem);
  }
});

Deno.test("the Manager's key is replaced at once, and by one step", async () => {
  await using folder = await TempFolder.make();
  const ring = await initialised(folder);
  const before = ring.managerKey.publicKey;
  await ring.startManagerKey();
  const next = ring.nextManagerKey?.publicKey;
  await ring.finishManagerKey();
  const again = await KeyRing.open(statePaths(folder.at("m")), options);
  assertEquals(again.managerKey.publicKey, next);
  assertNotEquals(again.managerKey.publicKey, before);
  assertEquals(again.nextManagerKey, undefined);
});
