import { assertEquals } from "@std/assert";
import { watchedService } from "../../lib/update/watched_windows.ts";
import type { UpdateNote } from "../../lib/update/update_note.ts";
import { watchTrial } from "../../lib/update/watch_trial.ts";
import { FakeWindowsParts } from "../service/windows/fake_windows.ts";
import { FakeClock } from "../support/fake_clock.ts";

const NOTE: UpdateNote = {
  id: "17",
  nonce: "5",
  managerId: "manager-1",
  from: "0.2.0",
  to: "0.3.0",
  state: "trial",
  starts: 0,
  deadline: 600_000,
  startedAt: 0,
  confirmMs: 60_000,
  trialMs: 600_000,
  reason: "",
  detail: "",
};

type State = "running" | "changing" | "stopped" | "failed" | undefined;

/** A service whose new version is on trial, and a guard that watches. All of it is in memory. */
class Site {
  readonly clock = new FakeClock(0);
  readonly told: string[] = [];
  state: State = "failed";
  /** State that the start of a version leads to, or its failure. */
  onStart: (version: string) => State | Error = () => "running";
  isOver = false;
  #note: string;
  #version = "0.3.0";

  constructor(note: Partial<UpdateNote> = {}) {
    this.#note = JSON.stringify({ ...NOTE, ...note });
  }

  get note(): UpdateNote {
    return JSON.parse(this.#note);
  }

  set note(note: Partial<UpdateNote>) {
    this.#note = JSON.stringify({ ...NOTE, ...note });
  }

  /** Lets the guard begin. */
  begin(): this {
    void watchTrial({
      files: {
        read: () => Promise.resolve(this.#note),
        write: (_path, text) => {
          this.#note = text;
          return Promise.resolve(true);
        },
        readLink: () => Promise.resolve(`versions/${this.#version}`),
        link: (_path, target) => {
          this.#version = target.replace("versions/", "");
          return Promise.resolve(true);
        },
        exists: () => Promise.resolve(true),
      },
      dir: "/var",
      root: "/root",
      clock: this.clock,
      say: (line) => this.told.push(line),
      service: {
        look: () => this.state,
        start: () => this.#start(),
        kill: () => {
          this.told.push("kill");
          this.state = "failed";
        },
      },
    }).then(() => void (this.isOver = true));
    return this;
  }

  #start(): Promise<void> {
    this.told.push(`start ${this.#version}`);
    const state = this.onStart(this.#version);
    if (state instanceof Error) return Promise.reject(state);
    this.state = state;
    return Promise.resolve();
  }
}

Deno.test("the guard starts the new version, and leaves once that is confirmed", async () => {
  const site = new Site().begin();
  await site.clock.advance(10_000);
  assertEquals([site.told, site.isOver], [["start 0.3.0"], false]);
  site.note = { state: "confirmed" };
  await site.clock.advance(1_000);

  assertEquals([site.told, site.isOver], [["start 0.3.0"], true]);
});

Deno.test("a version that fails at each start is given up after three", async () => {
  const site = new Site();
  site.onStart = (version) => version === "0.3.0" ? "failed" : "running";
  site.begin();
  await site.clock.advance(10_000);

  assertEquals([site.told, site.isOver], [[
    "start 0.3.0",
    "start 0.3.0",
    "start 0.3.0",
    "Version 0.3.0 is given up, and 0.2.0 starts again: it was started 3 times, and did not stay up until it was confirmed",
    "start 0.2.0",
  ], true]);
  assertEquals(site.note.state, "back");
});

Deno.test("a version that cannot be started at all is given up, too", async () => {
  const site = new Site();
  site.onStart = (version) =>
    version === "0.3.0" ? new Error("no program") : "running";
  site.begin();
  await site.clock.advance(10_000);

  assertEquals(site.told.filter((line) => line === "no program").length, 3);
  assertEquals([site.told.at(-1), site.isOver], ["start 0.2.0", true]);
});

Deno.test("a version that hangs past its deadline is ended, and given up", async () => {
  const site = new Site({ deadline: 100_000 }).begin();
  await site.clock.advance(159_000);
  assertEquals(site.told, ["start 0.3.0"]);
  await site.clock.advance(5_000);

  assertEquals([site.told.slice(1), site.isOver], [[
    "kill",
    "Version 0.3.0 is given up, and 0.2.0 starts again: it was not connected and confirmed in time",
    "start 0.2.0",
  ], true]);
});

Deno.test("a service that somebody has stopped stays stopped, and the guard waits until the deadline", async () => {
  const site = new Site({ deadline: 100_000 });
  site.state = "stopped";
  site.begin();
  await site.clock.advance(159_000);
  assertEquals([site.told, site.isOver], [[], false]);
  await site.clock.advance(5_000);

  assertEquals([site.told, site.isOver], [[], true]);
});

Deno.test("a guard without a trial starts a failed service once, and leaves", async () => {
  const site = new Site({ state: "confirmed" });
  site.onStart = () => "failed";
  site.begin();
  await site.clock.advance(60_000);

  assertEquals([site.told, site.isOver], [["start 0.3.0"], true]);
});

Deno.test("the guard leaves where the service was removed", async () => {
  const site = new Site();
  site.state = undefined;
  site.begin();
  await site.clock.settle();

  assertEquals([site.told, site.isOver], [[], true]);
});

Deno.test("a service of Windows that has ended by itself or with a code has failed", () => {
  const { services } = new FakeWindowsParts();
  const { look } = watchedService("piri-agent", services);
  assertEquals(look(), undefined);
  services.create("piri-agent", {
    commandLine: "",
    account: "LocalSystem",
    displayName: "",
    description: "",
  });
  const seen = [
    { state: "stopped", exitCode: 0 },
    { state: "stopped", exitCode: 75 },
    { state: "starts", exitCode: 0 },
    { state: "running", exitCode: 0 },
  ].map((change) => {
    services.set("piri-agent", change as { state: "stopped" });
    return look();
  });

  assertEquals(seen, ["stopped", "failed", "changing", "running"]);
});
