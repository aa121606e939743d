import { assertEquals, assertRejects } from "@std/assert";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { decryptSops } from "sops-age";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom as random } from "../../../lib/base/random.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { AgeKeys } from "../../../lib/manager/secrets/age_keys.ts";
import { SopsFile } from "../../../lib/manager/secrets/sops_file.ts";
import { peerAccepts, peerWrites } from "../../support/sops_peer.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const NAME = "secrets/all.yaml";
const NOW = Date.parse("2026-11-28T08:00:00.123Z");

/** Values that YAML, JSON and SOPS could take for something else. */
const VALUES: Readonly<Record<string, string>> = {
  plain: "hunter22",
  unicode: "pässwörd \u{1f511} \u202e",
  lines: "-----BEGIN KEY-----\nabc\n\n-----END KEY-----\n",
  spaces: "  leading and trailing  ",
  number: "0123456",
  yes: "true",
  nothing: "null",
  colon: "a: b # c",
  form: "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]",
  quotes: `"'\\`,
  long: "x".repeat(32_768),
};

interface Keys {
  readonly keys: AgeKeys;
  readonly identity: string;
  readonly recipient: string;
}

async function newKeys(folder: TempFolder): Promise<Keys> {
  const identity = await generateIdentity();
  const path = folder.at("secrets.key");
  await Deno.writeTextFile(path, `${identity}\n`, { mode: 0o600 });
  const recipient = await identityToRecipient(identity);
  return { keys: await AgeKeys.load(path, random), identity, recipient };
}

/** File with all values, as the Manager writes it. */
function filled({ recipient }: Keys): SopsFile {
  const file = SopsFile.create(NAME, recipient, random);
  for (const [name, value] of Object.entries(VALUES)) {
    file.set(name, { value: new Sealed(value), forTargets: "" });
  }
  file.set("bound", { value: new Sealed("hunter33"), forTargets: "@web ! a" });
  return file;
}

/** Content of a file by an implementation of SOPS that is not ours. */
async function elsewhere(text: string, { identity }: Keys): Promise<unknown> {
  return await decryptSops(text, { secretKey: identity, fileType: "yaml" });
}

/** Values of a file as the Manager reads it. */
async function here(
  text: string,
  { keys }: Keys,
): Promise<Record<string, string>> {
  const file = await SopsFile.open(text, NAME, { keys, random });
  return Object.fromEntries(
    [...file.secrets].map(([name, { value }]) => [name, value.open()]),
  );
}

const CONTENT = {
  ...Object.fromEntries(
    Object.entries(VALUES).map(([name, value]) => [name, { value }]),
  ),
  bound: { value: "hunter33", for: "@web ! a" },
};

Deno.test("another implementation of SOPS reads what the Manager writes, and its MAC fits", async () => {
  await using folder = await TempFolder.make();
  const keys = await newKeys(folder);

  const text = await filled(keys).text(NOW);

  assertEquals(await elsewhere(text, keys), CONTENT);
  assertEquals(await peerAccepts(text, keys.identity), true);
});

Deno.test("another implementation of SOPS reads a file that was opened, changed and rotated here", async () => {
  await using folder = await TempFolder.make();
  const keys = await newKeys(folder);
  const before = await filled(keys).text(NOW);

  const file = await SopsFile.open(before, NAME, { keys: keys.keys, random });
  file.set("plain", { value: new Sealed("hunter44"), forTargets: "@db" });
  file.remove("long");
  file.rotate();
  const text = await file.text(NOW + 1_000);

  const { long: _long, ...content } = CONTENT as Record<string, unknown>;
  assertEquals(await elsewhere(text, keys), {
    ...content,
    plain: { value: "hunter44", for: "@db" },
  });
  assertEquals(await peerAccepts(text, keys.identity), true);
});

Deno.test("the Manager reads what SOPS writes: every type, lists, and keys of several people", async () => {
  await using folder = await TempFolder.make();
  const keys = await newKeys(folder);
  const other = await identityToRecipient(await generateIdentity());
  const text = await peerWrites({
    token: "hunter22",
    number: 7,
    fraction: 3.25,
    flag: true,
    nested: { value: "pässwörd", list: ["one", "two"], for: "@web" },
    note_unencrypted: "readable",
  }, { recipients: [other, keys.recipient] });

  assertEquals(await here(text, keys), {
    token: "hunter22",
    number: "7",
    fraction: "3.25",
    flag: "True",
    nested: "pässwörd",
  });
});

for (
  const rules of [
    { unencrypted_regex: "^for$" },
    { unencrypted_regex: "^for$", mac_only_encrypted: true },
    { encrypted_regex: "^value$" },
    { encrypted_regex: "^value$", mac_only_encrypted: true },
    { unencrypted_suffix: "_plain", mac_only_encrypted: true },
  ]
) {
  Deno.test(`a file of SOPS with ${JSON.stringify(rules)} is read, changed, and still fits`, async () => {
    await using folder = await TempFolder.make();
    const keys = await newKeys(folder);
    const recipients = [keys.recipient];
    const tree = { a: { value: "hunter22", for: "@web" } };
    const before = await peerWrites(tree, { recipients, rules });

    const file = await SopsFile.open(before, NAME, { keys: keys.keys, random });
    file.set("b", { value: new Sealed("hunter33"), forTargets: "@db" });
    const text = await file.text(NOW);

    assertEquals(await here(before, keys), { a: "hunter22" });
    assertEquals(await here(text, keys), { a: "hunter22", b: "hunter33" });
    assertEquals(await elsewhere(text, keys), {
      ...tree,
      b: { value: "hunter33", for: "@db" },
    });
    assertEquals(await peerAccepts(text, keys.identity), true);
  });
}

Deno.test("a file of SOPS that was changed by hand is refused, by its MAC or its value", async () => {
  await using folder = await TempFolder.make();
  const keys = await newKeys(folder);
  const recipients = [keys.recipient];
  const text = await peerWrites(
    { a: { value: "hunter22" }, b: { value: "hunter33" }, c_unencrypted: "x" },
    { recipients },
  );
  const [, a = ""] = /^a:\n {2}value: (.*)$/m.exec(text) ?? [];
  const [, b = ""] = /^b:\n {2}value: (.*)$/m.exec(text) ?? [];
  const changed: [text: string, message: string][] = [
    [text.replace("c_unencrypted: x", "c_unencrypted: y"), "its MAC does not"],
    [text.replace("c_unencrypted: x", "d_unencrypted: x\ne: z"), "its MAC"],
    [text.replace(`a:\n  value: ${a}\n`, ""), "its MAC does not fit"],
    [text.replace(a, b), 'the value of "a:value:" was changed'],
    [text.replace("T10:20:30Z", "T10:20:31Z"), "was changed"],
    [text.replace(/^ {2}mac: .*$/m, "  mac: x"), "was changed"],
    [text.replace(/^ {2}mac: .*\n/m, ""), '"sops.mac" is missing'],
  ];

  for (const [given, message] of changed) {
    const error = await assertRejects(() => here(given, keys), PiriError);
    assertEquals(
      [error.code, error.message.includes(message)],
      ["CORRUPT", true],
      error.message,
    );
  }
});
