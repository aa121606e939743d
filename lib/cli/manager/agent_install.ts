import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { sha256 } from "../../base/sha256.ts";
import { defineSubcommand } from "../command.ts";
import { HintedError } from "../errors.ts";
import { ExitCode } from "../exit_code.ts";
import type { Terminal } from "../terminal.ts";
import { decodeLeniently } from "../utf8.ts";
import type { ManagerServices, RemoteShell } from "./services.ts";
import { userOf } from "./signature.ts";

/** Targets of a release by what `uname -sm` prints. */
const TARGETS: Readonly<Record<string, string>> = {
  "Linux x86_64": "linux-x64",
  "Linux aarch64": "linux-arm64",
  "Darwin x86_64": "macos-x64",
  "Darwin arm64": "macos-arm64",
};

/** `agent install`: puts the agent on a host by ssh, and lets it join. */
export const agentInstall = defineSubcommand({
  name: "install",
  summary: "put the agent on a host by ssh, where it joins",
  positionals: {
    destination: { type: "one", summary: "host, as ssh takes it: [USER@]HOST" },
  },
  flags: {
    from: {
      type: "string",
      value: "FOLDER",
      summary: "folder with the files of a release, on this machine",
    },
    name: {
      type: "string",
      value: "NAME",
      summary: "name of the agent (default: the host)",
    },
    group: { type: "repeated", value: "NAME", summary: "group of the agent" },
    cidr: {
      type: "repeated",
      value: "NETWORK",
      summary: "network that the agent may connect from (default: any)",
    },
    sudo: {
      type: "boolean",
      summary: "become root there by sudo, which must ask for no password",
    },
  },
  examples: ["root@web-1 --from piri-0.3.0", "deploy@web-2 --sudo --from ."],
  async execute(
    { positionals: { destination }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    const { from, sudo } = flags;
    if (from === undefined || destination.startsWith("-")) {
      throw new PiriError(
        "INVALID_ARGUMENT",
        from === undefined
          ? "Cannot install: --from names no folder with the files of a release"
          : `Cannot install on "${destination}": it is no host`,
      );
    }
    const id = flags.name ?? destination.slice(destination.indexOf("@") + 1);
    const shell = await services.remoteShell(destination);
    const target = await targetOf(shell);
    const program = await readProgram(terminal, { from, target });
    const folder = await copy(shell, program);
    await output.note(`copied the agent for ${target} to ${destination}`);
    using control = await services.connect(dir);
    const { token } = await control.agents.addAgent({
      id,
      groups: [...flags.group],
      cidrs: [...flags.cidr],
      requestedBy: userOf(terminal),
    });
    const text = await joined(shell, { folder, token, sudo, id });
    await output.either({ id, target, installed: true }, text.trimEnd());
    return ExitCode.ok;
  },
});

async function targetOf(shell: RemoteShell): Promise<string> {
  const kind = (await must(shell, "see what the host is", "uname -sm")).trim();
  const target = Object.hasOwn(TARGETS, kind) ? TARGETS[kind] : undefined;
  if (target !== undefined) return target;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install: there is no agent for ${JSON.stringify(kind)}`,
  );
}

/** Reads the executable of a release, which must be what the sums say. */
async function readProgram(
  terminal: Pick<Terminal, "readFile">,
  { from, target }: { readonly from: string; readonly target: string },
): Promise<Uint8Array> {
  const name = `piri-agent-${target}`;
  const sums = decodeLeniently(
    await terminal.readFile(join(from, "SHA256SUMS")),
  );
  const program = await terminal.readFile(join(from, name));
  const line = `${encodeHex(sha256(program))}  ${name}`;
  if (sums.split("\n").includes(line)) return program;
  throw new PiriError(
    "CORRUPT",
    `Cannot install: ${name} in "${from}" is not what SHA256SUMS says`,
  );
}

/** Copies the program to a folder of its own, which is returned. Some hosts start nothing that is in /tmp. */
async function copy(shell: RemoteShell, program: Uint8Array): Promise<string> {
  const line =
    'umask 077 && d=$(mktemp -d "$HOME/.piri-XXXXXX") && cat > "$d/piri-agent" && chmod 700 "$d/piri-agent" && echo "$d"';
  return (await must(shell, "copy the agent", line, program)).trim();
}

/** Lets the program join and become a service, removes the copy, and returns what it says. */
async function joined(
  shell: RemoteShell,
  { folder, token, sudo, id }: {
    readonly folder: string;
    readonly token: string;
    readonly sudo: boolean;
    readonly id: string;
  },
): Promise<string> {
  const d = `'${folder.replaceAll("'", "'\\''")}'`;
  const root = sudo ? "sudo -n " : "";
  // The token goes by standard input: other users of the host can see arguments.
  const line =
    `${root}${d}/piri-agent join --token-file - --service; code=$?; rm -rf ${d}; exit $code`;
  const input = new TextEncoder().encode(`${token}\n`);
  const { code, stdout, stderr } = await shell.run(line, input);
  if (code === 0) return stdout;
  throw new HintedError(
    "UNAVAILABLE",
    `Cannot let the host join: ${lastLine(stderr) || `it ended with ${code}`}`,
    `agent "${id}" was added; piri-manager agent token ${id} makes another token, piri-manager agent remove ${id} takes it back`,
  );
}

async function must(
  shell: RemoteShell,
  attempt: string,
  line: string,
  input?: Uint8Array,
): Promise<string> {
  const { code, stdout, stderr } = await shell.run(line, input);
  if (code === 0) return stdout;
  throw new PiriError(
    "UNAVAILABLE",
    `Cannot ${attempt}: ${lastLine(stderr) || `ssh ended with ${code}`}`,
  );
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.replace(/^error: /, "") ?? "";
}
