import { assert, assertEquals, assertRejects } from "@std/assert";
import { jwtVerify } from "jose";
import { PiriError } from "../../../lib/base/errors.ts";
import { IssuerKeys } from "../../../lib/manager/access/issuer_keys.ts";
import { FakeCi } from "../../support/fake_ci.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const URL = "https://ci.example.org";
const CONFIGURATION = `${URL}/.well-known/openid-configuration`;
const PLACE = "https://keys.example.org/jwks";

/** CI whose pages a test can change, with the keys that a Manager has of it. */
async function start({ jwks = null }: { jwks?: string | null } = {}) {
  const clock = new FakeClock();
  const ci = await FakeCi.start({ audience: "piri:m", now: () => clock.now() });
  const pages = new Map([
    [CONFIGURATION, JSON.stringify({ issuer: URL, jwks_uri: PLACE })],
    [PLACE, await ci.jwks()],
  ]);
  const fetched: string[] = [];
  const keys = new IssuerKeys({ url: URL, jwks, ca: null }, {
    clock,
    fetchText: async (url) => {
      fetched.push(url);
      const page = pages.get(url);
      return await (page ?? Promise.reject(
        new PiriError("UNAVAILABLE", `Cannot fetch "${url}": it is away`),
      ));
    },
  });
  return {
    clock,
    ci,
    pages,
    fetched,
    keys,
    /** Checks a token that names this key. */
    check: async (kid = "key-1") => {
      const token = await ci.token({}, { header: { kid } });
      await jwtVerify(token, keys.find, { currentDate: new Date(clock.now()) });
    },
  };
}

Deno.test("keys are fetched from the place that the issuer names, once for many tokens", async () => {
  const { fetched, check } = await start();

  await Promise.all([check(), check(), check()]);
  await check();

  assertEquals(fetched, [CONFIGURATION, PLACE]);
});

Deno.test("keys that were given are never fetched, also for a token with another key", async () => {
  const { fetched, check } = await start({
    jwks: await (await start()).ci.jwks(),
  });

  await check();
  await assertRejects(() => check("key-2"), Error, "no applicable key");

  assertEquals(fetched, []);
});

Deno.test("fetched keys are used for 10 minutes, so that a key that was withdrawn is refused then", async () => {
  const { fetched, pages, ci, clock, check } = await start();
  await check();
  pages.set(PLACE, await ci.jwks("key-2"));

  await clock.advance(599_999);
  await check();
  assertEquals(fetched.length, 2);
  await clock.advance(1);

  await assertRejects(() => check(), Error, "no applicable key");
  assertEquals(fetched.length, 4);
});

Deno.test("a new key is found at once, and made-up ones cost one fetch in 30 s", async () => {
  const { fetched, pages, ci, clock, check } = await start();
  await check();
  pages.set(PLACE, await ci.jwks("key-2"));
  await clock.advance(30_000);

  await check("key-2");
  assertEquals(fetched.length, 4);
  const tries = await Promise.allSettled(
    Array.from({ length: 50 }, (_, number) => check(`made-up-${number}`)),
  );

  assert(tries.every(({ status }) => status === "rejected"));
  assertEquals(fetched.length, 4);
  await clock.advance(30_000);
  await assertRejects(() => check("made-up"), Error, "no applicable key");
  assertEquals(fetched.length, 6);
});

Deno.test("an issuer that is away is asked again after 30 s, and not before", async () => {
  const { fetched, pages, ci, clock, check } = await start();
  pages.delete(PLACE);

  await assertRejects(() => check(), PiriError, "it is away");
  await assertRejects(() => check(), PiriError, "less than 30 s ago");
  assertEquals(fetched.length, 2);
  pages.set(PLACE, await ci.jwks());
  await clock.advance(30_000);

  await check();
});

for (
  const [what, page, message] of [
    [
      "is that of another issuer",
      { issuer: "https://ci.example.com", jwks_uri: PLACE },
      "its configuration is that of another issuer",
    ],
    [
      "names no keys",
      { issuer: URL },
      "its configuration does not name them",
    ],
  ] satisfies [string, Record<string, string>, string][]
) {
  Deno.test(`keys are not taken if the configuration ${what}`, async () => {
    const { keys, pages } = await start();
    pages.set(CONFIGURATION, JSON.stringify(page));

    await assertRejects(() => keys.load(), PiriError, message);
  });
}

Deno.test("a page that is no JSON is no configuration", async () => {
  const { keys, pages } = await start();
  pages.set(CONFIGURATION, "<html>");

  await assertRejects(
    () => keys.load(),
    PiriError,
    `Cannot read the configuration of "${URL}": it is no JSON object`,
  );
});
