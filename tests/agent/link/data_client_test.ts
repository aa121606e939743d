import { assertEquals, assertRejects } from "@std/assert";
import {
  DataClient,
  type DataPeer,
} from "../../../lib/agent/link/data_client.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { codeOf, PiriError } from "../../../lib/base/errors.ts";
import type { Body } from "../../../lib/wire/message.ts";
import { createDataResponse } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import type { Init } from "../../support/scripted_peer.ts";

/** Client, with its requests. */
function clientOf(peer: Partial<DataPeer> = {}) {
  const clock = new FakeClock();
  const counters = new Counters();
  const asked: Body[] = [];
  const client = new DataClient(
    {
      send: (body) => {
        asked.push(body);
        return Promise.resolve();
      },
      ...peer,
    },
    clock,
    counters,
  );
  const answer = (init: Init<"dataResponse">) =>
    client.settle(createDataResponse(init));
  return { client, clock, counters, asked, answer };
}

/** Answer of bytes, or a piece of one. */
function bytes(
  requestId: bigint,
  text: string,
  more = false,
): Init<"dataResponse"> {
  const value = new TextEncoder().encode(text);
  return { requestId, ok: true, more, value: { case: "bytes", value } };
}

/** Answer of text. */
function text(
  requestId: bigint,
  value: string,
  ok = true,
): Init<"dataResponse"> {
  return { requestId, ok, value: { case: "string", value } };
}

/** Code that a request fails with. */
async function failure(request: Promise<unknown>): Promise<string> {
  return codeOf(await assertRejects(() => request));
}

Deno.test("each request gets its own answer, in whatever order they come", async () => {
  const { client, asked, answer } = clientOf();
  const one = client.request("data.Get", '{"key":"a"}');
  const two = client.request("data.Get", '{"key":"b"}');
  answer(text(2n, "second"));
  answer(text(1n, "first"));
  assertEquals([await one, await two], ["first", "second"]);
  assertEquals(
    asked.map(({ value }) => "data" in value && value.data),
    ['{"key":"a"}', '{"key":"b"}'],
  );
});

Deno.test("an answer in pieces is put together", async () => {
  const { client, answer } = clientOf();
  const request = client.request("file.Read", "{}");
  answer(bytes(1n, "one ", true));
  answer(bytes(1n, "", true));
  answer(bytes(1n, "two", true));
  answer(bytes(1n, "!"));
  assertEquals(await request, new TextEncoder().encode("one two!"));
});

Deno.test("an empty answer is an answer", async () => {
  const { client, answer } = clientOf();
  const request = client.request("file.Read", "{}");
  answer(bytes(1n, ""));
  assertEquals(await request, new Uint8Array());
});

Deno.test("an answer may have 1 MiB in all, and not a byte more", async () => {
  const half = "x".repeat(524_288);
  const { client, answer } = clientOf();
  const fits = client.request("file.Read", "{}");
  answer(bytes(1n, half, true));
  answer(bytes(1n, half));
  assertEquals((await fits).length, 1_048_576);
  const large = failure(client.request("file.Read", "{}"));
  answer(bytes(2n, half, true));
  answer(bytes(2n, half, true));
  answer(bytes(2n, "x"));
  assertEquals(await large, "PROTOCOL_VIOLATION");
});

Deno.test("a refusal of the Manager keeps its code and words", async () => {
  const { client, answer } = clientOf();
  const request = client.request("file.Read", "{}");
  answer(text(1n, "NOT_FOUND: Cannot read app.conf", false));
  const error = await assertRejects(
    () => request,
    PiriError,
    "Cannot read app.conf",
  );
  assertEquals(error.code, "NOT_FOUND");
});

Deno.test("a refusal of a legacy Manager has no code", async () => {
  const { client, answer } = clientOf();
  const request = client.request("file.Read", "{}");
  answer(text(1n, "no such key", false));
  const error = await assertRejects(() => request, PiriError, "no such key");
  assertEquals(error.code, "REFUSED");
});

Deno.test("a request without a byte for 30 s has failed", async () => {
  const { client, clock, answer, counters } = clientOf();
  const request = failure(client.request("file.Read", "{}"));
  await clock.advance(29_999);
  answer(bytes(1n, "x", true));
  await clock.advance(29_999);
  answer(bytes(1n, "x", true));
  await clock.advance(30_000);
  assertEquals(await request, "TIMED_OUT");
  assertEquals(clock.timers, 0);
  answer(bytes(1n, "late"));
  assertEquals(counters.all(), { data_responses_late: 1n });
});

Deno.test("a request that cannot be written fails after 30 s as well", async () => {
  const { client, clock } = clientOf({ send: () => new Promise(() => {}) });
  const request = failure(client.request("file.Read", "{}"));
  await clock.advance(30_000);
  assertEquals(await request, "TIMED_OUT");
});

Deno.test("a request over a connection that is closed fails at once", async () => {
  const { client } = clientOf({
    send: () => Promise.reject(new PiriError("UNAVAILABLE", "Cannot send")),
  });
  assertEquals(await failure(client.request("file.Read", "{}")), "UNAVAILABLE");
});

Deno.test("the end of the connection fails all requests at once, and later ones too", async () => {
  const { client, clock } = clientOf();
  const one = failure(client.request("file.Read", "{}"));
  const two = failure(client.request("file.Read", "{}"));
  client.close();
  assertEquals([await one, await two], ["UNAVAILABLE", "UNAVAILABLE"]);
  assertEquals(await failure(client.request("file.Read", "{}")), "UNAVAILABLE");
  assertEquals(clock.timers, 0);
});

Deno.test("an answer to no request is counted and dropped", () => {
  const { answer, counters } = clientOf();
  answer(text(7n, "hello"));
  assertEquals(counters.all(), { data_responses_late: 1n });
});

Deno.test("requests above the Manager's limit wait for their turn", async () => {
  const { client, clock, asked, answer } = clientOf();
  const answers = Array.from(
    { length: 40 },
    (_, i) => client.request("data.Get", String(i)),
  );
  await clock.settle();
  assertEquals(asked.length, 32);

  answer(text(5n, "five"));
  answer(text(6n, "six"));
  await clock.settle();
  assertEquals([asked.length, client.underWay], [34, 32]);
  assertEquals(await answers[4], "five");

  const ends = Promise.allSettled(answers);
  client.close();
  const ended = (await ends).map(({ status }) => status);
  assertEquals(ended.filter((status) => status === "fulfilled").length, 2);
  assertEquals(asked.length, 34);
});
