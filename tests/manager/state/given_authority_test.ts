import { assert, assertEquals, assertRejects } from "@std/assert";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { systemClock } from "../../../lib/base/clock.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import { exists } from "../../../lib/base/files.ts";
import { systemRandom } from "../../../lib/base/random.ts";
import {
  createAuthority,
  isIssuedBy,
  issueServerCertificate,
} from "../../../lib/manager/state/authority.ts";
import {
  checkGivenAuthority,
  givenAuthority,
} from "../../../lib/manager/state/given_authority.ts";
import { initState } from "../../../lib/manager/state/init_state.ts";
import { KeyRing } from "../../../lib/manager/state/key_ring.ts";
import { loadState } from "../../../lib/manager/state/state_folder.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const options = { clock: systemClock, random: systemRandom };
const issue = { now: Date.now(), random: systemRandom };

/** Key as `openssl ecparam -genkey` writes it, and as `openssl genpkey` does. */
function opensslKey(type: "sec1" | "pkcs8", curve = "P-256"): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
  return privateKey.export({ type, format: "pem" }).toString();
}

const make = (key: string, certificate?: string) =>
  givenAuthority(key, { ...issue, certificate });

Deno.test("an authority is made of a key in each form that OpenSSL writes", async () => {
  for (const type of ["sec1", "pkcs8"] as const) {
    const authority = await make(opensslKey(type));

    const server = await issueServerCertificate(authority, {
      ...issue,
      serverName: "a.piri.internal",
      names: [],
    });
    assert(isIssuedBy(server.certPem, authority.certPem));
  }
});

Deno.test("authorities of one key have one name, so that who trusts one trusts all", async () => {
  const key = opensslKey("pkcs8");

  const [one, two] = [await make(key), await make(key)];
  const [first, second] = [one, two].map(({ certPem }) =>
    new X509Certificate(certPem)
  );

  assertEquals(first?.subject, second?.subject);
  assert(first?.serialNumber !== second?.serialNumber);
  assert(isIssuedBy(one.certPem, two.certPem));
});

Deno.test("keys that no authority of Piri can have are refused, and not repeated", async () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey;
  const cipher = { cipher: "aes-256-cbc", passphrase: "hunter2" };
  const wrong: [key: string, message: string][] = [
    [opensslKey("pkcs8", "P-384"), "it is of another kind (ec)"],
    [
      rsa.export({ type: "pkcs8", format: "pem" }).toString(),
      "it is of another kind (rsa)",
    ],
    [
      rsa.export({ type: "pkcs8", format: "pem", ...cipher }).toString(),
      "it is encrypted in PEM",
    ],
    [
      "-----BEGIN AGE ENCRYPTED FILE-----\nhunter2\n",
      "it is encrypted by age",
    ],
    ["hunter2\u{1f511}", "it is no private key in PEM"],
    ["", "it is no private key in PEM"],
  ];

  for (const [key, message] of wrong) {
    const error = await assertRejects(() => make(key), PiriError, message);
    assertEquals(error.code, "INVALID_ARGUMENT");
    assertEquals(error.message.includes("hunter2"), false);
  }
});

Deno.test("a certificate that is no authority's, or not of the key, is refused", async () => {
  const [own, other] = [
    await createAuthority(issue),
    await createAuthority(issue),
  ];
  const server = await issueServerCertificate(own, {
    ...issue,
    serverName: "a.piri.internal",
    names: [],
  });
  const year = 366 * 86_400_000;
  const ended = await createAuthority({ ...issue, now: issue.now - 11 * year });
  const early = await createAuthority({ ...issue, now: issue.now + year });
  const wrong: [certificate: string, message: string][] = [
    [other.certPem, "it belongs to another authority"],
    [server.certPem, "it is not that of an authority"],
    [ended.certPem, "it has ended"],
    [early.certPem, "it is not valid yet"],
    [own.keyPem, "it is not one in PEM"],
    ["\u{1f511}", "it is not one in PEM"],
    ["", "it is not one in PEM"],
  ];

  for (const [certificate, message] of wrong) {
    await assertRejects(
      () => make(own.keyPem, certificate),
      PiriError,
      message,
    );
  }

  const around = `text before\n${own.certPem}text behind\n`;
  assertEquals(checkGivenAuthority(around, issue), own.certPem);
});

Deno.test("a folder of an authority that is kept elsewhere has its certificate, and not its key", async () => {
  await using folder = await TempFolder.make();
  const authority = await make(opensslKey("pkcs8"));
  const address = { host: "127.0.0.1", port: 7051 };

  const paths = await initState(folder.at("m"), {
    ...options,
    listen: address,
    advertise: address,
    authority,
  });

  const { server } = await loadState(folder.at("m"));
  assertEquals(await exists(paths.caKey), false);
  assertEquals(await Deno.readTextFile(paths.caCert), authority.certPem);
  assert(isIssuedBy(server.certPem, authority.certPem));
  for await (const { name, isFile } of Deno.readDir(folder.at("m"))) {
    if (!isFile) continue;
    const text = await Deno.readTextFile(folder.at(`m/${name}`));
    assertEquals(text.includes(authority.keyPem), false, name);
  }
  const ring = await KeyRing.open(paths, options);
  assertEquals(await ring.hasAuthorityKey(), false);
});
