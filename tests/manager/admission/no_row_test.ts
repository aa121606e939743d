import { assert, assertEquals } from "@std/assert";
import { encodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import { DatabaseSync } from "node:sqlite";
import { parseJoinToken } from "../../../lib/base/join_token.ts";
import { parseLoginLine } from "../../../lib/base/login_line.ts";
import { MANAGER_PROOF, proves, testKey } from "../../support/keys.ts";
import { MemoryManager } from "../../support/memory_manager.ts";
import type { Init } from "../../support/scripted_peer.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const FROM = "192.0.2.7";

/** Each value of each table, as the texts that somebody could send. */
function textsOf(path: string): string[] {
  using db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table'",
  ).all().map(({ name }) => String(name));
  const texts = tables.flatMap((table) => {
    const rows = db.prepare(`SELECT * FROM "${table}"`);
    rows.setReadBigInts(true);
    return rows.all().flatMap((row) => Object.values(row).flatMap(formsOf));
  });
  return [...new Set(texts)].filter((text) => text !== "");
}

function formsOf(value: unknown): string[] {
  if (!(value instanceof Uint8Array)) return [String(value ?? "")];
  const bytes = new Uint8Array(value);
  return [
    new TextDecoder().decode(bytes).trim(),
    encodeHex(bytes),
    encodeBase64Url(bytes),
  ];
}

/** True if a host is admitted by this hello. */
async function isAdmitted(
  core: MemoryManager,
  name: string,
  hello: Init<"clientHello">,
): Promise<boolean> {
  const peer = hello.joinToken === undefined
    ? await core.hello(name, hello)
    : (await proves(core, name, { key: testKey(7), hello })).peer;
  await core.clock.settle();
  const heard = peer.heardSoFar().map(({ case: kind }) => kind);
  peer.hangUp();
  return heard.includes("serverHello");
}

Deno.test("no row of the database lets anyone in", async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("manager.db");
  await using core = await MemoryManager.start({ path, proof: MANAGER_PROOF });
  const { access, enrolment } = core;
  const add = async (name: string) =>
    parseLoginLine(
      await access.add({
        name,
        role: "admin",
        rules: [],
        tokenLifeMs: 86_400_000,
      }),
    ).code;
  const { token } = await access.login(await add("alice"), FROM);
  const code = await add("bob");
  const { token: join } = await enrolment.createToken({
    uses: 5,
    expiresInMs: 86_400_000,
    groups: [],
    name: "",
    cidrs: [],
    approve: false,
  });
  await core.knows("web-1");
  await core.knows("web-2");
  await (await proves(core, "web-2")).peer.hears("serverHello");
  // All of them are good, so that they could be found.
  assert(access.admit(token, FROM) !== undefined);
  await core.admitted("web-1");

  const texts = textsOf(path);
  assertEquals(texts.includes("alice"), true);
  const letIn: string[] = [];
  for (const text of texts) {
    const login = await access.login(text, FROM).catch(() => undefined);
    const ways = {
      code: login !== undefined,
      token: access.admit(text, FROM) !== undefined,
      secret: await isAdmitted(core, "web-1", { auth: text }),
      "join token": await isAdmitted(core, "new-1", { joinToken: text }),
    };
    letIn.push(
      ...Object.entries(ways).filter(([, isOpen]) => isOpen)
        .map(([way]) => `${way} ${text}`),
    );
  }
  assertEquals(letIn, []);
  // They are still as good as before.
  assertEquals((await access.login(code, FROM)).operator, "bob");
  const joinToken = parseJoinToken(join).secret;
  assertEquals(await isAdmitted(core, "new-1", { joinToken }), true);
});
