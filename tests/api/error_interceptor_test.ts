import { assertEquals } from "@std/assert";
import type { LogRecord } from "@logtape/logtape";
import { PiriError } from "../../lib/base/errors.ts";
import { all, refusal, startControl } from "../support/control.ts";
import { heardLog } from "../support/heard_log.ts";
import { SmallManager } from "../support/small_manager.ts";

Deno.test("an internal error goes to the log, and clients learn only that the call failed", async () => {
  await using heard = await heardLog();
  const manager = new SmallManager();
  manager.status = () => Promise.reject(new TypeError("secret = hunter2"));
  await using fleet = await startControl({ manager });

  const refused = await refusal(fleet.control.status.getStatus({}));

  assertEquals(refused, {
    connect: "Internal",
    piri: "INTERNAL",
    message:
      "Cannot answer GetStatus: the Manager failed, and its log says how",
  });
  assertEquals(heard.records.map(causeOf), ["GetStatus: secret = hunter2"]);
});

Deno.test("a stream that fails in its middle gives the earlier messages, then the error with its code", async () => {
  const manager = new SmallManager();
  manager.events = {
    watch: async function* () {
      yield await Promise.resolve(anEvent(1n));
      throw new PiriError("DISK", "Cannot read events: the disk gives errors");
    },
  };
  await using fleet = await startControl({ manager });
  const seen: (bigint | undefined)[] = [];

  const refused = await refusal((async () => {
    for await (const { event } of fleet.control.events.watchEvents({})) {
      seen.push(event?.id);
    }
  })());

  assertEquals(seen, [1n]);
  assertEquals(refused, {
    connect: "Internal",
    piri: "DISK",
    message: "Cannot read events: the disk gives errors",
  });
});

Deno.test("an internal error does not reach the reader of a stream either", async () => {
  await using heard = await heardLog();
  const manager = new SmallManager();
  manager.events = {
    watch: async function* () {
      yield await Promise.resolve(anEvent(1n));
      throw new TypeError("secret = hunter2");
    },
  };
  await using fleet = await startControl({ manager });

  const refused = await refusal(all(fleet.control.events.watchEvents({})));

  assertEquals(refused, {
    connect: "Internal",
    piri: "INTERNAL",
    message:
      "Cannot answer WatchEvents: the Manager failed, and its log says how",
  });
  assertEquals(heard.records.map(causeOf), ["WatchEvents: secret = hunter2"]);
});

Deno.test("a client that leaves a stream ends its source, and that is no error", async () => {
  await using heard = await heardLog();
  const left = Promise.withResolvers<string>();
  const manager = new SmallManager();
  manager.events = {
    watch: async function* (_range, { signal }) {
      try {
        yield anEvent(1n);
        await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason))
        );
      } finally {
        left.resolve("left");
      }
    },
  };
  await using fleet = await startControl({ manager });
  const leaving = new AbortController();
  const stream = fleet.control.events.watchEvents({ follow: true }, {
    signal: leaving.signal,
  })[Symbol.asyncIterator]();
  await stream.next();

  leaving.abort();
  const { piri } = await refusal(stream.next());

  assertEquals(piri, "CANCELLED");
  assertEquals(await left.promise, "left");
  assertEquals(heard.records, []);
});

function anEvent(id: bigint) {
  return {
    key: { at: 1, source: "event" as const, id },
    id,
    kind: "agent_connected",
    agent: null,
    commandId: null,
    message: "",
  };
}

function causeOf({ properties }: LogRecord): string {
  const { method, error } = properties;
  return `${method}: ${error instanceof Error ? error.message : error}`;
}
