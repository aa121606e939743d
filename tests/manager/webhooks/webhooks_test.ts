import { assertEquals, assertMatch } from "@std/assert";
import type { Post, Posted } from "../../../lib/manager/webhooks/post.ts";
import { RETRY_DELAYS_MS } from "../../../lib/manager/webhooks/hook_queue.ts";
import { signatureOf } from "../../../lib/manager/webhooks/signature.ts";
import type { Webhook } from "../../../lib/manager/webhooks/webhook.ts";
import { JobFleet } from "../jobs/job_fleet.ts";

const HOOK: Webhook = {
  url: "https://hooks.example.org/a-secret-path",
  events: ["job.ended", "agent.away"],
  awayAfter: 600_000,
};

const SETTINGS = { addresses: [], pingIntervalMs: 15_000, keepBytes: 9n };

/** Longest delay after the first failed attempt, in milliseconds. */
const FIRST_DELAY_MS = 6_000;

/** A receiver that answers as a test says, and what it was told. */
class Receiver {
  readonly posted: Posted[] = [];
  answer: (message: Posted) => Promise<number> = () => Promise.resolve(204);

  readonly post: Post = (message) => {
    this.posted.push(message);
    return this.answer(message);
  };

  /** Types and subjects of the messages, in the order in which they came. */
  get told(): string[] {
    return this.posted.map(({ body }) => {
      const { type, data } = JSON.parse(body);
      return `${type} ${data.job ?? data.agent}`;
    });
  }

  /** Ids of the messages, in the order in which they came. */
  get ids(): (string | undefined)[] {
    return this.posted.map(({ headers }) => headers["webhook-id"]);
  }
}

/** Starts a Manager with agents, and with webhooks at a receiver. */
async function start(
  names: string[],
  receiver: Receiver,
  webhooks: readonly Webhook[] = [HOOK],
): Promise<JobFleet> {
  const fleet = await JobFleet.start(names, { post: receiver.post, webhooks });
  await fleet.manager.adopt({ ...SETTINGS, webhooks });
  return fleet;
}

/** Runs a job on all agents to its end. */
async function runJob(fleet: JobFleet, agent = "web-1"): Promise<void> {
  await fleet.start();
  await fleet.finish(agent);
}

async function eventsOf(fleet: JobFleet): Promise<string[]> {
  return (await fleet.manager.happened())
    .filter(({ kind }) => kind.startsWith("webhook_"))
    .map(({ kind, message }) => `${kind}: ${message}`);
}

Deno.test("the end of a job is posted once, with its counts", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1", "web-2"], receiver);
  await fleet.start({ name: "deploy", note: "v7", requestedBy: "anna" });
  await fleet.finish("web-1");

  assertEquals(receiver.told, []);
  await fleet.fail("web-2");
  await fleet.advance(60_000);

  assertEquals(receiver.told, ["job.ended j-1"]);
  assertEquals(receiver.posted[0]?.url, HOOK.url);
  const body = JSON.parse(receiver.posted[0]?.body ?? "");
  assertEquals(body, {
    type: "job.ended",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: {
      managerId: fleet.manager.store.managerId,
      job: "j-1",
      state: "failed",
      reason: "",
      name: "deploy",
      note: "v7",
      operation: "echo.Echo",
      targets: ["all"],
      requestedBy: "anna",
      saidBy: "",
      createdAt: "2026-01-01T00:00:00.000Z",
      finishedAt: "2026-01-01T00:00:00.000Z",
      rerunOf: null,
      agents: { total: 2, succeeded: 1, failed: 1 },
    },
  });
});

Deno.test("a message is signed with the secret, and not without one", async () => {
  const receiver = new Receiver();
  const secret = new Uint8Array(24).fill(7);
  const other = { ...HOOK, url: "https://other.example.org/" };
  await using fleet = await start(["web-1"], receiver, [
    { ...HOOK, secret },
    other,
  ]);
  await runJob(fleet);

  const [signed, unsigned] = receiver.posted;
  const { headers, body = "" } = signed ?? {};
  const id = headers?.["webhook-id"] ?? "";
  const timestamp = Number(headers?.["webhook-timestamp"]);
  assertMatch(id, /^msg_[0-9a-f-]+_1$/);
  assertEquals(timestamp, Date.UTC(2026, 0, 1) / 1_000);
  assertEquals(
    headers?.["webhook-signature"],
    signatureOf({ id, timestamp, body }, secret),
  );
  assertEquals(unsigned?.url, other.url);
  assertEquals(unsigned?.headers["webhook-signature"], undefined);
});

Deno.test("a message that fails is posted again with its id, and events tell it without the path", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  receiver.answer = () => Promise.resolve(500);
  await runJob(fleet);
  receiver.answer = ({ url }) =>
    Promise.reject(new TypeError(`error sending request for url (${url}): no`));
  await fleet.advance(FIRST_DELAY_MS);
  receiver.answer = () => Promise.resolve(200);
  await fleet.advance(60_000);
  await fleet.advance(60_000);

  assertEquals(receiver.told, Array(3).fill("job.ended j-1"));
  assertEquals(new Set(receiver.ids).size, 1);
  assertEquals(await eventsOf(fleet), [
    "webhook_failed: the webhook https://hooks.example.org did not take job.ended of j-1, and is tried again: it answered 500",
    "webhook_recovered: the webhook https://hooks.example.org takes events again",
  ]);
});

Deno.test("one that fails does not hold up the others", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  receiver.answer = ({ body }) =>
    Promise.resolve(body.includes("j-1") ? 400 : 200);
  await runJob(fleet);
  await runJob(fleet);

  assertEquals(receiver.told, ["job.ended j-1", "job.ended j-2"]);
});

