import { assertEquals, assertRejects } from "@std/assert";
import {
  ManagerTrial,
  type ManagerTrialParts,
} from "../../../lib/manager/update/manager_trial.ts";
import type { UpdateNote } from "../../../lib/update/update_note.ts";
import { FakeClock } from "../../support/fake_clock.ts";

/** Deadline of the note, by the fake clock. */
const DEADLINE = new FakeClock().now() + 240_000;

const NOTE: UpdateNote = {
  id: "0",
  nonce: "0",
  managerId: "",
  from: "0.2.0",
  to: "0.3.0",
  state: "trial",
  starts: 1,
  deadline: DEADLINE,
  startedAt: 0,
  confirmMs: 60_000,
  trialMs: 240_000,
  reason: "",
  detail: "",
  schema: 40,
};

/** State folder in memory. */
class NoteFile {
  text: string;
  isFull = false;

  constructor(note: Partial<UpdateNote>) {
    this.text = JSON.stringify({ ...NOTE, ...note });
  }

  get note(): UpdateNote {
    return JSON.parse(this.text);
  }

  read = () => Promise.resolve(this.text);

  write = (_path: string, text: string) => {
    if (this.isFull) return Promise.reject(new Error("no space"));
    this.text = text;
    return Promise.resolve(true);
  };
}

/** A Manager that has begun, with the last note. */
async function started(
  note: Partial<UpdateNote> = {},
  { slot = "0.3.0", schema = 40 } = {},
) {
  const clock = new FakeClock();
  const files = new NoteFile(note);
  const restarts: string[] = [];
  const parts: ManagerTrialParts = {
    files,
    dir: "/var/lib/piri-manager",
    clock,
    installed: { kind: "slots", root: "/opt/piri/manager", slot },
    restart: (cause) => void restarts.push(cause),
    schema,
  };
  const trial = await ManagerTrial.find(parts);
  await trial.begin();
  return { clock, files, restarts, trial };
}

const works = () => Promise.resolve({ connected: 3 });
const isAlone = () => Promise.resolve({ connected: 0 });
const fails = () => Promise.reject(new Error("no answer"));

Deno.test("a Manager is confirmed once it has worked for the time of its trial", async () => {
  const { clock, files, trial } = await started();
  await trial.opens(3);
  trial.serves(works);

  await clock.advance(59_900);
  assertEquals(files.note.state, "trial");
  await clock.advance(1_100);
  assertEquals(files.note.state, "confirmed");
  assertEquals(clock.timers, 0);
});

Deno.test("a break begins the time anew", async () => {
  const { clock, files, trial } = await started();
  let answer: () => Promise<{ connected: number }> = works;
  await trial.opens(3);
  trial.serves(() => answer());
  await clock.advance(50_000);
  answer = fails;
  await clock.advance(2_000);
  answer = works;
  await clock.advance(59_000);
  assertEquals(files.note.state, "trial");

  await clock.advance(3_000);
  assertEquals(files.note.state, "confirmed");
});

Deno.test("a Manager that no agent comes back to is not confirmed, and ends at the deadline", async () => {
  const { clock, files, restarts, trial } = await started();
  await trial.opens(3);
  trial.serves(isAlone);
  await clock.advance(239_000);
  assertEquals([files.note.state, restarts], ["trial", []]);

  await clock.advance(2_000);
  assertEquals(restarts, ["version 0.3.0 was not confirmed in time"]);
  assertEquals(files.note.deadline <= clock.now(), true);
  assertEquals(
    files.note.detail,
    "none of 3 agents that were connected before has come back",
  );
  assertEquals(clock.timers, 0);
});

Deno.test("a Manager without agents needs none to be confirmed", async () => {
  const { clock, files, trial } = await started();
  await trial.opens(0);
  trial.serves(isAlone);
  await clock.advance(61_000);

  assertEquals(files.note.state, "confirmed");
});

Deno.test("a later start on trial expects the agents that the first one has", async () => {
  const { files, trial } = await started({ agents: 3 });
  await trial.opens(0);

  assertEquals(files.note.agents, 3);
});

Deno.test("a Manager that never serves ends at the deadline", async () => {
  const { clock, restarts } = await started();
  await clock.advance(241_000);

  assertEquals(restarts.length, 1);
});

Deno.test("a Manager that cannot note its end goes on, until it can or works", async () => {
  for (const answer of [works, fails]) {
    const { clock, files, restarts, trial } = await started();
    let current: () => Promise<{ connected: number }> = fails;
    await trial.opens(1);
    trial.serves(() => current());
    files.isFull = true;
    await clock.advance(300_000);
    assertEquals(restarts, []);
    current = answer;
    await clock.advance(70_000);
    files.isFull = false;
    await clock.advance(2_000);

    assertEquals([files.note.state, restarts.length], [
      answer === works ? "confirmed" : "trial",
      answer === works ? 0 : 1,
    ]);
  }
});

Deno.test("a deadline does not interrupt a change of the database, and comes after it", async () => {
  const { clock, restarts, trial } = await started();
  trial.upgrading(true);
  await clock.advance(3_600_000);
  assertEquals(restarts, []);

  trial.upgrading(false);
  await clock.advance(239_000);
  assertEquals(restarts, []);
  await clock.advance(2_000);
  assertEquals(restarts.length, 1);
});

Deno.test("the note says that it may have accepted something before it does", async () => {
  const { files, trial } = await started();
  await trial.opens(0);

  assertEquals(files.note.served, true);
});

Deno.test("a Manager that cannot note that it opens does not open", async () => {
  const { files, trial } = await started();
  files.isFull = true;

  await assertRejects(() => trial.opens(0), Error, "no space");
});

Deno.test("a Manager that has changed its database and served stays at its deadline", async () => {
  const { clock, files, restarts, trial } = await started({}, { schema: 41 });
  let answer = isAlone;
  await trial.opens(1);
  trial.serves(() => answer());
  await clock.advance(600_000);
  assertEquals([restarts, files.note.state], [[], "trial"]);
  assertEquals(files.note.deadline, DEADLINE);

  answer = works;
  await clock.advance(61_000);
  assertEquals(files.note.state, "confirmed");
});

Deno.test("a Manager that has changed its database and not served ends at its deadline", async () => {
  const { clock, restarts } = await started({}, { schema: 41 });
  await clock.advance(241_000);

  assertEquals(restarts.length, 1);
});

Deno.test("the version before takes up that it runs again, once", async () => {
  const { files, trial } = await started({ state: "back", reason: "x" }, {
    slot: "0.2.0",
  });

  assertEquals([files.note.state, files.note.reason], ["failed", "x"]);
  assertEquals([trial.isOn, trial.schema], [false, undefined]);
});

Deno.test("a note about other versions changes nothing", async () => {
  for (
    const [note, slot] of [
      [{}, "0.4.0"],
      [{}, "0.2.0"],
      [{ state: "confirmed" }, "0.3.0"],
      [{ state: "failed" }, "0.2.0"],
      [{ state: "back" }, "0.3.0"],
    ] as const
  ) {
    const { clock, files, trial } = await started(note, { slot });
    const { text } = files;
    await trial.opens(5);
    trial.serves(works);
    await clock.advance(600_000);

    assertEquals([files.text, clock.timers], [text, 0]);
  }
});
