import { run } from "../../scripts/build/run.ts";

const MIB = 1_048_576;

const PROGRAMS = ["losetup", "mkfs.ext4", "mkfs.xfs", "mount", "umount", "cp"];

/** Reason why file systems in files cannot be mounted here; undefined if they can. */
export const NEEDS_LOOP_DEVICES: string | undefined = await reasonWithout();

async function reasonWithout(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "loop devices are those of Linux";
  if (Deno.uid() !== 0) return "only root may mount a file system";
  for (const program of PROGRAMS) {
    const found = await new Deno.Command("sh", {
      args: ["-c", `command -v ${program}`],
      stdout: "null",
    }).output();
    if (!found.success) return `there is no ${program}`;
  }
  const free = await new Deno.Command("losetup", {
    args: ["--find"],
    stdout: "null",
    stderr: "null",
  }).output();
  return free.success ? undefined : "there is no free loop device";
}

/** File system in a file, mounted. */
interface Mounted extends AsyncDisposable {
  readonly path: string;
}

async function mount(
  image: string,
  path: string,
  options: readonly string[] = [],
): Promise<Mounted> {
  await Deno.mkdir(path);
  await run(["mount", "-o", ["loop", ...options].join(), image, path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run(["umount", path]);
    },
  };
}

async function makeImage(path: string, mkfs: readonly string[], size: number) {
  (await Deno.create(path)).close();
  await Deno.truncate(path, size);
  await run([...mkfs, path]);
}

/**
 * Disk whose power can fail: an ext4 on a loop device. The image of the device is a file on an XFS, which copies a file as
 * it is at one moment: what the device had been told by then is in the copy, and nothing that was only in memory.
 */
export class LoopDevice implements AsyncDisposable {
  readonly #outer: string;
  readonly #undo: AsyncDisposableStack;
  #cuts = 0;

  private constructor(
    outer: string,
    readonly path: string,
    undo: AsyncDisposableStack,
  ) {
    this.#outer = outer;
    this.#undo = undo;
  }

  static async mount(folder: string): Promise<LoopDevice> {
    await using undo = new AsyncDisposableStack();
    const host = `${folder}/host.img`;
    await makeImage(host, ["mkfs.xfs", "-q", "-m", "reflink=1"], 800 * MIB);
    const { path: outer } = undo.use(await mount(host, `${folder}/host`));
    await makeImage(`${outer}/disk.img`, ["mkfs.ext4", "-q"], 192 * MIB);
    const disk = undo.use(await mount(`${outer}/disk.img`, `${folder}/disk`));
    return new LoopDevice(outer, disk.path, undo.move());
  }

  /** Copies the disk as it would be after a power cut at this moment, and mounts the copy. */
  async afterPowerCut(): Promise<Mounted> {
    const image = `${this.#outer}/cut-${++this.#cuts}.img`;
    const disk = `${this.#outer}/disk.img`;
    await run(["cp", "--reflink=always", disk, image]);
    return await mount(image, `${this.#outer}/cut-${this.#cuts}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}
