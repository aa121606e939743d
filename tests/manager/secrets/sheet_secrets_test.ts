import { assertEquals, assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../../../lib/base/errors.ts";
import { Sealed } from "../../../lib/base/sealed.ts";
import { sha256 } from "../../../lib/base/sha256.ts";
import { SecretDesk } from "../../../lib/manager/secrets/secret_desk.ts";
import { SheetSecrets } from "../../../lib/manager/secrets/sheet_secrets.ts";
import type { AgentRoster } from "../../../lib/manager/agents/agent_roster.ts";
import type { PlanAgentRecord } from "../../../lib/store/plan_records.ts";

/** Compiled state with a step for each of these secrets, whose keyed hash is given. */
function sheetOf(secrets: Readonly<Record<string, string>>) {
  return {
    format: 1,
    state: "",
    steps: Object.entries(secrets).map(([name, mac]) => ({
      name: `Step ${name}`,
      operation: "command.Run",
      params: {
        shell: "x",
        env: { A: { $secret: { parts: [{ name, mac }] } } },
      },
    })),
  };
}

/** Secrets of web-1, which has the plan p-1 of a state with them; their keyed hash is their value with a dash. */
function setUp(
  stored: Readonly<Record<string, [value: string, forTargets: string]>>,
  planned: Readonly<Record<string, string>>,
) {
  const json = JSON.stringify(sheetOf(planned));
  const hash = encodeHex(sha256(json));
  let reads = 0;
  const desk = new SecretDesk({
    namesOf: () => [],
    roster: {
      get: (name) =>
        ({ id: name, groups: ["web"], setFacts: {} }) as unknown as ReturnType<
          AgentRoster["get"]
        >,
    },
    stored: {
      find: (name) => {
        const found = stored[name];
        return Promise.resolve(
          found && { value: new Sealed(found[0]), forTargets: found[1] },
        );
      },
      macOf: (_, value) => Promise.resolve(`-${value.open()}`),
    },
  });
  const secrets = new SheetSecrets({
    desk,
    blobs: {
      read: (sha256) => {
        reads++;
        return sha256 === hash
          ? Promise.resolve(new TextEncoder().encode(json))
          : Promise.reject(new PiriError("NOT_FOUND", "There is no such blob"));
      },
    },
    store: {
      planAgents: (id, agent) =>
        Promise.resolve(
          id === 1n && agent === "web-1"
            ? [{ sheet: hash } as PlanAgentRecord]
            : [],
        ),
    },
  });
  const ask = async (name: string, params: unknown, agent = "web-1") => {
    const command = { agent, operation: "state.Plan" };
    const given = await secrets.give(
      { ...command, params: JSON.stringify(params) },
      name,
    ).catch((error) => error);
    return given instanceof Sealed ? given.open() : given?.message;
  };
  return { secrets, hash, ask, reads: () => reads };
}

const PLAN = { plan: "p-1" };

Deno.test("a plan of an agent gives it the secrets of its compiled state, which is read once", async () => {
  const { ask, reads } = setUp(
    { db: ["hunter22", ""], other: ["hunter33", ""] },
    { db: "-hunter22" },
  );

  assertEquals(await ask("db", PLAN), "hunter22");
  assertEquals(await ask("other", PLAN), undefined);
  assertEquals(await ask("db", PLAN, "web-2"), undefined);
  assertEquals(await ask("db", { plan: "p-2" }), undefined);
  assertEquals(reads(), 1);
});

Deno.test("a secret with another value, that is gone or for others is refused", async () => {
  const { ask, secrets, hash } = setUp(
    { db: ["hunter44", ""], others: ["hunter22", "@db"], short: ["abc", ""] },
    { db: "-hunter22", others: "-hunter22", gone: "-x", short: "-abc" },
  );

  assertEquals(
    await ask("db", PLAN),
    'Cannot give the secret "db" to agent "web-1": it has another value than when the state was compiled; plan again',
  );
  assertEquals(
    await ask("others", PLAN),
    'Cannot give the secret "others" to agent "web-1": it is for "@db"',
  );
  assertEquals(
    await ask("gone", PLAN),
    'Cannot find the secret "gone": there is none for agent "web-1"',
  );
  assertEquals(
    await ask("short", PLAN),
    'Cannot take the secret "short": it has 3 bytes, and the least is 6, as a shorter one cannot be masked in output',
  );
  assertEquals(
    await secrets.obstacle("web-1", hash),
    'the secret "db" has another value since',
  );
});

Deno.test("a compiled state that came with the command needs a secret that is for its agent", async () => {
  const { ask, hash } = setUp(
    { db: ["hunter22", ""], web: ["hunter33", "@web"] },
    { db: "-hunter22", web: "-hunter33" },
  );
  const sheet = sheetOf({ db: "-hunter22", web: "-hunter33" });

  for (const each of [sheet, hash]) {
    assertEquals(
      await ask("db", { sheet: each }),
      'Cannot give the secret "db" to agent "web-1": it is for no agent yet (piri-manager secret edit db --for TARGETS)',
    );
    assertEquals(await ask("web", { sheet: each }), "hunter33");
  }
  const forged = sheetOf({ web: "-guessed" });
  assertEquals(
    await ask("web", { sheet: forged }),
    'Cannot give the secret "web" to agent "web-1": it has another value than when the state was compiled; plan again',
  );
});

Deno.test("other commands have no compiled state, and a damaged one gives nothing", async () => {
  const { secrets, ask } = setUp({ db: ["hunter22", "@web"] }, {});
  const other = { agent: "web-1", operation: "command.Run", params: "{}" };

  assertEquals(await secrets.give(other, "db"), undefined);
  assertEquals(await ask("db", { sheet: "no hash" }), undefined);
  const damaged = { sheet: { steps: [{ $secret: 1, '"$secret"': 1 }] } };
  await assertRejects(
    () =>
      secrets.give({
        agent: "web-1",
        operation: "state.Apply",
        params: JSON.stringify(damaged),
      }, "db"),
    PiriError,
    "Cannot read the sheet",
  );
});
