import { LiveProgram } from "./live_program.ts";
import type { Executables } from "./executables.ts";
import type { Fleet } from "./fleet.ts";

/** A CI job: it has the state of a Manager as a text, a folder for temporary files, and no state folder. */
export class CiJob {
  /** Folder for temporary files. */
  readonly place: string;
  readonly #executables: Executables;
  readonly #text: string;

  private constructor(executables: Executables, place: string, text: string) {
    this.#executables = executables;
    this.place = place;
    this.#text = text;
  }

  /** Takes the identity of a fleet's Manager, and stops that. */
  static async of(fleet: Fleet, executables: Executables): Promise<CiJob> {
    const { code, stdout, stderr } = await fleet.manager("export-identity");
    if (code !== 0) throw new Error(`export-identity failed: ${stderr}`);
    await fleet.serving.stop();
    const place = fleet.folder.at("tmp");
    await Deno.mkdir(place);
    return new CiJob(executables, place, stdout);
  }

  /** The same job with another text. */
  with(text: string): CiJob {
    return new CiJob(this.#executables, this.place, text);
  }

  /** Starts `piri-manager` as a step of the job. */
  spawn(...args: string[]): LiveProgram {
    return new LiveProgram(
      `step: ${args.join(" ").slice(0, 200)}`,
      [...this.#executables.manager, ...args],
      {
        NO_COLOR: "1",
        PIRI_STATE: this.#text,
        TMPDIR: this.place,
        TEMP: this.place,
      },
    );
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
