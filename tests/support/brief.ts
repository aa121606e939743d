import { LiveProgram } from "./live_program.ts";
import type { Executables } from "./executables.ts";
import type { Fleet } from "./fleet.ts";

/** A CI job: it has the state of a Manager as a text, a folder for temporary files, and no state folder. */
export class CiJob {
  /** Folder for temporary files. */
  readonly place: string;
  /** State of the Manager. */
  readonly text: string;
  readonly #executables: Executables;
  readonly #bin: string;

  private constructor(
    executables: Executables,
    { place, bin, text }: { place: string; bin: string; text: string },
  ) {
    this.#executables = executables;
    this.#bin = bin;
    this.place = place;
    this.text = text;
  }

  /** Takes the identity of a fleet's Manager, and stops that. */
  static async of(fleet: Fleet, executables: Executables): Promise<CiJob> {
    const { code, stdout, stderr } = await fleet.manager("export-identity");
    if (code !== 0) throw new Error(`export-identity failed: ${stderr}`);
    await fleet.serving.stop();
    const place = fleet.folder.at("tmp");
    await Deno.mkdir(place);
    const bin = fleet.folder.at("bin");
    return new CiJob(executables, { place, bin, text: stdout });
  }

  /** The same job with another text. */
  with(text: string): CiJob {
    return new CiJob(this.#executables, {
      place: this.place,
      bin: this.#bin,
      text,
    });
  }

  /** Starts `piri-manager` as a step of the job. */
  spawn(...args: string[]): LiveProgram {
    return new LiveProgram(
      `step: ${args.join(" ").slice(0, 200)}`,
      [...this.#executables.manager, ...args],
      { ...this.#variables, PIRI_STATE: this.text },
    );
  }

  /** Variables of a shell that finds `piri-manager` on its PATH. */
  async surroundings(): Promise<Record<string, string>> {
    const words = this.#executables.manager.map((word) => `'${word}'`);
    await Deno.mkdir(this.#bin, { recursive: true });
    await Deno.writeTextFile(
      `${this.#bin}/piri-manager`,
      `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`,
      { mode: 0o755 },
    );
    return {
      ...this.#variables,
      PATH: `${this.#bin}:${Deno.env.get("PATH")}`,
    };
  }

  get #variables(): Record<string, string> {
    return { NO_COLOR: "1", TMPDIR: this.place, TEMP: this.place };
  }

  /** Paths and texts of all files that are in the folder for temporary files. */
  files(folder: string = this.place): string[] {
    return [...Deno.readDirSync(folder)].flatMap(({ name, ...entry }) => {
      const path = `${folder}/${name}`;
      if (entry.isDirectory) return [path, ...this.files(path)];
      return [path, ...entry.isFile ? [Deno.readTextFileSync(path)] : []];
    });
  }
}
