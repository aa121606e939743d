import { type Role, ROLES } from "../../base/role.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { parseClaims } from "./claims.ts";
import { withIssuerHint } from "./find_issuer.ts";
import { withOperatorHint } from "./find_operator.ts";
import { printOnce } from "./print_once.ts";
import type { Control, ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";

/** Argument that names an operator. */
export const NAME = {
  name: { type: "one", summary: "name of the operator" },
} as const;

/** Flag for the role. */
export const ROLE = {
  type: "choice",
  choices: ROLES,
  summary: "what the operator may do (below)",
  synonyms: { read: "viewer", user: "operator", administrator: "admin" },
} as const;

/** Roles in the help. */
export const ROLE_HELP = {
  title: "Roles",
  lines: [
    ["viewer", "sees agents, commands, output and events"],
    ["operator", "acts on agents, too, as far as rules allow: rule add"],
    ["admin", "changes agents, operators and rules, too; no one's own rights"],
  ],
} as const;

const CLAIM_HELP = {
  title: "Claims that --from needs",
  lines: [
    ["github", "repository_id=1 repository_owner_id=2; and what narrows it"],
    ["gitlab", "project_id=1 namespace_id=2; and what narrows it"],
    ["other", "at least one, as sub=job/deploy"],
  ],
} as const;

const expires = {
  type: "duration",
  value: "TIME",
  summary: "how long a login lasts, at most 3650d (default: 30d)",
  most: 3_650 * 86_400_000,
} as const;

const cidr = {
  type: "repeated",
  value: "NETWORK",
  summary:
    "network that the login is good from, as 10.0.0.0/8 or 2001:db8::/32 (default: any)",
} as const;

/** Flag for what an operator sees. */
export const see = {
  type: "string",
  value: "TARGETS",
  summary:
    "target expression of the agents that it sees, with their commands, output, events and jobs: @web (default: all; all ends a bound)",
} as const;

/** Bound of what an operator sees: none for all. */
export function seeOf(expression: string): string {
  return expression.trim() === "all" ? "" : expression;
}

/** `operator add`: adds a person, or jobs of a CI. */
export const add = defineSubcommand({
  name: "add",
  summary: "add an operator and print the line to log in with",
  positionals: NAME,
  flags: {
    role: ROLE,
    expires,
    cidr,
    see,
    from: {
      type: "string",
      apart: ["cidr"],
      value: "ISSUER",
      summary:
        "jobs of this CI log in, rather than a person (issuer add); role operator and at most 1h by default",
    },
    claim: {
      type: "repeated",
      needs: ["from"],
      value: "NAME=VALUE",
      summary: "with --from: claim that the token of a job must have",
    },
  },
  more: [ROLE_HELP, CLAIM_HELP],
  examples: [
    "alice --role operator",
    "bob --role viewer --expires 7d --see @web",
    "carol --role operator --cidr 10.1.0.0/16",
    "deploy --from jenkins --claim sub=job/deploy",
  ],
  async execute(
    { positionals, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { name } = positionals;
    const { from } = flags;
    const role = flags.role ?? (from === undefined ? undefined : "operator");
    if (from === undefined && flags.claim.length > 0) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot use "--claim" without "--from": a person has no claims',
        "--from ISSUER names the CI; piri-manager issuer list lists them",
      );
    }
    if (from !== undefined && flags.cidr.length > 0) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot use "--cidr" with "--from": the addresses of a CI change',
        "a claim bounds who may log in",
      );
    }
    if (role === undefined) {
      throw new HintedError(
        "INVALID_ARGUMENT",
        'Cannot add an operator: "--role" is missing',
        `it is one of ${ROLES.join(", ")}`,
      );
    }
    using control = await services.connect(dir);
    const request = {
      name,
      role,
      requestedBy: userOf(terminal),
      ...expiryOf(flags.expires),
      cidrs: [...flags.cidr],
      see: flags.see === undefined ? "" : seeOf(flags.see),
    };
    if (from === undefined) {
      const { login } = await control.operators.addOperator(request);
      await printLogin({ name, login }, output);
    } else {
      await addForCi(request, {
        from,
        claims: parseClaims(flags.claim),
        control,
        output,
      });
    }
    if (role === "operator") {
      await output.note(
        `${name} may only look so far; as an example: piri-manager rule add ${name} allow --on @web --do command.Run`,
      );
    }
    return ExitCode.ok;
  },
});

/** `operator invite`: another login of a person. */
export const invite = defineSubcommand({
  name: "invite",
  summary: "print another line to log in with",
  positionals: NAME,
  flags: { expires, cidr },
  examples: ["alice", "alice --cidr 192.0.2.0/24"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { login } = await withOperatorHint(
      control.operators.inviteOperator({
        name,
        requestedBy: userOf(terminal),
        ...expiryOf(flags.expires),
        cidrs: [...flags.cidr],
      }),
      name,
      control,
    );
    await printLogin({ name, login }, output);
    return ExitCode.ok;
  },
});

/** Adds an operator for jobs of a CI, and prints the line for them. */
async function addForCi(
  request: { readonly name: string; readonly role: Role },
  { from, claims, control, output }: {
    readonly from: string;
    readonly claims: Record<string, string>;
    readonly control: Control;
    readonly output: Output;
  },
): Promise<void> {
  const { login, audience } = await withIssuerHint(
    control.operators.addOperator({
      ...request,
      ci: { issuer: from, claims },
    }),
    from,
    { control, claims },
  );
  const { name } = request;
  await output.either(
    { name, login, audience },
    `piri-manager login --ci ${login}`,
  );
  await output.note(
    `no secret: it may stand in the file of the CI; the audience of its token is ${audience}`,
  );
}

/** Prints a login line, which nobody can see again. */
async function printLogin(
  { name, login }: { readonly name: string; readonly login: string },
  output: Output,
): Promise<void> {
  await printOnce(output, {
    value: { name, login },
    line: `piri-manager login ${login}`,
    what: `the login line of "${name}"`,
    again: `piri-manager operator invite ${name}`,
  });
  await output.note("a secret, good once and for 10 minutes");
}

function expiryOf(ms: number | undefined): { tokenExpiresInMs?: bigint } {
  return ms === undefined ? {} : { tokenExpiresInMs: BigInt(ms) };
}
