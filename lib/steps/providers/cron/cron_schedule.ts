const WORDS: ReadonlySet<string> = new Set([
  "@reboot",
  "@yearly",
  "@annually",
  "@monthly",
  "@weekly",
  "@daily",
  "@midnight",
  "@hourly",
]);

const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const DAYS = "sun mon tue wed thu fri sat".split(" ");

/** Field of a schedule: its smallest and largest number, and names that stand for numbers. */
interface Field {
  readonly what: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const FIELDS: readonly Field[] = [
  { what: "minute", min: 0, max: 59 },
  { what: "hour", min: 0, max: 23 },
  { what: "day of the month", min: 1, max: 31 },
  { what: "month", min: 1, max: 12, names: MONTHS },
  { what: "day of the week", min: 0, max: 7, names: DAYS },
];

/**
 * Words for the flaw of a schedule that cron would not run; undefined if it is right. Cron ignores the whole file, and
 * says so in its log only.
 */
export function scheduleFlaw(schedule: string): string | undefined {
  if (/[\r\n]/.test(schedule)) return "has more than one line";
  const words = schedule.trim().split(/[ \t]+/);
  if (words[0]?.startsWith("@") === true) {
    return words.length === 1 && WORDS.has(words[0])
      ? undefined
      : `is none of ${[...WORDS].join(", ")}`;
  }
  if (words.length !== FIELDS.length) {
    return `has ${
      schedule.trim() === "" ? 0 : words.length
    } fields, and five should be here, as 30 4 * * 1`;
  }
  const wrong = FIELDS.find((field, index) =>
    !isField(words[index] ?? "", field)
  );
  if (wrong === undefined) return undefined;
  const { what, min, max } = wrong;
  return `has a wrong ${what}: it can be *, numbers from ${min} to ${max}, ranges as ${min}-${max}, and steps as */2`;
}

function isField(text: string, field: Field): boolean {
  return text.split(",").every((part) => isPart(part, field));
}

/** True for a number, a range or all of them, with or without a stride. */
function isPart(text: string, field: Field): boolean {
  const [range = "", stride, ...more] = text.split("/");
  if (more.length > 0) return false;
  if (stride !== undefined && !isStride(stride, field)) return false;
  if (range === "*") return true;
  const [from = "", to, ...others] = range.split("-");
  const first = numberOf(from, field);
  if (first === undefined || others.length > 0) return false;
  // A stride without a range means nothing to most versions of cron.
  if (to === undefined) return stride === undefined;
  const last = numberOf(to, field);
  return last !== undefined && first <= last;
}

function isStride(text: string, { max }: Field): boolean {
  return /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= max;
}

function numberOf(
  text: string,
  { min, max, names = [] }: Field,
): number | undefined {
  const name = names.indexOf(text.toLowerCase());
  if (name >= 0) return name + (min === 0 ? 0 : 1);
  if (!/^\d{1,2}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= min && number <= max ? number : undefined;
}
