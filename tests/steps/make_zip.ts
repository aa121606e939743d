import { crc32 } from "node:zlib";

/** File of a zip that a test makes. */
export interface ZipFile {
  readonly name: string;
  /** Mode with its kind, as Unix has it. */
  readonly mode: number;
  readonly text: string;
  readonly isStored?: boolean;
}

/** Makes a zip as a program on Unix does. */
export async function makeZip(
  files: readonly ZipFile[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, mode, text, isStored = false } of files) {
    const plain = new TextEncoder().encode(text);
    const stream = new Blob([plain]).stream()
      .pipeThrough(new CompressionStream("deflate-raw"));
    const packed = isStored || text === ""
      ? plain
      : new Uint8Array(await new Response(stream).arrayBuffer());
    const label = new TextEncoder().encode(name);
    const about = [
      [2, 20],
      [2, 0],
      [2, packed === plain ? 0 : 8],
      [4, 0],
      [4, crc32(plain)],
      [4, packed.length],
      [4, plain.length],
      [2, label.length],
      [2, 0],
    ] as const;
    const local = numbers([[4, 0x04034b50], ...about]);
    parts.push(local, label, packed);
    directory.push(
      numbers([
        [4, 0x02014b50],
        [2, 0x0314],
        ...about,
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [2, mode],
        [4, at],
      ]),
      label,
    );
    at += local.length + label.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = numbers([
    [4, 0x06054b50],
    [4, 0],
    [2, files.length],
    [2, files.length],
    [4, size],
    [4, at],
    [2, 0],
  ]);
  return Uint8Array.from(
    [...parts, ...directory, end].flatMap((part) => [...part]),
  );
}

/** Numbers in little endian, each with its size in bytes. */
function numbers(
  values: readonly (readonly [size: number, value: number])[],
): Uint8Array {
  return Uint8Array.from(
    values.flatMap(([size, value]) =>
      Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 0xff)
    ),
  );
}
