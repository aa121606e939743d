import { assertEquals, assertMatch } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { FakeCi } from "../support/fake_ci.ts";
import { publishKeys, startCiSite } from "../support/fake_ci_site.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import type { Executables } from "../support/executables.ts";
import { LiveProgram } from "../support/live_program.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

/** Service of a CI that its jobs ask for their tokens, as that of GitHub. */
function serveTokens(
  ci: FakeCi,
  claims: Readonly<Record<string, unknown>> = {},
) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async ({ url, headers }) => {
      const aud = new URL(url).searchParams.get("audience");
      const isJob = headers.get("authorization") === "Bearer secret-of-the-job";
      return isJob
        ? Response.json({ value: await ci.token({ ...claims, aud }) })
        : new Response(null, { status: 401 });
    },
  );
  return {
    env: {
      ACTIONS_ID_TOKEN_REQUEST_URL:
        `http://127.0.0.1:${server.addr.port}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "secret-of-the-job",
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs the command line on the machine of a job, which has no state folder. */
async function inJob(
  { manager: argv }: Executables,
  env: Readonly<Record<string, string>>,
  ...args: string[]
) {
  await using ran = new LiveProgram(`job ${args[0]}`, [...argv, ...args], {
    NO_COLOR: "1",
    ...env,
  });
  return await ran.end();
}

/** Newest entries of the audit that have one of these acts, oldest first. */
async function audited(fleet: Fleet, ...acts: string[]) {
  const entries = await fleet.json("audit", "list");
  return entries.toReversed().filter(({ act }) => acts.includes(String(act)));
}

story(
  "a job of a CI logs in without a stored secret, and does what its operator's rule allows",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "db-1"],
      managerConfig: { control: "127.0.0.1:0" },
    });
    await using site = await startCiSite();
    const ci = await publishKeys(site, "by the request");
    const caFile = fleet.folder.at("ci.pem");
    await Deno.writeTextFile(caFile, site.ca);

    const added = await fleet.manager(
      ...["issuer", "add", "own", "--kind", "github"],
      ...["--url", site.url, "--ca", caFile],
    );
    const byName = await fleet.manager(
      ...["operator", "add", "deploy", "--from", "own"],
      ...["--claim", "repository=octo/site"],
    );
    const [operator] = await fleet.json(
      ...["operator", "add", "deploy", "--from", "own"],
      ...["--claim", "repository_id=1", "--claim", "repository_owner_id=2"],
      ...["--claim", "environment=production"],
    );
    await fleet.manager(
      ...["rule", "add", "deploy", "allow"],
      ...["--on", "web-*", "--do", "command.Run"],
    );
    const home = fleet.folder.at("runner");
    const env = {
      HOME: home,
      XDG_CONFIG_HOME: `${home}/config`,
      APPDATA: home,
      PIRI_MANAGER: String(operator?.["login"]),
    };

    assertEquals(added.stdout, `added issuer "own": ${site.url}\n`);
    assertEquals(byName.code, ExitCode.usage);
    assertMatch(
      byName.stderr,
      /a github issuer needs the claims repository_id and repository_owner_id/,
    );

    await using tokens = serveTokens(ci);
    const outside = await inJob(executables, env, "login", "--ci");
    const login = await inJob(
      executables,
      { ...env, ...tokens.env },
      "login",
      "--ci",
    );
    const who = await inJob(executables, env, "whoami");
    const words = program("printAndExit", "hello", "0");
    const ran = await inJob(executables, env, "run", "web-1", "--", ...words);
    const denied = await inJob(executables, env, "run", "db-1", "--", ...words);

    assertEquals(outside.code, ExitCode.failed);
    assertMatch(
      outside.stderr,
      /this process was given no token[^]*id-token: write/,
    );
    assertMatch(login.stdout, /^logged in to .+ as deploy \(operator\) until /);
    assertEquals(login.code, ExitCode.ok);
    assertMatch(who.stdout, /^deploy \(operator\) at /);
    assertEquals([ran.code, ran.stdout], [ExitCode.ok, "hello\n"]);
    assertEquals(denied.code, ExitCode.refused);
    assertMatch(denied.stderr, /no rule of "deploy" allows it/);
    const run = "own: run_id 4711, run_number 42, run_attempt 1";
    assertEquals(
      (await audited(fleet, "LoginFromCi", "StartJob"))
        .map(({ act, who, credential }) => [act, who, credential]),
      [
        ["LoginFromCi", "deploy", run],
        ["StartJob", "deploy", `token 1, ${run}`],
        // The denied one on db-1.
        ["StartJob", "deploy", `token 1, ${run}`],
      ],
    );

    await using others = serveTokens(ci, { "repository_id": "9" });
    const taken = await inJob(
      executables,
      { ...env, ...others.env },
      "login",
      "--ci",
    );

    assertEquals(taken.code, ExitCode.refused);
    assertMatch(taken.stderr, /the token of the CI is not accepted here/);
    const refusal = (await audited(fleet, "LoginFromCi")).at(-1);
    assertEquals([refusal?.["decision"], refusal?.["outcome"]], [
      "denied",
      'Cannot accept the token of the CI: its claim "repository_id" is "9" rather than "1"',
    ]);
  },
);
