import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  armor,
  Decrypter,
  generateIdentity,
  identityToRecipient,
} from "age-encryption";
import { systemClock } from "../../../lib/base/clock.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { exists } from "../../../lib/base/files.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import {
  authorityOf,
  exportAuthorityKey,
} from "../../../lib/manager/state/authority_key.ts";
import { initState } from "../../../lib/manager/state/init_state.ts";
import { KeyRing } from "../../../lib/manager/state/key_ring.ts";
import type { StatePaths } from "../../../lib/manager/state/state_paths.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const options = { clock: systemClock, random: systemRandom };

async function initialised(
  folder: TempFolder,
  name = "m",
): Promise<StatePaths> {
  const address = { host: "127.0.0.1", port: 7051 };
  return await initState(folder.at(name), {
    ...options,
    listen: address,
    advertise: address,
  });
}

function exporting(to: string, given: {
  recipients?: string[];
  remove?: boolean;
} = {}): Parameters<typeof exportAuthorityKey>[1] {
  return { to, recipients: [], remove: true, random: systemRandom, ...given };
}

Deno.test("the authority's key is written to a private file, and then taken away", async () => {
  await using folder = await TempFolder.make();
  const paths = await initialised(folder);
  const key = await Deno.readTextFile(paths.caKey);

  await exportAuthorityKey(
    paths,
    exporting(folder.at("copy"), { remove: false }),
  );
  const stayed = await exists(paths.caKey);
  await exportAuthorityKey(paths, exporting(folder.at("ca.key")));

  assertEquals(stayed, true);
  assertEquals(await exists(paths.caKey), false);
  assertEquals(await Deno.readTextFile(folder.at("ca.key")), key);
  const { mode } = await Deno.stat(folder.at("ca.key"));
  assertEquals(mode === null ? 0o600 : mode & 0o777, 0o600);
});

Deno.test("the authority's key is encrypted for every recipient of age that is named", async () => {
  await using folder = await TempFolder.make();
  const paths = await initialised(folder);
  const key = await Deno.readTextFile(paths.caKey);
  const identities = [await generateIdentity(), await generateIdentity()];
  const recipients = await Promise.all(identities.map(identityToRecipient));

  await exportAuthorityKey(paths, exporting(folder.at("a"), { recipients }));

  const text = await Deno.readTextFile(folder.at("a"));
  for (const identity of identities) {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const found = await decrypter.decrypt(armor.decode(text), "text");
    assertEquals(found, key);
  }
  const authority = await Deno.readTextFile(paths.caCert);
  assertThrows(
    () => authorityOf(authority, text),
    PiriError,
    "it is encrypted by age",
  );
});

Deno.test("an export that cannot be kept leaves the authority's key where it is", async () => {
  await using folder = await TempFolder.make();
  const paths = await initialised(folder);
  await Deno.writeTextFile(folder.at("taken"), "mine");
  await Deno.mkdir(`${paths.dir}/inner`);
  const refused: [options: ReturnType<typeof exporting>, message: string][] = [
    [exporting(folder.at("taken")), "there is such a file"],
    [exporting(folder.at("m/ca.copy")), "that is in the Manager's folder"],
    [exporting(folder.at("m/inner/k")), "that is in the Manager's folder"],
    [exporting(folder.at("none/k")), "Cannot write"],
    [
      exporting(folder.at("k"), { recipients: ["age1\u00e9"] }),
      "it is no public key of age",
    ],
    [
      exporting(folder.at("k"), { recipients: [""] }),
      "it is no public key of age",
    ],
  ];

  for (const [given, message] of refused) {
    await assertRejects(
      () => exportAuthorityKey(paths, given),
      PiriError,
      message,
    );
    assertEquals(await exists(paths.caKey), true);
  }

  assertEquals(await Deno.readTextFile(folder.at("taken")), "mine");
  assertEquals(await exists(folder.at("k")), false);
});

Deno.test("a key is exported once, and not while the authority is rotated", async () => {
  await using folder = await TempFolder.make();
  const paths = await initialised(folder);
  const ring = await KeyRing.open(paths, options);
  await ring.startAuthority();
  await assertRejects(
    () => exportAuthorityKey(paths, exporting(folder.at("a"))),
    PiriError,
    "a rotation of the authority is under way",
  );

  const fresh = await initialised(folder, "fresh");
  await exportAuthorityKey(fresh, exporting(folder.at("b")));
  const error = await assertRejects(
    () => exportAuthorityKey(fresh, exporting(folder.at("c"))),
    PiriError,
    "Cannot find the authority's key",
  );

  assertEquals(error.code, "FAILED_PRECONDITION");
});

Deno.test("a key of another authority, and what is no key, are refused and not repeated", async () => {
  await using folder = await TempFolder.make();
  const own = await initialised(folder);
  const other = await initialised(folder, "other");
  const certificate = await Deno.readTextFile(own.caCert);
  const wrong: [key: string, message: string][] = [
    [await Deno.readTextFile(other.caKey), "it belongs to another authority"],
    [await Deno.readTextFile(own.serverKey), "it belongs to another authority"],
    [await Deno.readTextFile(own.managerKey), "it is of another kind"],
    [certificate, "it is no private key in PEM"],
    ["hunter2", "it is no private key in PEM"],
    ["", "it is no private key in PEM"],
  ];

  for (const [key, message] of wrong) {
    const { message: text } = assertThrows(
      () => authorityOf(certificate, key),
      PiriError,
      message,
    );
    assertEquals(text.includes("hunter2"), false);
  }
});
