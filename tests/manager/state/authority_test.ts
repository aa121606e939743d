import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { X509Certificate } from "node:crypto";
import { PiriError } from "../../../lib/base/errors.ts";
import { systemRandom as random } from "../../../lib/base/random.ts";
import type { Identity } from "../../../lib/base/pem.ts";
import {
  certificateExpiry,
  createAuthority,
  issueServerCertificate,
  newServerName,
  renewServerCertificate,
  serverNameOf,
} from "../../../lib/manager/state/authority.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const DAY_MS = 86_400_000;
const names = ["localhost", "127.0.0.1", "::1", "mgr.example.org"];

/** Output of a program, or undefined if there is no program of that name. */
function run(program: string, args: string[]): string | undefined {
  try {
    const { stdout, stderr } = new Deno.Command(program, { args }).outputSync();
    const decoder = new TextDecoder();
    return decoder.decode(stdout) + decoder.decode(stderr);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const noOpenssl = run("openssl", ["version"]) === undefined;

async function makeServer(
  { now = Date.now() } = {},
): Promise<
  {
    authority: Identity;
    server: Identity & { expiresAt: number };
    name: string;
  }
> {
  const name = newServerName(random);
  const authority = await createAuthority({ now, random });
  const server = await issueServerCertificate(authority, {
    serverName: name,
    names,
    now,
    random,
  });
  return { authority, server, name };
}

/** Makes one handshake on loopback, as an agent does it: the verified name differs from the dialled address. */
async function handshake(
  server: Identity,
  { caPem, hostname }: { caPem: string; hostname: string },
): Promise<void> {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: server.certPem,
    key: server.keyPem,
  });
  const accepted = listener.accept();
  const raw = await Deno.connect({
    hostname: "127.0.0.1",
    port: listener.addr.port,
  });
  using client = await Deno.startTls(raw, { hostname, caCerts: [caPem] });
  using accept = await accepted;
  // It rejects too when the client's handshake does, and nobody else would handle that.
  const theirs = accept.handshake().catch(() => {});
  await client.handshake();
  await theirs;
}

Deno.test("Deno accepts the server by its private name, by address and by every other name of it", async () => {
  const { authority, server, name } = await makeServer();
  for (const hostname of [name, ...names]) {
    await handshake(server, { caPem: authority.certPem, hostname });
  }
});

Deno.test("Deno refuses the server by another name, and under another authority", async () => {
  const { authority, server, name } = await makeServer();
  const other = await createAuthority({ now: Date.now(), random });
  await assertRejects(
    () =>
      handshake(server, {
        caPem: authority.certPem,
        hostname: newServerName(random),
      }),
    Error,
    "certificate not valid for name",
  );
  await assertRejects(
    () => handshake(server, { caPem: other.certPem, hostname: name }),
    Error,
    "UnknownIssuer",
  );
});

Deno.test({
  name: noOpenssl
    ? "openssl verifies the certificates strictly (ignored: there is no openssl here)"
    : "openssl verifies the certificates strictly",
  ignore: noOpenssl,
  fn: async () => {
    await using folder = await TempFolder.make();
    const { authority, server } = await makeServer();
    const renewed = await renewServerCertificate(authority, server.certPem, {
      now: Date.now(),
      random,
    });
    const ca = await folder.write("ca.pem", authority.certPem);
    const files = [
      ca,
      await folder.write("server.pem", server.certPem),
      await folder.write("renewed.pem", renewed.certPem),
    ];
    for (const file of files) {
      assertEquals(
        run("openssl", ["verify", "-x509_strict", "-CAfile", ca, file])?.trim(),
        `${file}: OK`,
      );
    }
  },
});

