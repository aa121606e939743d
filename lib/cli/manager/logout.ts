import { codeOf, Disconnected, messageOf } from "../../base/errors.ts";
import { defineSubcommand, type Invocation } from "../command.ts";
import { diskError } from "../../base/files.ts";
import { type Login, loginFile, readLogin } from "../../base/login_file.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import { type NamedLogin, requireLogin } from "./logins.ts";
import type { ManagerServices } from "./services.ts";

/** `logout`: ends a login at a Manager on another machine. */
export const logout = defineSubcommand({
  name: "logout",
  summary: "end a login at a Manager on another machine",
  positionals: {
    name: {
      type: "optional",
      summary: "name of the login (default: the one that is asked without it)",
    },
  },
  flags: {},
  examples: ["", "prod"],
  async execute(invocation, services: ManagerServices) {
    const { positionals, output, terminal } = invocation;
    const { name } = positionals;
    const found = name === undefined
      ? await current(invocation)
      : await requireLogin(terminal, name);
    const { login } = found;
    const reason = await revoke(login, services);
    await remove(found.folder);
    await output.either(
      {
        name: found.name,
        address: login.address,
        operator: login.operator,
        revoked: reason === undefined,
      },
      `logged out of ${login.address}`,
    );
    if (reason !== undefined) {
      await output.note(
        `${reason}; so the token stays good until ${
          output.fullTime(BigInt(login.expiresAt))
        }, unless an admin revokes it: piri-manager operator tokens ${login.operator}`,
      );
    }
    return ExitCode.ok;
  },
});

/** The login that is asked by default. */
async function current({ dir }: Invocation): Promise<NamedLogin> {
  const login = await readLogin(dir);
  if (login !== undefined) return { name: dir, folder: dir, login };
  throw new HintedError(
    "NOT_FOUND",
    `Cannot log out: "${dir}" is no login, and needs none`,
    "piri-manager login lists the logins; piri-manager logout NAME ends one",
  );
}

/** Ends the token. Returns why that was not possible; undefined if it is no longer good. */
async function revoke(
  { address, ca, token }: Login,
  services: ManagerServices,
): Promise<string | undefined> {
  try {
    using control = await services.connectTo({ address, ca, token });
    await control.logins.logout({});
    return undefined;
  } catch (error) {
    // It has ended or was revoked already.
    if (codeOf(error) === "AUTH_FAILED") return undefined;
    if (error instanceof Disconnected || codeOf(error) === "DENIED") {
      return messageOf(error);
    }
    throw error;
  }
}

async function remove(folder: string): Promise<void> {
  try {
    await Deno.remove(loginFile(folder));
    await Deno.remove(folder);
  } catch (error) {
    throw diskError(`remove "${folder}"`, error);
  }
}