Deno.test("a receiver that does not answer delays no job, and is left after 15 s", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  receiver.answer = () => new Promise(() => {});
  await runJob(fleet);
  await runJob(fleet);

  assertEquals(await fleet.state(2n), "succeeded");
  assertEquals(receiver.told, ["job.ended j-1"]);
  await fleet.advance(15_000);
  assertEquals(receiver.told, ["job.ended j-1", "job.ended j-2"]);
  assertEquals((await eventsOf(fleet))[0]?.endsWith("no answer in 15 s"), true);
});

Deno.test("an event is given up after the last attempt", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver, [
    { ...HOOK, events: ["job.ended"] },
  ]);
  receiver.answer = () => Promise.resolve(503);
  await runJob(fleet);
  for (const delay of RETRY_DELAYS_MS) {
    await fleet.manager.clock.advance(1.2 * delay);
  }
  await fleet.manager.clock.advance(30 * 86_400_000);

  assertEquals(receiver.posted.length, RETRY_DELAYS_MS.length + 1);
  assertEquals(
    (await eventsOf(fleet)).at(-1),
    "webhook_given_up: the webhook https://hooks.example.org was not told of job.ended of j-1: it answered 503",
  );
});

Deno.test("a receiver that is gone for good is not asked again for the same event", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  receiver.answer = () => Promise.resolve(410);
  await runJob(fleet);
  await fleet.advance(60_000);

  assertEquals(receiver.told, ["job.ended j-1"]);
  assertEquals(await eventsOf(fleet), [
    "webhook_given_up: the webhook https://hooks.example.org was not told of job.ended of j-1: it answered 410",
  ]);
});

Deno.test("an event that has not arrived is posted after a crash of the Manager", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  receiver.answer = () => new Promise(() => {});
  await runJob(fleet);
  receiver.answer = () => Promise.resolve(200);
  await fleet.restart();

  assertEquals(receiver.told, ["job.ended j-1", "job.ended j-1"]);
  assertEquals(new Set(receiver.ids).size, 1);
});

Deno.test("an event that has arrived is not posted after a restart", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver);
  await runJob(fleet);
  await fleet.restart({ crash: false });
  await fleet.advance(60_000);

  assertEquals(receiver.told, ["job.ended j-1"]);
});

Deno.test("a webhook hears of what happens from its first day on, and after its last one of nothing", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1"], receiver, []);
  await runJob(fleet);
  await fleet.manager.adopt({ ...SETTINGS, webhooks: [HOOK] });
  receiver.answer = () => Promise.resolve(500);
  await runJob(fleet);
  await fleet.manager.adopt({ ...SETTINGS, webhooks: [] });
  await fleet.advance(60_000);
  await fleet.manager.adopt({ ...SETTINGS, webhooks: [HOOK] });
  await fleet.advance(60_000);

  assertEquals(receiver.told, ["job.ended j-2"]);
});

Deno.test("a webhook hears only of the events that it asks for", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1", "web-2"], receiver, [
    { ...HOOK, events: ["agent.away"] },
    { ...HOOK, url: "https://jobs.example.org/", events: ["job.ended"] },
  ]);
  await fleet.start({ targets: "web-1" });
  await fleet.finish("web-1");
  await fleet.disconnect("web-2");
  await fleet.advance(620_000);

  assertEquals(receiver.told, ["job.ended j-1", "agent.away web-2"]);
  assertEquals(receiver.posted.map(({ url }) => new URL(url).host), [
    "jobs.example.org",
    "hooks.example.org",
  ]);
});

Deno.test("an agent that stays away is told once in each absence, and one that comes back in time is not", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1", "web-2"], receiver);
  await fleet.advance(1_000);
  await fleet.disconnect("web-1");
  await fleet.disconnect("web-2");
  await fleet.advance(590_000);
  await fleet.connect("web-2");
  await fleet.advance(700_000);

  assertEquals(receiver.told, ["agent.away web-1"]);
  const { timestamp, data } = JSON.parse(receiver.posted[0]?.body ?? "");
  assertEquals([timestamp, data.awaySince, data.lastConnectedAt], [
    "2026-01-01T00:00:01.000Z",
    "2026-01-01T00:00:01.000Z",
    "2026-01-01T00:00:00.000Z",
  ]);
  await fleet.connect("web-1");
  await fleet.disconnect("web-1");
  await fleet.advance(620_000);

  assertEquals(receiver.told, ["agent.away web-1", "agent.away web-1"]);
});

Deno.test("agents have their time to come back after a restart, and what was told is not told again", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1", "web-2"], receiver);
  await fleet.disconnect("web-1");
  await fleet.advance(620_000);
  await fleet.restart({ crash: false });
  await fleet.advance(590_000);

  assertEquals(receiver.told, ["agent.away web-1"]);
  await fleet.advance(30_000);
  assertEquals(receiver.told, ["agent.away web-1", "agent.away web-2"]);
});

Deno.test("an agent that was retired or removed is not missed", async () => {
  const receiver = new Receiver();
  await using fleet = await start(["web-1", "web-2"], receiver);
  const { agents, clock } = fleet.manager;
  await fleet.disconnect("web-1");
  await fleet.disconnect("web-2");
  await agents.remove("web-1");
  await agents.set(["web-2"], {
    addGroups: [],
    removeGroups: [],
    setFacts: {},
    removeFacts: [],
    retired: true,
  });
  await clock.advance(620_000);

  assertEquals(receiver.told, []);
});
