import { encodePem } from "../../base/pem.ts";
import type { LoginResponse } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { parseCiLine } from "../../base/ci_line.ts";
import { TOKEN_VARIABLE } from "../../base/ci_token.ts";
import { codeOf, messageOf, PiriError } from "../../base/errors.ts";
import { type Login, readLogin, writeLogin } from "../../base/login_file.ts";
import { type LoginLine, parseLoginLine } from "../../base/login_line.ts";
import {
  makePrivateFolder,
  requirePrivateFolder,
} from "../../base/private_folder.ts";
import { defineSubcommand, type Invocation } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { isoTime } from "../time.ts";
import { decodeExactly } from "../utf8.ts";
import {
  allLogins,
  chooseLogin,
  chosenLogin,
  ciLineIn,
  loginFolder,
  loginNameOf,
  requireLogin,
} from "./logins.ts";
import type { ManagerServices } from "./services.ts";

/** `login`: signs in to a Manager on another machine. */
export const login = defineSubcommand({
  name: "login",
  summary: "sign in to a Manager on another machine, or list such logins",
  positionals: {
    line: {
      type: "optional",
      summary:
        'line that piri-manager operator add printed; "-" reads it from stdin; without it the logins are listed',
    },
  },
  flags: {
    ci: {
      type: "boolean",
      apart: ["cidr"],
      summary:
        "sign in as the CI job that this is a part of, by the line that operator add --from printed (default: PIRI_MANAGER)",
    },
    name: {
      type: "string",
      value: "NAME",
      summary: "name of the login, for PIRI_MANAGER (default: the host)",
    },
    cidr: {
      type: "repeated",
      value: "NETWORK",
      summary:
        "network that the login is good from, as 10.0.0.0/8 (default: as the line says)",
    },
    use: {
      type: "string",
      apart: ["name", "cidr", "ci"],
      value: "NAME",
      summary: "make an existing login the usual one",
    },
  },
  more: [{
    title: "Which Manager is asked (the first that applies)",
    lines: [
      ["--dir DIR", "the state folder, or the folder of a login"],
      ["PIRI_MANAGER", "name of a login, or path of its folder"],
      ["this machine", "the state folder, if there is one"],
      ["login --use", "the usual login, or the only one"],
    ],
  }],
  examples: [
    "piri-login1-...",
    "- --name prod < line",
    "--ci piri-ci1-...",
    "--use prod",
  ],
  async execute(invocation, services: ManagerServices) {
    const { positionals: { line }, flags } = invocation;
    if (flags.use !== undefined) {
      if (
        line !== undefined || flags.name !== undefined || flags.ci ||
        flags.cidr.length > 0
      ) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          'Cannot use "--use" with a line, "--name", "--cidr" or "--ci": it takes a login that is there already',
        );
      }
      await use(flags.use, invocation);
    } else if (flags.ci) {
      if (flags.cidr.length > 0) {
        throw new PiriError(
          "INVALID_ARGUMENT",
          'Cannot use "--ci" with "--cidr": a login of a CI job is bounded by claims',
        );
      }
      await signInFromCi(line, flags.name, invocation, services);
    } else if (line !== undefined) {
      await signIn(line, flags, invocation, services);
    } else if (flags.name === undefined && flags.cidr.length === 0) {
      await list(invocation);
    } else {
      throw new HintedError(
        "INVALID_ARGUMENT",
        "Cannot log in: the line is missing",
        "piri-manager operator add, or operator invite, prints it on the Manager's machine",
      );
    }
    return ExitCode.ok;
  },
});

async function list({ output, terminal }: Invocation): Promise<void> {
  const usual = chosenLogin(terminal);
  await output.list(await allLogins(terminal), {
    json: ({ name, folder, login }) => ({
      ...loginJson(name, folder, login),
      usual: name === usual,
    }),
    columns: {
      NAME: ({ name }) => name,
      MANAGER: ({ login }) => login.address,
      OPERATOR: ({ login }) => login.operator,
      UNTIL: ({ login }) => output.fullTime(BigInt(login.expiresAt)),
      USUAL: ({ name }) => name === usual ? "yes" : "",
    },
  });
}

async function use(name: string, invocation: Invocation): Promise<void> {
  const { output, terminal } = invocation;
  const { login, folder } = await requireLogin(terminal, name);
  await chooseLogin(terminal, name);
  await output.either(
    { ...loginJson(name, folder, login), usual: true },
    `"${name}" is the usual login: ${login.operator} at ${login.address}`,
  );
  await noteOther(name, folder, invocation);
}

