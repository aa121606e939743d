import { assertEquals } from "@std/assert";
import { stageOf } from "../../../lib/manager/command/lifecycle.ts";
import {
  type HelloFacts,
  reconcile,
} from "../../../lib/manager/command/reconcile.ts";
import type { CommandRecord } from "../../../lib/store/records.ts";
import {
  type CommandState,
  CommandState_State,
  createCommandState,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { aCommand } from "../../support/small_manager.ts";

const { ACCEPTED, RUNNING, FINISHED } = CommandState_State;

const NEVER = "it never arrived at the agent";
const MAYBE = "it may have run: the agent does not know it any more";

/** A command that was sent to this instance. */
function sent(id: bigint, given: Partial<CommandRecord> = {}): CommandRecord {
  return aCommand({
    id,
    nonce: 100n + id,
    state: "sent",
    instance: "this",
    session: 1n,
    sentAt: 2_000,
    ...given,
  });
}

/** Entry of a hello for this command. */
function entry(
  commandId: bigint,
  state: CommandState_State = RUNNING,
  nonce = 100n + commandId,
): CommandState {
  return createCommandState({ commandId, nonce, state });
}

/** Effects of a hello of this instance. */
function meaning(
  { open = [], found = new Set(), others = [], ...hello }:
    & { open?: CommandRecord[]; others?: CommandRecord[] }
    & { found?: ReadonlySet<bigint> }
    & Partial<HelloFacts>,
) {
  const { patches, resumed, ended, unknownIds } = reconcile(
    {
      instance: "this",
      lastCommandId: 0n,
      listed: [],
      resumes: true,
      at: 9_000,
      ...hello,
    },
    open.map((record) => ({
      record,
      stage: found.has(record.id) ? "found" : stageOf(record),
      cancelIsRecorded: false,
    })),
    others,
  );
  return { patches, resumed, ended, unknownIds: [...unknownIds] };
}

/** No effects. */
const NOTHING = { patches: [], resumed: [], ended: [], unknownIds: [] };

function lost(id: bigint, reason: string) {
  return {
    id,
    state: "lost" as const,
    presumed: true,
    reason,
    finishedAt: 9_000,
  };
}

Deno.test("a hello has no effects if no command is open and none is listed", () => {
  assertEquals(meaning({}), NOTHING);
});

Deno.test("a queued command above the last id can still be sent", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  assertEquals(meaning({ open: [queued], lastCommandId: 4n }), NOTHING);
});

Deno.test("a command found queued at the start may have run, whatever its id", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  const { patches } = meaning({ open: [queued], found: new Set([5n]) });
  assertEquals(
    patches.map(({ id, state, presumed }) => [id, state, presumed]),
    [
      [5n, "lost", true],
    ],
  );
});

Deno.test("a queued command that is not above the last id may have run", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  assertEquals(meaning({ open: [queued], lastCommandId: 5n }), {
    ...NOTHING,
    patches: [lost(5n, MAYBE)],
  });
});

Deno.test("a queued command whose id the agent lists with another nonce may have run", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  const listed = [entry(5n, RUNNING, 1n)];
  assertEquals(meaning({ open: [queued], lastCommandId: 4n, listed }), {
    ...NOTHING,
    patches: [lost(5n, MAYBE)],
    unknownIds: [5n],
  });
});

Deno.test("a queued command that the agent lists was sent, and the database is from a backup", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  const listed = [entry(5n)];
  assertEquals(meaning({ open: [queued], lastCommandId: 5n, listed }), {
    ...NOTHING,
    patches: [{
      id: 5n,
      state: "running",
      instance: "this",
      sentAt: 9_000,
      startedAt: 9_000,
    }],
    resumed: [5n],
  });
});

Deno.test("a queued command of an agent that does not resume stays queued", () => {
  const queued = sent(5n, { state: "queued", instance: null, sentAt: null });
  assertEquals(
    meaning({ open: [queued], lastCommandId: 9n, resumes: false }),
    NOTHING,
  );
});

Deno.test("a command sent to this instance and above its last id never arrived", () => {
  assertEquals(meaning({ open: [sent(5n)], lastCommandId: 4n }), {
    ...NOTHING,
    patches: [lost(5n, NEVER)],
  });
});

const mayHaveRun: Readonly<Record<string, Parameters<typeof meaning>[0]>> = {
  "was sent and is not above the last id": {
    open: [sent(5n)],
    lastCommandId: 5n,
  },
  "was sent to another instance": {
    open: [sent(5n, { instance: "that" })],
    lastCommandId: 4n,
  },
  "was running": { open: [sent(5n, { state: "running" })], lastCommandId: 4n },
  "was sent to an agent that does not resume": {
    open: [sent(5n)],
    lastCommandId: 4n,
    resumes: false,
  },
};
for (const [what, hello] of Object.entries(mayHaveRun)) {
  Deno.test(`a command that ${what}, and is not listed, may have run`, () => {
    assertEquals(meaning(hello), { ...NOTHING, patches: [lost(5n, MAYBE)] });
  });
}

Deno.test("a sent command may have run if its id is listed with another nonce, which is unknown", () => {
  const listed = [entry(5n, RUNNING, 1n)];
  assertEquals(meaning({ open: [sent(5n)], lastCommandId: 4n, listed }), {
    ...NOTHING,
    patches: [lost(5n, MAYBE)],
    unknownIds: [5n],
  });
});

