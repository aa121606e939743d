import { assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { connectControl } from "../../lib/api/client.ts";
import { Disconnected, PiriError } from "../../lib/base/errors.ts";
import { writeLogin } from "../../lib/base/login_file.ts";
import { parseLoginLine } from "../../lib/base/login_line.ts";
import { encodePem } from "../../lib/base/pem.ts";
import { managerServices } from "../../lib/manager_services.ts";
import type { RunningManager } from "../../lib/serve_manager.ts";
import { startControlPort } from "../support/control_port.ts";
import type { TempFolder } from "../support/temp_folder.ts";

const CHILD = fromFileUrl(
  new URL("../support/ask_tls.ts", import.meta.url),
);

/** A Manager with a control port, and the folder of a login of an admin. */
class Site implements AsyncDisposable {
  private constructor(
    readonly manager: RunningManager,
    readonly folder: TempFolder,
    readonly address: string,
    readonly ca: string,
    readonly token: string,
    readonly undo: AsyncDisposableStack,
  ) {}

  static async start(): Promise<Site> {
    await using undo = new AsyncDisposableStack();
    const { manager, folder } = undo.use(
      await startControlPort({ controlListen: { host: "0.0.0.0", port: 0 } }),
    );
    const line = parseLoginLine(
      await manager.manager.access.add({
        name: "alice",
        role: "admin",
        rules: [],
        tokenLifeMs: 1_000_000,
      }),
    );
    const ca = encodePem("CERTIFICATE", line.caCertificate);
    const { address } = line;
    using control = await managerServices.connectTo({ address, ca });
    const { token } = await control.logins.login({ code: line.code });
    return new Site(manager, folder, address, ca, token, undo.move());
  }

  /** Folder of a login with changes. */
  async login(
    changes: Partial<Record<"address" | "ca" | "token", string>> = {},
  ): Promise<string> {
    const path = this.folder.at(`login-${crypto.randomUUID()}`);
    const { address, ca, token } = this;
    const all = { address, ca, token, ...changes };
    await writeLogin(path, { ...all, operator: "alice", expiresAt: 0 });
    return path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.undo.disposeAsync();
  }
}

/** Asks in a process of its own who it is. */
async function askIn(
  env: Record<string, string>,
  dir: string,
): Promise<{ code: number; text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--cached-only", CHILD, dir],
    // Deno's look for a newer version is a use of TLS before the program's own.
    env: { DENO_NO_UPDATE_CHECK: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("the folder of a login connects to a Manager over TLS, with streams", async () => {
  await using site = await Site.start();
  using control = await connectControl(await site.login());

  const { name, operator } = await control.logins.whoAmI({});
  assertEquals([name, operator?.role], ["alice", "admin"]);
  const kinds = await Array.fromAsync(
    control.events.watchEvents({ follow: false }),
    ({ event }) => event?.kind,
  );
  assertEquals(kinds.includes("manager_started"), true);
});

Deno.test("the folder and file of a login are private, and one that others can read is refused", async () => {
  await using site = await Site.start();
  const dir = await site.login();
  const modes = await Promise.all(
    [dir, `${dir}/login.json`].map(async (path) =>
      ((await Deno.stat(path)).mode ?? 0) & 0o777
    ),
  );
  assertEquals(modes, [0o700, 0o600]);

  await Deno.chmod(`${dir}/login.json`, 0o644);
  await assertRejects(
    () => connectControl(dir),
    PiriError,
    `Cannot use "${dir}/login.json": its mode is 0644, so others may read it; run chmod 600 ${dir}/login.json`,
  );
});

Deno.test("a token that was revoked is refused", async () => {
  await using site = await Site.start();
  const dir = await site.login();
  using control = await connectControl(dir);
  await control.logins.logout({});

  const error = await assertRejects(
    () => control.logins.whoAmI({}),
    PiriError,
  );
  assertEquals(error.code, "AUTH_FAILED");
});

Deno.test("a token for scripts replaces that of the login", async () => {
  await using site = await Site.start();
  const dir = await site.login({ token: "piri_op_wrong" });
  using control = await connectControl(dir, { token: site.token });

  assertEquals((await control.logins.whoAmI({})).name, "alice");
});

Deno.test("a mistyped token is told before anybody is asked", async () => {
  await using site = await Site.start();
  const dir = await site.login();
  const token = `${site.token.slice(0, -1)}-`;

  const error = await assertRejects(
    () => connectControl(dir, { token }),
    PiriError,
    "Cannot use the token: its checksum is wrong",
  );
  assertEquals(error.code, "INVALID_ARGUMENT");
});

Deno.test("a Manager with a certificate of another authority is refused", async () => {
  await using site = await Site.start();
  await using other = await Site.start();
  const dir = await site.login({ ca: other.ca });

  const error = await assertRejects(() => connectControl(dir), PiriError);
  assertEquals([error.code, error.message], [
    "DENIED",
    `Cannot trust ${site.address}: its certificate is of another authority than the one that you logged in to`,
  ]);
});

Deno.test("a name that the certificate does not have is refused, with the names to use", async () => {
  await using site = await Site.start();
  const address = site.address.replace("localhost", "127.0.0.2");
  const dir = await site.login({ address });

  const error = await assertRejects(
    () => connectControl(dir),
    PiriError,
    `Cannot trust ${address}: its certificate is not for this name; use localhost`,
  );
  assertEquals(error.code, "DENIED");
});

Deno.test("a Manager that is away is told by its address", async () => {
  await using site = await Site.start();
  const dir = await site.login();
  await site.manager[Symbol.asyncDispose]();

  await assertRejects(
    () => connectControl(dir),
    Disconnected,
    `Cannot reach the Manager at ${site.address}: `,
  );
});

Deno.test("an authority that only the environment names is not trusted", async () => {
  await using site = await Site.start();
  await using other = await Site.start();
  const file = await site.folder.write("trusted.pem", site.ca);
  const trusting = { SSL_CERT_FILE: file, DENO_TLS_CA_STORE: "system" };

  const good = await askIn(trusting, await site.login());
  assertEquals(good, { code: 0, text: "alice\n" });
  const bad = await askIn(trusting, await site.login({ ca: other.ca }));
  assertEquals([bad.code, bad.text.includes("Cannot trust")], [1, true]);
});

Deno.test("proxies of the environment are not used", async () => {
  await using site = await Site.start();
  using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${proxy.addr.port}`;

  const asked = await askIn(
    { HTTPS_PROXY: url, https_proxy: url, ALL_PROXY: url, HTTP_PROXY: url },
    await site.login(),
  );

  assertEquals(asked, { code: 0, text: "alice\n" });
});
