import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import { ROOT } from "../../scripts/build/build.ts";
import { hostTarget } from "../../scripts/build/target.ts";
import { sumsOf, withReleases } from "../../scripts/release/make.ts";
import { signFiles } from "../../scripts/release/sign.ts";

const ignore = Deno.build.os === "windows";
const SCRIPT = join(ROOT, "scripts/install.sh");
const KEYS = join(ROOT, "tests/base/minisign");
const KEY = "RWTz02+GfOEnBWeEnCv2+tMgcTA/3C1KUyXzmv7r/eQ/14ErvGiCXKp/";

/** True if there is such a program. */
function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync()
      .success || program === "minisign";
  } catch {
    return false;
  }
}

/** A release of programs that write down how they were called, and a folder to install to. */
async function release() {
  const folder = await Deno.makeTempDir({ prefix: "piri-install-" });
  const files = join(folder, "files");
  const to = join(folder, "bin");
  const { name } = hostTarget();
  await Deno.mkdir(files);
  const names = ["piri-agent", "piri-manager"].map((each) => `${each}-${name}`);
  for (const each of names) {
    await Deno.writeTextFile(
      join(files, each),
      `#!/bin/sh\necho "${each} $*"\necho "token: $(cat), \${PIRI_JOIN_TOKEN:-none}"\n`,
    );
  }
  await Deno.writeTextFile(join(files, "piri-0.1.0.json"), "{}");
  await Deno.writeTextFile(
    join(files, "SHA256SUMS"),
    await sumsOf(files, names),
  );
  return {
    files,
    to,
    agent: `piri-agent-${name}`,
    manager: `piri-manager-${name}`,
    installed: () =>
      [...Deno.readDirSync(folder)].filter(({ name }) => name === "bin")
        .flatMap(() => [...Deno.readDirSync(to)].map(({ name }) => name)),
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Runs a script by `sh`, and returns all that it says. */
async function sh(
  args: readonly string[],
  { script = SCRIPT, env = {}, input = "" } = {},
) {
  const child = new Deno.Command("sh", {
    args: [script, ...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output] = await Promise.all([
    child.output(),
    new Response(input).body?.pipeTo(child.stdin).catch(() => {}) ??
      child.stdin.close(),
  ]);
  const text = new TextDecoder();
  return {
    code: output.code,
    stdout: text.decode(output.stdout),
    stderr: text.decode(output.stderr),
  };
}

Deno.test({
  name: "install.sh joins with a token, and the agent becomes a service",
  ignore,
  fn: async () => {
    await using made = await release();
    const { code, stdout, stderr } = await sh(
      ["--from", made.files, "--to", made.to, "--version", "v0.1.0"],
      { env: { PIRI_JOIN_TOKEN: "secret" } },
    );

    assertEquals(stderr, "");
    assertEquals(
      stdout,
      `${made.agent} join - --service\ntoken: secret, none\n`,
    );
    // The program puts itself into its place.
    assertEquals([code, made.installed()], [0, []]);
  },
});

Deno.test({
  name: "install.sh reads a token from standard input, and needs none",
  ignore,
  fn: async () => {
    await using made = await release();
    const from = ["--from", made.files, "--to", made.to];
    const joined = await sh([...from, "--no-service", "--token", "-"], {
      input: "typed\n",
    });
    const alone = await sh([...from, "--manager"], {
      env: { PIRI_JOIN_TOKEN: "secret" },
    });

    assertEquals(
      joined.stdout,
      `installed ${made.to}/piri-agent\n${made.agent} join -\ntoken: typed, none\n`,
    );
    assertEquals(alone.stdout, `installed ${made.to}/piri-manager\n`);
    assertEquals(made.installed().toSorted(), ["piri-agent", "piri-manager"]);
  },
});

Deno.test({
  name:
    "install.sh leaves a program that could not become a service, and fails",
  ignore,
  fn: async () => {
    await using made = await release();
    await Deno.writeTextFile(
      join(made.files, made.agent),
      '#!/bin/sh\ncat >/dev/null; echo "error: Cannot x" >&2; exit 3\n',
    );
    await Deno.writeTextFile(
      join(made.files, "SHA256SUMS"),
      await sumsOf(made.files, [made.agent]),
    );
    const { code, stderr } = await sh(
      ["--from", made.files, "--to", made.to],
      { env: { PIRI_JOIN_TOKEN: "secret" } },
    );

    assertEquals([code, made.installed()], [1, ["piri-agent"]]);
    assertMatch(
      stderr,
      /^error: Cannot x\nerror: Cannot install: the agent is there/,
    );
  },
});

Deno.test({
  name:
    "install.sh downloads a version, and the latest one, and says what it cannot",
  ignore,
  fn: async () => {
    await using made = await release();
    const asked: string[] = [];
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async ({ url }) => {
        const { pathname } = new URL(url);
        asked.push(pathname);
        const found = pathname.includes("v9.9.9")
          ? undefined
          : await Deno.readFile(
            join(made.files, pathname.split("/").at(-1) ?? ""),
          );
        return new Response(found ?? null, { status: found ? 200 : 404 });
      },
    );
    const from = [
      ...["--from", `http://127.0.0.1:${server.addr.port}/releases`],
      ...["--to", made.to],
    ];
    const latest = await sh(from);
    const old = await sh([...from, "--version", "0.1.0"]);
    const missing = await sh([...from, "--version", "9.9.9"]);

    assertEquals([latest.code, old.code, missing.code], [0, 0, 1]);
    assertMatch(missing.stderr, /SHA256SUMS cannot be downloaded/);
    assertEquals(asked, [
      "/releases/latest/download/SHA256SUMS",
      `/releases/latest/download/${made.agent}`,
      "/releases/download/v0.1.0/SHA256SUMS",
      `/releases/download/v0.1.0/${made.agent}`,
      "/releases/download/v9.9.9/SHA256SUMS",
    ]);
  },
});

Deno.test({
  name: "install.sh that was cut anywhere does nothing",
  ignore,
  fn: async () => {
    await using made = await release();
    const text = await Deno.readTextFile(SCRIPT);
    const script = join(made.files, "cut.sh");
    const cuts = [
      ...Array.from(
        { length: Math.ceil(text.length / 200) },
        (_, i) => i * 200,
      ),
      ...Array.from({ length: 30 }, (_, i) => text.length - 2 - i),
    ];
    for (const cut of cuts) {
      await Deno.writeTextFile(script, text.slice(0, cut));
      const { stdout } = await sh(["--from", made.files, "--to", made.to], {
        script,
      });
      assertEquals([cut, stdout, made.installed()], [cut, "", []]);
    }
  },
});

Deno.test({
  name:
    "install.sh refuses a file that is not what its sum says, and leaves nothing",
  ignore,
  fn: async () => {
    await using made = await release();
    const args = ["--from", made.files, "--to", made.to];
    await Deno.writeTextFile(join(made.files, made.agent), "x", {
      append: true,
    });
    const wrong = await sh(args);
    await Deno.writeTextFile(join(made.files, "SHA256SUMS"), "");
    const unnamed = await sh(args);

    assertMatch(
      wrong.stderr,
      /the SHA-256 of piri-agent-\S+ is \w{64} instead/,
    );
    assertMatch(unnamed.stderr, /SHA256SUMS has no piri-agent-/);
    assertEquals([wrong.code, unnamed.code, made.installed()], [1, 1, []]);
  },
});

Deno.test({
  name:
    "install.sh refuses a token as an argument, flags it does not know, and no source",
  ignore,
  fn: async () => {
    await using made = await release();
    const to = ["--to", made.to];
    const said = async (...args: string[]) =>
      (await sh([...args, ...to])).stderr.trim().replace(
        "error: Cannot install: ",
        "",
      );

    assertMatch(await said("--token", "secret"), /^a token in an argument/);
    assertMatch(await said("--token", "-"), /^there is no token/);
    assertEquals(await said("--purge", "x"), "--purge is no flag");
    assertMatch(await said(), /^it is not said where from/);
    assertMatch(
      await said("--from", made.files, "--version", "9.9.9"),
      /is not version 9\.9\.9$/,
    );
    assertMatch((await sh(["--from"])).stderr, /--from is no flag, or lacks/);
    assertEquals(made.installed(), []);
  },
});

Deno.test({
  name:
    "install.sh checks the signature of the sums (ignored without minisign)",
  ignore: ignore || !has("minisign"),
  fn: async () => {
    await using made = await release();
    const args = ["--from", made.files, "--to", made.to, "--key", KEY];
    const unsigned = await sh(args);
    await signFiles(made.files, {
      keyFile: join(KEYS, "test.key"),
      names: ["SHA256SUMS"],
      version: "0.1.0",
    });
    const signed = await sh(args);
    await Deno.writeTextFile(join(made.files, "SHA256SUMS"), "\n", {
      append: true,
    });
    const changed = await sh(args);

    assertMatch(unsigned.stderr, /there is no .*SHA256SUMS.minisig/);
    assertEquals(signed.stderr, "");
    assertMatch(changed.stderr, /the signature of SHA256SUMS is wrong/);
    assertEquals([unsigned.code, signed.code, changed.code], [1, 0, 1]);
  },
});

Deno.test({
  name:
    "shellcheck finds nothing wrong with install.sh (ignored without shellcheck)",
  ignore: ignore || !has("shellcheck"),
  fn: async () => {
    const { stdout } = await new Deno.Command("shellcheck", { args: [SCRIPT] })
      .output();

    assertEquals(new TextDecoder().decode(stdout), "");
  },
});

Deno.test("install.sh has at most 120 lines, and both installers can be told a page of releases", async () => {
  const text = await Deno.readTextFile(SCRIPT);
  const url = "https://example.org/piri/releases";

  assertEquals(text.split("\n").length <= 121, true);
  assertMatch(
    withReleases(text, url),
    /from=\$\{PIRI_RELEASES:-https:\/\/example\.org\/piri\/releases\}/,
  );
  assertEquals(withReleases(text, ""), text);
  const windows = join(ROOT, "scripts/install.ps1");
  assertMatch(
    withReleases(await Deno.readTextFile(windows), url),
    /\$From = \$\(if \(\$env:PIRI_RELEASES\) \{ \$env:PIRI_RELEASES \} else \{ 'https:\/\/example\.org\/piri\/releases' \}\),/,
  );
  for (const wrong of ["http://a.b", "https://a.b/$(id)", "https://a b"]) {
    assertThrows(() => withReleases(text, wrong), PiriError, "no plain https");
  }
});
