import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { systemClock } from "../../lib/base/clock.ts";
import { Counters } from "../../lib/base/counters.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { Listener } from "../../lib/manager/door/listener.ts";
import {
  createAuthority,
  issueServerCertificate,
  newServerName,
} from "../../lib/manager/state/authority.ts";
import { TempFolder } from "../support/temp_folder.ts";

const PROGRAM = fromFileUrl(
  new URL("public_authority_program.ts", import.meta.url),
);

Deno.test("an agent leaves a Manager of another authority, also one that the host trusts", async () => {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await TempFolder.make());
  const issue = { now: Date.now(), random: systemRandom };
  const own = await createAuthority(issue);
  const trusted = await createAuthority(issue);
  const ownFile = await folder.write("own.pem", own.certPem);
  const trustedFile = await folder.write("trusted.pem", trusted.certPem);
  const serverName = newServerName(systemRandom);
  // The proxy in between has a certificate of the right name.
  const { certPem, keyPem } = await issueServerCertificate(trusted, {
    ...issue,
    serverName,
    names: ["127.0.0.1"],
  });
  const proxy = new Listener({
    hostname: "127.0.0.1",
    port: 0,
    certPem,
    keyPem,
    clock: systemClock,
    counters: new Counters(),
    serve: (transport) => transport.close(),
  });
  undo.defer(() => proxy.close());
  const ask = async (caFile: string) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        ..."run -A --no-check --cached-only".split(" "),
        ...[PROGRAM, String(proxy.port), serverName, caFile],
      ],
      env: {
        DENO_NO_UPDATE_CHECK: "1",
        DENO_TLS_CA_STORE: "system",
        SSL_CERT_FILE: trustedFile,
      },
      stderr: "inherit",
    }).output();
    return new TextDecoder().decode(stdout);
  };

  assertEquals(
    [await ask(trustedFile), await ask(ownFile)],
    ["connected", "DENIED"],
  );
});
