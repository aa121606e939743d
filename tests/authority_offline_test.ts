import { assert, assertEquals, assertRejects } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { NOBODY } from "../lib/base/asker.ts";
import { systemClock } from "../lib/base/clock.ts";
import { codeOf, PiriError } from "../lib/base/errors.ts";
import { exists } from "../lib/base/files.ts";
import { systemRandom } from "../lib/base/random.ts";
import { exportManager } from "../lib/exported_manager.ts";
import {
  certificateExpiry,
  issueServerCertificate,
} from "../lib/manager/state/authority.ts";
import { managerServices } from "../lib/manager_services.ts";
import { serveManager } from "../lib/serve_manager.ts";
import { FakeClock } from "./support/fake_clock.ts";
import { ManagedSite } from "./support/managed_site.ts";
import { until } from "./support/live_program.ts";

const options = { clock: systemClock, random: systemRandom };

/** Takes the authority's key of a Manager away, and returns it. */
async function takeKey(site: ManagedSite): Promise<string> {
  const to = `${site.dir}.ca.key`;
  await managerServices.exportAuthority(site.dir, {
    to,
    recipients: [],
    remove: true,
  });
  return await Deno.readTextFile(to);
}

/** Issues a certificate for a Manager where the authority's key is. */
async function issue(
  site: ManagedSite,
  authorityKey: string,
): Promise<string> {
  const { certPem: certificate, authorityPem: authority, names } = await site
    .manager.manager.keys.certificate();
  return await managerServices.issueCertificate({
    authorityKey,
    authority,
    certificate,
    names,
  });
}

Deno.test("agents run, restart and join while the authority's key is kept elsewhere", async () => {
  await using site = await ManagedSite.open("web-1");
  await site.runs("web-1");
  const { keys } = site.manager.manager;
  const had = await keys.hasAuthorityKey();
  await takeKey(site);

  assertEquals([had, await keys.hasAuthorityKey()], [true, false]);
  assertEquals(await site.isConnected("web-1"), true);
  assertEquals(await site.runsEcho("web-1"), "succeeded");
  // A restart of either, and a new agent.
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");
  await site.stopAgents();
  await site.runs("web-1");
  await site.joins("web-2");
  await site.runs("web-2");
  assertEquals(await site.runsEcho("web-2"), "succeeded");
});

Deno.test("a certificate is renewed by a key that the Manager does not have, and sessions stay", async () => {
  await using site = await ManagedSite.open("web-1");
  await site.runs("web-1");
  const { agents, keys } = site.manager.manager;
  const since = async () => (await agents.list()).map(({ since }) => since);
  const before = await since();
  const key = await takeKey(site);
  const old = await Deno.readTextFile(`${site.dir}/server.pem`);

  const given = await issue(site, key);
  const expiresAt = await keys.replaceCertificate(given);

  const found = await Deno.readTextFile(`${site.dir}/server.pem`);
  assert(found !== old);
  assertEquals(certificateExpiry(found), expiresAt);
  assertEquals(await since(), before);
  assertEquals(await exists(`${site.dir}/ca.key`), false);
  // Newcomers get it, and so does the next start.
  await site.joins("web-2");
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");
  const entries = await site.manager.manager.audit.list({ limit: 50 });
  assert(entries.some(({ act }) => act === "ReplaceCertificate"));
});

Deno.test("a certificate that does not fit is refused, and the old one stays", async () => {
  await using site = await ManagedSite.open();
  await using other = await ManagedSite.open();
  const { keys } = site.manager.manager;
  const { certPem, authorityPem: certOfAuthority, names } = await keys
    .certificate();
  const keyPem = await Deno.readTextFile(`${site.dir}/ca.key`);
  const authority = { certPem: certOfAuthority, keyPem };
  const issued = { serverName: "x.piri.internal", now: Date.now(), ...options };
  const fits = await issue(site, keyPem);
  const wrong: [given: string, message: string][] = [
    [
      (await other.manager.manager.keys.certificate()).certPem,
      "it was not signed by the authority in use",
    ],
    [
      (await issueServerCertificate(authority, { ...issued, names })).certPem,
      "it is for another key",
    ],
    [
      await managerServices.issueCertificate({
        authorityKey: keyPem,
        authority: certOfAuthority,
        certificate: certPem,
        names: names.slice(1),
      }),
      `it lacks the name "${names[0]}"`,
    ],
    [certOfAuthority, "it is for another key"],
    [fits.replace(/^[A-Za-z0-9+/]{64}$/m, "A".repeat(64)), "it is not one"],
    ["", "it is not one in PEM"],
    [keyPem, "it is not one in PEM"],
    ["\u{1f511}", "it is not one in PEM"],
  ];

  for (const [given, message] of wrong) {
    const error = await assertRejects(
      () => keys.replaceCertificate(given),
      PiriError,
      message,
    );
    assertEquals(error.code, "INVALID_ARGUMENT");
  }

  assertEquals(await Deno.readTextFile(`${site.dir}/server.pem`), certPem);
});

