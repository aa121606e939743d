import { bold, dim, green, red } from "@std/fmt/colors";

/** Output of the demo. It uses colours only on a terminal, and writes in step with the output of the programs. */
export class Screen {
  readonly #colour: boolean;

  constructor() {
    this.#colour = Deno.stdout.isTerminal() && !Deno.noColor;
  }

  /** Prints the next step, for people. */
  title(text: string): void {
    this.#line(`\n${this.#paint(dim, `# ${text}`)}`);
  }

  /** Prints a command as typed. */
  command(text: string): void {
    this.#line(`${this.#paint(green, "$")} ${this.#paint(bold, text)}`);
  }

  /** Prints the output of a program. */
  output(text: string): void {
    this.#write(text);
  }

  /** Prints the exit code of a command if it is not 0. */
  exitCode(code: number): void {
    this.#line(this.#paint(dim, `[exit code ${code}]`));
  }

  line(text: string): void {
    this.#line(text);
  }

  /** Prints an error on standard error. */
  error(text: string): void {
    const painted = Deno.stderr.isTerminal() && !Deno.noColor
      ? red(text)
      : text;
    writeAll(Deno.stderr, `${painted}\n`);
  }

  #paint(style: (text: string) => string, text: string): string {
    return this.#colour ? style(text) : text;
  }

  #line(text: string): void {
    this.#write(`${text}\n`);
  }

  #write(text: string): void {
    writeAll(Deno.stdout, text);
  }
}

/** Writes at once, so that the text comes before the output of the next program. */
function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += stream.writeSync(bytes.subarray(at));
  }
}
