import { join } from "@std/path";
import { createHash } from "node:crypto";
import type {
  Release,
  ReleaseFile,
} from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { inputOf } from "../input_file.ts";
import { bytesText } from "../text.ts";
import type { Terminal } from "../terminal.ts";
import type { Output } from "../output.ts";
import { beforeStart } from "./before_start.ts";
import { answered } from "./ids.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { hashInput, upload, type UploadContext } from "./upload.ts";

/** List of hashes in a release. */
const SUMS = "SHA256SUMS";

const ADDING = {
  doing: "sending the release",
  fate: "it is not whole at the Manager; the same command sends the rest",
  unread: true,
};

const add = defineSubcommand({
  name: "add",
  summary: "check a release, and keep it for agents",
  positionals: {
    folder: { type: "one", summary: "folder with the files of the release" },
  },
  flags: {},
  examples: ["piri-0.3.0/"],
  async execute(
    { positionals: { folder }, dir, output, terminal },
    services: ManagerServices,
  ) {
    const found = await manifestIn(folder, terminal);
    const connect = () => services.connect(dir);
    const release = await beforeStart(
      terminal,
      ADDING,
      (signal) => sendAll(folder, found, { connect, terminal, signal, output }),
    );
    await output.either(
      releaseJson(release),
      `release ${release.version} is kept: ${targetsOf(release)}`,
    );
    return ExitCode.ok;
  },
});

const list = defineSubcommand({
  name: "list",
  summary: "list the releases that agents can be updated to",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { releases } = await control.releases.listReleases({});
    await output.list(releases, {
      json: releaseJson,
      columns: {
        VERSION: ({ version }) => version,
        COMMIT: ({ commit }) => commit,
        FLOOR: ({ floor }) => floor,
        FILES: targetsOf,
      },
    });
    return ExitCode.ok;
  },
});

const remove = defineSubcommand({
  name: "remove",
  summary: "remove a release; agents that run it go on",
  positionals: { version: { type: "one", summary: "version of the release" } },
  flags: {},
  examples: ["0.3.0"],
  async execute(
    { positionals: { version }, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const requestedBy = userOf(terminal);
    await control.releases.removeRelease({ version, requestedBy });
    await output.either({ version }, `release ${version} is removed`);
    return ExitCode.ok;
  },
});

/** The group `release`: releases that agents can be updated to. */
export const release: Group<ManagerServices> = {
  name: "release",
  summary: "add, list and remove releases for agents",
  subcommands: [add, list, remove],
  synonyms: { rm: "piri-manager release remove" },
};

/** A release as JSON. */
export function releaseJson(release: Release): Record<string, unknown> {
  return {
    version: release.version,
    commit: release.commit,
    floor: release.floor,
    files: release.files.map((file) => ({
      name: file.name,
      product: file.product,
      target: file.target,
      size: String(file.size),
      sha256: file.sha256,
      here: file.here,
    })),
  };
}

function targetsOf({ files }: Pick<Release, "files">): string {
  return files.map(({ name, here }) => here ? name : `${name} (missing)`)
    .join(", ");
}

/** Manifest of a release, and the text of its signature. */
interface FoundManifest {
  readonly manifest: Uint8Array;
  readonly signature: string;
}

/** Reads the manifest of a folder and its signature. The sums tell which file it is. */
async function manifestIn(
  folder: string,
  terminal: Terminal,
): Promise<FoundManifest> {
  const decoder = new TextDecoder();
  const sums = decoder.decode(await terminal.readFile(join(folder, SUMS)));
  const [, sha256, name] =
    /^([0-9a-f]{64}) [ *](piri-\d[\w.-]*\.json)$/m.exec(sums) ?? [];
  if (name === undefined) {
    throw new PiriError(
      "CORRUPT",
      `Cannot read the release: ${join(folder, SUMS)} names no manifest`,
    );
  }
  const manifest = await terminal.readFile(join(folder, name));
  requireHash(
    name,
    sha256,
    createHash("sha256").update(manifest).digest("hex"),
  );
  const signature = await terminal.readFile(join(folder, `${name}.minisig`))
    .catch((error) => {
      throw new PiriError(
        "NOT_FOUND",
        `Cannot trust the release: ${name} has no signature beside it; sign it by minisign -Sm ${name}`,
        { cause: error },
      );
    });
  return { manifest, signature: decoder.decode(signature) };
}

/** Sends what the Manager does not have of a release, and returns the release as it is kept there. */
async function sendAll(
  folder: string,
  { manifest, signature }: FoundManifest,
  { output, ...context }: UploadContext & { readonly output: Output },
): Promise<Release> {
  const { connect, terminal, signal } = context;
  const request = {
    manifestSha256: await sendBytes(manifest, context),
    signature,
    requestedBy: userOf(terminal),
  };
  const ask = async () => {
    using control = await connect();
    const { release } = await control.releases.addRelease(request, { signal });
    return answered(release, "add a release");
  };
  const release = await ask();
  const missing = release.files.filter(({ here }) => !here);
  for (const file of missing) {
    await sendFile(join(folder, file.name), file, context);
    await output.note(`sent ${file.name} (${bytesText(file.size)})`);
  }
  return missing.length > 0 ? await ask() : release;
}

function requireHash(
  name: string,
  wanted: string | undefined,
  found: string,
): void {
  if (wanted === found) return;
  throw new PiriError(
    "CORRUPT",
    `Cannot trust "${name}": its SHA-256 is ${found}, and not ${wanted}`,
  );
}

async function sendBytes(
  bytes: Uint8Array,
  context: UploadContext,
): Promise<string> {
  let at = 0;
  using input = inputOf({
    read(buffer) {
      const part = bytes.subarray(at, at + buffer.length);
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
  }, { path: "the manifest", size: bytes.length });
  return await upload(input, context);
}

/** Sends a file, unless it is not the one that the manifest names. */
async function sendFile(
  path: string,
  { name, sha256 }: ReleaseFile,
  context: UploadContext,
): Promise<void> {
  {
    using input = await context.terminal.openInput(path);
    requireHash(name, sha256, await hashInput(input));
  }
  using input = await context.terminal.openInput(path);
  await upload(input, { ...context, sha256 });
}
