import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { publicAuthorities } from "../../lib/base/public_authorities.ts";
import { startCiSite } from "../support/fake_ci_site.ts";
import { TempFolder } from "../support/temp_folder.ts";

const CHILD = fromFileUrl(
  new URL("../support/ci_token_tls.ts", import.meta.url),
);

Deno.test("public authorities are those of Mozilla, and those in the file of the system", async () => {
  await using folder = await TempFolder.make();
  const file = await folder.write("ca.pem", "PEM of the system");

  const [own, ...mozilla] = await publicAuthorities((name) =>
    name === "SSL_CERT_FILE" ? file : undefined
  );

  assertEquals(own, "PEM of the system");
  assertMatch(mozilla[0] ?? "", /^-----BEGIN CERTIFICATE-----\n/);
  assertEquals(mozilla.length > 100, true);
});

Deno.test("public authorities are those of Mozilla if the system has no file of them", async () => {
  const [first] = await publicAuthorities(() => "/no/such/file");

  assertMatch(first ?? "", /^-----BEGIN CERTIFICATE-----\n/);
});

// Deno reads the authorities of the system once, at the first use of TLS in a process.
for (const scheme of ["https", "http"] as const) {
  Deno.test(`a CI that is asked by ${scheme} does not make its authority one of the Manager`, async () => {
    await using site = await startCiSite();
    await using other = await startCiSite();
    await using folder = await TempFolder.make();
    const system = await folder.write("system.pem", site.ca);
    const ca = await folder.write("manager.pem", other.ca);
    const answer = () => Response.json({ value: "a.b.c" });
    site.pages.set("/token", answer);
    await using plain = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      answer,
    );
    const urls = {
      https: `${site.url}/token`,
      http: `http://127.0.0.1:${plain.addr.port}/token`,
    };

    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--cached-only", CHILD],
        ...[new URL(site.url).host, ca],
      ],
      env: {
        DENO_TLS_CA_STORE: "system",
        SSL_CERT_FILE: system,
        SSL_CERT_DIR: "/nonexistent",
        ACTIONS_ID_TOKEN_REQUEST_URL: urls[scheme],
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: "secret",
      },
    }).output();

    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "a.b.c DENIED\n");
  });
}