Deno.test("a command listed as accepted goes on as sent", () => {
  const listed = [entry(5n, ACCEPTED)];
  assertEquals(meaning({ open: [sent(5n)], lastCommandId: 5n, listed }), {
    ...NOTHING,
    resumed: [5n],
  });
});

Deno.test("a command listed as running, finished or in an unknown state is running", () => {
  for (const state of [RUNNING, FINISHED, 0, 9] as CommandState_State[]) {
    const listed = [entry(5n, state)];
    assertEquals(meaning({ open: [sent(5n)], lastCommandId: 5n, listed }), {
      ...NOTHING,
      patches: [{
        id: 5n,
        state: "running",
        instance: "this",
        sentAt: 2_000,
        startedAt: 9_000,
      }],
      resumed: [5n],
    });
  }
});

Deno.test("a running command goes on without a change, whatever its agent lists", () => {
  const running = sent(5n, { state: "running", startedAt: 3_000 });
  for (const state of [ACCEPTED, RUNNING, FINISHED]) {
    const listed = [entry(5n, state)];
    assertEquals(meaning({ open: [running], lastCommandId: 5n, listed }), {
      ...NOTHING,
      resumed: [5n],
    });
  }
});

Deno.test("a listed command that has ended here may be forgotten", () => {
  const others = [sent(5n, { state: "succeeded" })];
  const listed = [entry(5n, FINISHED)];
  assertEquals(meaning({ others, lastCommandId: 5n, listed }), {
    ...NOTHING,
    ended: [5n],
  });
});

const NO_HASHES = {
  stdoutSha256: null,
  stderrSha256: null,
  hashOfKept: false,
};

Deno.test("a listed command whose end was presumed goes on", () => {
  for (const state of ["lost", "timed_out"] as const) {
    const others = [
      sent(5n, { state, presumed: true, reason: NEVER, finishedAt: 5_000 }),
    ];
    const listed = [entry(5n)];
    assertEquals(meaning({ others, lastCommandId: 5n, listed }), {
      ...NOTHING,
      patches: [{
        id: 5n,
        state: "running",
        instance: "this",
        sentAt: 2_000,
        startedAt: 9_000,
        presumed: false,
        reason: "",
        finishedAt: null,
        ...NO_HASHES,
      }],
      resumed: [5n],
    });
  }
});

/** A command that an agent has reported as lost. */
const CALLED_LOST = sent(5n, {
  state: "lost",
  reason: "the agent ended while the command ran, and cannot say how it ended",
  startedAt: 3_000,
  finishedAt: 5_000,
  agentFinishedAt: 4_000,
  reapedSignalled: 2,
  reapedAlive: [17],
});

/** Effects by which the command goes on, and nothing of the lost result stays. */
const GOES_ON = {
  ...NOTHING,
  patches: [{
    id: 5n,
    state: "running" as const,
    instance: "this",
    sentAt: 2_000,
    startedAt: 3_000,
    presumed: false,
    reason: "",
    errorCode: "",
    finishedAt: null,
    agentFinishedAt: null,
    agentStartedAt: null,
    reapedSignalled: null,
    reapedAlive: [],
    ...NO_HASHES,
    masked: 0,
  }],
  resumed: [5n],
};

Deno.test("a command that a copy of an agent reported lost goes on where it runs", () => {
  for (const instance of ["this", "another"]) {
    const listed = [entry(5n, RUNNING)];
    assertEquals(
      meaning({ others: [CALLED_LOST], lastCommandId: 5n, listed, instance }),
      GOES_ON,
    );
  }
});

Deno.test("a lost command listed as finished is requested again only from another instance", () => {
  const listed = [entry(5n, FINISHED)];
  const others = [CALLED_LOST];
  assertEquals(
    meaning({ others, lastCommandId: 5n, listed, instance: "another" }),
    GOES_ON,
  );
  // This instance reported it lost, and has not heard that this is recorded.
  assertEquals(meaning({ others, lastCommandId: 5n, listed }), {
    ...NOTHING,
    ended: [5n],
  });
});

Deno.test("no other end is replaced when an agent lists the command", () => {
  const states = ["succeeded", "failed", "cancelled", "timed_out", "refused"];
  for (const state of states as CommandRecord["state"][]) {
    const others = [sent(5n, { state })];
    for (const listed of [[entry(5n, RUNNING)], [entry(5n, FINISHED)]]) {
      assertEquals(
        meaning({ others, lastCommandId: 5n, listed, instance: "another" }),
        { ...NOTHING, ended: [5n] },
      );
    }
  }
});

Deno.test("an id that is unknown here, or has another nonce, belongs to an unknown command", () => {
  const others = [sent(5n, { state: "succeeded" })];
  const listed = [entry(5n, FINISHED, 1n), entry(6n)];
  assertEquals(meaning({ others, lastCommandId: 6n, listed }), {
    ...NOTHING,
    unknownIds: [5n, 6n],
  });
});

Deno.test("each command gets its own verdict", () => {
  const open = [
    sent(1n, { state: "running" }),
    sent(2n),
    sent(3n),
    sent(4n, { state: "queued", instance: null }),
  ];
  const listed = [entry(1n), entry(9n)];
  assertEquals(meaning({ open, lastCommandId: 2n, listed }), {
    patches: [lost(2n, MAYBE), lost(3n, NEVER)],
    resumed: [1n],
    ended: [],
    unknownIds: [9n],
  });
});