Deno.test("a Manager whose certificate is due starts without the authority's key, and says so once a day", async () => {
  await using site = await ManagedSite.open("web-1");
  await takeKey(site);
  await site.manager.stop();
  const clock = new FakeClock(Date.now() + 65 * 86_400_000);

  await using late = await serveManager({ ...options, clock, dir: site.dir });
  const due = async () => {
    const { signal } = new AbortController();
    const told = late.manager.events.watch({ tail: 50 }, {
      follow: false,
      filter: { agents: [], kinds: ["certificate_due"] },
      signal,
    });
    return await Array.fromAsync(told);
  };
  await until("it is told", async () => (await due()).length > 0);

  const [event, ...others] = await due();
  assertEquals(others, []);
  assert(event?.message.includes("piri-manager ca renew --ca-key FILE"));
});

Deno.test("a rotation needs no old key, and puts the new authority's into the folder", async () => {
  await using site = await ManagedSite.open("web-1");
  await site.runs("web-1");
  const old = await takeKey(site);
  const { keys } = site.manager.manager;

  await keys.start("authority");
  await site.lacking();
  await keys.finish("authority", []);

  assertEquals(await keys.hasAuthorityKey(), true);
  await assertRejects(
    () => issue(site, old),
    PiriError,
    "it belongs to another authority",
  );
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");
});

Deno.test("an identity is exported only with the authority's key", async () => {
  await using site = await ManagedSite.open("web-1");
  const key = await takeKey(site);

  const error = await assertRejects(
    () => exportManager(site.dir, { withFacts: true }),
    PiriError,
    "give it by --ca-key FILE",
  );
  const { joined } = await exportManager(site.dir, {
    withFacts: true,
    authorityKey: key,
  });

  assertEquals(codeOf(error), "FAILED_PRECONDITION");
  assertEquals(joined, 1);
});

Deno.test("an authority is rotated to one whose key the Manager never has", async () => {
  await using site = await ManagedSite.open("web-1");
  await site.runs("web-1");
  const { keys } = site.manager.manager;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const next = await managerServices.authorityCertificate(key, undefined);

  const started = await keys.start("authority", NOBODY, next);
  await site.lacking();
  const missing = await assertRejects(
    () => keys.finish("authority", []),
    PiriError,
    "run piri-manager ca rotate --finish --ca-key FILE",
  );
  const issueBy = async (authority: string, authorityKey: string) => {
    const { certPem: certificate, names } = await keys.certificate();
    return await managerServices.issueCertificate({
      authorityKey,
      authority,
      certificate,
      names,
    });
  };
  const own = await Deno.readTextFile(`${site.dir}/ca.pem`);
  const ownKey = await Deno.readTextFile(`${site.dir}/ca.key`);
  await assertRejects(
    async () =>
      await keys.finish("authority", [], NOBODY, await issueBy(own, ownKey)),
    PiriError,
    "it was not signed by the next authority",
  );
  assertEquals(await Deno.readTextFile(`${site.dir}/ca.pem`), own);
  const given = await issueBy(next, key);
  const { key: now } = await keys.finish("authority", [], NOBODY, given);

  assertEquals(missing.code, "FAILED_PRECONDITION");
  assertEquals(now.fingerprint, started.nextFingerprint);
  assertEquals(await keys.hasAuthorityKey(), false);
  assertEquals(await exists(`${site.dir}/ca-next.key`), false);
  // Agents, restarts and newcomers go on.
  await site.trusts("web-1", 1);
  await site.manager.stop();
  await site.start();
  await site.connects("web-1");
  await site.joins("web-2");
  await site.runs("web-2");
  assertEquals(await site.runsEcho("web-2"), "succeeded");
  const { audit } = site.manager.manager;
  const acts = (await audit.list({ limit: 50 })).map(({ act }) => act);
  assertEquals(acts.filter((act) => act === "FinishRotation").length, 1);
});

Deno.test("a rotation whose key was lost is given up by removing its certificate", async () => {
  await using site = await ManagedSite.open("web-1");
  await site.runs("web-1");
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const next = await managerServices.authorityCertificate(key, undefined);
  await site.manager.manager.keys.start("authority", NOBODY, next);
  await site.lacking();

  await site.manager.stop();
  await Deno.remove(`${site.dir}/ca-next.pem`);
  await site.start();
  await site.connects("web-1");

  await site.trusts("web-1", 1);
  await site.manager.manager.keys.start("authority");
  await site.lacking();
  await site.manager.manager.keys.finish("authority", []);
  assertEquals(await site.runsEcho("web-1"), "succeeded");
});

Deno.test("a next authority that agents could not trust is refused, and nothing begins", async () => {
  await using site = await ManagedSite.open();
  const { keys, audit } = site.manager.manager;
  const own = await Deno.readTextFile(`${site.dir}/ca.pem`);
  const server = await Deno.readTextFile(`${site.dir}/server.pem`);
  const wrong: [given: string, message: string][] = [
    [own, "its key is that of the authority in use"],
    [server, "it is not that of an authority"],
    ["", "it is not one in PEM"],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n", "it is not one in PEM"],
  ];

  for (const [given, message] of wrong) {
    const error = await assertRejects(
      () => keys.start("authority", NOBODY, given),
      PiriError,
      message,
    );
    assertEquals(error.code, "INVALID_ARGUMENT");
  }

  assertEquals(await exists(`${site.dir}/ca-next.pem`), false);
  assertEquals((await keys.view()).authority.nextFingerprint, undefined);
  const acts = (await audit.list({ limit: 50 })).map(({ act }) => act);
  assertEquals(acts.includes("StartRotation"), false);
});
