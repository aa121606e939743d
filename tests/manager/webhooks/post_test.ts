import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fetchFailureOf } from "../../../lib/base/fetch_text.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import {
  createAuthority,
  issueServerCertificate,
} from "../../../lib/manager/state/authority.ts";
import {
  type Posted,
  postOverHttp,
  refusalOf,
} from "../../../lib/manager/webhooks/post.ts";
import { TempFolder } from "../../support/temp_folder.ts";

/** Receiver on this machine, and what it was asked. */
function receive(
  answer: (request: Request) => Response | Promise<Response>,
  tls: { cert: string; key: string } | Record<string, never> = {},
): { port: number; asked: string[] } & AsyncDisposable {
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, ...tls },
    async (request) => {
      const { pathname } = new URL(request.url);
      const id = request.headers.get("webhook-id");
      asked.push(`${request.method} ${pathname} ${id} ${await request.text()}`);
      return await answer(request);
    },
  );
  return {
    port: server.addr.port,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function messageTo(url: string, more: Partial<Posted> = {}): Posted {
  return { url, body: "{}", headers: { "webhook-id": "msg_1" }, ...more };
}

const { signal } = new AbortController();

Deno.test("a message is posted with its headers and its body", async () => {
  await using receiver = receive(() => new Response("thanks"));
  const url = `http://127.0.0.1:${receiver.port}/piri`;
  const status = await postOverHttp(messageTo(url), signal);

  assertEquals([status, refusalOf(status)], [200, undefined]);
  assertEquals(receiver.asked, ["POST /piri msg_1 {}"]);
});

Deno.test("a redirect is an answer that fails, and is not followed", async () => {
  await using receiver = receive(() =>
    new Response(null, { status: 307, headers: { location: "/other" } })
  );
  const url = `http://127.0.0.1:${receiver.port}/piri`;
  const status = await postOverHttp(messageTo(url), signal);

  assertEquals(
    refusalOf(status),
    "it answered 307, and redirects are not followed",
  );
  assertEquals(receiver.asked, ["POST /piri msg_1 {}"]);
});

Deno.test("https needs a certificate of a known authority, or of one in the file", async () => {
  await using folder = await TempFolder.make();
  const parts = { now: Date.now(), random: systemRandom };
  const authority = await createAuthority(parts);
  const server = await issueServerCertificate(authority, {
    ...parts,
    serverName: "localhost",
    names: [],
  });
  const caFile = await folder.write("ca.pem", authority.certPem);
  await using receiver = receive(() => new Response(), {
    cert: server.certPem,
    key: server.keyPem,
  });
  const url = `https://localhost:${receiver.port}/piri`;

  const failure = await assertRejects(
    () => postOverHttp(messageTo(url), signal),
    TypeError,
  );
  assertStringIncludes(fetchFailureOf(failure), "certificate");
  assertEquals(receiver.asked, []);
  assertEquals(await postOverHttp(messageTo(url, { caFile }), signal), 200);
  assertEquals(receiver.asked, ["POST /piri msg_1 {}"]);
});

Deno.test("a receiver that does not answer is left when the time is over", async () => {
  const held = Promise.withResolvers<Response>();
  const stop = new AbortController();
  await using receiver = receive(() => {
    stop.abort();
    return held.promise;
  });
  const url = `http://127.0.0.1:${receiver.port}/piri`;

  await assertRejects(() => postOverHttp(messageTo(url), stop.signal));
  held.resolve(new Response());
});
