import { createHash } from "node:crypto";
import type { BlobName } from "../../../lib/base/blob.ts";
import { Blobs } from "../../../lib/manager/blobs/blobs.ts";
import type { BlobUse } from "../../../lib/store/records.ts";
import { countingRandom } from "../../support/counting_random.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { TempFolder } from "../../support/temp_folder.ts";

/** Folder of blobs with a clock, a limit and commands that a test chooses. */
export class BlobsAt implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly folder: TempFolder;
  /** Most bytes of all blobs. */
  limit = 1_000;
  /** Blobs that commands name. */
  uses: BlobUse[] = [];
  blobs: Blobs;

  private constructor(folder: TempFolder, clock: FakeClock, blobs: Blobs) {
    this.folder = folder;
    this.clock = clock;
    this.blobs = blobs;
  }

  static async start(): Promise<BlobsAt> {
    const folder = await TempFolder.make();
    const clock = new FakeClock();
    const at: BlobsAt = new BlobsAt(
      folder,
      clock,
      await openBlobs(folder, clock, () => at),
    );
    return at;
  }

  /** Opens the folder anew, as after a restart of the Manager. */
  async restart(): Promise<void> {
    this.blobs = await openBlobs(this.folder, this.clock, () => this);
  }

  /** Uploads a text in one piece, and returns its hash. */
  async put(text: string): Promise<string> {
    const id = await this.blobs.begin();
    await this.blobs.append(id, 0, bytesOf(text));
    return (await this.blobs.finish(id)).sha256;
  }

  /** Names of the files of blobs and uploads. */
  async files(): Promise<string[]> {
    const names: string[] = [];
    for (const folder of ["blobs", "blobs/uploads"]) {
      for await (const { name } of Deno.readDir(this.folder.at(folder))) {
        names.push(name);
      }
    }
    return names.filter((name) => name !== "uploads").sort();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }
}

function openBlobs(
  folder: TempFolder,
  clock: FakeClock,
  at: () => BlobsAt,
): Promise<Blobs> {
  return Blobs.open({
    dir: folder.at("blobs"),
    clock,
    random: countingRandom(),
    store: { blobUses: () => Promise.resolve(at().uses) },
    limit: () => at().limit,
    namesOf: (_operation, params) => namesIn(params),
  });
}

/** Blobs in parameters such as {"blob":"…"}. */
export function namesIn(params: string): BlobName[] {
  const { blob } = JSON.parse(params) as { blob?: string };
  return blob === undefined ? [] : [{ sha256: blob, isTree: false }];
}

/** SHA-256 of a text in hex digits. */
export function sha256Of(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Text as bytes. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
