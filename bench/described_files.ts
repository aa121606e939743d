import { join } from "@std/path";
import { TempFolder } from "../scripts/local/temp_folder.ts";

/** File that Piri, Puppet and Ansible are told to have. */
interface DescribedFile {
  readonly path: string;
  readonly content: string;
}

/** Files that are on this host already, as they are described: nothing is left to do. */
export class DescribedFiles implements AsyncDisposable {
  private constructor(
    readonly folder: TempFolder,
    readonly files: readonly DescribedFile[],
  ) {}

  static async make(count: number): Promise<DescribedFiles> {
    await using undo = new AsyncDisposableStack();
    const folder = undo.use(await TempFolder.make("piri-bench-"));
    await Deno.mkdir(folder.at("etc"));
    const files = Array.from({ length: count }, (_, index) => ({
      path: folder.at("etc", `${index}.conf`),
      content: `# File ${index}\n${"key = value\n".repeat(20)}`,
    }));
    for (const { path, content } of files) {
      await Deno.writeTextFile(path, content);
      await Deno.chmod(path, 0o644);
    }
    undo.move();
    return new DescribedFiles(folder, files);
  }

  /** Text of a state with a step for each file. */
  state(): string {
    return JSON.stringify(this.files.map(({ path, content }, index) => ({
      [`File ${index}`]: {
        type: "file.Installed",
        path,
        content,
        mode: "0644",
      },
    })));
  }

  /** Writes a manifest of Puppet with a resource for each file, and returns its path. */
  async manifest(): Promise<string> {
    const text = this.files.map(({ path, content }) =>
      `file { '${path}': ensure => file, mode => '0644', content => "${
        content.replaceAll("\n", "\\n")
      }" }\n`
    );
    return await this.#write("site.pp", text.join(""));
  }

  /** Writes a playbook of Ansible with a task for each of the first files, and returns its path. */
  async playbook(count: number): Promise<string> {
    const tasks = this.files.slice(0, count).map(({ path, content }) => ({
      copy: { dest: path, content, mode: "0644" },
    }));
    const plays = [{
      hosts: "localhost",
      connection: "local",
      gather_facts: false,
      tasks,
    }];
    return await this.#write(`${count}.yml`, JSON.stringify(plays));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.folder[Symbol.asyncDispose]();
  }

  async #write(name: string, text: string): Promise<string> {
    const path = join(this.folder.path, name);
    await Deno.writeTextFile(path, text);
    return path;
  }
}
