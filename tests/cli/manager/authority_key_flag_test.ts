import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  armor,
  Encrypter,
  generateIdentity,
  identityToRecipient,
} from "age-encryption";
import { until } from "../../support/live_program.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { see, type Seen, start } from "./start.ts";

const IDENTITY = await generateIdentity();

/** Encrypts for a key of age, or by a passphrase, with the least work. */
async function encrypted(by: { passphrase?: string }): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setScryptWorkFactor(2);
  if (by.passphrase === undefined) {
    encrypter.addRecipient(await identityToRecipient(IDENTITY));
  } else encrypter.setPassphrase(by.passphrase);
  return await encrypter.encrypt("the key");
}

/** Files that the tests name. */
async function files(): Promise<TempFolder> {
  const folder = await TempFolder.make();
  const forKey = await encrypted({});
  const other = await generateIdentity();
  const contents: Record<string, string | Uint8Array> = {
    "binary.age": forKey,
    "armored.age": armor.encode(forKey),
    "passphrase.age": await encrypted({ passphrase: "open sesame" }),
    "me.txt": `# public key: age1\n${IDENTITY}\n`,
    "other.txt": `${other}\n`,
    "both.txt": `${other}\n${IDENTITY}\r\n`,
    "empty.txt": "",
    "cut.age": forKey.subarray(0, 60),
    "plain.key": "the key",
  };
  for (const [name, content] of Object.entries(contents)) {
    const bytes = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content;
    await Deno.writeFile(folder.at(name), bytes, { mode: 0o600 });
  }
  await Deno.writeTextFile(folder.at("open.key"), "the key");
  await Deno.chmod(folder.at("open.key"), 0o644);
  await Deno.chmod(folder.at("binary.age"), 0o644);
  await Deno.copyFile(folder.at("me.txt"), folder.at("open.txt"));
  await Deno.chmod(folder.at("open.txt"), 0o644);
  return folder;
}

/** Runs `init --ca-key` with files of a folder. */
async function init(
  folder: TempFolder,
  [key, identity]: readonly [key: string, identity?: string],
  stdin = "",
): Promise<Seen> {
  const named = identity === undefined
    ? []
    : ["--identity", folder.at(identity)];
  const path = key === "-" ? key : folder.at(key);
  return await see(["init", "--ca-key", path, ...named], { stdin });
}

Deno.test("the authority's key is read plain, and from each form of a file of age", async () => {
  await using folder = await files();

  const seen = [
    await init(folder, ["plain.key"]),
    await init(folder, ["binary.age", "me.txt"]),
    await init(folder, ["armored.age", "both.txt"]),
    await init(folder, ["passphrase.age"], "open sesame\n"),
  ];

  for (const { code, manager, stderr } of seen) {
    assertEquals(code, 0, stderr);
    assertEquals(manager.inits.map(({ authorityKey }) => authorityKey), [
      "the key",
    ]);
    assertStringIncludes(stderr, "The authority's key is not in the folder");
  }
});

Deno.test("a passphrase is asked for at a terminal, and not shown", async () => {
  await using folder = await files();
  const { manager, terminal, code } = await start(
    ["init", "--ca-key", folder.at("passphrase.age")],
    { keyboard: true },
  );

  await until("it asks", () => Promise.resolve(terminal.isListening));
  for (const key of "open sesame\r") await terminal.press(key);

  assertEquals(await code, 0);
  assertEquals(manager.inits[0]?.authorityKey, "the key");
  assertStringIncludes(terminal.screen, "Passphrase of");
  assert(!terminal.screen.includes("sesame"));
});

Deno.test("keys that cannot be read or decrypted are refused, and nothing is made", async () => {
  await using folder = await files();
  const wrong: [Parameters<typeof init>[1], code: number, message: string][] = [
    [["open.key"], 4, "others may read it; run chmod 600"],
    [["binary.age", "open.txt"], 4, "others may read it; run chmod 600"],
    [["none.key"], 5, "none.key"],
    [["binary.age"], 2, "name that by --identity FILE"],
    [["binary.age", "other.txt"], 4, 'other.txt" does not fit'],
    [["binary.age", "empty.txt"], 2, "it has no key of age"],
    [["cut.age", "me.txt"], 4, "does not fit"],
    [["plain.key", "me.txt"], 2, "is not encrypted by age"],
    [["passphrase.age"], 4, "the passphrase does not fit"],
    [["passphrase.age", "me.txt"], 4, 'me.txt" does not fit'],
  ];

  for (const [names, expected, message] of wrong) {
    const { code, stderr, manager } = await init(folder, names, "wrong");
    assertStringIncludes(stderr, message);
    assertEquals(code, expected, stderr);
    assertEquals(manager.inits, []);
  }
});

Deno.test("an authority without a key is refused by init", async () => {
  const manager = new FakeManager();

  const { code, stderr } = await see(["init", "--ca-cert", "ca.pem"], {
    manager,
  });

  assertEquals(code, 2);
  assertStringIncludes(stderr, "it is only for --ca-key");
  assertEquals(manager.inits, []);
});
