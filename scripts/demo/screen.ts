import { bold, dim, green, red } from "@std/fmt/colors";

/** Where the demo tells what it does: colours on a terminal only, in step with what the programs print themselves. */
export class Screen {
  readonly #colour: boolean;

  constructor() {
    this.#colour = Deno.stdout.isTerminal() && !Deno.noColor;
  }

  /** What is done next, for people. */
  title(text: string): void {
    this.#line(`\n${this.#paint(dim, `# ${text}`)}`);
  }

  /** A command as typed. */
  command(text: string): void {
    this.#line(`${this.#paint(green, "$")} ${this.#paint(bold, text)}`);
  }

  /** What a program has printed. */
  output(text: string): void {
    this.#write(text);
  }

  /** How a command ended that did not end with 0. */
  exitCode(code: number): void {
    this.#line(this.#paint(dim, `[exit code ${code}]`));
  }

  line(text: string): void {
    this.#line(text);
  }

  /** What went wrong, on standard error. */
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

/** At once, so that it is there before what the next program prints. */
function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    at += stream.writeSync(bytes.subarray(at));
  }
}
