import { assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../lib/base/clock.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import { Counters } from "../../../lib/base/counters.ts";
import { Blobs } from "../../../lib/manager/blobs/blobs.ts";
import { withReleases } from "../../../lib/manager/releases/release_requests.ts";
import { Releases } from "../../../lib/manager/releases/releases.ts";
import type { NewCommand } from "../../../lib/store/records.ts";
import {
  hashOf,
  signedRelease,
  TEST_KEY,
} from "../../support/signed_release.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const ANN = { requestedBy: "ann", saidBy: "" };
const PROGRAM = new TextEncoder().encode("a program\n".repeat(500));
const NAME = "piri-agent-linux-x64";

/** Releases in a folder, and the blobs that they are taken from. */
async function open({ keys = [TEST_KEY] } = {}) {
  const folder = await TempFolder.make();
  const means = { clock: systemClock, random: systemRandom };
  const acts: string[] = [];
  const blobs = await Blobs.open({
    ...means,
    dir: folder.at("blobs"),
    store: { blobUses: () => Promise.resolve([]) },
    limit: () => 1_000_000,
    namesOf: () => [],
  });
  const releases = new Releases({
    ...means,
    dir: folder.at("releases"),
    blobs,
    store: {
      recordAudit: ({ act, target }) => {
        acts.push(`${act} ${target}`);
        return Promise.resolve();
      },
    },
    keys: () => keys,
  });
  return {
    folder,
    blobs,
    releases,
    acts,
    /** Adds a release of these files, whose manifest was uploaded. */
    async add(files: ReadonlyMap<string, Uint8Array>) {
      const bytes = files.get("manifest") ?? new Uint8Array();
      const [manifest = ""] = await blobs.add([bytes]);
      const signature = new TextDecoder().decode(files.get("signature"));
      return await releases.add({ manifest, signature }, ANN);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("a release is kept with the files that were uploaded, and stays when its blobs go", async () => {
  await using site = await open();
  const files = signedRelease("0.3.0", PROGRAM);
  const first = await site.add(files);
  await site.blobs.add([PROGRAM]);
  const second = await site.add(files);
  await Deno.remove(site.folder.at("blobs"), { recursive: true });

  assertEquals(first.files.map(({ isHere }) => isHere), [false]);
  assertEquals(second.files, [{
    name: NAME,
    product: "piri-agent",
    target: "linux-x64",
    size: PROGRAM.length,
    sha256: hashOf(PROGRAM),
    isHere: true,
  }]);
  assertEquals(await site.releases.list(), [second]);
  assertEquals(
    await site.releases.read("0.3.0", NAME, { offset: 10, length: 9_999 }),
    PROGRAM.slice(10),
  );
  assertEquals(site.acts, ["AddRelease 0.3.0", "AddRelease 0.3.0"]);
});

Deno.test("the highest version is listed first, and one that is removed is gone", async () => {
  await using site = await open();
  for (const version of ["0.9.0", "0.10.0", "0.3.0"]) {
    await site.add(signedRelease(version, PROGRAM));
  }
  await site.releases.remove("0.9.0", ANN);

  assertEquals(
    (await site.releases.list()).map(({ version }) => version),
    ["0.10.0", "0.3.0"],
  );
  for (const version of ["0.9.0", "..", ""]) {
    await assertRejects(
      () => site.releases.remove(version, ANN),
      PiriError,
      `Cannot find release "${version}"`,
    );
  }
});

Deno.test("a release without a signature by a known key, and another of the same version, are refused", async () => {
  await using unknown = await open({ keys: [] });
  await using site = await open();
  const files = signedRelease("0.3.0", PROGRAM);
  await site.add(files);

  await assertRejects(
    () => unknown.add(files),
    PiriError,
    "which is not one of ours",
  );
  await assertRejects(
    () => site.add(new Map([...files, ["manifest", PROGRAM]])),
    PiriError,
    "that of another file",
  );
  await assertRejects(
    () => site.add(signedRelease("0.3.0", PROGRAM, { floor: "0.2.0" })),
    PiriError,
    "there is another one of this version",
  );
  await assertRejects(
    () => site.releases.add({ manifest: "a".repeat(64), signature: "" }, ANN),
    PiriError,
  );
  assertEquals(unknown.acts, []);
  assertEquals(site.acts.length, 1);
});

Deno.test("an agent reads the release that an open command updates it to, and no other", async () => {
  await using site = await open();
  for (const version of ["0.3.0", "0.4.0"]) {
    await site.add(signedRelease(version, PROGRAM));
  }
  const service = withReleases(
    { answer: (_, type) => Promise.resolve(`answer to ${type}`) },
    {
      releases: site.releases,
      counters: new Counters(),
      commandsOf: (agent) =>
        [
          { operation: "echo.Echo", params: '{"version":"0.4.0"}' },
          { operation: "agent.Update", params: '{"version":"0.3.0"}' },
        ].filter(() => agent === "web-1")
          .map((made) => ({ made: made as NewCommand })),
    },
  );
  const ask = (id: string, change: Record<string, unknown> = {}) => {
    const range = { version: "0.3.0", name: "manifest", offset: 0, length: 7 };
    return service.answer(
      { id, groups: [] },
      "release",
      JSON.stringify({ ...range, ...change }),
    );
  };

  assertEquals(
    new TextDecoder().decode(await ask("web-1") as Uint8Array),
    '{"versi',
  );
  assertEquals(
    await service.answer({ id: "web-1", groups: [] }, "data", ""),
    "answer to data",
  );
  for (
    const [agent, change, says] of [
      ["web-2", {}, 'no open command of agent "web-2" updates it to'],
      ["web-1", { version: "0.4.0" }, "no open command"],
      ["web-1", { name: "../0.4.0/manifest" }, "Cannot find release"],
      ["web-1", { name: NAME }, "the Manager does not have this file"],
      ["web-1", { length: 0 }, '"length" is missing or wrong'],
    ] as const
  ) {
    await assertRejects(() => ask(agent, change), PiriError, says);
  }
});
