import { assertEquals, assertRejects } from "@std/assert";
import { enveloped } from "../../lib/api/envelopes.ts";
import type { HttpAnswer, HttpRequest } from "../../lib/api/http_client.ts";
import { type RpcLink, serviceClient } from "../../lib/api/rpc_client.ts";
import { Disconnected, PiriError } from "../../lib/base/errors.ts";
import { encode } from "../../lib/protobuf/protobuf_writer.ts";
import {
  AgentsService,
  createListAgentsResponse,
  createWatchEventsResponse,
  EventsService,
  writeListAgentsResponse,
  writeWatchEventsResponse,
} from "../../proto/gen/piri/control/v1/control_messages.ts";
import { all } from "../support/control.ts";

const UNARY = { "content-type": "application/proto" };
const STREAM = { "content-type": "application/connect+proto" };
const JSON_TYPE = { "content-type": "application/json" };

/** An answer of these bytes or this text. */
function answer(
  status: number,
  headers: Record<string, string>,
  ...parts: readonly (string | Uint8Array)[]
): HttpAnswer {
  const bytes = parts.map((part) =>
    typeof part === "string" ? new TextEncoder().encode(part) : part
  );
  return {
    status,
    header: new Headers(headers),
    body: ReadableStream.from(bytes),
  };
}

/** End of a stream, with this JSON. */
function end(json: unknown): Uint8Array {
  return enveloped(new TextEncoder().encode(JSON.stringify(json)))
    .fill(2, 0, 1);
}

function linkTo(
  send: RpcLink["send"],
  prove?: NonNullable<RpcLink["prove"]>,
): RpcLink {
  const link = { send, baseUrl: "http://localhost" };
  return prove === undefined ? link : { ...link, prove };
}

/** Code and message that a call, and whether it is a lost connection. */
async function failure(
  call: Promise<unknown>,
): Promise<[string, string, boolean]> {
  const error = await assertRejects(() => call, PiriError);
  return [error.code, error.message, error instanceof Disconnected];
}

function listing(given: HttpAnswer): Promise<unknown> {
  const link = linkTo(() => Promise.resolve(given));
  return serviceClient(AgentsService, link).listAgents({});
}

function watching(given: HttpAnswer): Promise<unknown[]> {
  const link = linkTo(() => Promise.resolve(given));
  return all(serviceClient(EventsService, link).watchEvents({}));
}

Deno.test("a call of one message sends a request of Connect, and reads an answer in parts", async () => {
  const sent: [string, string, Record<string, string>][] = [];
  const bytes = encode(
    writeListAgentsResponse,
    createListAgentsResponse({ agents: [{ id: "web-1", version: "1" }] }),
  );
  const link = linkTo(({ url, method, header }: HttpRequest) => {
    sent.push([method, url, Object.fromEntries(header)]);
    return Promise.resolve(
      answer(200, UNARY, bytes.subarray(0, 3), bytes.subarray(3)),
    );
  });

  const { agents } = await serviceClient(AgentsService, link).listAgents({});

  assertEquals(agents.map(({ id }) => id), ["web-1"]);
  assertEquals(sent, [[
    "POST",
    "http://localhost/piri.control.v1.AgentsService/ListAgents",
    { ...UNARY, "connect-protocol-version": "1" },
  ]]);
});

Deno.test("an answer that is not of a Manager is a lost connection, and says what it is", async () => {
  const failures = await Promise.all([
    failure(listing(answer(200, { "content-type": "text/html" }, "<p>"))),
    failure(listing(answer(200, {}, ""))),
    failure(listing(answer(502, { "content-type": "text/html" }, "<p>"))),
    failure(watching(answer(200, UNARY, ""))),
    failure(watching(answer(503, {}, ""))),
  ]);

  assertEquals(failures, [
    [
      "UNAVAILABLE",
      "Cannot reach the Manager: the answer is text/html instead of application/proto",
      true,
    ],
    [
      "UNAVAILABLE",
      "Cannot reach the Manager: the answer is nothing instead of application/proto",
      true,
    ],
    ["UNAVAILABLE", "Cannot reach the Manager: HTTP 502", true],
    [
      "UNAVAILABLE",
      "Cannot reach the Manager: the answer is application/proto instead of application/connect+proto",
      true,
    ],
    ["UNAVAILABLE", "Cannot reach the Manager: HTTP 503", true],
  ]);
});

