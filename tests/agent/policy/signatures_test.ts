import { assertEquals, assertMatch } from "@std/assert";
import { checkSignatures } from "../../../lib/agent/policy/signatures.ts";
import { judge } from "../../../lib/agent/runner/judge.ts";
import { parsePolicy } from "../../../lib/agent/policy/policy.ts";
import {
  MAX_USED,
  UsedStatements,
} from "../../../lib/agent/policy/used_statements.ts";
import {
  encodeSignedWork,
  MAX_STATEMENT_BYTES,
} from "../../../lib/base/signed_work.ts";
import { canonicalJson } from "../../../lib/base/statement.ts";
import type { Command } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { commandOf, MemoryAgent } from "../../support/memory_agent.ts";
import {
  ALICE,
  BOB,
  echoWork,
  MALLORY,
  signBy,
  signedByTwo,
  statementId,
  TWO_SIGNATURES,
} from "../../support/signed_work.ts";

/** Agent "web-1" whose owner asks for two signatures. */
async function guarded(): Promise<MemoryAgent> {
  const agent = await MemoryAgent.start();
  await useTwoSignatures(agent);
  return agent;
}

async function useTwoSignatures({ policy }: MemoryAgent): Promise<void> {
  policy.use({
    policy: await parsePolicy(TWO_SIGNATURES, "policy.yaml"),
    sha256: "",
    error: "",
  });
}

/** Bytes of a statement in which one text stands for another. */
function altered(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(text.replace(from, to));
}

const HOUR = 3_600_000;
const LACKS = "this agent's policy requires 2 signatures, and it has";

type Wrong = readonly [
  what: string,
  command: Partial<Command>,
  why: string,
];

/** Commands with something wrong each, and the reasons of the agent. */
function wrongCommands(now: number): readonly Wrong[] {
  const work = echoWork(now);
  const good = encodeSignedWork(work);
  const two = signedByTwo(work);
  const half = signBy(good, ALICE);
  const with_ = (more: object) => signedByTwo({ ...work, ...more });
  const large = encodeSignedWork(
    echoWork(now, { params: { text: "x".repeat(16_000) } }),
  );
  const tooLarge = altered(large, "xxx", "x".repeat(1_000));
  return [
    ["nothing", {}, `${LACKS} none (piri-manager run --sign --signatures 2)`],
    ["one signature", half, `${LACKS} 1`],
    [
      "other parameters",
      with_({ params: { text: "bye" } }),
      "its statement has other parameters",
    ],
    [
      "parameters that are signed and not sent",
      with_({ params: { text: "hi", more: 1 } }),
      "its statement has other parameters",
    ],
    [
      "another operation",
      with_({ operation: "command.Run" }),
      "its statement is for command.Run",
    ],
    [
      "another host",
      with_({ targets: ["db-*", "web-10"] }),
      'its statement is not for "web-1", as this host is called in its agent.yaml',
    ],
    [
      "a time that is over",
      with_({ notBefore: now - HOUR, notAfter: now - 1 }),
      "its statement was good until",
    ],
    [
      "a time to come",
      with_({ notBefore: now + 1, notAfter: now + HOUR }),
      "its statement is good from",
    ],
    [
      "more than a day",
      with_({ notAfter: now + 24 * HOUR + 1 }),
      "its statement cannot be used: it is good for more than 24 h",
    ],
    [
      "an unknown signer",
      signBy(good, ALICE, MALLORY),
      `${LACKS} 1; a signature is by a key that this agent's policy lacks`,
    ],
    [
      "the same signer twice",
      signBy(good, ALICE, ALICE),
      `${LACKS} 1; "alice" signed it twice, which counts once`,
    ],
    [
      "a byte that was changed after signing",
      { ...two, statement: altered(good, statementId(1), statementId(2)) },
      `${LACKS} 0; the signature of "alice" is wrong; the signature of "bob" is wrong`,
    ],
    [
      "the key of another beside a signature",
      {
        ...two,
        signatures: [
          ...half.signatures,
          {
            publicKey: BOB.publicKey,
            signature: MALLORY.sign(good),
          },
        ],
      },
      `${LACKS} 1; the signature of "bob" is wrong`,
    ],
    [
      "spaces in the statement",
      signBy(altered(good, ",", ", "), ALICE, BOB),
      "its statement cannot be used: it is not written as RFC 8785 says",
    ],
    [
      "a statement of another kind",
      signBy(altered(good, "piri.signed-work.1", "plan.1"), ALICE, BOB),
      "its statement cannot be used: it is none of signed work that this version knows",
    ],
    [
      "a field that is not known",
      signBy(
        new TextEncoder().encode(
          canonicalJson({
            ...JSON.parse(new TextDecoder().decode(good)),
            unless: "x",
          }),
        ),
        ALICE,
        BOB,
      ),
      "its statement cannot be used: it is none of signed work that this version knows",
    ],
    [
      "a survival that is not true",
      signBy(
        new TextEncoder().encode(
          canonicalJson({
            ...JSON.parse(new TextDecoder().decode(good)),
            survive: false,
          }),
        ),
        ALICE,
        BOB,
      ),
      "its statement cannot be used: it is none of signed work that this version knows",
    ],
    [
      "a survival that is signed and not sent",
      with_({ survive: true }),
      "its statement is for a program that outlives the agent",
    ],
    [
      "a statement that is too large",
      signBy(tooLarge, ALICE, BOB),
      `its statement cannot be used: it has ${tooLarge.length} bytes, and the limit is ${MAX_STATEMENT_BYTES}`,
    ],
    [
      "17 signatures",
      signBy(good, ...Array.from({ length: 17 }, () => ALICE)),
      "it has 17 signatures, and the limit is 16",
    ],
  ];
}

