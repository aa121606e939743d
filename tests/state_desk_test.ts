import { assertEquals, assertRejects } from "@std/assert";
import { LOCAL, SOCKET } from "../lib/base/asker.ts";
import { systemClock } from "../lib/base/clock.ts";
import { PiriError } from "../lib/base/errors.ts";
import { systemRandom } from "../lib/base/random.ts";
import { Sealed } from "../lib/base/sealed.ts";
import { hashSecret } from "../lib/base/secret.ts";
import { SecretFiles } from "../lib/manager/secrets/secret_files.ts";
import { openStateDesk } from "../lib/state_desk.ts";
import { openStore } from "../lib/store/open.ts";
import { TempFolder } from "./support/temp_folder.ts";

const HELLO = {
  protocol: 2,
  version: "0.1.0",
  facts: { "os.name": "debian", operations: "command.Run" },
  instance: "0123456789abcdef0123456789abcdef",
  session: 1n,
  lastCommandId: 0n,
  address: "192.0.2.1",
  at: 5_000,
  patches: [],
};

const ASKER = {
  requestedBy: "root",
  saidBy: "",
  credential: SOCKET,
  origin: LOCAL,
};

const VALUE = "correct-horse-battery";

/** State folder with two agents of which one has told its facts, some data, a secret and a state. */
async function stateFolder(): Promise<TempFolder> {
  const folder = await TempFolder.make();
  await using store = await openStore(folder.at("manager.db"), {
    clock: systemClock,
    random: systemRandom,
  });
  for (const id of ["web-1", "web-2"]) {
    await store.addAgent({
      id,
      groups: ["web"],
      cidrs: [],
      addedAt: 1_000,
      tokenHash: hashSecret("token"),
      tokenExpiresAt: 9_000,
    });
  }
  await store.enrolAgent("web-1", {
    tokenHash: hashSecret("token"),
    secretHash: hashSecret("secret"),
    at: 2_000,
  });
  await store.admitAgent("web-1", HELLO);
  await new SecretFiles({
    folder: folder.at("secrets"),
    keyFile: folder.at("secrets.key"),
    store,
    clock: systemClock,
    random: systemRandom,
  }).set({
    name: "token",
    place: { kind: "all" },
    value: new Sealed(VALUE),
    forTargets: "",
  }, ASKER);
  await folder.write("data/groups/web.yaml", "port: 8080\n");
  await folder.write("files/all/t", "{{ secrets.token }} {{ port }}\n");
  await folder.write(
    "states/groups/web.yaml",
    `- A: {type: noop.Noop, if: {fact os.name: debian}}
- B: {type: file.Installed, path: /b, template: t}
`,
  );
  return folder;
}

Deno.test("the states of a folder are compiled with its agents, data and secrets, and show no secret", async () => {
  await using folder = await stateFolder();
  const desk = await openStateDesk(folder.path);
  const one = await desk.compile("", "web-1");
  const other = await desk.compile("", "web-2");
  const again = await (await openStateDesk(folder.path)).compile("", "web-1");
  const content = JSON.stringify(one.sheet?.steps[1]?.params.content);

  assertEquals(
    desk.agents.map(({ id, facts }) => [id, facts?.["os.name"]]),
    [["web-1", "debian"], ["web-2", undefined]],
  );
  assertEquals(
    [one, other].map(({ sheet }) => sheet?.steps.map(({ name }) => name)),
    [["A", "B"], ["B"]],
  );
  assertEquals(
    content.replace(/[0-9a-f]{64}/, "HASH"),
    '{"$secret":{"parts":[{"name":"token","mac":"HASH"}," 8080\\n"]}}',
  );
  assertEquals(Deno.inspect([one, desk], { depth: 20 }).includes(VALUE), false);
  assertEquals(again.sha256, one.sha256);
});

Deno.test("a folder that is none of a Manager is refused, and a data file with an error is named", async () => {
  await using empty = await TempFolder.make();
  await using folder = await stateFolder();
  await folder.write("data/all.yaml", "a: [\n");
  const desk = await openStateDesk(folder.path);

  await assertRejects(
    () => openStateDesk(empty.path),
    PiriError,
    "run piri-manager init",
  );
  await assertRejects(
    () => desk.compile("", "web-1"),
    PiriError,
    "data/all.yaml",
  );
});
