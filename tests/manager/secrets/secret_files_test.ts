import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { LOCAL, SOCKET } from "../../../lib/base/asker.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { SecretFiles } from "../../../lib/manager/secrets/secret_files.ts";
import type { NewAudit } from "../../../lib/store/audit_records.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const ASKER = {
  requestedBy: "root",
  saidBy: "",
  credential: SOCKET,
  origin: LOCAL,
};
const ALL = { kind: "all" } as const;
const WEB = { kind: "group", name: "web" } as const;
const WEB_1 = { kind: "agent", name: "web-1" } as const;

/** Files of secrets in a folder of their own. */
async function newFiles() {
  const folder = await TempFolder.make();
  const audits: NewAudit[] = [];
  const options = {
    folder: folder.at("secrets"),
    keyFile: folder.at("secrets.key"),
    store: {
      recordAudit: (audit: NewAudit) => {
        audits.push(audit);
        return Promise.resolve();
      },
    },
    clock: new FakeClock(),
    random: systemRandom,
  };
  return {
    folder,
    audits,
    files: new SecretFiles(options),
    /** The files as another run of the Manager finds them. */
    again: () => new SecretFiles(options),
    read: (name: string) => Deno.readTextFile(folder.at("secrets", name)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function valueOf(
  files: SecretFiles,
  name: string,
  groups: string[] = [],
): Promise<string | undefined> {
  return files.find(name, { id: "web-1", groups })
    .then((secret) => secret?.value.open());
}

Deno.test("a secret is found by the next run of the Manager, with whom it is for", async () => {
  await using parts = await newFiles();
  await parts.files.set({
    name: "token",
    place: ALL,
    value: new Sealed("hunter22\n"),
    forTargets: "@web ! web-07",
  }, ASKER);
  const found = await parts.again().find("token", { id: "web-1", groups: [] });
  assertEquals(found?.value.open(), "hunter22\n");
  assertEquals(found?.forTargets, "@web ! web-07");
});

Deno.test("a file has names and targets in the clear, values encrypted, and is private", async () => {
  await using parts = await newFiles();
  await parts.files.set({
    name: "token",
    place: ALL,
    value: new Sealed("hunter22"),
    forTargets: "@web",
  }, ASKER);
  const text = await parts.read("all.yaml");
  assertMatch(
    text,
    /^token:\n {2}value: ENC\[AES256_GCM,data:[^,]+,iv:[^,]+,tag:[^,]+,type:str\]\n {2}for: "@web"\nsops:\n/,
  );
  assertMatch(text, /-----BEGIN AGE ENCRYPTED FILE-----/);
  assert(!text.includes("hunter22"));
  const { mode } = await Deno.stat(parts.folder.at("secrets", "all.yaml"));
  assertEquals((mode ?? 0) & 0o777, 0o600);
  const key = await Deno.stat(parts.folder.at("secrets.key"));
  assertEquals((key.mode ?? 0) & 0o777, 0o600);
});

Deno.test("the secret of an agent counts before that of its groups, and these before that of all", async () => {
  await using parts = await newFiles();
  const set = (place: typeof ALL | typeof WEB | typeof WEB_1, text: string) =>
    parts.files.set({ name: "token", place, value: new Sealed(text) }, ASKER);
  await set(ALL, "of all agents");
  assertEquals(await valueOf(parts.files, "token", ["web"]), "of all agents");
  await set(WEB, "of the group");
  assertEquals(await valueOf(parts.files, "token", ["web"]), "of the group");
  assertEquals(await valueOf(parts.files, "token", []), "of all agents");
  await set(WEB_1, "of the agent");
  assertEquals(await valueOf(parts.files, "token", ["web"]), "of the agent");
  await parts.files.remove({ name: "token", place: WEB_1 }, ASKER);
  assertEquals(await valueOf(parts.files, "token", ["web"]), "of the group");
});

Deno.test("a list names all secrets without their values, also as text and JSON", async () => {
  await using parts = await newFiles();
  const value = new Sealed("hunter22");
  await parts.files.set({ name: "one", place: ALL, value }, ASKER);
  await parts.files.set({
    name: "two",
    place: WEB_1,
    value,
    forTargets: "web-1",
  }, ASKER);
  const list = await parts.files.list();
  assertEquals(list, [
    { name: "one", place: ALL, forTargets: "" },
    { name: "two", place: WEB_1, forTargets: "web-1" },
  ]);
  const found = await parts.files.find("two", { id: "web-1", groups: [] });
  const shown = `${JSON.stringify(found)}${Deno.inspect(found)}${found?.value}`;
  assert(!shown.includes("hunter22"), shown);
});

Deno.test("another value keeps whom a secret is for, and an edit keeps the value as it is encrypted", async () => {
  await using parts = await newFiles();
  const set = (text: string, forTargets?: string) =>
    parts.files.set({
      name: "token",
      place: ALL,
      value: new Sealed(text),
      forTargets,
    }, ASKER);
  const encrypted = async () =>
    /value: (.*)/.exec(await parts.read("all.yaml"))?.[1];
  await set("hunter22", "@web");
  await set("hunter33");
  const [{ forTargets } = { forTargets: "" }] = await parts.files.list();
  assertEquals(forTargets, "@web");
  const before = await encrypted();
  await parts.files.edit({ name: "token", place: ALL, forTargets: "" }, ASKER);
  assertEquals(await encrypted(), before);
  assertEquals((await parts.again().list())[0]?.forTargets, "");
});

Deno.test("new keys leave no encrypted value as it was, and all secrets as they were", async () => {
  await using parts = await newFiles();
  const value = new Sealed("hunter22");
  await parts.files.set({ name: "one", place: ALL, value }, ASKER);
  await parts.files.set({ name: "two", place: WEB, value }, ASKER);
  const before = await parts.read("all.yaml");
  assertEquals(await parts.files.rotate(ASKER), 2);
  const lines = (await parts.read("all.yaml")).split("\n");
  const kept = lines.filter((line) => /ENC\[|^ {12}\w/.test(line))
    .filter((line) => before.includes(line.trim()));
  assertEquals(kept, []);
  assertEquals(await valueOf(parts.again(), "one"), "hunter22");
  assertEquals(await valueOf(parts.again(), "two", ["web"]), "hunter22");
});

Deno.test("each change is in the audit with the name of the secret and no value", async () => {
  await using parts = await newFiles();
  const value = new Sealed("hunter22");
  await parts.files.set({ name: "token", place: WEB, value }, ASKER);
  await parts.files.edit(
    { name: "token", place: WEB, forTargets: "@web" },
    ASKER,
  );
  await parts.files.rotate(ASKER);
  await parts.files.remove({ name: "token", place: WEB }, ASKER);
  assertEquals(parts.audits.map(({ act, target }) => [act, target]), [
    ["SetSecret", "groups/web.yaml: token"],
    ["EditSecret", "groups/web.yaml: token"],
    ["RotateSecrets", "groups/web.yaml"],
    ["RemoveSecret", "groups/web.yaml: token"],
  ]);
});

Deno.test("a value that was changed, moved or removed by hand is told, without any of them", async () => {
  await using parts = await newFiles();
  const set = (name: string, text: string) =>
    parts.files.set({ name, place: ALL, value: new Sealed(text) }, ASKER);
  await set("one", "hunter22");
  await set("two", "hunter33");
  const text = await parts.read("all.yaml");
  const values = text.match(/ENC\[[^\]]*\]/g) ?? [];
  const [one = "", two = ""] = values;
  const damages = [
    text.replace(one, two),
    text.replace(
      /data:(.)/,
      (_, first) => `data:${first === "A" ? "B" : "A"}`,
    ),
    text.replace(/^two:\n.*\n/m, ""),
    text.replace(/^two:/m, "three:"),
  ];
  for (const damaged of damages) {
    await Deno.writeTextFile(parts.folder.at("secrets", "all.yaml"), damaged);
    const error = await assertRejects(() => valueOf(parts.again(), "one"));
    assert(error instanceof PiriError);
    assertEquals(error.code, "CORRUPT");
    assertMatch(error.message, /^Cannot read "secrets\/all.yaml": /);
  }
});

Deno.test("a file for another key is refused with the key that it should be for", async () => {
  await using parts = await newFiles();
  const value = new Sealed("hunter22");
  await parts.files.set({ name: "token", place: ALL, value }, ASKER);
  const key = await Deno.readTextFile(parts.folder.at("secrets.key"));
  await Deno.remove(parts.folder.at("secrets.key"));
  const error = await assertRejects(() => valueOf(parts.again(), "token"));
  assertMatch(
    String(error),
    /it is not encrypted for this Manager's key, age1/,
  );
  const newKey = await Deno.readTextFile(parts.folder.at("secrets.key"));
  assertNotEquals(newKey, key);
});

Deno.test("names that the format has for itself, short values and sets of jobs are refused", async () => {
  await using parts = await newFiles();
  const set = (name: string, text: string, forTargets = "") =>
    parts.files.set({
      name,
      place: ALL,
      value: new Sealed(text),
      forTargets,
    }, ASKER);
  for (const name of ["sops", "for", "a/b", "given:x", ""]) {
    await assertRejects(() => set(name, "hunter22"), PiriError);
  }
  await assertRejects(() => set("token", "12345"), PiriError, "it has 5 bytes");
  await assertRejects(
    () => set("token", "hunter22", "@failed(j-1)"),
    PiriError,
    "lasts longer than a job",
  );
  assertEquals(parts.audits, []);
});

Deno.test("a secret is for an agent by its own file, or by targets that name it", async () => {
  await using parts = await newFiles();
  const { files } = parts;
  const value = new Sealed("hunter22");
  await files.set(
    { name: "wide", place: ALL, value, forTargets: "web-*, @db" },
    ASKER,
  );
  await files.set({ name: "own", place: WEB_1, value }, ASKER);
  await files.set(
    { name: "named", place: WEB, value, forTargets: "@db & db-[1-2]" },
    ASKER,
  );

  assertEquals(await files.nameFor("web-1"), "own");
  assertEquals(await files.nameFor("db-2"), "named");
  assertEquals(await files.nameFor("web-2"), undefined);
});
