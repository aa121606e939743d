import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../lib/base/clock.ts";
import { PiriError } from "../../lib/base/errors.ts";
import { fetchText } from "../../lib/base/fetch_text.ts";
import { startCiSite } from "../support/fake_ci_site.ts";
import { FakeClock } from "../support/fake_clock.ts";

const clock = systemClock;

Deno.test("a text is fetched over TLS, with headers, from a server of the given authority", async () => {
  await using site = await startCiSite();
  const { url, ca, pages } = site;
  pages.set("/", ({ headers }) => new Response(headers.get("x-word")));
  const headers = { "x-word": "grüße" };

  const text = await fetchText(url, {
    clock,
    authorities: [ca],
    headers: { "x-word": encodeURIComponent(headers["x-word"]) },
  });

  assertEquals(text, encodeURIComponent("grüße"));
});

Deno.test("a server with a certificate of another authority is not asked", async () => {
  await using site = await startCiSite();
  const { url, asked } = site;

  const refusal = await assertRejects(
    () => fetchText(url, { clock }),
    PiriError,
    url,
  );

  assertStringIncludes(refusal.message, "certificate");
  assertEquals(asked, []);
});

for (
  const [what, answer, fact] of [
    [
      "a redirect",
      () => Response.redirect("https://localhost/other"),
      "it answered 302",
    ],
    [
      "an error",
      () => new Response("no", { status: 503 }),
      "it answered 503",
    ],
    [
      "too much",
      () => new Response("x".repeat(262_145)),
      "it has over 262144 bytes",
    ],
    [
      "a text that does not end",
      () =>
        new Response(
          new ReadableStream({
            pull: (body) => body.enqueue(new Uint8Array(65_536)),
          }),
        ),
      "it has over 262144 bytes",
    ],
  ] satisfies [string, () => Response, string][]
) {
  Deno.test(`${what} is no text`, async () => {
    await using site = await startCiSite();
    const { url, ca, pages, asked } = site;
    pages.set("/page", answer);

    await assertRejects(
      () => fetchText(`${url}/page?secret=1`, { clock, authorities: [ca] }),
      PiriError,
      `Cannot fetch "${url}/page": ${fact}`,
    );

    assertEquals(asked, ["/page"]);
  });
}

Deno.test("a server that does not answer is given up after 10 s", async () => {
  await using site = await startCiSite();
  const { url, ca, pages } = site;
  const fake = new FakeClock();
  const came = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<Response>();
  pages.set("/", () => {
    came.resolve();
    return gone.promise;
  });
  const fetched = assertRejects(
    () => fetchText(url, { clock: fake, authorities: [ca] }),
    PiriError,
    "there was no answer within 10 s",
  );
  await came.promise;

  await fake.advance(10_000);

  await fetched;
  assertEquals(fake.timers, 0);
  gone.resolve(new Response(null));
});

for (
  const [url, loopback] of [
    ["http://ci.example.org/", false],
    ["http://ci.example.org/", true],
    ["http://localhost/", false],
    ["file:///etc/passwd", true],
    ["data:text/plain,x", true],
  ] satisfies [string, boolean][]
) {
  Deno.test(`${url} is not fetched, ${loopback ? "also" : "nor"} where loopback is ${loopback}`, async () => {
    const error = await assertRejects(
      () => fetchText(url, { clock, loopback }),
      PiriError,
      "it is not an https URL",
    );

    assertEquals(error.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a server of this machine is asked without TLS where that is allowed", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("here"),
  );

  const text = await fetchText(`http://127.0.0.1:${server.addr.port}/`, {
    clock,
    loopback: true,
  });

  assertEquals(text, "here");
});