Deno.test("names and addresses have their own types in a certificate", async () => {
  const { server, name } = await makeServer();
  const parsed = new X509Certificate(server.certPem);
  assertEquals(
    parsed.subjectAltName,
    `DNS:${name}, DNS:localhost, IP Address:127.0.0.1, IP Address:::1, DNS:mgr.example.org`,
  );
  assertEquals(parsed.ca, false);
  assertMatch(parsed.serialNumber, /^[4-7][0-9A-F]{31}$/);
  assertEquals(serverNameOf(server.certPem), name);
});

Deno.test("a certificate is valid from an hour ago, a server's for a year, an authority's for ten", async () => {
  const now = Date.UTC(2026, 5, 1, 12, 0, 0, 250);
  const { authority, server } = await makeServer({ now });
  const { validFromDate } = new X509Certificate(server.certPem);
  assertEquals(validFromDate.getTime(), now - 3_600_000 - 250);
  assertEquals(server.expiresAt, now + 90 * DAY_MS - 250);
  assertEquals(certificateExpiry(server.certPem), server.expiresAt);
  assertEquals(
    certificateExpiry(authority.certPem),
    now + 3_653 * DAY_MS - 250,
  );
});

Deno.test("a renewed certificate has the same names and works with the same key", async () => {
  const now = Date.now();
  const { authority, server, name } = await makeServer({
    now: now - 80 * DAY_MS,
  });
  const renewed = await renewServerCertificate(authority, server.certPem, {
    now,
    random,
  });
  const [before, after] = [server, renewed].map(({ certPem }) =>
    new X509Certificate(certPem)
  );
  assertEquals(after?.subjectAltName, before?.subjectAltName);
  assertNotEquals(after?.serialNumber, before?.serialNumber);
  assertEquals(certificateExpiry(renewed.certPem), renewed.expiresAt);
  assertEquals(Math.round((renewed.expiresAt - now) / DAY_MS), 90);
  await handshake(
    { certPem: renewed.certPem, keyPem: server.keyPem },
    { caPem: authority.certPem, hostname: name },
  );
});

Deno.test("a server certificate does not outlive its authority, and is not issued after it", async () => {
  const now = Date.now();
  const authority = await createAuthority({ now, random });
  const end = certificateExpiry(authority.certPem);
  const options = { serverName: newServerName(random), names: [], random };
  const late = await issueServerCertificate(authority, {
    ...options,
    now: end - DAY_MS,
  });
  assertEquals(late.expiresAt, end);
  await assertRejects(
    () => issueServerCertificate(authority, { ...options, now: end }),
    PiriError,
    "Cannot issue a server certificate: the authority's own has expired",
  );
});

Deno.test("text that is neither a host name nor an address is not certified", async () => {
  const authority = await createAuthority({ now: Date.now(), random });
  await assertRejects(
    () =>
      issueServerCertificate(authority, {
        serverName: newServerName(random),
        names: ["a b"],
        now: Date.now(),
        random,
      }),
    PiriError,
    `Cannot certify "a b"`,
  );
});

Deno.test("text that is no certificate, and certificates of others, are recognized", async () => {
  const authority = await createAuthority({ now: Date.now(), random });
  assertThrows(() => serverNameOf("hello"), PiriError, "it is not PEM");
  assertThrows(
    () => certificateExpiry(authority.keyPem),
    PiriError,
    "it is not PEM",
  );
  assertThrows(
    () => serverNameOf(authority.certPem),
    PiriError,
    "it has no name under piri.internal",
  );
});

Deno.test("the certificate libraries are not loaded until a certificate is made", async () => {
  const root = new URL("../../../", import.meta.url);
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "lib/manager/state/authority.ts"],
    cwd: fromFileUrl(root),
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: {
      specifier: string;
      dependencies?: { specifier: string; isDynamic?: boolean }[];
    }[];
  };
  const authority = modules.find(({ specifier }) =>
    specifier.endsWith("/authority.ts")
  );
  const x509 = authority?.dependencies?.filter(({ specifier }) =>
    specifier.endsWith("x509.ts")
  );
  assertEquals(x509?.map(({ isDynamic }) => isDynamic), [true]);
});
