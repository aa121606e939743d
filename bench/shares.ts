/** Connections that one process of clients holds at most: it may open 20,000 files, and each costs it memory. */
const MAX_PER_PROCESS = 5_000;

/** So many in equal parts: into so many processes, or as few as can hold them. */
export function shares(
  count: number,
  processes: number = Math.ceil(count / MAX_PER_PROCESS),
): number[] {
  return Array.from(
    { length: processes },
    (_, i) =>
      Math.floor(count * (i + 1) / processes) -
      Math.floor(count * i / processes),
  );
}