Deno.test("a command with a wrong statement is refused, and the reason says what is wrong", async () => {
  await using agent = await guarded();
  const cases = wrongCommands(agent.clock.now());
  const told: [string, string][] = [];
  for (const [index, [what, command]] of cases.entries()) {
    const { output, data } = await agent.refused({
      commandId: BigInt(index + 1),
      ...command,
    });
    assertEquals(new TextDecoder().decode(data), '{"errorCode":"REFUSED"}');
    told.push([
      what,
      output.replace("Cannot run echo.Echo here: ", "")
        .replace(/( good (?:until|from)) .*/, "$1"),
    ]);
  }
  assertEquals(told, cases.map(([what, , why]) => [what, why]));
  assertEquals(agent.journal.lastCommandId, 0n);

  const work = echoWork(agent.clock.now(), { targets: ["db-1", "web-*"] });
  await agent.accepted({ commandId: 100n, ...signedByTwo(work) });
  assertEquals(agent.workers.jobs.length, 1);
});

Deno.test("a Manager can neither add --survive to what was signed nor take it away", async () => {
  const policy = await parsePolicy(TWO_SIGNATURES, "policy.yaml");
  const program = {
    operation: "command.Run",
    params: '{"argv":["id"]}',
  };
  const work = echoWork(0, {
    operation: "command.Run",
    params: { argv: ["id"] },
  });
  const judged = (signed: boolean, sent: boolean) => {
    const verdict = checkSignatures(policy, {
      ...program,
      survive: sent,
      signed: signedByTwo(signed ? { ...work, survive: true } : work),
    }, { name: "web-1", now: 1 });
    return "refusal" in verdict ? verdict.refusal : "good";
  };

  assertEquals([judged(false, false), judged(true, true)], ["good", "good"]);
  assertEquals(
    judged(false, true),
    "Cannot run command.Run here: its statement does not let the program outlive the agent",
  );
  assertEquals(
    judged(true, false),
    "Cannot run command.Run here: its statement is for a program that outlives the agent",
  );
});

Deno.test("a command that the Manager lets outlive the agent is judged as such", async () => {
  const asked: (boolean | undefined)[] = [];
  const policy = {
    judge: ({ survive }: { survive?: boolean | undefined }) => {
      asked.push(survive);
      return { refusal: "no", rule: "none" };
    },
  };
  const dialect = { hasPositionalParams: false };

  for (const survive of [true, false]) {
    const command = commandOf({ type: "command.Run", survive });
    await judge(policy, command, { dialect, now: 0 });
  }

  assertEquals(asked, [true, false]);
});

Deno.test("a statement is used up by one command, also if the agent restarts", async () => {
  await using agent = await guarded();
  const signed = signedByTwo(echoWork(agent.clock.now()));
  const again = /its statement was used before/;
  await agent.accepted({ commandId: 1n, ...signed });
  assertMatch(
    (await agent.refused({ commandId: 2n, ...signed })).output,
    again,
  );

  await using restarted = await agent.restarted();
  await useTwoSignatures(restarted);
  const refused = await restarted.refused({ commandId: 3n, ...signed });
  assertMatch(refused.output, again);
});

Deno.test("two commands with one statement at once are one command", async () => {
  await using agent = await guarded();
  const signed = signedByTwo(echoWork(agent.clock.now()));
  const results = await Promise.all([
    agent.accept({ commandId: 1n, ...signed }),
    agent.accept({ commandId: 2n, ...signed }),
  ]);
  assertEquals(
    results.map((each) => each !== undefined && "status" in each),
    [false, true],
  );
  assertEquals(agent.workers.jobs.length, 1);
});

Deno.test("the same signed command that comes twice is known, and not refused", async () => {
  await using agent = await guarded();
  const signed = signedByTwo(echoWork(agent.clock.now()));
  await agent.accepted({ commandId: 1n, ...signed });
  assertEquals(await agent.accept({ commandId: 1n, ...signed }), undefined);
});

Deno.test("a statement whose command found the agent busy can still be used", async () => {
  await using agent = await guarded();
  const signed = signedByTwo(echoWork(agent.clock.now()));
  agent.runner.refuse("the agent stops");
  await agent.refused({ commandId: 1n, ...signed });
  assertEquals(
    agent.policy.claim({ id: statementId(1), until: 2 ** 50 }),
    undefined,
  );
});

Deno.test("a clock that is set back does not open a used statement again", () => {
  const clock = new FakeClock();
  const now = clock.now();
  const used = new UsedStatements(clock);
  const statement = { id: statementId(1), until: now + HOUR };
  assertEquals(used.claim(statement), undefined);
  clock.jump(2 * HOUR);
  assertEquals(
    used.claim({ id: statementId(2), until: now + 3 * HOUR }),
    undefined,
  );
  assertMatch(used.claim(statement) ?? "", /has forgotten whether it was used/);
});

Deno.test("an agent remembers a bounded number of statements, and refuses what is more", () => {
  const used = new UsedStatements(new FakeClock());
  const until = 2 ** 50;
  for (let number = 0; number < MAX_USED; number++) {
    assertEquals(used.claim({ id: statementId(number), until }), undefined);
  }
  assertMatch(
    used.claim({ id: statementId(MAX_USED), until }) ?? "",
    /4096 statements were used within 24 h, which is the limit/,
  );
});

Deno.test("a file of used statements that cannot be read lets no signed command in", async () => {
  const used = new UsedStatements(new FakeClock(), {
    read: () => Promise.resolve("{"),
    write: () => Promise.resolve(),
  });
  await used.load();
  assertMatch(
    used.claim({ id: statementId(1), until: 2 ** 50 }) ?? "",
    /cannot read which statements were used/,
  );
});
