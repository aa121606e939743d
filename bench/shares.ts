/** Largest number of connections in one process of clients. It may open 20,000 files, and each costs it memory. */
const MAX_PER_PROCESS = 5_000;

/** Splits a number into equal parts, for this number of processes or as few as can hold it. */
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