Deno.test("an error is the Manager's, by its header or its code, or one of HTTP", async () => {
  const json = JSON.stringify({ code: "aborted", message: "Cannot: no" });
  const failures = await Promise.all([
    failure(
      listing(answer(409, { ...JSON_TYPE, "piri-code": "CORRUPT" }, json)),
    ),
    failure(listing(answer(409, JSON_TYPE, json))),
    failure(listing(answer(401, JSON_TYPE, "[]"))),
    failure(listing(answer(404, JSON_TYPE, "{"))),
  ]);

  assertEquals(failures, [
    ["CORRUPT", "Cannot: no", false],
    ["REFUSED", "Cannot: no", false],
    ["AUTH_FAILED", "HTTP 401", false],
    ["UNSUPPORTED", "HTTP 404", false],
  ]);
});

Deno.test("bytes that are no message are a violation", async () => {
  const expected = [
    "PROTOCOL_VIOLATION",
    "Cannot read a message: it ends early",
    false,
  ] as const;

  assertEquals(
    await failure(listing(answer(200, UNARY, new Uint8Array([10, 9])))),
    [...expected],
  );
  assertEquals(
    await failure(
      watching(answer(200, STREAM, enveloped(new Uint8Array([10, 9])))),
    ),
    [...expected],
  );
});

Deno.test("a stream gives its messages, and then what its end says", async () => {
  const message = enveloped(encode(
    writeWatchEventsResponse,
    createWatchEventsResponse({ event: { kind: "manager_started" } }),
  ));
  const refusal = { code: "not_found", message: "Cannot find it" };
  const trailer = { "piri-code": ["STALE"] };
  const seen = await watching(answer(200, STREAM, message, message, end({})));

  assertEquals(seen.length, 2);
  assertEquals(
    await Promise.all([
      failure(
        watching(
          answer(200, STREAM, end({ error: refusal, metadata: trailer })),
        ),
      ),
      failure(watching(answer(200, STREAM, end({ error: refusal })))),
      failure(watching(answer(200, STREAM, end({ error: 7 })))),
      failure(watching(answer(200, STREAM, end("over")))),
      failure(watching(answer(200, STREAM, message))),
    ]),
    [
      ["STALE", "Cannot find it", false],
      ["NOT_FOUND", "Cannot find it", false],
      [
        "UNAVAILABLE",
        "Cannot reach the Manager: its answer has no proper end",
        true,
      ],
      [
        "UNAVAILABLE",
        "Cannot reach the Manager: its answer has no proper end",
        true,
      ],
      ["UNAVAILABLE", "Cannot reach the Manager: its answer ended early", true],
    ],
  );
});

Deno.test("a call that takes too long is TIMED_OUT, and tells the Manager how long it may take", async () => {
  const timeouts: (string | null)[] = [];
  const link = linkTo(({ header, signal }) => {
    timeouts.push(header.get("connect-timeout-ms"));
    return new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason))
    );
  });
  const options = { timeoutMs: 1.5 };

  const failures = await Promise.all([
    failure(serviceClient(AgentsService, link).listAgents({}, options)),
    failure(all(serviceClient(EventsService, link).watchEvents({}, options))),
  ]);

  assertEquals(
    failures,
    Array(2).fill([
      "TIMED_OUT",
      "Cannot wait longer for the Manager's answer",
      false,
    ]),
  );
  assertEquals(timeouts, ["2", "2"]);
});

Deno.test("a proof goes with its request, and ends with it, also if that fails", async () => {
  const asked: string[] = [];
  let open = 0;
  const link = linkTo(
    ({ header }) => {
      assertEquals([open, header.get("proof")], [1, "p-1"]);
      return Promise.reject(new PiriError("DENIED", "Cannot: no"));
    },
    (call) => {
      asked.push(call);
      open++;
      return Promise.resolve({
        header: ["proof", "p-1"],
        [Symbol.asyncDispose]: () => Promise.resolve(void open--),
      });
    },
  );

  const failed = await failure(
    serviceClient(AgentsService, link).removeAgent({ id: "web-1" }),
  );

  assertEquals(failed, ["DENIED", "Cannot: no", false]);
  assertEquals([asked, open], [["AgentsService.removeAgent"], 0]);
});

Deno.test("an error of a stream that nobody reads is no unhandled one", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  const link = linkTo(() => Promise.reject(new PiriError("DENIED", "no")));
  addEventListener("unhandledrejection", note);
  try {
    serviceClient(EventsService, link).watchEvents({});
    await new Promise((resolve) => setTimeout(resolve));
  } finally {
    removeEventListener("unhandledrejection", note);
  }

  assertEquals(unhandled, []);
});