async function signIn(
  word: string,
  { name: given, cidr }: {
    readonly name: string | undefined;
    readonly cidr: readonly string[];
  },
  invocation: Invocation,
  services: ManagerServices,
): Promise<void> {
  const { terminal } = invocation;
  const line = parseLoginLine(
    word === "-" ? decodeExactly(await terminal.readStdin()) ?? "" : word,
  );
  await keep(line, given, invocation, async (place) => {
    using control = await services.connectTo(place);
    return await control.logins.login({ code: line.code, cidrs: [...cidr] })
      .catch((error) => {
        throw withInvitation(error, line);
      });
  });
}

/** Signs in by a token that the CI gives to this job. It is never an argument. */
async function signInFromCi(
  word: string | undefined,
  given: string | undefined,
  invocation: Invocation,
  services: ManagerServices,
): Promise<void> {
  const line = parseCiLine(word ?? ciLineIn(invocation.terminal));
  const { operator, audience } = line;
  await keep(line, given, invocation, async (place) => {
    const token = await services.ciToken(audience).catch((error) => {
      throw withCiHint(error, audience);
    });
    using control = await services.connectTo(place);
    return await control.logins.loginFromCi({ operator, token })
      .catch((error) => {
        throw withReason(error);
      });
  });
}

/** Gets a token of the Manager, and keeps it as a login. */
async function keep(
  line: Pick<LoginLine, "address" | "caCertificate">,
  given: string | undefined,
  invocation: Invocation,
  trade: (
    place: { readonly address: string; readonly ca: string },
  ) => Promise<
    Pick<LoginResponse, "token" | "operator" | "role" | "expiresAtMs">
  >,
): Promise<void> {
  const { output, terminal } = invocation;
  const name = given ?? loginNameOf(line.address);
  const folder = loginFolder(terminal, name);
  await requireSame(folder, name, line);
  // Before the code is spent.
  await makePrivateFolder(folder);
  requirePrivateFolder(folder, { anyOwnerForRoot: true });
  const ca = encodePem("CERTIFICATE", line.caCertificate);
  const { address } = line;
  const { token, operator, role, expiresAtMs } = await trade({ address, ca });
  const login = {
    address,
    ca,
    operator,
    token,
    expiresAt: Number(expiresAtMs),
  };
  await writeLogin(folder, login);
  await output.either(
    { ...loginJson(name, folder, login), role },
    `logged in to ${address} as ${operator} (${role}) until ${
      output.fullTime(expiresAtMs)
    }`,
  );
  await noteOther(name, folder, invocation);
}

/** Refuses to replace the login at another Manager. */
async function requireSame(
  folder: string,
  name: string,
  { address }: Pick<LoginLine, "address">,
): Promise<void> {
  const old = await readLogin(folder);
  if (old === undefined || old.address === address) return;
  throw new HintedError(
    "ALREADY_EXISTS",
    `Cannot log in to ${address} as "${name}": that is a login at ${old.address}`,
    `--name NAME gives it another name; piri-manager logout ${name} frees this one`,
  );
}

/** Says so if another Manager than this login's is asked by default. */
async function noteOther(
  name: string,
  folder: string,
  invocation: Invocation,
): Promise<void> {
  const asked = askedOf(invocation);
  if (asked === folder) return;
  await invocation.output.note(
    asked === undefined
      ? `several logins: PIRI_MANAGER=${name} names this one, and piri-manager login --use ${name} makes it the usual one`
      : `without PIRI_MANAGER=${name} the Manager of "${asked}" is asked`,
  );
}

function askedOf(invocation: Invocation): string | undefined {
  try {
    return invocation.dir;
  } catch {
    return undefined; // the next subcommand says why
  }
}

function withInvitation(error: unknown, { operator }: LoginLine): unknown {
  if (codeOf(error) !== "AUTH_FAILED") return error;
  return new HintedError(
    "AUTH_FAILED",
    messageOf(error),
    `a line is good once and for 10 minutes; piri-manager operator invite ${operator} prints another one`,
    { cause: error },
  );
}

function withCiHint(error: unknown, audience: string): unknown {
  if (codeOf(error) !== "FAILED_PRECONDITION") return error;
  return new HintedError(
    "FAILED_PRECONDITION",
    messageOf(error),
    `GitHub gives one to a job with "permissions: id-token: write", GitLab to one with "id_tokens: ${TOKEN_VARIABLE}: aud: ${audience}"`,
    { cause: error },
  );
}

function withReason(error: unknown): unknown {
  if (codeOf(error) !== "AUTH_FAILED") return error;
  return new HintedError(
    "AUTH_FAILED",
    messageOf(error),
    "piri-manager audit list --act LoginFromCi tells an admin the reason",
    { cause: error },
  );
}

/** A login as JSON, without what is secret. */
export function loginJson(
  name: string,
  folder: string,
  { address, operator, expiresAt }: Login,
): Record<string, unknown> {
  return { name, address, operator, expiresAt: isoTime(expiresAt), folder };
}
